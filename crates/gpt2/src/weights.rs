//! The model's weights on a device.

use std::ops::Range;

use kernels::{Buffer, Device, Matrix, WeightFormat};

use crate::{Config, Error};

/// Where weights come from, under Hugging Face's keys without the prefix `transformer.`.
pub trait WeightSource {
    /// A whole tensor, row-major.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    fn tensor(&self, key: &str) -> Result<Vec<f32>, String>;

    /// Rows of a matrix.
    ///
    /// # Errors
    /// A sentence that says what is wrong with them.
    fn rows(&self, key: &str, rows: Range<usize>) -> Result<Vec<f32>, String>;
}

/// A GPT-2 on a device. Weights of products are `[outputs, inputs]`, as dot products read them.
pub struct Gpt2 {
    pub(crate) config: Config,
    pub(crate) device: Device,
    pub(crate) token_embedding: Matrix,
    pub(crate) position_embedding: Buffer,
    pub(crate) blocks: Vec<Block>,
    pub(crate) ln_final: Buffer,
    ln_final_weight: Vec<f32>,
}

/// One transformer block. The LayerNorms hold weight, then bias.
pub(crate) struct Block {
    pub(crate) ln_1: Buffer,
    pub(crate) attn_qkv: Product,
    pub(crate) attn_out: Product,
    pub(crate) ln_2: Buffer,
    pub(crate) mlp_in: Product,
    pub(crate) mlp_out: Product,
}

/// A weight matrix `[outputs, inputs]` with its bias `[outputs]`.
pub(crate) struct Product {
    pub(crate) weights: Matrix,
    pub(crate) bias: Buffer,
}

impl Gpt2 {
    /// Uploads the weights. `on_loaded` is told how many of [`Gpt2::tensor_count`] tensors are done.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Weight`], [`Error::Device`].
    pub fn load(
        device: &Device,
        config: Config,
        format: WeightFormat,
        source: &dyn WeightSource,
        on_loaded: &mut dyn FnMut(usize),
    ) -> Result<Self, Error> {
        config.check()?;
        let (d_model, inner) = (config.n_embd, config.n_inner);
        let mut loader = Loader {
            device,
            source,
            format,
            on_loaded,
            done: 0,
        };
        let token_embedding = loader.rows("wte.weight", (config.vocab_size, d_model))?;
        let position_embedding = loader.vector("wpe.weight", config.n_positions * d_model)?;
        let mut blocks = Vec::with_capacity(config.n_layer);
        for layer in 0..config.n_layer {
            let key = |name: &str| format!("h.{layer}.{name}");
            blocks.push(Block {
                ln_1: loader.norm(&key("ln_1"), d_model)?.0,
                attn_qkv: loader.product(&key("attn.c_attn"), d_model, 3 * d_model)?,
                attn_out: loader.product(&key("attn.c_proj"), d_model, d_model)?,
                ln_2: loader.norm(&key("ln_2"), d_model)?.0,
                mlp_in: loader.product(&key("mlp.c_fc"), d_model, inner)?,
                mlp_out: loader.product(&key("mlp.c_proj"), inner, d_model)?,
            });
        }
        let (ln_final, ln_final_weight) = loader.norm("ln_f", d_model)?;
        device.check()?;
        Ok(Self {
            config,
            device: device.clone(),
            token_embedding,
            position_embedding,
            blocks,
            ln_final,
            ln_final_weight,
        })
    }

    /// How many tensors a model with this many blocks has.
    pub fn tensor_count(n_layer: usize) -> usize {
        4 + 12 * n_layer
    }

    /// The model's sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device it lives on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// W_E `[vocab_size, d_model]`, which is also W_Uᵀ.
    pub fn token_embedding(&self) -> &Matrix {
        &self.token_embedding
    }

    /// The final LayerNorm's weight `[d_model]`.
    pub fn ln_final_weight(&self) -> &[f32] {
        &self.ln_final_weight
    }
}

struct Loader<'a> {
    device: &'a Device,
    source: &'a dyn WeightSource,
    format: WeightFormat,
    on_loaded: &'a mut dyn FnMut(usize),
    done: usize,
}

impl Loader<'_> {
    fn tensor(&mut self, key: &str, count: usize) -> Result<Vec<f32>, Error> {
        let weight = |reason: String| Error::Weight {
            tensor: key.to_owned(),
            reason,
        };
        let values = self.source.tensor(key).map_err(weight)?;
        if values.len() != count {
            return Err(weight(format!(
                "{} numbers where {count} were expected",
                values.len()
            )));
        }
        self.loaded();
        Ok(values)
    }

    fn loaded(&mut self) {
        self.done += 1;
        (self.on_loaded)(self.done);
    }

    fn vector(&mut self, key: &str, count: usize) -> Result<Buffer, Error> {
        let values = self.tensor(key, count)?;
        Ok(self.device.buffer_with(key, &values)?)
    }

    fn norm(&mut self, key: &str, width: usize) -> Result<(Buffer, Vec<f32>), Error> {
        let weight = self.tensor(&format!("{key}.weight"), width)?;
        let mut both = weight.clone();
        both.extend(self.tensor(&format!("{key}.bias"), width)?);
        Ok((self.device.buffer_with(key, &both)?, weight))
    }

    /// A matrix that is stored as it is used.
    fn rows(&mut self, key: &str, shape: (usize, usize)) -> Result<Matrix, Error> {
        let matrix = Matrix::upload(self.device, key, shape, self.format, |rows| {
            self.source.rows(key, rows).map_err(kernels::Error::Source)
        })?;
        self.loaded();
        Ok(matrix)
    }

    /// A Conv1D: stored `[inputs, outputs]`, used transposed.
    fn product(&mut self, key: &str, inputs: usize, outputs: usize) -> Result<Product, Error> {
        let stored = self.tensor(&format!("{key}.weight"), inputs * outputs)?;
        let weights = Matrix::upload(self.device, key, (outputs, inputs), self.format, |rows| {
            let mut transposed = Vec::with_capacity(rows.len() * inputs);
            for output in rows {
                transposed.extend((0..inputs).map(|input| stored[input * outputs + output]));
            }
            Ok(transposed)
        })?;
        let bias = self.vector(&format!("{key}.bias"), outputs)?;
        Ok(Product { weights, bias })
    }
}
