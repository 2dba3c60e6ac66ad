//! GPT-2 as Hugging Face stores it: `config.json` and `model.safetensors`, or several such files and an index.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::tensors::{Dtype, TensorSet};

const CONFIG: &str = "config.json";

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
    /// The token that begins a document, if the model has one.
    pub bos_token_id: Option<u32>,
}

impl Gpt2Config {
    /// Reads `config.json` and refuses every setting under which GPT-2's forward pass would be another one.
    ///
    /// # Errors
    /// `bad-file` where it is not JSON or a size is missing or out of range; `unsupported-architecture` where it
    /// describes another model.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let root: Map<String, Value> = serde_json::from_slice(json)
            .map_err(|e| Error::bad(CONFIG, format!("not a JSON object: {e}")))?;
        check_architecture(&root)?;
        let n_embd = size(&root, &["n_embd"])?;
        let n_head = size(&root, &["n_head"])?;
        if n_embd % n_head != 0 {
            return Err(Error::field(
                CONFIG,
                "n_head",
                n_head,
                format!("it must divide n_embd = {n_embd}"),
            ));
        }
        let vocab_size = size(&root, &["vocab_size"])?;
        Ok(Self {
            n_layer: size(&root, &["n_layer"]).and_then(layers)?,
            n_head,
            n_embd,
            n_positions: size(&root, &["n_positions", "n_ctx"])?,
            vocab_size,
            n_inner: match root.get("n_inner") {
                None | Some(Value::Null) => 4 * n_embd,
                Some(_) => size(&root, &["n_inner"])?,
            },
            layer_norm_epsilon: epsilon(&root)?,
            bos_token_id: bos(&root, vocab_size)?,
        })
    }
}

/// A GPT-2 whose configuration and tensors were checked against each other; weights are read on demand.
#[derive(Debug)]
pub struct Gpt2Files {
    config: Gpt2Config,
    weights: TensorSet,
    prefix: &'static str,
}

impl Gpt2Files {
    /// Checks the architecture, and that every tensor is there in the shape that the configuration asks for.
    ///
    /// The weights are one [`TensorFile`](crate::tensors::TensorFile) or several, joined by their index. Keys may begin with `transformer.` or not. `attn.bias` and `attn.masked_bias` are buffers and are ignored;
    /// `lm_head.weight` must be `wte.weight` again or absent; where it is there, both are read to see it.
    ///
    /// # Errors
    /// As [`Gpt2Config::from_json`]; `bad-file` for a missing tensor, `wrong-shape` for one of another shape; `unreadable`.
    pub async fn new(config_json: &[u8], weights: impl Into<TensorSet>) -> Result<Self> {
        let weights = weights.into();
        let config = Gpt2Config::from_json(config_json)?;
        let bare = weights.contains("wte.weight") && !weights.contains("transformer.wte.weight");
        let files = Self {
            config,
            weights,
            prefix: if bare { "" } else { "transformer." },
        };
        files.check_shapes()?;
        files.check_tied_head().await?;
        Ok(files)
    }

    /// The model's sizes and constants.
    pub fn config(&self) -> &Gpt2Config {
        &self.config
    }

    /// A tensor, row-major, as f32. The key goes without the prefix: `wte.weight`, `h.0.attn.c_attn.weight`.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor, `non-finite-weights` where it holds NaN or an infinity.
    pub async fn tensor(&self, key_without_prefix: &str) -> Result<Vec<f32>> {
        self.weights.read(&self.key(key_without_prefix)).await
    }

    /// Rows of a tensor's leading dimension, row-major, as f32.
    ///
    /// # Errors
    /// As [`Gpt2Files::tensor`]; `wrong-shape` where the rows reach past the end.
    pub async fn rows(&self, key_without_prefix: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        self.weights
            .read_rows(&self.key(key_without_prefix), rows)
            .await
    }

    /// Where a tensor's bytes begin in all files laid end to end: tensors are read fastest in this order. A tensor that is
    /// not there comes last.
    pub fn position(&self, key_without_prefix: &str) -> u64 {
        self.weights.position(&self.key(key_without_prefix))
    }

    /// How a tensor's elements are stored in the file.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor, `unsupported-architecture` where its type cannot hold weights.
    pub fn dtype(&self, key_without_prefix: &str) -> Result<Dtype> {
        self.weights.dtype(&self.key(key_without_prefix))
    }

    /// Reads over every weight that a model is made of, without keeping any: so that a file that will be refused is
    /// refused before anything is given up for it.
    ///
    /// # Errors
    /// `non-finite-weights` where a tensor holds NaN or an infinity, `unsupported-architecture` for its data type.
    pub async fn check_finite(&self) -> Result<()> {
        let mut keys: Vec<String> = self.shapes().into_iter().map(|(key, _)| key).collect();
        keys.sort_by_key(|key| self.position(key));
        for key in keys {
            self.weights.check_finite(&self.key(&key)).await?;
        }
        Ok(())
    }

