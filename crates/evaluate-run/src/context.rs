//! What all parts of an evaluation use: windows, settings, who wants it, and the autoencoder.

use explorer::{EvaluatedWindow, SaeOptions, ScanWindow, Session};
use formats::sae::SaeFile;
use wire::Evaluation;

use crate::error::Error;
use crate::host::Host;
use crate::settings::Settings;
use crate::texts::Windows;

/// What all parts of an evaluation use.
pub struct Context<'a, H> {
    /// The settings.
    pub settings: &'a Settings,
    /// The windows.
    pub windows: &'a Windows,
    /// Who wants it.
    pub host: &'a H,
}

/// The autoencoder that is evaluated.
pub struct Subject<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its file, whose k is changed meanwhile.
    pub file: &'a mut SaeFile,
    /// The options that it was loaded with.
    pub options: &'a SaeOptions,
}

impl<H: Host> Context<'_, H> {
    /// Runs loaded autoencoders over the windows, or as far as the host lets it.
    ///
    /// # Errors
    /// Those of the engine, and of `visit`.
    pub(crate) async fn run(
        &self,
        session: &Session,
        what: &str,
        ids: &[String],
        mut visit: impl FnMut(&EvaluatedWindow<'_>) -> Result<(), Error>,
    ) -> Result<Vec<Evaluation>, Error> {
        let all = self.windows.windows.len();
        let mut windows = self.windows.windows.iter();
        let next = || {
            Ok::<_, Error>(match self.host.is_stopped() {
                true => None,
                false => windows.next().map(|window| ScanWindow {
                    tokens: window.tokens.clone(),
                    origin: (),
                }),
            })
        };
        self.host.begin();
        let visit = |found: &EvaluatedWindow<'_>| {
            self.host.part(what, found.window + 1, all, "windows");
            visit(found)
        };
        let bos = self.settings.bos;
        let found = session.evaluate_windows(ids, bos, next, visit).await;
        self.host.end();
        found
    }
}
