//! Files of another format, one after the other, into an atlas.

use atlas::Content;

use crate::collected::Collected;
use crate::error::Error;
use crate::{Format, openai_viewer, sae_dashboard};

/// Files of one format that become an atlas.
#[derive(Debug)]
pub struct Importer {
    format: Format,
    collected: Collected,
}

impl Importer {
    /// Nothing so far. `vocabulary` holds the bytes of each token where the tokenizer is known; without it SAEDashboard's
    /// tokens get ids of their own.
    pub fn new(format: Format, vocabulary: Option<Vec<Vec<u8>>>) -> Self {
        Self {
            format,
            collected: Collected::new(vocabulary),
        }
    }

    /// Adds a file. `set` is a name for its feature set, where the file does not state one. After an error the importer is of
    /// no further use.
    ///
    /// # Errors
    /// Those of this crate that name a file.
    pub fn add(&mut self, file: &str, set: &str, bytes: &[u8]) -> Result<(), Error> {
        match self.format {
            Format::SaeDashboard => sae_dashboard::read(&mut self.collected, file, set, bytes),
            Format::OpenaiViewer => openai_viewer::read(&mut self.collected, file, set, bytes),
        }
    }

    /// The atlas.
    ///
    /// # Errors
    /// [`Error::Nothing`].
    pub fn finish(self) -> Result<Content, Error> {
        self.collected.finish(self.format.name())
    }
}
