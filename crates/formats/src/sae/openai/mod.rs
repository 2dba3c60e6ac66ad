//! OpenAI's sparse autoencoders for GPT-2: a `.pt` file with a dictionary.
//!
//! `encoder.weight [N, D]`, `decoder.weight [D, N]`, `pre_bias [D]`, `latent_bias [N]`, and the class name of the
//! activation. The TopK family normalises its input; the ReLU family does not.

mod write;

use super::{
    Architecture, FileKind, Gate, Normalization, Sae, SaeConfig, check_k, sniff, transposed,
};
use crate::error::{Error, Result};
use crate::pickle::Pickle;
use crate::tensors::Entry;
use crate::torch::{TorchDict, TorchFile};

pub use write::write_pt;

/// Reads a `.pt` file. It does not say where in a model it belongs: `hook_name` is None.
///
/// # Errors
/// `bad-file` for a damaged file, a pickle that asks for anything but tensors (it is refused by name; nothing is ever
/// run) or a missing tensor; `unsupported-architecture` for another activation; `wrong-shape` and
/// `non-finite-weights` by tensor.
pub fn read_pt(file_name: &str, bytes: Vec<u8>) -> Result<Sae> {
    if sniff(&bytes) == FileKind::TorchLegacy {
        let found =
            "a bare pickle (torch.save before 1.6, or _use_new_zipfile_serialization=False)";
        return Err(Error::unsupported(
            file_name,
            "the format",
            found,
            "the zip archive of today's torch.save",
        ));
    }
    let mut file = TorchFile::open(file_name, &bytes)?;
    let pickle_bytes = file.pickle_bytes()?;
    let pickle = Pickle::read(&pickle_bytes).map_err(|reason| Error::bad(file_name, reason))?;
    let mut dict = TorchDict::new(file, &pickle)?;

    let &[d_sae, d_in] = dict.shape("encoder.weight")? else {
        return Err(Error::bad(
            file_name,
            "`encoder.weight` must have two dimensions, latents by inputs",
        ));
    };
    if d_sae == 0 || d_in == 0 {
        return Err(Error::bad(
            file_name,
            format!("`encoder.weight` is empty: {d_sae} latents of {d_in} inputs"),
        ));
    }
    let architecture = architecture(file_name, &dict, d_sae)?;
    let normalization = match architecture {
        Architecture::TopK { .. } => Normalization::LayerNorm,
        _ => Normalization::None,
    };
    Ok(Sae {
        config: SaeConfig {
            architecture,
            d_in,
            d_sae,
            normalization,
            apply_b_dec_to_input: true,
            hook_name: None,
            prepend_bos: None,
            skipped_positions: Vec::new(),
            model_name: None,
            context_size: None,
        },
        w_enc: dict.read("encoder.weight", &[d_sae, d_in])?,
        b_enc: dict.read("latent_bias", &[d_sae])?,
        gate: Gate::None,
        w_dec: transposed(&dict.read("decoder.weight", &[d_in, d_sae])?, d_in, d_sae),
        b_dec: dict.read("pre_bias", &[d_in])?,
        firing_frequency: firing_frequency(&mut dict, d_sae),
    })
}

/// What is known of the tensors in a `.pt` file without reading them: of an autoencoder's or of any dictionary's, in
/// the file's order.
///
/// # Errors
/// `bad-file` where [`read_pt`] would refuse the archive or its pickle.
pub fn entries(file_name: &str, bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut file = TorchFile::open(file_name, bytes)?;
    let pickle_bytes = file.pickle_bytes()?;
    let pickle = Pickle::read(&pickle_bytes).map_err(|reason| Error::bad(file_name, reason))?;
    Ok(TorchDict::new(file, &pickle)?.tensors())
}

fn architecture(file: &str, dict: &TorchDict<'_, '_>, d_sae: usize) -> Result<Architecture> {
    const STATE: &str = "activation_state_dict";
    let name = match dict.get("activation") {
        None => "ReLU",
        Some(_) => dict
            .text("activation")
            .ok_or_else(|| Error::bad(file, "`activation` must be a class's name"))?,
    };
    match name {
        "ReLU" => Ok(Architecture::Standard),
        "TopK" => {
            if let Some(after) = dict
                .nested_text(STATE, "postact_fn")
                .filter(|&after| after != "ReLU")
            {
                return Err(Error::unsupported(
                    file,
                    "the activation after TopK",
                    after,
                    "ReLU",
                ));
            }
            let k = dict.nested_whole(STATE, "k").ok_or_else(|| {
                Error::field(
                    file,
                    "activation_state_dict.k",
                    "missing",
                    "a TopK autoencoder must state it",
                )
            })?;
            check_k(file, "activation_state_dict.k", k, d_sae)
        }
        other => Err(Error::unsupported(
            file,
            "the activation",
            other,
            "TopK, ReLU",
        )),
    }
}

/// How often each latent was active, if the file holds it. The buffer starts as all ones and may never have been
/// filled, and it is no weight: whatever is not a frequency is left out instead of refusing the file.
fn firing_frequency(dict: &mut TorchDict<'_, '_>, d_sae: usize) -> Option<Vec<f32>> {
    const NAME: &str = "latents_activation_frequency";
    if !dict.has_floats(NAME, &[d_sae]) {
        return None;
    }
    let frequency = dict.read(NAME, &[d_sae]).ok()?;
    let sensible =
        frequency.iter().all(|f| (0.0..=1.0).contains(f)) && frequency.iter().any(|&f| f != 1.0);
    sensible.then_some(frequency)
}
