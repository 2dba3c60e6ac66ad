//! Features apart from any prompt.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::text::TokenValue;

/// `W_U · ((d − mean(d)) ⊙ ln_f.weight)`, centred over the vocabulary: the direct path only. The final LayerNorm takes the
/// mean off whatever is written to the residual stream. d is what one unit of the latent writes there: `W_dec[latent]`,
/// through W_O of the layer at `attn.hook_z`, through W_out at `mlp.hook_post`. At `ln_final.hook_normalized`, behind
/// that subtraction, it is `W_U · (W_dec[latent] ⊙ ln_f.weight)`, and at `ln_final.hook_out` `W_U · W_dec[latent]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogitEffect {
    /// The ten tokens pushed up the most, the most first.
    pub top: Vec<TokenValue>,
    /// The ten tokens pushed down the most, the most first.
    pub bottom: Vec<TokenValue>,
}

/// A feature whose decoder direction is near to another's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Neighbour {
    /// The latent.
    pub latent: u32,
    /// Cosine of the two decoder directions.
    pub cosine: f32,
}

/// The description of a feature, apart from any prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Feature {
    /// The latent.
    pub latent: u32,
    /// Euclidean length of the latent's decoder row; 1 for a neuron, whose direction is its dimension.
    pub decoder_norm: f32,
    /// Euclidean length of what one unit of it writes to the residual stream: through W_O at `attn.hook_z`, W_out at
    /// `mlp.hook_post`; the decoder norm elsewhere.
    pub output_norm: f32,
    /// Its entry of b_enc.
    pub encoder_bias: f32,
    /// Its direct effect on the logits.
    pub logit_effect: LogitEffect,
    /// The ten latents whose decoder rows have the largest cosine with this one's, the nearest first.
    pub nearest: Vec<Neighbour>,
}

impl Feature {
    /// True where its output direction has the length of its decoder row: it goes through no other matrix.
    pub fn writes_its_direction(&self) -> bool {
        (self.output_norm - self.decoder_norm).abs() <= 1e-6 * self.decoder_norm.abs()
    }
}
