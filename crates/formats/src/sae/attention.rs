//! The autoencoders for attention heads' outputs (`hook_z`) that Kissane and others published for GPT-2 small: a `.pt`
//! file with the tensors under SAELens's names, and its settings beside it, in `NAME_cfg.json`.
//!
//! As SAELens reads them: ReLU, no normalisation, b_dec subtracted from the input, a BOS prepended.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::file::{Frequency, Layout, SaeFile, Tensors};
use super::saelens::KEYS;
use super::{Architecture, Normalization, SaeConfig, openai};
use crate::error::{Error, Result};
use crate::pickle::Pickle;
use crate::source::ByteSource;
use crate::torch::TorchDict;

/// Whether these settings are those of such an autoencoder: they alone have `act_size` and `dict_size`.
pub fn is_cfg(cfg_json: &[u8]) -> bool {
    let cfg: Option<Map<String, Value>> = serde_json::from_slice(cfg_json).ok();
    cfg.is_some_and(|cfg| cfg.contains_key("act_size") && cfg.contains_key("dict_size"))
}

/// Opens a `.pt` file with its settings, and leaves the tensors where they are.
///
/// # Errors
/// `bad-file` for damaged files, a pickle that asks for anything but tensors, a missing tensor or setting;
/// `unsupported-architecture` where the heads are not joined; `wrong-shape` by tensor; `unreadable`.
pub async fn open_pt(source: Rc<dyn ByteSource>, cfg_json: &[u8]) -> Result<SaeFile> {
    let stem = source.name().strip_suffix(".pt").unwrap_or_default();
    let cfg_name = format!("{stem}_cfg.json");
    let cfg: Map<String, Value> = serde_json::from_slice(cfg_json)
        .map_err(|e| Error::bad(&cfg_name, format!("not a JSON object: {e}")))?;
    let size = |name| size(&cfg_name, &cfg, name);
    let text = |name| text(&cfg_name, &cfg, name);
    let (d_in, d_sae) = (size("act_size")?, size("dict_size")?);
    let one_head = cfg.get("head").filter(|head| head.is_number());
    let apart = cfg
        .get("concat_heads")
        .filter(|joined| **joined == Value::Bool(false));
    if let Some(found) = one_head.or(apart) {
        let what = "heads that are not joined, head or concat_heads =";
        return Err(Error::unsupported(
            &cfg_name,
            what,
            found,
            "all heads, joined",
        ));
    }
    let file = openai::open_archive(source).await?;
    let pickle_bytes = file.pickle_bytes().await?;
    let pickle = Pickle::read(&pickle_bytes).map_err(|reason| Error::bad(file.name(), reason))?;
    let dict = TorchDict::new(&file, &pickle)?;
    let (encoder, turned) = dict.view(KEYS.encoder, &[d_in, d_sae])?.by_rows();
    let encoder_layout = Layout::InputMajor.turned_if(turned);
    let (decoder, turned) = dict.view(KEYS.decoder, &[d_sae, d_in])?.by_rows();
    let decoder_layout = Layout::LatentMajor.turned_if(turned);
    let views = BTreeMap::from([
        (KEYS.encoder, encoder),
        (KEYS.decoder, decoder),
        (KEYS.b_enc, dict.view(KEYS.b_enc, &[d_sae])?),
        (KEYS.b_dec, dict.view(KEYS.b_dec, &[d_in])?),
    ]);
    Ok(SaeFile {
        config: SaeConfig {
            architecture: Architecture::Standard,
            d_in,
            d_sae,
            normalization: Normalization::None,
            apply_b_dec_to_input: true,
            hook_name: text("act_name")?,
            prepend_bos: Some(true),
            skipped_positions: Vec::new(),
            model_name: text("model_name")?,
            context_size: cfg
                .contains_key("seq_len")
                .then(|| size("seq_len"))
                .transpose()?,
            center_writing_weights: None,
        },
        tensors: Tensors::Torch(file, views),
        keys: KEYS,
        encoder_layout,
        decoder_layout,
        norms: None,
        frequency: Frequency::Unknown,
    })
}

fn size(file: &str, cfg: &Map<String, Value>, name: &str) -> Result<usize> {
    let expected = "it must be a positive whole number";
    let Some(value) = cfg.get(name) else {
        return Err(Error::field(file, name, "missing", expected));
    };
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| (1..=1 << 30).contains(n))
        .ok_or_else(|| Error::field(file, name, value, expected))
}

fn text(file: &str, cfg: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match cfg.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(other) => Err(Error::field(file, name, other, "it must be a text")),
    }
}
