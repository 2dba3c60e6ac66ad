//! Tokens on their way to the device.

use kernels::Buffer;

use crate::Error;
use crate::weights::Gpt2;

/// Equal-length sequences, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// How many sequences.
    pub sequences: usize,
    /// Tokens of each.
    pub tokens_per_sequence: usize,
}

impl Batch {
    /// Rows of every activation.
    pub fn rows(self) -> usize {
        self.sequences * self.tokens_per_sequence
    }
}

impl Gpt2 {
    /// Checks a batch of tokens and puts it on the device, the way the kernels read it: the first token's position, then
    /// the tokens.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::ContextFull`], [`Error::UnknownToken`].
    pub fn upload_tokens(
        &self,
        tokens: &[u32],
        batch: Batch,
        first_position: usize,
    ) -> Result<Buffer, Error> {
        if tokens.is_empty() || batch.rows() != tokens.len() {
            return Err(Error::Empty);
        }
        let end = first_position + batch.tokens_per_sequence;
        if end > self.config.n_positions {
            return Err(Error::ContextFull {
                tokens: end,
                limit: self.config.n_positions,
            });
        }
        self.check_tokens(tokens)?;
        let mut words = Vec::with_capacity(tokens.len() + 1);
        words.push(first_position as u32);
        words.extend_from_slice(tokens);
        Ok(self.device.buffer_with("tokens", &words)?)
    }

    pub(crate) fn check_tokens(&self, tokens: &[u32]) -> Result<(), Error> {
        match tokens
            .iter()
            .find(|token| **token as usize >= self.config.vocab_size)
        {
            Some(token) => Err(Error::UnknownToken {
                token: *token,
                vocab_size: self.config.vocab_size,
            }),
            None => Ok(()),
        }
    }
}
