//! The model as files that transformers, and this project's other commands, open.

use std::borrow::Cow;

use safetensors::tensor::{Dtype, View};
use serde_json::json;

use crate::config::Config;
use crate::error::Error;
use crate::layout::Layout;

pub(crate) const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";

/// Numbers of a tensor with their shape: little-endian, as all machines that are supported are.
pub(crate) struct F32<'a>(pub &'a [f32], pub &'a [usize]);

impl View for F32<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.1
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytemuck::cast_slice(self.0).into()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.0)
    }
}

/// `config.json` and `model.safetensors` of a `GPT2LMHeadModel`, by name. `end_of_text` begins and ends texts.
///
/// # Errors
/// [`Error::Training`].
pub fn model_files(
    config: &Config,
    layout: &Layout,
    vocabulary: usize,
    end_of_text: u32,
    weights: &[Vec<f32>],
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let settings = json!({
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.0,
        "bos_token_id": end_of_text,
        "dtype": "float32",
        "embd_pdrop": 0.0,
        "eos_token_id": end_of_text,
        "initializer_range": config.init_std,
        "layer_norm_epsilon": 1e-5,
        "model_type": "gpt2",
        "n_ctx": config.n_positions,
        "n_embd": config.n_embd,
        "n_head": config.n_head,
        "n_inner": null,
        "n_layer": config.n_layer,
        "n_positions": config.n_positions,
        "resid_pdrop": 0.0,
        "scale_attn_by_inverse_layer_idx": false,
        "scale_attn_weights": true,
        "tie_word_embeddings": true,
        "use_cache": true,
        "vocab_size": vocabulary,
    });
    let mut bytes =
        serde_json::to_vec_pretty(&settings).map_err(|error| unwritable(CONFIG, &error))?;
    bytes.push(b'\n');
    let slots = layout.slots().iter().zip(weights);
    let tensors = slots.map(|(slot, values)| (slot.name.clone(), F32(values, &slot.shape)));
    let about = [("format".to_owned(), "pt".to_owned())];
    let tensors = safetensors::serialize(tensors, Some(about.into()))
        .map_err(|error| unwritable(WEIGHTS, &error))?;
    Ok(vec![
        (CONFIG.to_owned(), bytes),
        (WEIGHTS.to_owned(), tensors),
    ])
}

pub(crate) fn unwritable(file: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Training(train::Error::Configuration {
        file: file.to_owned(),
        why: why.to_string(),
    })
}
