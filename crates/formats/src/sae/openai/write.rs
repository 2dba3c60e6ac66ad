//! Writing a `.pt` file in OpenAI's layout.

use crate::error::{Error, Result};
use crate::sae::check::check;
use crate::sae::{Architecture, Normalization, Sae, transposed};
use crate::torch::write::{Data, Value, archive};

/// The file in errors.
const NAME: &str = "a .pt file in OpenAI's layout";

/// Writes a `.pt` file that [`open_pt`](super::open_pt), `torch.load` and OpenAI's own class read: the weights in f32,
/// the activation, and the three buffers that the class requires. The same autoencoder always gives the same bytes,
/// and weights, activation and firing frequency are read back identical. The format has no place for where it was trained:
/// hook, model, BOS, context and skipped positions are left out.
///
/// # Errors
/// `unsupported-architecture` where the format cannot hold it: it has TopK with layer_norm and ReLU without
/// normalisation, both with b_dec subtracted from the input. `wrong-shape`, `non-finite-weights` or `bad-file` where
/// the autoencoder's parts do not belong together.
pub fn write_pt(sae: &Sae) -> Result<Vec<u8>> {
    check(sae)?;
    let config = &sae.config;
    let refuse = |what, found, supported| Err(Error::unsupported(NAME, what, found, supported));
    let normalization = config.normalization.name();
    let (activation, state) = match (config.architecture, config.normalization) {
        (Architecture::TopK { k }, Normalization::LayerNorm) => {
            let state = vec![("k", Value::Whole(k)), ("postact_fn", Value::Text("ReLU"))];
            ("TopK", state)
        }
        (Architecture::Standard, Normalization::None) => ("ReLU", Vec::new()),
        (Architecture::TopK { .. }, _) => {
            return refuse("topk with the normalisation", normalization, "layer_norm");
        }
        (Architecture::Standard, _) => {
            return refuse("standard with the normalisation", normalization, "none");
        }
        (other, _) => return refuse("the architecture", other.name(), "topk, standard"),
    };
    if !config.apply_b_dec_to_input {
        return refuse("the setting apply_b_dec_to_input =", "false", "true");
    }
    let (d_in, d_sae) = (config.d_in, config.d_sae);
    let decoder = transposed(&sae.w_dec, d_sae, d_in);
    // What the class fills its buffers with before training.
    let ones = vec![1.0; d_sae];
    let frequency = sae.firing_frequency.as_ref().unwrap_or(&ones);
    let floats = |values, shape: &[usize]| Value::Tensor(Data::Floats(values), shape.to_vec());
    archive(
        NAME,
        &[
            ("pre_bias", floats(&sae.b_dec, &[d_in])),
            ("latent_bias", floats(&sae.b_enc, &[d_sae])),
            (
                "stats_last_nonzero",
                Value::Tensor(Data::WholeZeros(d_sae), vec![d_sae]),
            ),
            ("latents_activation_frequency", floats(frequency, &[d_sae])),
            ("latents_mean_square", floats(&ones, &[d_sae])),
            ("encoder.weight", floats(&sae.w_enc, &[d_sae, d_in])),
            ("decoder.weight", floats(&decoder, &[d_in, d_sae])),
            ("activation", Value::Text(activation)),
            ("activation_state_dict", Value::Dict(state)),
        ],
    )
}
