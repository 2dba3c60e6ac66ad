//! The model's sizes.

use crate::Error;

/// The sizes of a GPT-2, under Hugging Face's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Transformer blocks.
    pub n_layer: usize,
    /// Attention heads.
    pub n_head: usize,
    /// d_model.
    pub n_embd: usize,
    /// Positions of the context.
    pub n_positions: usize,
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Width of the MLP.
    pub n_inner: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_epsilon: f32,
}

impl Config {
    /// Width of an attention head.
    pub fn head_dim(&self) -> usize {
        self.n_embd / self.n_head.max(1)
    }

    /// Checks that the sizes describe a model.
    ///
    /// # Errors
    /// [`Error::Config`] where a size is zero or heads do not divide the width.
    pub fn check(&self) -> Result<(), Error> {
        for (name, value) in [
            ("n_layer", self.n_layer),
            ("n_head", self.n_head),
            ("n_embd", self.n_embd),
            ("n_positions", self.n_positions),
            ("vocab_size", self.vocab_size),
            ("n_inner", self.n_inner),
        ] {
            if value == 0 {
                return Err(Error::Config(format!("{name} is 0")));
            }
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            return Err(Error::Config(format!(
                "n_head {} does not divide n_embd {}",
                self.n_head, self.n_embd
            )));
        }
        Ok(())
    }
}
