//! Sources of activations behind one shape.

use train::checkpoint::Source;
use train::{Origin, Take};

use super::harvest::Harvest;
use super::signal::Stop;
use super::vectors::Vectors;
use crate::error::Error;

/// A source of activations.
pub enum Input {
    /// A model and a corpus.
    Harvest(Box<Harvest>),
    /// Files.
    Vectors(Vectors),
}

impl Input {
    /// Width of the activations.
    pub fn width(&self) -> usize {
        match self {
            Self::Harvest(harvest) => harvest.width(),
            Self::Vectors(vectors) => vectors.width(),
        }
    }

    /// The origin of the activations, for the autoencoder's file.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Harvest(harvest) => harvest.origin(),
            Self::Vectors(vectors) => vectors.origin(),
        }
    }

    /// The source of the activations, which has to be the same for a training to be resumed.
    pub fn source(&self) -> &Source {
        match self {
            Self::Harvest(harvest) => harvest.source(),
            Self::Vectors(vectors) => vectors.source(),
        }
    }

    /// Rows of each piece.
    pub fn lengths(&self) -> Vec<u32> {
        match self {
            Self::Harvest(harvest) => harvest.lengths(),
            Self::Vectors(vectors) => vectors.lengths(),
        }
    }

    /// Bytes of texts and of the model.
    pub fn memory(&self) -> (u64, u64) {
        match self {
            Self::Harvest(harvest) => harvest.memory(),
            Self::Vectors(_) => (0, 0),
        }
    }

    /// The source in words, and the device of the model.
    pub fn words(&self, rows: u64) -> String {
        match self {
            Self::Harvest(harvest) => {
                let origin = harvest.origin();
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
                    harvest.device(),
                )
            }
            Self::Vectors(_) => format!("{rows} activations of files"),
        }
    }

    /// Writes the activations of a block to their places.
    pub async fn fill(&self, takes: &[Take], block: &mut [f32], stop: &Stop) -> Result<(), Error> {
        match self {
            Self::Harvest(harvest) => harvest.fill(takes, block, stop).await,
            Self::Vectors(vectors) => vectors.fill(takes, block, stop).await,
        }
    }
}
