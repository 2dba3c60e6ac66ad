//! The model's sizes.

use kernels::Activation;

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
    /// The function between the two products of an MLP.
    pub activation: Activation,
    /// Scale of attention's scores.
    pub attention_scale: AttentionScale,
}

/// The scale of attention's scores: GPT-2's, changed by two settings of Hugging Face's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionScale {
    /// Divided by √head_dim: `scale_attn_weights`.
    pub by_head_dim: bool,
    /// In block L also divided by L + 1: `scale_attn_by_inverse_layer_idx`.
    pub by_layer: bool,
}

impl AttentionScale {
    /// GPT-2's: 1/√head_dim in every block.
    pub const GPT2: Self = Self {
        by_head_dim: true,
        by_layer: false,
    };
}

impl Config {
    /// Width of an attention head.
    pub fn head_dim(&self) -> usize {
        self.n_embd / self.n_head.max(1)
    }

    /// The factor of attention's scores in a block.
    pub(crate) fn attention_factor(&self, layer: usize) -> f32 {
        let mut factor = 1.0;
        if self.attention_scale.by_head_dim {
            factor /= (self.head_dim() as f32).sqrt();
        }
        if self.attention_scale.by_layer {
            factor /= (layer + 1) as f32;
        }
        factor
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
