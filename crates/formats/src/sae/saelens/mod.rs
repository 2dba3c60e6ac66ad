//! Sparse autoencoders as SAELens stores them: a folder with `cfg.json` and `sae_weights.safetensors`.

mod write;

use serde_json::{Map, Value};

use super::file::{Frequency, Keys, Layout, SaeFile, Tensors};
use super::{Architecture, Normalization, SaeConfig, check_k};
use crate::error::{Error, Result};
use crate::tensors::TensorFile;

pub use write::{Folder, write_folder};

const CFG: &str = "cfg.json";

const KEYS: Keys = Keys {
    encoder: "W_enc",
    b_enc: "b_enc",
    decoder: "W_dec",
    b_dec: "b_dec",
};

/// Opens a folder's two files: `cfg.json` (of today or of an older SAELens) and `sae_weights.safetensors`, whose tensors
/// are left where they are. Where the settings ask for the decoder's norms, the decoder is read once, in pieces.
///
/// # Errors
/// `bad-file` for a damaged file or a setting out of range, `unsupported-architecture` for an architecture,
/// normalisation or reshaping that is not supported, `wrong-shape` by tensor; `unreadable`.
pub async fn open_folder(cfg_json: &[u8], weights: TensorFile) -> Result<SaeFile> {
    let cfg = Cfg::parse(cfg_json)?;
    let (d_in, d_sae) = (cfg.size("d_in")?, cfg.size("d_sae")?);
    let architecture = cfg.architecture(d_sae)?;
    let config = SaeConfig {
        architecture,
        d_in,
        d_sae,
        normalization: cfg.normalization()?,
        apply_b_dec_to_input: cfg.flag("apply_b_dec_to_input")?.unwrap_or(true),
        hook_name: cfg.text(&["hook_name", "hook_point"])?,
        prepend_bos: cfg.flag("prepend_bos")?,
        skipped_positions: cfg.skipped_positions()?,
        model_name: cfg.text(&["model_name"])?,
        context_size: cfg.optional_size("context_size")?,
    };
    cfg.refuse_what_changes_the_input()?;
    let folded = cfg.flag("rescale_acts_by_decoder_norm")?.unwrap_or(false);
    if folded && matches!(architecture, Architecture::JumpRelu | Architecture::Gated) {
        return Err(Error::unsupported(
            CFG,
            "rescale_acts_by_decoder_norm with the architecture",
            architecture.name(),
            "standard, topk",
        ));
    }

    let expect = |name: &str, shape: &[usize]| {
        weights.expect(name, shape)?;
        weights.dtype(name)
    };
    expect(KEYS.encoder, &[d_in, d_sae])?;
    expect(KEYS.decoder, &[d_sae, d_in])?;
    expect(KEYS.b_dec, &[d_in])?;
    let vectors: &[&str] = match architecture {
        Architecture::Standard | Architecture::TopK { .. } => &["b_enc"],
        Architecture::JumpRelu => &["b_enc", "threshold"],
        Architecture::Gated => &["b_gate", "r_mag", "b_mag"],
    };
    for name in vectors {
        expect(name, &[d_sae])?;
    }
    refuse_scaling(&weights, d_sae).await?;
    let mut file = SaeFile {
        config,
        tensors: Tensors::Safetensors(weights),
        keys: KEYS,
        encoder_layout: Layout::InputMajor,
        decoder_layout: Layout::LatentMajor,
        norms: None,
        frequency: Frequency::Unknown,
    };
    if folded {
        file.fold_decoder_norms().await?;
    }
    Ok(file)
}

/// Reads `sparsity.safetensors` beside the weights: the base-10 logarithm of each latent's firing frequency.
/// The result is the frequency itself, `[d_sae]`.
///
/// # Errors
/// `bad-file` where the tensor `sparsity` is missing, `wrong-shape` where it is not `[d_sae]`; `unreadable`.
pub async fn read_sparsity(file: &TensorFile, d_sae: usize) -> Result<Vec<f32>> {
    file.expect(SPARSITY, &[d_sae])?;
    let logarithms = file.read(SPARSITY).await?;
    Ok(logarithms
        .into_iter()
        .map(|log| 10f32.powf(log).min(1.0))
        .collect())
}

const SPARSITY: &str = "sparsity";

impl SaeFile {
    /// The same autoencoder with the firing frequencies of `sparsity.safetensors`.
    ///
    /// # Errors
    /// As [`read_sparsity`], but for what its numbers are.
    pub fn with_sparsity(mut self, sparsity: TensorFile) -> Result<Self> {
        sparsity.expect(SPARSITY, &[self.config.d_sae])?;
        self.frequency = Frequency::Sparsity(sparsity);
        Ok(self)
    }
}

/// `cfg.json`: settings at the top level or, since SAELens 6, some of them under `metadata`.
struct Cfg {
    root: Map<String, Value>,
}

impl Cfg {
    fn parse(json: &[u8]) -> Result<Self> {
        let root = serde_json::from_slice(json)
            .map_err(|e| Error::bad(CFG, format!("not a JSON object: {e}")))?;
        Ok(Self { root })
    }

