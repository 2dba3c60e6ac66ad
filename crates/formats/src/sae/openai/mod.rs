//! OpenAI's sparse autoencoders for GPT-2: a `.pt` file with a dictionary.
//!
//! `encoder.weight [N, D]`, `decoder.weight [D, N]`, `pre_bias [D]`, `latent_bias [N]`, and the class name of the
//! activation. The TopK family normalises its input; the ReLU family does not.

mod write;

use std::rc::Rc;

use super::file::{Frequency, Keys, Layout, SaeFile, Tensors, TorchWeights};
use super::{Architecture, FileKind, Normalization, SaeConfig, check_k, sniff_head};
use crate::error::{Error, Result};
use crate::pickle::Pickle;
use crate::source::{self, ByteSource};
use crate::tensors::Entry;
use crate::torch::{TorchDict, TorchFile};

pub use write::write_pt;

const FREQUENCY: &str = "latents_activation_frequency";

/// Statistics of the training, which the function does not use.
const BUFFERS: [&str; 3] = ["stats_last_nonzero", FREQUENCY, "latents_mean_square"];

/// The activation's settings once more, as `torch` lists them among those of the module.
const MODULE_K: &str = "activation.k";
const MODULE_AFTER: &str = "activation.postact_fn";

/// The activation's own settings.
const STATE: &str = "activation_state_dict";

const KEYS: Keys = Keys {
    encoder: "encoder.weight",
    b_enc: "latent_bias",
    decoder: "decoder.weight",
    b_dec: "pre_bias",
};

/// Opens a `.pt` file: reads the archive's directory and the pickle, and leaves the tensors where they are. It does not
/// say where in a model it belongs: `hook_name` is None.
///
/// # Errors
/// `bad-file` for a damaged file, a pickle that needs anything but tensors (it is refused by name; nothing is ever
/// run) or a missing tensor; `unsupported-architecture` for another activation; `wrong-shape` by tensor; `unreadable`.
pub async fn open_pt(source: Rc<dyn ByteSource>) -> Result<SaeFile> {
    let file = open_archive(source).await?;
    let pickle_bytes = file.pickle_bytes().await?;
    let pickle = Pickle::read(&pickle_bytes).map_err(|reason| Error::bad(file.name(), reason))?;
    let dict = TorchDict::new(&file, &pickle)?;

    if dict.get(KEYS.encoder).is_none() && dict.get("W_enc").is_some() {
        let reason = "it holds `W_enc` but no settings: the file beside it whose name ends in _cfg.json is needed as well";
        return Err(Error::bad(file.name(), reason));
    }
    let &[d_sae, d_in] = dict.shape(KEYS.encoder)? else {
        return Err(Error::bad(
            file.name(),
            "`encoder.weight` must have two dimensions, latents by inputs",
        ));
    };
    if d_sae == 0 || d_in == 0 {
        return Err(Error::bad(
            file.name(),
            format!("`encoder.weight` is empty: {d_sae} latents of {d_in} inputs"),
        ));
    }
    let architecture = architecture(file.name(), &dict, d_sae)?;
    dict.refuse_surplus("OpenAI's layout", |name| {
        [KEYS.encoder, KEYS.decoder, KEYS.b_enc, KEYS.b_dec].contains(&name)
            || BUFFERS.contains(&name)
            || ["activation", STATE, MODULE_K, MODULE_AFTER].contains(&name)
    })?;
    let normalization = match architecture {
        Architecture::TopK { .. } => Normalization::LayerNorm,
        _ => Normalization::None,
    };
    let layouts = (Layout::LatentMajor, Layout::InputMajor);
    let mut weights = TorchWeights::find(&dict, KEYS, (d_in, d_sae), layouts)?;
    // No weight: where it is missing, or of another kind, nothing is known.
    let frequency = match dict.view(FREQUENCY, &[d_sae]) {
        Ok(view) => {
            weights.views.insert(FREQUENCY, view);
            Frequency::Buffer(FREQUENCY)
        }
        Err(_) => Frequency::Unknown,
    };
    Ok(SaeFile {
        config: SaeConfig::new(architecture, (d_in, d_sae), normalization),
        // The layout settles what is computed: the normalisation follows from the activation.
        notices: Vec::new(),
        tensors: Tensors::Torch(file, weights.views),
        keys: KEYS,
        encoder_layout: weights.encoder_layout,
        decoder_layout: weights.decoder_layout,
        norms: None,
        frequency,
    })
}

pub(super) async fn open_archive(source: Rc<dyn ByteSource>) -> Result<TorchFile> {
    let head = source::read(&*source, 0, source.len().min(16)).await?;
    if sniff_head(&head, source.len()) == FileKind::TorchLegacy {
        let found =
            "a bare pickle (torch.save before 1.6, or _use_new_zipfile_serialization=False)";
        return Err(Error::unsupported(
            source.name(),
            "the format",
            found,
            "the zip archive of today's torch.save",
        ));
    }
    TorchFile::open(source).await
}

/// Descriptions of the tensors in a `.pt` file: of an autoencoder's or of any dictionary's, in
/// the file's order.
///
/// # Errors
/// `bad-file` where [`open_pt`] would refuse the archive or its pickle; `unreadable`.
pub async fn entries(source: Rc<dyn ByteSource>) -> Result<Vec<Entry>> {
    let file = open_archive(source).await?;
    let pickle_bytes = file.pickle_bytes().await?;
    let pickle = Pickle::read(&pickle_bytes).map_err(|reason| Error::bad(file.name(), reason))?;
    Ok(TorchDict::new(&file, &pickle)?.tensors())
}

fn architecture(file: &str, dict: &TorchDict<'_>, d_sae: usize) -> Result<Architecture> {
    let name = match dict.get("activation") {
        None => "ReLU",
        Some(_) => dict
            .text("activation")
            .ok_or_else(|| Error::bad(file, "`activation` must be a class's name"))?,
    };
    match name {
        "ReLU" => Ok(Architecture::Standard),
        "TopK" => {
            if let Some(other) = dict
                .nested_names(STATE)
                .into_iter()
                .find(|name| !["k", "postact_fn"].contains(name))
            {
                let what = format!("the setting of TopK in `{STATE}`,");
                return Err(Error::unsupported(file, &what, other, "k, postact_fn"));
            }
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
            if let Some(other) = dict.whole(MODULE_K).filter(|&other| other != k) {
                let expected = format!(
                    "`{MODULE_K}` is {other}, and both mean the same setting: keep the right one"
                );
                return Err(Error::field(file, "activation_state_dict.k", k, expected));
            }
            if let Some(after) = dict.text(MODULE_AFTER).filter(|&after| after != "ReLU") {
                return Err(Error::unsupported(
                    file,
                    "the activation after TopK",
                    after,
                    "ReLU",
                ));
            }
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
