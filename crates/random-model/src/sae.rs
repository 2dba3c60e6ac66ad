//! Sparse autoencoders for GPT-2 small, in the layouts in which they are published.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::numbers::{Numbers, Spread};
use crate::safetensors::{self, Stored, Tensor};
use crate::{SEED, folder, torch};

/// A published autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// OpenAI's v5 with 32,768 latents, as its own `.pt`.
    OpenAi32k,
    /// OpenAI's v5 with 131,072 latents, as its own `.pt`.
    OpenAi128k,
    /// The largest of OpenAI's sweep over GPT-2, 2,097,152 latents, as a `.pt` of its kind: 12.9 GB.
    OpenAi2m,
    /// The first again, the same numbers, as a folder of SAELens.
    OpenAi32kFolder,
    /// The second again, the same numbers, as a folder of SAELens.
    OpenAi128kFolder,
    /// A ReLU autoencoder of res-jb: a folder of SAELens with a BOS in front.
    ResJb,
}

const WIDTH: usize = 768;
const OPENAI_K: usize = 32;
/// Tensors of autoencoders are numbered from here on: behind those of any model.
const FIRST_TENSOR: u64 = 1 << 20;

impl Published {
    /// Number of latents.
    pub fn latents(self) -> usize {
        match self {
            Self::OpenAi32k | Self::OpenAi32kFolder => 32_768,
            Self::OpenAi128k | Self::OpenAi128kFolder => 131_072,
            Self::OpenAi2m => 2_097_152,
            Self::ResJb => 24_576,
        }
    }

    /// The hook that it is made for.
    pub fn hook(self) -> &'static str {
        match self {
            Self::ResJb => "blocks.8.hook_resid_pre",
            _ => "blocks.8.hook_resid_post",
        }
    }

    /// The files of its folder.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi32k | Self::OpenAi128k | Self::OpenAi2m => &["8.pt"],
            Self::OpenAi32kFolder | Self::OpenAi128kFolder => {
                &["cfg.json", "sae_weights.safetensors"]
            }
            Self::ResJb => &[
                "cfg.json",
                "sae_weights.safetensors",
                "sparsity.safetensors",
            ],
        }
    }

    /// Mean and deviation of b_enc. Few latents of a ReLU are active because their biases are far below zero.
    fn encoder_bias(self) -> Spread {
        match self {
            Self::ResJb => Spread {
                mean: -10.0,
                deviation: 0.5,
            },
            _ => Spread {
                mean: 0.0,
                deviation: 0.1,
            },
        }
    }
}

/// Writes an autoencoder of random weights in f32. The decoder is the encoder's transpose. A folder that has the files
/// stays as it is; gives whether anything was written.
///
/// # Errors
/// An error if a file cannot be written, or the folder exists without these files.
pub fn write_sae(published: Published, folder: &Path) -> Result<bool> {
    let latents = published.latents();
    folder::make(folder, published.files(), |folder| {
        match published {
            Published::OpenAi32k | Published::OpenAi128k | Published::OpenAi2m => {
                let tensors = tensors(
                    published,
                    [
                        "encoder.weight",
                        "decoder.weight",
                        "latent_bias",
                        "pre_bias",
                    ],
                );
                return torch::write(&folder.join("8.pt"), &tensors, OPENAI_K);
            }
            Published::OpenAi32kFolder | Published::OpenAi128kFolder => {
                let mut cfg = legacy_cfg(published, 64, false);
                cfg["activation_fn_str"] = json!("topk");
                cfg["activation_fn_kwargs"] = json!({ "k": OPENAI_K });
                cfg["normalize_activations"] = json!("layer_norm");
                write_cfg(folder, &cfg)?;
            }
            Published::ResJb => {
                write_cfg(folder, &legacy_cfg(published, 128, true))?;
                let spread = Spread {
                    mean: -3.0,
                    deviation: 0.5,
                };
                let sparsity = tensor(4, "sparsity", &[latents], spread);
                safetensors::write(&folder.join("sparsity.safetensors"), &[sparsity])?;
            }
        }
        let tensors = tensors(published, ["W_dec", "W_enc", "b_enc", "b_dec"]);
        safetensors::write(&folder.join("sae_weights.safetensors"), &tensors)
    })
}

/// The latents' biases of [`write_hollow_sae`]: of latent `i` it is element `i`.
pub fn hollow_biases() -> Numbers {
    let spread = Spread {
        mean: 0.0,
        deviation: 1.0,
    };
    Numbers::new(SEED, FIRST_TENSOR + 1, spread)
}

/// Writes an autoencoder of any size in OpenAI's layout that takes next to no room on the disk: both matrices and the
/// inputs' biases are zeros, so that TopK selects the `k` latents with the largest [`hollow_biases`] on every token. It is
/// read like any other.
///
/// # Errors
/// An error if the file cannot be written.
pub fn write_hollow_sae(path: &Path, latents: usize, width: usize, k: usize) -> Result<()> {
    let zeros = Spread {
        mean: 0.0,
        deviation: 0.0,
    };
    let biases = Tensor {
        numbers: hollow_biases(),
        ..tensor(1, "latent_bias", &[latents], zeros)
    };
    let tensors = [
        biases,
        tensor(2, "pre_bias", &[width], zeros),
        tensor(0, "encoder.weight", &[latents, width], zeros),
        tensor(0, "decoder.weight", &[width, latents], zeros),
    ];
    torch::write(path, &tensors, k)
}

/// Under these names: the matrix of latents by inputs, its transpose, the latents' biases, the inputs' biases.
fn tensors(published: Published, names: [&str; 4]) -> Vec<Tensor> {
    let latents = published.latents();
    // Rows are about of length one.
    let unit = Spread {
        mean: 0.0,
        deviation: 0.036,
    };
    let offset = Spread {
        mean: 0.0,
        deviation: 0.1,
    };
    let [rows, columns, latent_bias, input_bias] = names;
    let transpose = Tensor {
        transposed: true,
        ..tensor(0, columns, &[WIDTH, latents], unit)
    };
    vec![
        tensor(0, rows, &[latents, WIDTH], unit),
        transpose,
        tensor(1, latent_bias, &[latents], published.encoder_bias()),
        tensor(2, input_bias, &[WIDTH], offset),
    ]
}

fn tensor(number: u64, name: &str, shape: &[usize], spread: Spread) -> Tensor {
    Tensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        numbers: Numbers::new(SEED, FIRST_TENSOR + number, spread),
        transposed: false,
        stored: Stored::F32,
    }
}

/// `cfg.json` as it stands in the published folders, which an older SAELens wrote.
fn legacy_cfg(published: Published, context_size: usize, prepend_bos: bool) -> Value {
    json!({
        "model_name": "gpt2-small",
        "hook_point": published.hook(),
        "hook_point_layer": 8,
        "hook_point_head_index": null,
        "d_in": WIDTH,
        "d_sae": published.latents(),
        "dtype": "torch.float32",
        "device": "cpu",
        "context_size": context_size,
        "prepend_bos": prepend_bos,
        "apply_b_dec_to_input": true,
        "activation_fn_str": "relu",
        "normalize_activations": "none",
    })
}

fn write_cfg(folder: &Path, cfg: &Value) -> Result<()> {
    let path = folder.join("cfg.json");
    fs::write(&path, format!("{cfg:#}\n"))
        .with_context(|| format!("could not write {}", path.display()))
}
