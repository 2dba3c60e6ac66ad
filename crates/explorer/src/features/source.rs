//! The matrices of an autoencoder's file as a source of weights.

use std::ops::Range;

use formats::sae::{Layout, SaeFile};
use kernels::{Stored, is_exact_in_f16};

use crate::error::Error;
use crate::pace::Pace;

/// The file as a weight source, which yields between two pieces, where the loading can be cancelled.
pub(crate) struct Source<'a> {
    file: &'a SaeFile,
    pace: &'a Pace,
    /// Ends the loading at a weight that f16 cannot hold exactly.
    pub(crate) only_exact: bool,
}

/// The reason why a matrix did not arrive.
pub(crate) enum Stopped {
    /// f16 does not hold its weights exactly.
    Inexact,
    Failed(Error),
}

impl Stopped {
    /// As the session tells it.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Inexact => Error::Unsupported {
                what: "holding these weights as f16 without loss".to_owned(),
            },
        }
    }
}

impl<E: Into<Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Source<'a> {
    /// Takes all weights.
    pub(crate) fn new(file: &'a SaeFile, pace: &'a Pace) -> Self {
        Self {
            file,
            pace,
            only_exact: false,
        }
    }

    fn checked(&self, weights: Vec<f32>) -> Result<Vec<f32>, Stopped> {
        if self.only_exact && !weights.iter().copied().all(is_exact_in_f16) {
            return Err(Stopped::Inexact);
        }
        Ok(weights)
    }
}

impl sae::WeightSource for Source<'_> {
    type Error = Stopped;

    fn encoder_stored(&self) -> Stored {
        stored(self.file.encoder_layout())
    }

    fn decoder_stored(&self) -> Stored {
        stored(self.file.decoder_layout())
    }

    fn decoder_first(&self) -> bool {
        self.file.decoder_position() < self.file.encoder_position()
    }

    async fn encoder(&self, range: Range<usize>) -> Result<Vec<f32>, Stopped> {
        self.pace.step().await?;
        self.checked(self.file.encoder(range).await?)
    }

    async fn decoder(&self, range: Range<usize>) -> Result<Vec<f32>, Stopped> {
        self.pace.step().await?;
        self.checked(self.file.decoder(range).await?)
    }
}

fn stored(layout: Layout) -> Stored {
    match layout {
        Layout::LatentMajor => Stored::AsUsed,
        Layout::InputMajor => Stored::Transposed,
    }
}