    fn key(&self, key_without_prefix: &str) -> String {
        format!("{}{key_without_prefix}", self.prefix)
    }

    /// Every tensor that the configuration asks for: its key without the prefix, and its shape.
    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let Gpt2Config {
            n_layer,
            n_embd: d,
            n_positions,
            vocab_size,
            n_inner,
            ..
        } = self.config;
        let mut out = vec![
            ("wte.weight".to_owned(), vec![vocab_size, d]),
            ("wpe.weight".to_owned(), vec![n_positions, d]),
            ("ln_f.weight".to_owned(), vec![d]),
            ("ln_f.bias".to_owned(), vec![d]),
        ];
        for layer in 0..n_layer {
            for norm in ["ln_1", "ln_2"] {
                out.push((format!("h.{layer}.{norm}.weight"), vec![d]));
                out.push((format!("h.{layer}.{norm}.bias"), vec![d]));
            }
            // Conv1D stores its weight as `[in, out]`.
            let projections = [
                ("attn.c_attn", d, 3 * d),
                ("attn.c_proj", d, d),
                ("mlp.c_fc", d, n_inner),
                ("mlp.c_proj", n_inner, d),
            ];
            for (name, inputs, outputs) in projections {
                out.push((format!("h.{layer}.{name}.weight"), vec![inputs, outputs]));
                out.push((format!("h.{layer}.{name}.bias"), vec![outputs]));
            }
        }
        out
    }

    fn check_shapes(&self) -> Result<()> {
        for (key, shape) in self.shapes() {
            self.weights.expect(&self.key(&key), &shape)?;
        }
        let n_layer = self.config.n_layer;
        // A file of more blocks than the configuration says would run, and be wrong.
        let surplus = self.key(&format!("h.{n_layer}.ln_1.weight"));
        if self.weights.contains(&surplus) {
            return Err(Error::field(
                CONFIG,
                "n_layer",
                n_layer,
                format!("{} also holds `{surplus}`", self.weights.file_name()),
            ));
        }
        Ok(())
    }

    async fn check_tied_head(&self) -> Result<()> {
        const HEAD: &str = "lm_head.weight";
        let embedding = self.key("wte.weight");
        if self.weights.contains(HEAD) && !self.weights.same(HEAD, &embedding).await? {
            return Err(Error::unsupported(
                self.weights.file_name(),
                "an output projection of its own,",
                HEAD,
                "the projection tied to `wte.weight`",
            ));
        }
        Ok(())
    }
}

fn check_architecture(root: &Map<String, Value>) -> Result<()> {
    let supported = "gpt2 (GPT2LMHeadModel)";
    match root.get("model_type") {
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
            let class = root
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
    match root.get("activation_function") {
        None => {}
        Some(Value::String(name)) if name == "gelu_new" => {}
        Some(other) => {
            let name = other
                .as_str()
                .map_or_else(|| other.to_string(), str::to_owned);
            return Err(Error::unsupported(
                CONFIG,
                "the activation_function",
                name,
                "gelu_new",
            ));
        }
    }
    for (name, needed) in [
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("add_cross_attention", false),
        ("tie_word_embeddings", true),
    ] {
        match root.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(value)) if *value == needed => {}
            Some(other) => {
                let what = format!("the setting {name} =");
                return Err(Error::unsupported(
                    CONFIG,
                    &what,
                    other,
                    if needed { "true" } else { "false" },
                ));
            }
        }
    }
    Ok(())
}

/// A positive whole number under the first of `names` that is there.
fn size(root: &Map<String, Value>, names: &[&str]) -> Result<usize> {
    // Far above any GPT-2, and small enough that no product of a few sizes overflows 64 bits, nor 4·n_embd 32 bits.
    const LARGEST: u64 = 1 << 24;
    let expected = || format!("it must be a whole number from 1 to {LARGEST}");
    for name in names {
        if let Some(value) = root.get(*name) {
            return value
                .as_u64()
                .filter(|n| (1..=LARGEST).contains(n))
                .map(|n| n as usize)
                .ok_or_else(|| Error::field(CONFIG, name, value, expected()));
        }
    }
    Err(Error::field(
        CONFIG,
        names.first().unwrap_or(&""),
        "missing",
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

fn epsilon(root: &Map<String, Value>) -> Result<f32> {
    let Some(value) = root.get("layer_norm_epsilon") else {
        return Ok(1e-5);
    };
    value
        .as_f64()
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

fn bos(root: &Map<String, Value>, vocab_size: usize) -> Result<Option<u32>> {
    match root.get("bos_token_id") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .filter(|&id| id < vocab_size as u64)
            .and_then(|id| u32::try_from(id).ok())
            .map(Some)
            .ok_or_else(|| {
                Error::field(
                    CONFIG,
                    "bos_token_id",
                    value,
                    format!("it must be a token below {vocab_size}"),
                )
            }),
    }
}
