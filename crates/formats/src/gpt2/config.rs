//! The settings in `config.json`.

use serde_json::Value;

use super::CONFIG;
use crate::error::{Error, Result};
use crate::settings::{Settings, number, whole};

/// The function between the two products of an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): `gelu_new`, which GPT-2 was trained with, and its other names
    /// `gelu_pytorch_tanh`, `gelu_fast` and `gelu_accurate`.
    GeluTanh,
    /// x·Φ(x) = 0.5·x·(1 + erf(x/√2)): `gelu`.
    Gelu,
}

impl Activation {
    /// Hugging Face's name for it: `gelu_new` or `gelu`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GeluTanh => "gelu_new",
            Self::Gelu => "gelu",
        }
    }
}

/// The model's sizes and constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpt2Config {
    /// Transformer blocks.
    pub n_layer: usize,
    /// Attention heads in a block; divides `n_embd`.
    pub n_head: usize,
    /// Width of the residual stream, d_model.
    pub n_embd: usize,
    /// Longest context, in tokens.
    pub n_positions: usize,
    /// Tokens in the vocabulary.
    pub vocab_size: usize,
    /// Width of the MLP's hidden layer.
    pub n_inner: usize,
    /// Added to LayerNorm's variance.
    pub layer_norm_epsilon: f32,
    /// The function between the two products of an MLP.
    pub activation: Activation,
    /// True where attention's scores are divided by √head_dim, as GPT-2 does.
    pub scale_attn_weights: bool,
    /// True where attention's scores in block L are also divided by L + 1.
    pub scale_attn_by_inverse_layer_idx: bool,
    /// False where the output projection is a tensor of its own, which then has to equal the embedding.
    pub tie_word_embeddings: bool,
    /// The token that begins a document, if the model has one.
    pub bos_token_id: Option<u32>,
    /// The tokens that end a text, of which there may be none.
    pub eos_token_ids: Vec<u32>,
    /// Sentences for whoever loads it: which settings were not used, and why.
    pub notices: Vec<String>,
}

impl Gpt2Config {
    /// Reads `config.json` and refuses every setting under which GPT-2's forward pass would be another one.
    ///
    /// # Errors
    /// `bad-file` where it is not JSON or a size is missing or out of range; `unsupported-architecture` where it
    /// describes another model.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let settings = Settings::parse(CONFIG, json)?;
        check_architecture(&settings)?;
        let n_embd = size(&settings, &["n_embd"])?;
        let n_head = size(&settings, &["n_head"])?;
        if n_embd % n_head != 0 {
            return Err(Error::field(
                CONFIG,
                "n_head",
                n_head,
                format!("it must divide n_embd = {n_embd}"),
            ));
        }
        let vocab_size = size(&settings, &["vocab_size"])?;
        let flag = |name, default| Ok(settings.flag(name)?.unwrap_or(default));
        let mut notices = Vec::new();
        let bos = tokens(&settings, "bos_token_id", vocab_size, &mut notices)?;
        let eos = tokens(&settings, "eos_token_id", vocab_size, &mut notices)?;
        Ok(Self {
            n_layer: size(&settings, &["n_layer"]).and_then(layers)?,
            n_head,
            n_embd,
            n_positions: size(&settings, &["n_positions", "n_ctx"])?,
            vocab_size,
            n_inner: match settings.get("n_inner") {
                None => 4 * n_embd,
                Some(_) => size(&settings, &["n_inner"])?,
            },
            layer_norm_epsilon: epsilon(&settings)?,
            activation: activation(&settings)?,
            scale_attn_weights: flag("scale_attn_weights", true)?,
            scale_attn_by_inverse_layer_idx: flag("scale_attn_by_inverse_layer_idx", false)?,
            tie_word_embeddings: flag("tie_word_embeddings", true)?,
            bos_token_id: bos.first().copied(),
            eos_token_ids: eos,
            notices,
        })
    }
}

