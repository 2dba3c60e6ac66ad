//! Sources of activations behind one shape.

use train::checkpoint::Source;
use train::{Origin, Take};
use train_run::Activations;

use super::harvest::Texts;
use super::signal::Stop;
use super::vectors::Vectors;
use crate::error::Error;

/// A source of activations.
pub enum Input {
    /// A model and a corpus.
    Texts(Box<Texts>, Stop),
    /// Files.
    Vectors(Vectors, Stop),
}

impl Input {
    /// The origin of the activations, for the autoencoder's file.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Texts(texts, _) => texts.harvest().origin(),
            Self::Vectors(vectors, _) => vectors.origin(),
        }
    }

    /// The source of the activations, which has to be the same for a training to be resumed.
    pub fn source(&self) -> &Source {
        match self {
            Self::Texts(texts, _) => texts.harvest().source(),
            Self::Vectors(vectors, _) => vectors.source(),
        }
    }

    /// Bytes of texts and of the model.
    pub fn memory(&self) -> (u64, u64) {
        match self {
            Self::Texts(texts, _) => texts.memory(),
            Self::Vectors(..) => (0, 0),
        }
    }

    /// The source in words, and the device of the model.
    pub fn words(&self, rows: u64) -> String {
        match self {
            Self::Texts(texts, _) => {
                let origin = texts.harvest().origin();
                let name = |name: &Option<String>| name.clone().unwrap_or_default();
                format!(
                    "{rows} tokens at {} of {} ({} a BOS, windows of {}), computed on the {}",
                    name(&origin.hook_name),
                    name(&origin.model_name),
                    if origin.prepend_bos == Some(true) {
                        "with"
                    } else {
                        "without"
                    },
                    origin.context_size.unwrap_or_default(),
                    texts.device(),
                )
            }
            Self::Vectors(..) => format!("{rows} activations of files"),
        }
    }
}

impl Activations for Input {
    type Error = Error;

    fn width(&self) -> usize {
        match self {
            Self::Texts(texts, _) => texts.harvest().width(),
            Self::Vectors(vectors, _) => vectors.width(),
        }
    }

    fn lengths(&self) -> Vec<u32> {
        match self {
            Self::Texts(texts, _) => texts.harvest().lengths(),
            Self::Vectors(vectors, _) => vectors.lengths(),
        }
    }

    async fn fill(&self, takes: &[Take], block: &mut [f32]) -> Result<(), Error> {
        match self {
            Self::Texts(texts, stop) => texts.fill(takes, block, stop).await,
            Self::Vectors(vectors, stop) => vectors.fill(takes, block, stop).await,
        }
    }
}
