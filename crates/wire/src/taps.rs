//! Values taken from a pass.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column;
use crate::text::{NextToken, Token};

/// A value taken from a pass.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Tapped {
    /// Its name, TransformerLens's.
    pub name: String,
    /// `[tokens, width]` of an activation; `[tokens, heads, tokens]` (query, head, key) of an attention pattern, 0 for keys behind
    /// the query; `[tokens]` of a LayerNorm's scale √(mean((x − mean)²) + ε).
    pub shape: Vec<usize>,
    /// The last dimension runs fastest.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub data: Vec<f32>,
}

/// The logit lens of a block (nostalgebraist, "interpreting GPT: the logit lens", 2020): the next tokens that the residual
/// stream out of it gives through the final LayerNorm and the unembedding. That of the last block is the model's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Lens {
    /// The block; `null` for the embedding, tokens and positions, before the first block.
    pub layer: Option<usize>,
    /// Mean next-token cross-entropy, nats; `null` where nothing is predicted.
    pub loss: Option<f64>,
    /// `[tokens − 1]`: entry i is the loss of token i + 1, nats.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub token_losses: Vec<f32>,
    /// The likeliest next tokens after every token.
    pub next_by_position: Vec<Vec<NextToken>>,
}

/// Values of a prompt's pass.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Taps {
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// The named values, in the order of `names`.
    pub values: Vec<Tapped>,
    /// The logit lens of the embedding and then of every block, where requested.
    pub logit_lens: Vec<Lens>,
}
