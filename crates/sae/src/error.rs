//! Errors of a sparse autoencoder.

/// An error of a sparse autoencoder.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] kernels::Error),
    /// A tensor has another size than the configuration says.
    #[error("{tensor} has {found} numbers, {expected} are expected")]
    WrongSize {
        /// The tensor.
        tensor: &'static str,
        /// Numbers it has.
        found: usize,
        /// Numbers it should have.
        expected: usize,
    },
    /// k cannot be used.
    #[error("k = {k} with {d_sae} latents; k must be in 1..={limit}")]
    UnusableK {
        /// The k.
        k: usize,
        /// Number of latents.
        d_sae: usize,
        /// The largest k that works.
        limit: usize,
    },
    /// The gate's tensors are not those of the architecture.
    #[error("the tensors given are not those that {architecture:?} needs")]
    WrongGate {
        /// The architecture.
        architecture: crate::Architecture,
    },
    /// Only TopK bounds how many latents a row selects.
    #[error("only a TopK autoencoder can come part after part, and this one is {architecture:?}")]
    NotTopK {
        /// The architecture.
        architecture: crate::Architecture,
    },
    /// An encoder that is to come part after part is stored transposed.
    #[error(
        "the encoder is stored input by input, so that a part of its latents cannot be read alone"
    )]
    StoredByInput,
    /// NaN where a pre-activation was expected.
    #[error("a pre-activation of row {row} is not a number")]
    NotANumber {
        /// The row.
        row: usize,
    },
}
