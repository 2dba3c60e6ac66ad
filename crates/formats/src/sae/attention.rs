//! The autoencoders for attention heads' outputs (`hook_z`) that Kissane and others published for GPT-2 small: a `.pt`
//! file with the tensors under SAELens's names, and its settings beside it, in `NAME_cfg.json`.
//!
//! As SAELens reads them: ReLU, no normalisation, b_dec subtracted from the input, a BOS prepended.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::file::{Frequency, Layout, SaeFile, Tensors, TorchWeights};
use super::saelens::KEYS;
use super::{Architecture, Normalization, SaeConfig, openai};
use crate::error::{Error, Result};
use crate::pickle::Pickle;
use crate::settings::Settings;
use crate::source::ByteSource;
use crate::torch::TorchDict;

/// True if these settings are those of such an autoencoder: they alone have `act_size` and `dict_size`.
pub fn is_cfg(cfg_json: &[u8]) -> bool {
    let cfg: Option<Map<String, Value>> = serde_json::from_slice(cfg_json).ok();
    cfg.is_some_and(|cfg| cfg.contains_key("act_size") && cfg.contains_key("dict_size"))
}

/// Opens a `.pt` file with its settings, and leaves the tensors where they are.
///
/// # Errors
/// `bad-file` for damaged files, a pickle that needs anything but tensors, a missing tensor or setting;
/// `unsupported-architecture` where the heads are not joined; `wrong-shape` by tensor; `unreadable`.
pub async fn open_pt(source: Rc<dyn ByteSource>, cfg_json: &[u8]) -> Result<SaeFile> {
    let stem = source.name().strip_suffix(".pt").unwrap_or_default();
    let cfg_name = format!("{stem}_cfg.json");
    let cfg = Settings::parse(&cfg_name, cfg_json)?;
    let (d_in, d_sae) = (cfg.size("act_size")?, cfg.size("dict_size")?);
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
    let layouts = (Layout::InputMajor, Layout::LatentMajor);
    let weights = TorchWeights::find(&dict, KEYS, (d_in, d_sae), layouts)?;
    dict.refuse_surplus("the layout of attention heads' autoencoders", |name| {
        [KEYS.encoder, KEYS.decoder, KEYS.b_enc, KEYS.b_dec].contains(&name)
    })?;
    Ok(SaeFile {
        config: SaeConfig {
            hook_name: cfg.text("act_name")?,
            prepend_bos: Some(true),
            model_name: cfg.text("model_name")?,
            context_size: cfg.optional_size("seq_len")?,
            ..SaeConfig::new(Architecture::Standard, (d_in, d_sae), Normalization::None)
        },
        notices: vec![
            "its settings state neither normalisation nor BOS: as published, there is no normalisation, and a BOS goes first".to_owned(),
        ],
        tensors: Tensors::Torch(file, weights.views),
        keys: KEYS,
        encoder_layout: weights.encoder_layout,
        decoder_layout: weights.decoder_layout,
        norms: None,
        frequency: Frequency::Unknown,
    })
}
