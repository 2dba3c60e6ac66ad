//! A window of the corpus with the values of one feature set, checked.

use crate::error::Error;

/// A window: some tokens of one document that ran through the model by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Number of the document in the corpus.
    pub document: u64,
    /// Index of its first token in the document.
    pub start: u32,
    /// Its tokens, without a BOS that was put before them.
    pub tokens: &'a [u32],
    /// For each token, true if it counts for this feature set.
    pub counted: &'a [bool],
}

/// The values of a feature set at each token of a window.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// The active latents of each token, as an SAE selects them.
    Sparse {
        /// Slots per token.
        slots: usize,
        /// Latent per slot, `[tokens, slots]`; negative where a slot is empty.
        latents: &'a [i32],
        /// Activation per slot, `[tokens, slots]`.
        activations: &'a [f32],
    },
    /// All values, `[tokens, latents]`.
    Dense(&'a [f32]),
}

impl Window<'_> {
    /// Compares lengths.
    pub(super) fn check(&self, values: &Values<'_>, latents: u32) -> Result<(), Error> {
        let tokens = self.tokens.len();
        let lengths = match values {
            Values::Sparse {
                slots,
                latents,
                activations,
            } => [
                ("latents of a window", latents.len(), tokens * slots),
                ("activations of a window", activations.len(), tokens * slots),
            ],
            Values::Dense(values) => [
                (
                    "values of a window",
                    values.len(),
                    tokens * latents as usize,
                ),
                (
                    "values of a window",
                    values.len(),
                    tokens * latents as usize,
                ),
            ],
        };
        let counted = ("marks of a window", self.counted.len(), tokens);
        for (what, got, expected) in lengths.into_iter().chain([counted]) {
            if got != expected {
                return Err(Error::Shape {
                    what,
                    got,
                    expected,
                });
            }
        }
        if tokens > usize::from(u16::MAX) {
            return Err(Error::Shape {
                what: "tokens of a window",
                got: tokens,
                expected: usize::from(u16::MAX),
            });
        }
        Ok(())
    }
}
