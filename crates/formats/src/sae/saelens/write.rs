//! Writing a SAELens folder.

use std::borrow::Cow;

use half::f16;
use safetensors::tensor::{Dtype, View, serialize};
use serde::Serialize;
use serde_json::Value;

use super::{CFG, WEIGHTS};
use crate::error::{Error, Result};
use crate::sae::check::check;
use crate::sae::{Architecture, Gate, Sae, SeqposSlice, transposed};

/// The two files of a SAELens folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Contents of `cfg.json`.
    pub cfg_json: Vec<u8>,
    /// Contents of `sae_weights.safetensors`.
    pub weights: Vec<u8>,
}

/// Number format of the weights in a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: holds every weight as it is.
    F32,
    /// 16 bits: half the size, for weights that it holds exactly.
    F16,
}

/// Writes the files that [`open_folder`](super::open_folder) reads, in SAELens 6's layout and f32. The same autoencoder
/// always gives the same bytes, and it is read back identical, except for `firing_frequency`, which these files have no place
/// for, and for a `norm_scaling_factor`, which SAELens does not know and which is folded into the weights.
///
/// # Errors
/// `wrong-shape`, `non-finite-weights` or `bad-file` where the autoencoder's parts do not belong together.
pub fn write_folder(sae: &Sae) -> Result<Folder> {
    write_folder_in(sae, Precision::F32)
}

/// As [`write_folder`], with the weights in a number format of choice. Nothing is ever rounded. `cfg.json` states float32 all
/// the same: its `dtype` is what SAELens computes in, not how the file stores the weights.
///
/// # Errors
/// As [`write_folder`]; `bad-file` with the tensor, the element and its value where the format does not hold a weight exactly.
pub fn write_folder_in(sae: &Sae, precision: Precision) -> Result<Folder> {
    check(sae)?;
    let folded = sae.with_folded_factor();
    if let Some(folded) = &folded {
        // A factor far from 1 may push weights out of range.
        check(folded)?;
    }
    let sae = folded.as_ref().unwrap_or(sae);
    Ok(Folder {
        cfg_json: cfg_json(sae)?,
        weights: weights(sae, precision)?,
    })
}

/// `cfg.json` of SAELens 6, in its order.
#[derive(Serialize)]
struct Cfg<'a> {
    architecture: &'static str,
    d_in: usize,
    d_sae: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
    dtype: &'static str,
    device: &'static str,
    apply_b_dec_to_input: bool,
    normalize_activations: &'static str,
    reshape_activations: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rescale_acts_by_decoder_norm: Option<bool>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    sae_lens_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prepend_bos: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclude_special_tokens: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seqpos_slice: Option<Value>,
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    skipped_positions: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    model_from_pretrained_kwargs: Option<ModelSettings>,
}

#[derive(Serialize)]
struct ModelSettings {
    center_writing_weights: bool,
}

fn cfg_json(sae: &Sae) -> Result<Vec<u8>> {
    let config = &sae.config;
    let k = match config.architecture {
        Architecture::TopK { k } => Some(k),
        _ => None,
    };
    let joins_heads = config
        .hook_name
        .as_deref()
        .is_some_and(|hook| hook.ends_with("hook_z"));
    let cfg = Cfg {
        architecture: config.architecture.name(),
        d_in: config.d_in,
        d_sae: config.d_sae,
        k,
        dtype: "float32",
        device: "cpu",
        apply_b_dec_to_input: config.apply_b_dec_to_input,
        normalize_activations: config.normalization.name(),
        reshape_activations: if joins_heads { "hook_z" } else { "none" },
        // The reader folds the norms into the weights, so that what is written is as if without.
        rescale_acts_by_decoder_norm: k.map(|_| false),
        metadata: Metadata {
            // SAELens reads a file without it as one of the older layouts.
            sae_lens_version: "6.0.0",
            model_name: config.model_name.as_deref(),
            hook_name: config.hook_name.as_deref(),
            prepend_bos: config.prepend_bos,
            context_size: config.context_size,
            exclude_special_tokens: config.counted.exclude_special_tokens.to_json(),
            seqpos_slice: config.counted.seqpos_slice.map(SeqposSlice::to_json),
            skipped_positions: &config.counted.skipped_positions,
            model_from_pretrained_kwargs: config.center_writing_weights.map(
                |center_writing_weights| ModelSettings {
                    center_writing_weights,
                },
            ),
        },
    };
    let mut json = serde_json::to_vec_pretty(&cfg)
        .map_err(|e| Error::bad(CFG, format!("cannot be written: {e}")))?;
    json.push(b'\n');
    Ok(json)
}

/// A tensor to be written.
struct Floats<'a> {
    shape: Vec<usize>,
    values: Cow<'a, [f32]>,
    precision: Precision,
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        match self.precision {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.values.iter();
        match self.precision {
            Precision::F32 => values.flat_map(|v| v.to_le_bytes()).collect(),
            Precision::F16 => values
                .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                .collect(),
        }
    }

    fn data_len(&self) -> usize {
        let bytes = match self.precision {
            Precision::F32 => 4,
            Precision::F16 => 2,
        };
        bytes * self.values.len()
    }
}

/// Refuses a tensor of which the number format does not hold every element exactly.
fn check_exact(name: &str, tensor: &Floats<'_>) -> Result<()> {
    if tensor.precision == Precision::F32 {
        return Ok(());
    }
    let inexact = |value: &&f32| f16::from_f32(**value).to_f32().to_bits() != value.to_bits();
    match tensor.values.iter().enumerate().find(|(_, v)| inexact(v)) {
        None => Ok(()),
        Some((element, value)) => Err(Error::bad(
            WEIGHTS,
            format!("f16 does not hold `{name}` exactly: element {element} is {value}"),
        )),
    }
}

fn weights(sae: &Sae, precision: Precision) -> Result<Vec<u8>> {
    let (d_in, d_sae) = (sae.config.d_in, sae.config.d_sae);
    let floats = |values, shape: &[usize]| Floats {
        shape: shape.to_vec(),
        values,
        precision,
    };
    let kept =
        |name: &'static str, values, shape: &[usize]| (name, floats(Cow::Borrowed(values), shape));
    let encoder = transposed(&sae.w_enc, d_sae, d_in);
    let mut tensors = vec![
        ("W_enc", floats(Cow::Owned(encoder), &[d_in, d_sae])),
        kept("W_dec", &sae.w_dec, &[d_sae, d_in]),
        kept("b_dec", &sae.b_dec, &[d_in]),
    ];
    if sae.config.architecture != Architecture::Gated {
        tensors.push(kept("b_enc", &sae.b_enc, &[d_sae]));
    }
    match &sae.gate {
        Gate::None => {}
        Gate::Threshold(threshold) => tensors.push(kept("threshold", threshold, &[d_sae])),
        Gate::Gated {
            b_gate,
            r_mag,
            b_mag,
        } => {
            for (name, values) in [("b_gate", b_gate), ("r_mag", r_mag), ("b_mag", b_mag)] {
                tensors.push(kept(name, values, &[d_sae]));
            }
        }
    }
    for (name, tensor) in &tensors {
        check_exact(name, tensor)?;
    }
    serialize(tensors, None).map_err(|e| Error::bad(WEIGHTS, format!("cannot be written: {e}")))
}
