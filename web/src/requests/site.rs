//! Requests for files of the site: the demo bundle's manifest and its recorded trace.

use crate::browser;
use crate::circuits::Run;
use crate::circuits::recorded::RecordedRun;
use crate::data::{Manifest, Recorded};
use crate::engine::{Fault, read};
use crate::js_value::FromJs;

/// Path of the demo bundle's manifest.
const MANIFEST: &str = "demo/demo.json";

/// Path of its recorded trace.
const RECORDED: &str = "demo/recorded.json";

/// Path of the recorded run.
const RUN: &str = "demo/run/run.json";

/// The address of a file that the demo's manifest names, relative to the page.
pub fn demo_file(path: &str) -> String {
    crate::atlas::address(MANIFEST, path)
}

/// The recorded trace of the demo.
pub async fn fetch_recorded() -> Result<Recorded, Fault> {
    read(browser::fetch_json(RECORDED).await?)
}

/// The recorded run of the demo.
///
/// # Errors
/// An error where it cannot be fetched or read.
pub async fn fetch_run() -> Result<Run, Fault> {
    let recorded: RecordedRun = read(browser::fetch_json(RUN).await?)?;
    recorded
        .run()
        .ok_or_else(|| Fault::own(format!("{RUN} is not whole. Build the site again.")))
}

impl Manifest {
    /// Reads the demo bundle's manifest.
    pub async fn fetch() -> Result<Self, Fault> {
        let manifest = browser::fetch_json(MANIFEST).await?;
        Self::from_js(&manifest).ok_or_else(|| {
            Fault::own(format!(
                "{MANIFEST} has no example prompts and SAEs that can be read. Build the site again."
            ))
        })
    }
}
