//! GPT-2 as Hugging Face stores it: `config.json` and `model.safetensors`, or several such files and an index.

mod config;
mod surplus;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::tensors::{Dtype, TensorSet};

pub use config::{Activation, Gpt2Config};

const CONFIG: &str = "config.json";
const HEAD: &str = "lm_head.weight";

/// A GPT-2 whose configuration and tensors were checked against each other; weights are read on demand.
#[derive(Debug)]
pub struct Gpt2Files {
    config: Gpt2Config,
    weights: TensorSet,
    prefix: &'static str,
    notices: Vec<String>,
}

impl Gpt2Files {
    /// Checks the architecture, and that every tensor is there in the shape that the configuration requires.
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
        let mut files = Self {
            notices: config.notices.clone(),
            config,
            weights,
            prefix: if bare { "" } else { "transformer." },
        };
        files.check_shapes()?;
        files.notices.extend(surplus::check(&files)?);
        files.check_tied_head().await?;
        Ok(files)
    }

    /// The model's sizes and constants.
    pub fn config(&self) -> &Gpt2Config {
        &self.config
    }

    /// Sentences for whoever loads it: which settings and tensors were not used, and why.
    pub fn notices(&self) -> &[String] {
        &self.notices
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

    /// First byte of a tensor in all files laid end to end: tensors are read fastest in this order. A tensor that is
    /// not there comes last.
    pub fn position(&self, key_without_prefix: &str) -> u64 {
        self.weights.position(&self.key(key_without_prefix))
    }

    /// Data type of a tensor's elements in the file.
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

    /// Every tensor that the configuration requires: its key without the prefix, and its shape.
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
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

    /// The output projection is the embedding again, by statement or by its numbers; another one is not supported.
    async fn check_tied_head(&self) -> Result<()> {
        let file = self.weights.file_name();
        let tied = "the projection tied to `wte.weight`";
        if !self.weights.contains(HEAD) {
            if self.config.tie_word_embeddings {
                return Ok(());
            }
            let expected =
                format!("then {file} must hold the output projection, `{HEAD}`, and it does not");
            return Err(Error::field(CONFIG, "tie_word_embeddings", false, expected));
        }
        if self.weights.same(HEAD, &self.key("wte.weight")).await? {
            return Ok(());
        }
        let what = "an output projection of its own,";
        Err(Error::unsupported(file, what, HEAD, tied))
    }
}
