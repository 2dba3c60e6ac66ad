//! GPT-2 in its published sizes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::numbers::{Numbers, Spread};
use crate::safetensors::{self, Stored, Tensor};
use crate::{SEED, folder, tokenizer};

/// A published size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 12 blocks, 768 wide, 124 million weights.
    Small,
    /// 24 blocks, 1024 wide.
    Medium,
    /// 36 blocks, 1280 wide.
    Large,
    /// 48 blocks, 1600 wide.
    Xl,
}

impl Size {
    /// Blocks, width, heads.
    fn shape(self) -> (usize, usize, usize) {
        match self {
            Self::Small => (12, 768, 12),
            Self::Medium => (24, 1024, 16),
            Self::Large => (36, 1280, 20),
            Self::Xl => (48, 1600, 25),
        }
    }
}

/// Sizes of a GPT-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Blocks.
    pub(crate) layers: usize,
    /// Width of the residual stream.
    pub(crate) width: usize,
    /// Tokens of the vocabulary.
    pub(crate) vocabulary: usize,
    /// Positions of the context.
    pub(crate) context: usize,
}

const VOCABULARY: usize = 50257;
const CONTEXT: usize = 1024;
const END_OF_TEXT: usize = 50256;

/// The files of a model's folder.
pub const MODEL_FILES: [&str; 5] = [
    "config.json",
    "model.safetensors",
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
];

/// Writes a GPT-2 of random weights in f32 as Hugging Face lays it out, with GPT-2's own tokenizer. `layers` gives it
/// another number of blocks. A folder that has the files stays as it is; gives whether anything was written.
///
/// # Errors
/// An error if a file cannot be written, or the folder exists without these files.
pub fn write_model(size: Size, layers: Option<usize>, folder: &Path) -> Result<bool> {
    let (published, width, heads) = size.shape();
    let layers = layers.unwrap_or(published);
    folder::make(folder, &MODEL_FILES, |folder| {
        let config = json!({
            "activation_function": "gelu_new",
            "architectures": ["GPT2LMHeadModel"],
            "bos_token_id": END_OF_TEXT,
            "eos_token_id": END_OF_TEXT,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-5,
            "model_type": "gpt2",
            "n_ctx": CONTEXT,
            "n_embd": width,
            "n_head": heads,
            "n_layer": layers,
            "n_positions": CONTEXT,
            "vocab_size": VOCABULARY,
        });
        let path = folder.join("config.json");
        fs::write(&path, format!("{config:#}\n"))
            .with_context(|| format!("could not write {}", path.display()))?;
        tokenizer::write(folder)?;
        let shape = Shape {
            layers,
            width,
            vocabulary: VOCABULARY,
            context: CONTEXT,
        };
        safetensors::write(&folder.join("model.safetensors"), &tensors(shape))
    })
}

/// All tensors in the order of the forward pass, which also numbers their random elements. Spread more widely than at
/// the start of training, so that attention is not uniform and logits differ.
pub(crate) fn tensors(shape: Shape) -> Vec<Tensor> {
    let Shape { layers, width, .. } = shape;
    let mut list = List::default();
    list.add("wte.weight", &[shape.vocabulary, width], 0.0, 0.1);
    list.add("wpe.weight", &[shape.context, width], 0.0, 0.05);
    for layer in 0..layers {
        let at = |name: &str| format!("h.{layer}.{name}");
        list.norm(&at("ln_1"), width);
        list.project(&at("attn.c_attn"), width, 3 * width, 0.04);
        list.project(&at("attn.c_proj"), width, width, 0.04);
        list.norm(&at("ln_2"), width);
        list.project(&at("mlp.c_fc"), width, 4 * width, 0.04);
        list.project(&at("mlp.c_proj"), 4 * width, width, 0.03);
    }
    list.norm("ln_f", width);
    list.tensors
}

#[derive(Default)]
struct List {
    tensors: Vec<Tensor>,
}

impl List {
    fn add(&mut self, name: &str, shape: &[usize], mean: f32, deviation: f64) {
        let number = self.tensors.len() as u64;
        self.tensors.push(Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            numbers: Numbers::new(SEED, number, Spread { mean, deviation }),
            transposed: false,
            stored: Stored::F32,
        });
    }

    fn norm(&mut self, at: &str, width: usize) {
        self.add(&format!("{at}.weight"), &[width], 1.0, 0.1);
        self.add(&format!("{at}.bias"), &[width], 0.0, 0.05);
    }

    fn project(&mut self, at: &str, inputs: usize, outputs: usize, deviation: f64) {
        self.add(&format!("{at}.weight"), &[inputs, outputs], 0.0, deviation);
        self.add(&format!("{at}.bias"), &[outputs], 0.0, 0.05);
    }
}
