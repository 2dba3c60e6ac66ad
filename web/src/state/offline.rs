//! Use of the page without a network: storing of its files, what of the demo is missing for it, and a new version that waits.

use super::State;
use crate::data::Manifest;
use crate::offers::Storage;
use crate::shared::Shared;

/// Storing of the page's own files: code, styles, descriptions of the demo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Files {
    /// On their way.
    #[default]
    Coming,
    /// All of them are stored.
    Stored,
    /// Not stored in this browser, with the reason.
    Denied(String),
    /// In the page itself, which is one file, with what that does not have.
    Inside(String),
}

/// A part of the demo that is loaded by itself: the model, or an SAE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name for people.
    pub name: String,
    /// Addresses of its files, relative to the page.
    pub files: Vec<String>,
}

/// Use without a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offline {
    /// The page's own files.
    pub files: Files,
    /// Parts of the demo; nothing until its manifest is there.
    pub demo: Shared<Vec<Part>>,
    /// True while a version other than this page's waits.
    pub update: bool,
    /// True if the person wants to hear of it no more.
    pub later: bool,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub enum OfflineAction {
    /// How far the storing is, and whether another version waits.
    Told(Files, bool),
    /// The demo's parts are known.
    Demo(Vec<Part>),
    /// The person goes on with this version.
    Later,
}

impl Offline {
    /// True if the page says that there is a new version.
    pub fn shows_update(&self) -> bool {
        self.update && !self.later
    }

    /// Names of the parts of the demo that are not stored as a whole.
    pub fn missing(&self, storage: &Storage) -> Vec<&str> {
        let stored = |file: &String| {
            let end = format!("/{file}");
            let mut entries = storage.entries.iter();
            entries.any(|entry| entry.complete && entry.url.ends_with(&end))
        };
        let parts = self.demo.iter();
        let missing = parts.filter(|part| !part.files.iter().all(stored));
        missing.map(|part| part.name.as_str()).collect()
    }

    /// One word for the whole: `coming`, `denied`, `parts` while something of the demo is missing, `whole`, or `inside` for
    /// a page in one file.
    pub fn word(&self, storage: Option<&Storage>) -> &'static str {
        match (&self.files, storage) {
            (Files::Denied(_), _) => "denied",
            (Files::Inside(_), _) => "inside",
            (Files::Coming, _) | (Files::Stored, None) => "coming",
            (Files::Stored, Some(_)) if self.demo.is_empty() => "parts",
            (Files::Stored, Some(storage)) if self.missing(storage).is_empty() => "whole",
            (Files::Stored, Some(_)) => "parts",
        }
    }

    /// The same as a sentence.
    pub fn sentence(&self, storage: Option<&Storage>) -> String {
        match (&self.files, storage) {
            (Files::Denied(why), _) => {
                let why = why.trim_end_matches('.');
                format!(
                    "Does not open without a network: the browser does not store this page ({why})."
                )
            }
            (Files::Inside(lacks), _) => {
                format!("This page is one file: it needs no network. {lacks}")
            }
            (Files::Coming, _) | (Files::Stored, None) => {
                "This page is being stored, so that it opens without a network…".to_owned()
            }
            (Files::Stored, Some(_)) if self.demo.is_empty() => {
                "The page opens without a network. Which files the demo has is not known."
                    .to_owned()
            }
            (Files::Stored, Some(storage)) => match self.missing(storage).as_slice() {
                [] => {
                    "Works offline: the page, the demo's model and its SAEs are stored.".to_owned()
                }
                missing => format!(
                    "The page opens without a network. Missing for the demo: {}. What is loaded once is stored.",
                    missing.join(", ")
                ),
            },
        }
    }
}

impl Manifest {
    /// The demo's parts; `address` gives that of a file which the manifest names.
    pub fn parts(&self, address: impl Fn(&str) -> String) -> Vec<Part> {
        let part = |name: &str, files: &[&str]| Part {
            name: name.to_owned(),
            files: files.iter().map(|path| address(path)).collect(),
        };
        let model = &self.model;
        let files = [&model.config, &model.weights, &model.tokenizer];
        let model = part("the model", &files.map(|file| file.path.as_str()));
        let saes = self.saes.iter();
        let saes = saes.map(|sae| part(&sae.id, &[&sae.cfg.path, &sae.weights.path]));
        std::iter::once(model).chain(saes).collect()
    }
}

impl State {
    pub(super) fn offline_action(&mut self, action: OfflineAction) {
        match action {
            OfflineAction::Told(files, update) => {
                self.offline.files = files;
                self.offline.update = update;
            }
            OfflineAction::Demo(parts) => self.offline.demo = Shared::new(parts),
            OfflineAction::Later => self.offline.later = true,
        }
    }

    /// True once the page has come to rest for the first time: nothing that a person waits for is being loaded.
    pub fn has_settled(&self) -> bool {
        self.word() != "loading" && self.job.is_none()
    }
}
