//! Requests for files of the site: the demo bundle's manifest and its recorded trace.

use crate::browser;
use crate::data::{Manifest, Recorded};
use crate::engine::{Fault, read};

/// Path of the demo bundle's manifest.
const MANIFEST: &str = "demo/demo.json";

/// Path of its recorded trace.
const RECORDED: &str = "demo/recorded.json";

/// The recorded trace of the demo.
pub async fn fetch_recorded() -> Result<Recorded, Fault> {
    read(browser::fetch_json(RECORDED).await?)
}

impl Manifest {
    /// Reads the demo bundle's manifest.
    pub async fn fetch() -> Result<Self, Fault> {
        let manifest = browser::fetch_json(MANIFEST).await?;
        wire_js::from_js(&manifest).map_err(|error| {
            Fault::own(format!(
                "{MANIFEST} has no example prompts and SAEs that can be read ({error}). Build the site again."
            ))
        })
    }
}
