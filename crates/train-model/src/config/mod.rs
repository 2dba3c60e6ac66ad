//! Settings of a training.

mod check;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;

/// Settings of a training. Every field can stand in a file of settings, as JSON; those that do not have the values of
/// [`Config::default`], which are the recipe of the demo's model. Sizes have their names in Hugging Face's `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Transformer blocks.
    pub n_layer: usize,
    /// Width of the residual stream, d_model.
    pub n_embd: usize,
    /// Attention heads of a block; divides `n_embd`.
    pub n_head: usize,
    /// The context, in tokens: the length of a row.
    pub n_positions: usize,
    /// Tokens to train on; the last ones that do not make a batch are left out.
    pub tokens: u64,
    /// Steps to train for, in the place of `tokens`.
    pub steps: Option<u64>,
    /// Rows of `n_positions` tokens per step.
    pub batch: usize,
    /// Rows that are differentiated together, on one thread; divides `batch`. More take more memory.
    pub part: usize,
    /// Peak learning rate.
    pub lr: f64,
    /// Steps over which the learning rate rises to its peak.
    pub warmup_steps: u64,
    /// Share of the steps, at the end, over which it falls.
    pub decay_fraction: f64,
    /// The share of its peak to which it falls.
    pub final_lr_fraction: f64,
    /// AdamW's β₁.
    pub adam_beta1: f64,
    /// AdamW's β₂.
    pub adam_beta2: f64,
    /// AdamW's ε.
    pub adam_epsilon: f64,
    /// AdamW's decay of matrices; biases and LayerNorm's weights have none.
    pub weight_decay: f64,
    /// The norm of all gradients together to which they are scaled where it is larger; 0 for no clipping.
    pub clip_norm: f64,
    /// Standard deviation of matrices at the start; of the two that write into the residual stream, divided by √(2·n_layer).
    pub init_std: f64,
    /// Standard deviation of the positions' embeddings at the start.
    pub init_position_std: f64,
    /// Share of the documents that is held out, for the validation's loss.
    pub validation_fraction: f64,
    /// Steps between two validations; 0 for one at the end alone.
    pub validation_steps: u64,
    /// Rows of a validation before the end, evenly out of all held-out ones; that at the end reads all.
    pub validation_rows: usize,
    /// Seed of the start and of the order of data.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            n_layer: 6,
            n_embd: 256,
            n_head: 4,
            n_positions: 256,
            // 3,294 steps.
            tokens: 13_492_224,
            steps: None,
            batch: 16,
            part: 2,
            lr: 2e-3,
            warmup_steps: 150,
            decay_fraction: 0.35,
            final_lr_fraction: 0.02,
            adam_beta1: 0.9,
            adam_beta2: 0.95,
            adam_epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: 1.0,
            init_std: 0.02,
            init_position_std: 0.01,
            validation_fraction: 0.01,
            validation_steps: 250,
            validation_rows: 64,
            seed: 0,
        }
    }
}

/// Settings as JSON, with changes of single ones as `KEY=VALUE`, where a value is JSON or a word.
///
/// # Errors
/// [`Error::Training`] with the place of what cannot be read.
pub fn decode(file: Option<(&str, &[u8])>, changes: &[(String, Value)]) -> Result<Config, Error> {
    Ok(train::decode_settings(file, changes)?)
}

impl Config {
    /// Tokens of a step.
    pub fn step_tokens(&self) -> u64 {
        (self.batch * self.n_positions) as u64
    }

    /// Steps of the training.
    pub fn total_steps(&self) -> u64 {
        self.steps.unwrap_or(self.tokens / self.step_tokens())
    }

    /// Parts of a batch.
    pub fn parts(&self) -> usize {
        self.batch / self.part
    }
}
