//! Refusal of tensors in `sae_weights.safetensors` that the stated architecture does not use.

use super::{CFG, KEYS};
use crate::error::{Error, Result};
use crate::sae::{Architecture, transcoder};
use crate::tensors::TensorFile;

/// A legacy tensor that multiplied activations after training.
const SCALING: &str = "scaling_factor";

/// Vectors over the latents that an architecture has beside the four common tensors.
pub(super) fn vectors(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Standard | Architecture::TopK { .. } => &["b_enc"],
        Architecture::JumpRelu => &["b_enc", "threshold"],
        Architecture::Gated => &["b_gate", "r_mag", "b_mag"],
    }
}

/// Refuses every tensor that would be left out, as SAELens does. Two are harmless where their numbers change nothing: the
/// legacy `scaling_factor` of ones, or as near as SAELens requires, and a `b_enc` of zeros under `gated`, which is what
/// readers use instead of the bias that a gated autoencoder does not have.
pub(super) async fn refuse(
    weights: &TensorFile,
    architecture: Architecture,
    d_sae: usize,
) -> Result<()> {
    for name in weights.names() {
        let common = [KEYS.encoder, KEYS.decoder, KEYS.b_dec];
        if common.contains(&name.as_str()) || vectors(architecture).contains(&name.as_str()) {
            continue;
        }
        let neutral = match name.as_str() {
            SCALING => Some(1.0),
            "b_enc" => Some(0.0),
            _ => None,
        };
        if let Some(neutral) = neutral {
            weights.expect(&name, &[d_sae])?;
            let values = weights.read(&name).await?;
            if values
                .iter()
                .all(|value| (value - neutral).abs() <= 1e-5 * neutral)
            {
                continue;
            }
        }
        transcoder::refuse_tensors(weights)?;
        let user = format!(
            "the architecture `{}`, which {CFG} states",
            architecture.name()
        );
        return Err(Error::surplus(
            weights.file_name(),
            &name,
            &user,
            reason(&name),
        ));
    }
    Ok(())
}

/// The architecture or format that a tensor of this name belongs to.
fn reason(name: &str) -> &'static str {
    match name {
        SCALING => "it scales activations and is not all ones, which is not supported",
        "threshold" => {
            "it belongs to jumprelu, and without it the latents would be others; correct `architecture`, or remove the tensor"
        }
        "b_enc" => {
            "it is not zero, and a gated autoencoder has other biases; correct `architecture`, or remove the tensor"
        }
        "b_gate" | "r_mag" | "b_mag" => {
            "it belongs to gated, and without it the latents would be others; correct `architecture`, or remove the tensor"
        }
        "log_threshold" => {
            "it is the logarithm of a jumprelu's threshold, in a training checkpoint of SAELens; save it for inference there, with `sae.save_inference_model(PATH)`"
        }
        "topk_threshold" => {
            "it belongs to a training checkpoint of SAELens's batchtopk; save it for inference there, with `sae.save_inference_model(PATH)`"
        }
        _ => "without it the file would be another function; remove the tensor if it does nothing",
    }
}