fn check_architecture(settings: &Settings<'_>) -> Result<()> {
    let supported = "gpt2 (GPT2LMHeadModel)";
    match settings.get("model_type") {
        Some(Value::String(kind)) if kind == "gpt2" => {}
        Some(Value::String(kind)) => {
            return Err(Error::unsupported(
                CONFIG,
                "the model type",
                kind,
                supported,
            ));
        }
        Some(other) => {
            return Err(Error::field(
                CONFIG,
                "model_type",
                other,
                "it must be a name",
            ));
        }
        None => {
            // Old files name the class only.
            let class = settings
                .get("architectures")
                .and_then(|a| a.get(0))
                .and_then(Value::as_str);
            match class {
                Some(name) if name.starts_with("GPT2") => {}
                Some(name) => {
                    return Err(Error::unsupported(
                        CONFIG,
                        "the architecture",
                        name,
                        supported,
                    ));
                }
                None => {
                    return Err(Error::field(
                        CONFIG,
                        "model_type",
                        "missing",
                        "it must be `gpt2`",
                    ));
                }
            }
        }
    }
    if settings.flag("add_cross_attention")? == Some(true) {
        return Err(Error::unsupported(
            CONFIG,
            "the setting add_cross_attention =",
            true,
            "false",
        ));
    }
    Ok(())
}

fn activation(settings: &Settings<'_>) -> Result<Activation> {
    match settings.text("activation_function")?.as_deref() {
        // Four names of one function; transformers keeps them apart for the speed of their implementations.
        None | Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_accurate") => {
            Ok(Activation::GeluTanh)
        }
        Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
        Some(other) => Err(Error::unsupported(
            CONFIG,
            "the activation_function",
            other,
            "gelu_new, gelu_pytorch_tanh, gelu_fast, gelu_accurate, gelu",
        )),
    }
}

/// A positive whole number under the first of `names` that is there.
fn size(settings: &Settings<'_>, names: &[&str]) -> Result<usize> {
    // Far above any GPT-2, and small enough that no product of a few sizes overflows 64 bits, nor 4·n_embd 32 bits.
    const LARGEST: u64 = 1 << 24;
    let expected = || format!("it must be a whole number from 1 to {LARGEST}");
    for name in names {
        if let Some(value) = settings.get(name) {
            return whole(value)
                .and_then(|n| u64::try_from(n).ok())
                .filter(|n| (1..=LARGEST).contains(n))
                .map(|n| n as usize)
                .ok_or_else(|| Error::field(CONFIG, name, value, expected()));
        }
    }
    Err(Error::field(
        CONFIG,
        names.first().unwrap_or(&""),
        settings.missing(names.first().unwrap_or(&"")),
        expected(),
    ))
}

/// Keys are listed by layer, so their number is bounded: the largest GPT-2 has 48.
fn layers(n_layer: usize) -> Result<usize> {
    const MOST: usize = 4096;
    match n_layer {
        0..=MOST => Ok(n_layer),
        _ => Err(Error::field(
            CONFIG,
            "n_layer",
            n_layer,
            format!("at most {MOST} are supported"),
        )),
    }
}

fn epsilon(settings: &Settings<'_>) -> Result<f32> {
    let Some(value) = settings.get("layer_norm_epsilon") else {
        return Ok(1e-5);
    };
    number(value)
        .map(|e| e as f32)
        .filter(|e| e.is_finite() && *e > 0.0)
        .ok_or_else(|| {
            Error::field(
                CONFIG,
                "layer_norm_epsilon",
                value,
                "it must be a positive number",
            )
        })
}

/// The tokens that a setting names: one, several or none. One that the vocabulary does not have is left out with a notice:
/// transformers writes GPT-2's 50256 into every configuration whose author named none.
fn tokens(
    settings: &Settings<'_>,
    name: &str,
    vocab_size: usize,
    notices: &mut Vec<String>,
) -> Result<Vec<u32>> {
    let stated = match settings.get(name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    let mut tokens = Vec::new();
    for value in stated {
        let id = whole(value).and_then(|id| u32::try_from(id).ok());
        let Some(id) = id else {
            // -1 stands for none in some files.
            if whole(value) == Some(-1) {
                continue;
            }
            let expected = "it must be a token's id, or a list of them";
            return Err(Error::field(CONFIG, name, value, expected));
        };
        if (id as usize) < vocab_size {
            tokens.push(id);
        } else {
            notices.push(format!("{CONFIG} states {name} = {id}, but the vocabulary has only {vocab_size} tokens, so that is left over from another model and not used; the tokenizer's <|endoftext|>, if it has one, takes its place"));
        }
    }
    Ok(tokens)
}
