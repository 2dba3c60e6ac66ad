//! Sparse autoencoders as SAELens stores them: a folder with `cfg.json` and `sae_weights.safetensors`.

mod write;

use serde_json::{Map, Value};

use super::{Architecture, Gate, Normalization, Sae, SaeConfig, check_k, transposed};
use crate::error::{Error, Result};
use crate::tensors::{TensorFile, check_finite};

pub use write::{Folder, write_folder};

const CFG: &str = "cfg.json";

/// Reads a folder's two files: `cfg.json` (of today or of an older SAELens) and `sae_weights.safetensors`.
///
/// # Errors
/// `bad-file` for a damaged file or a setting out of range, `unsupported-architecture` for an architecture,
/// normalisation or reshaping that is not supported, `wrong-shape` and `non-finite-weights` by tensor.
pub fn read_folder(cfg_json: &[u8], weights: TensorFile) -> Result<Sae> {
    let cfg = Cfg::parse(cfg_json)?;
    let (d_in, d_sae) = (cfg.size("d_in")?, cfg.size("d_sae")?);
    let config = SaeConfig {
        architecture: cfg.architecture(d_sae)?,
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

    weights.expect("W_enc", &[d_in, d_sae])?;
    weights.expect("W_dec", &[d_sae, d_in])?;
    weights.expect("b_dec", &[d_in])?;
    refuse_scaling(&weights)?;
    let mut sae = Sae {
        w_enc: transposed(&weights.read("W_enc")?, d_in, d_sae),
        b_enc: match config.architecture {
            Architecture::Gated => vec![0.0; d_sae],
            _ => sized(&weights, "b_enc", d_sae)?,
        },
        gate: gate(&weights, config.architecture, d_sae)?,
        w_dec: weights.read("W_dec")?,
        b_dec: weights.read("b_dec")?,
        firing_frequency: None,
        config,
    };
    if cfg.flag("rescale_acts_by_decoder_norm")?.unwrap_or(false) {
        let architecture = sae.config.architecture;
        if matches!(architecture, Architecture::JumpRelu | Architecture::Gated) {
            return Err(Error::unsupported(
                CFG,
                "rescale_acts_by_decoder_norm with the architecture",
                architecture.name(),
                "standard, topk",
            ));
        }
        fold_decoder_norm(&mut sae);
        check_finite(weights.file_name(), "W_enc", &sae.w_enc, 0)?;
        check_finite(weights.file_name(), "W_dec", &sae.w_dec, 0)?;
        check_finite(weights.file_name(), "b_enc", &sae.b_enc, 0)?;
    }
    Ok(sae)
}

/// A vector that must be as long as there are latents.
fn sized(weights: &TensorFile, name: &str, d_sae: usize) -> Result<Vec<f32>> {
    weights.expect(name, &[d_sae])?;
    weights.read(name)
}

fn gate(weights: &TensorFile, architecture: Architecture, d_sae: usize) -> Result<Gate> {
    Ok(match architecture {
        Architecture::Standard | Architecture::TopK { .. } => Gate::None,
        Architecture::JumpRelu => Gate::Threshold(sized(weights, "threshold", d_sae)?),
        Architecture::Gated => Gate::Gated {
            b_gate: sized(weights, "b_gate", d_sae)?,
            r_mag: sized(weights, "r_mag", d_sae)?,
            b_mag: sized(weights, "b_mag", d_sae)?,
        },
    })
}

/// Reads `sparsity.safetensors` beside the weights: the base-10 logarithm of each latent's firing frequency.
/// The result is the frequency itself, `[d_sae]`.
///
/// # Errors
/// `bad-file` where the tensor `sparsity` is missing, `wrong-shape` where it is not `[d_sae]`.
pub fn read_sparsity(file: &TensorFile, d_sae: usize) -> Result<Vec<f32>> {
    file.expect("sparsity", &[d_sae])?;
    Ok(file
        .read("sparsity")?
        .into_iter()
        .map(|log| 10f32.powf(log).min(1.0))
        .collect())
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
fn refuse_scaling(weights: &TensorFile) -> Result<()> {
    const NAME: &str = "scaling_factor";
    if weights.contains(NAME) && weights.read(NAME)?.iter().any(|&s| s != 1.0) {
        return Err(Error::unsupported(
            weights.file_name(),
            "a legacy tensor of scales,",
            NAME,
            "all ones, or none",
        ));
    }
    Ok(())
}

/// `rescale_acts_by_decoder_norm` multiplies h by the norm of the latent's decoder row and divides z by it again when
/// decoding. Both are the same once and for all in the weights.
fn fold_decoder_norm(sae: &mut Sae) {
    let d_in = sae.config.d_in;
    let rows = sae
        .w_enc
        .chunks_exact_mut(d_in)
        .zip(sae.w_dec.chunks_exact_mut(d_in))
        .zip(&mut sae.b_enc);
    for ((encoder, decoder), bias) in rows {
        let norm = decoder
            .iter()
            .map(|&w| f64::from(w).powi(2))
            .sum::<f64>()
            .sqrt() as f32;
        encoder.iter_mut().for_each(|w| *w *= norm);
        *bias *= norm;
        if norm > 0.0 {
            decoder.iter_mut().for_each(|w| *w /= norm);
        }
    }
}
