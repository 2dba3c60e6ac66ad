//! Features of an atlas in other tools' formats, and theirs as an atlas.
//!
//! Exporting writes one file's bytes at a time ([`sae_dashboard::export`], [`openai_viewer::export`]); an [`Importer`] takes
//! files one after the other and gives an [`atlas::Content`]. docs/atlas.md says what each format cannot hold. A number that
//! a format does not have is not made up: the imported atlas names it as unknown ([`atlas::Imported`]).
//!
//! Files are data: sizes are limited, every field is checked, and an error names the file and the field.

mod collected;
mod error;
mod example;
mod histogram;
mod import;
mod json;
pub mod openai_viewer;
pub mod sae_dashboard;
mod text;

pub use error::Error;
pub use example::MOST_LATENTS;
pub use import::Importer;
pub use json::MOST_BYTES;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The batches of features that SAEDashboard writes for Neuronpedia.
    SaeDashboard,
    /// The files of OpenAI's feature viewer, one per feature.
    OpenaiViewer,
}

impl Format {
    /// The format's name, as the command line and [`atlas::Imported::format`] have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SaeDashboard => "sae-dashboard",
            Self::OpenaiViewer => "openai-viewer",
        }
    }

    /// The format that a file seems to have, by the names of its fields.
    ///
    /// # Errors
    /// [`Error::NotJson`], [`Error::TooLarge`], [`Error::NoFormat`]. `file` is its name for errors.
    pub fn detect(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let fields: json::Fields = json::parse(file, bytes)?;
        if fields.has("features") || fields.has("feature_index") {
            Ok(Self::SaeDashboard)
        } else if fields.has("top") && (fields.has("density") || fields.has("mean_act")) {
            Ok(Self::OpenaiViewer)
        } else {
            Err(Error::NoFormat {
                file: file.to_owned(),
            })
        }
    }
}