    /// A setting that is there and not null.
    fn get(&self, name: &str) -> Option<&Value> {
        let nested = || self.root.get("metadata").and_then(|m| m.get(name));
        self.root
            .get(name)
            .filter(|v| !v.is_null())
            .or_else(nested)
            .filter(|v| !v.is_null())
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(Error::field(CFG, name, other, "it must be true or false")),
        }
    }

    fn text(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            match self.get(name) {
                None => {}
                Some(Value::String(value)) => return Ok(Some(value.clone())),
                Some(other) => return Err(Error::field(CFG, name, other, "it must be a text")),
            }
        }
        Ok(None)
    }

    fn size(&self, name: &str) -> Result<usize> {
        self.optional_size(name)?
            .ok_or_else(|| Error::field(CFG, name, "missing", "it must be a positive whole number"))
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=1 << 30).contains(n))
            .map(Some)
            .ok_or_else(|| Error::field(CFG, name, value, "it must be a positive whole number"))
    }

    fn architecture(&self, d_sae: usize) -> Result<Architecture> {
        let supported = "standard, topk, jumprelu, gated";
        let activation = self.text(&["activation_fn", "activation_fn_str"])?;
        let name = match self.text(&["architecture"])?.as_deref() {
            // Older files say `standard` for everything with one encoder, and tell top-k by its activation.
            None | Some("standard") => match activation.as_deref() {
                None | Some("relu") => "standard",
                Some("topk") => "topk",
                Some(other) => {
                    return Err(Error::unsupported(
                        CFG,
                        "the activation_fn",
                        other,
                        "relu, topk",
                    ));
                }
            },
            Some("topk") => "topk",
            Some("jumprelu") => return Ok(Architecture::JumpRelu),
            Some("gated") => return Ok(Architecture::Gated),
            Some(other) => {
                return Err(Error::unsupported(
                    CFG,
                    "the architecture",
                    other,
                    supported,
                ));
            }
        };
        if name == "standard" {
            return Ok(Architecture::Standard);
        }
        let from_kwargs = || {
            self.get("activation_fn_kwargs")
                .and_then(|kwargs| kwargs.get("k"))
        };
        let Some(k) = self.get("k").or_else(from_kwargs) else {
            return Err(Error::field(
                CFG,
                "k",
                "missing",
                "a topk autoencoder must state it",
            ));
        };
        let number = k.as_u64().and_then(|k| usize::try_from(k).ok());
        let number = number
            .ok_or_else(|| Error::field(CFG, "k", k, "it must be a positive whole number"))?;
        check_k(CFG, "k", number, d_sae)
    }

    fn normalization(&self) -> Result<Normalization> {
        let name = match self.get("normalize_activations") {
            None | Some(Value::Bool(false)) => "none",
            // What the boolean meant when it was one.
            Some(Value::Bool(true)) => "expected_average_only_in",
            Some(Value::String(name)) => name,
            Some(other) => {
                return Err(Error::field(
                    CFG,
                    "normalize_activations",
                    other,
                    "it must be a name",
                ));
            }
        };
        match name {
            "none" => Ok(Normalization::None),
            "layer_norm" => Ok(Normalization::LayerNorm),
            "constant_norm_rescale" => Ok(Normalization::ConstantNormRescale),
            other => Err(Error::unsupported(
                CFG,
                "normalize_activations =",
                other,
                "none, layer_norm, constant_norm_rescale",
            )),
        }
    }

    /// Positions of a context that training left out, where the file lists them.
    fn skipped_positions(&self) -> Result<Vec<usize>> {
        let name = "skipped_positions";
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        let positions = value.as_array().and_then(|list| {
            list.iter()
                .map(|p| p.as_u64().and_then(|p| usize::try_from(p).ok()))
                .collect::<Option<Vec<_>>>()
        });
        positions.ok_or_else(|| Error::field(CFG, name, value, "it must be a list of positions"))
    }

    fn refuse_what_changes_the_input(&self) -> Result<()> {
        match self.text(&["reshape_activations"])?.as_deref() {
            // `hook_z` joins the heads, which is how activations at that hook come anyway.
            None | Some("none" | "hook_z") => {}
            Some(other) => {
                return Err(Error::unsupported(
                    CFG,
                    "reshape_activations =",
                    other,
                    "none, hook_z",
                ));
            }
        }
        if let Some(head) = ["hook_head_index", "hook_point_head_index"]
            .iter()
            .find_map(|name| self.get(name))
        {
            return Err(Error::unsupported(
                CFG,
                "a single head, hook_head_index =",
                head,
                "all heads (null)",
            ));
        }
        Ok(())
    }
}

/// A legacy tensor that multiplied activations after training; all ones, it does nothing.
async fn refuse_scaling(weights: &TensorFile, d_sae: usize) -> Result<()> {
    const NAME: &str = "scaling_factor";
    if !weights.contains(NAME) {
        return Ok(());
    }
    weights.expect(NAME, &[d_sae])?;
    if weights.read(NAME).await?.iter().any(|&s| s != 1.0) {
        return Err(Error::unsupported(
            weights.file_name(),
            "a legacy tensor of scales,",
            NAME,
            "all ones, or none",
        ));
    }
    Ok(())
}
