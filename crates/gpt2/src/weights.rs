//! The model's weights on a device.

use std::collections::HashMap;
use std::ops::Range;

use kernels::{Buffer, Device, Matrix, Stored, WeightFormat};

use crate::{Config, Error};

/// Source of weights, under Hugging Face's keys without the prefix `transformer.`.
pub trait WeightSource {
    /// Error of reading.
    type Error: From<Error> + From<kernels::Error>;

    /// Position of a tensor in storage: tensors are read in this order, so that a file is read from its beginning to its
    /// end.
    fn position(&self, key: &str) -> u64;

    /// Format in which a matrix is to be stored on the device.
    fn format(&self, key: &str) -> WeightFormat;

    /// Entries `range` of a tensor's leading dimension, row-major; for a vector, its elements.
    ///
    /// # Errors
    /// The reason why they are refused.
    fn rows(
        &self,
        key: &str,
        range: Range<usize>,
    ) -> impl Future<Output = Result<Vec<f32>, Self::Error>>;
}

/// A GPT-2 on a device. Weights of products are `[outputs, inputs]`, as dot products read them.
pub struct Gpt2 {
    pub(crate) config: Config,
    pub(crate) device: Device,
    pub(crate) token_embedding: Matrix,
    pub(crate) position_embedding: Buffer,
    pub(crate) blocks: Vec<Block>,
    pub(crate) ln_final: Buffer,
    /// Weight 1 and bias 0: LayerNorm without either.
    pub(crate) unit_norm: Buffer,
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
    /// Uploads the weights, tensor by tensor in the order in which they are stored, each in pieces of about 4 MiB.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Weight`], [`Error::Device`], and whatever the source returns.
    pub async fn load<S: WeightSource>(
        device: &Device,
        config: Config,
        source: &S,
    ) -> Result<Self, S::Error> {
        config.check()?;
        let mut tensors = tensors(&config);
        tensors.sort_by_key(|(key, _)| source.position(key));
        let mut loaded = Loaded::default();
        for (key, shape) in tensors {
            match shape {
                Shape::Small(leading, across) => {
                    let values = source.rows(&key, 0..leading).await?;
                    if values.len() != leading * across {
                        let reason = format!("{} numbers, not {leading} × {across}", values.len());
                        return Err(Error::weight(&key, reason).into());
                    }
                    loaded.vectors.insert(key, values);
                }
                Shape::Matrix(shape, stored) => {
                    let format = source.format(&key);
                    let matrix =
                        Matrix::upload(device, &key, shape, format, stored, async |rows| {
                            source.rows(&key, rows).await
                        })
                        .await?;
                    loaded.matrices.insert(key, matrix);
                }
            }
        }
        device.check()?;
        Ok(loaded.assemble(device, config)?)
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

    /// Storage format of the weight matrices; None where not all are stored alike.
    pub fn weight_format(&self) -> Option<WeightFormat> {
        let format = self.token_embedding.format();
        let products = self.blocks.iter().flat_map(|block| {
            [
                &block.attn_qkv,
                &block.attn_out,
                &block.mlp_in,
                &block.mlp_out,
            ]
        });
        products
            .map(|product| product.weights.format())
            .all(|other| other == format)
            .then_some(format)
    }

    /// W_out of a block's MLP, `[d_model, n_inner]`: what its neurons write.
    ///
    /// # Errors
    /// [`Error::Config`] where there is no such block.
    pub fn mlp_out(&self, layer: usize) -> Result<&Matrix, Error> {
        Ok(&self.block(layer)?.mlp_out.weights)
    }

    /// b_in of a block's MLP, `[n_inner]`.
    ///
    /// # Errors
    /// [`Error::Config`] where there is no such block.
    pub fn mlp_in_bias(&self, layer: usize) -> Result<&Buffer, Error> {
        Ok(&self.block(layer)?.mlp_in.bias)
    }

    /// W_O of a block's attention, `[d_model, d_model]`: what the heads' dimensions write.
    ///
    /// # Errors
    /// [`Error::Config`] where there is no such block.
    pub fn attn_out(&self, layer: usize) -> Result<&Matrix, Error> {
        Ok(&self.block(layer)?.attn_out.weights)
    }

    fn block(&self, layer: usize) -> Result<&Block, Error> {
        let missing = || Error::Config(format!("there is no block {layer}"));
        self.blocks.get(layer).ok_or_else(missing)
    }

    /// The final LayerNorm's weight `[d_model]`.
    pub fn ln_final_weight(&self) -> &[f32] {
        &self.ln_final_weight
    }
}

/// Upload of a tensor to the device.
enum Shape {
    /// So many entries of a leading dimension, each of so many numbers; small enough to be in memory at once.
    Small(usize, usize),
    /// A matrix as it is used, `[outputs, inputs]`, and how it is stored.
    Matrix((usize, usize), Stored),
}

/// Every tensor of a model, by key.
fn tensors(config: &Config) -> Vec<(String, Shape)> {
    let (d_model, inner) = (config.n_embd, config.n_inner);
    let embedding = Shape::Matrix((config.vocab_size, d_model), Stored::AsUsed);
    let mut tensors = vec![
        ("wte.weight".to_owned(), embedding),
        (
            "wpe.weight".to_owned(),
            Shape::Small(config.n_positions, d_model),
        ),
        ("ln_f.weight".to_owned(), Shape::Small(d_model, 1)),
        ("ln_f.bias".to_owned(), Shape::Small(d_model, 1)),
    ];
    for layer in 0..config.n_layer {
        for name in ["ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias"] {
            tensors.push((format!("h.{layer}.{name}"), Shape::Small(d_model, 1)));
        }
        for (name, inputs, outputs) in [
            ("attn.c_attn", d_model, 3 * d_model),
            ("attn.c_proj", d_model, d_model),
            ("mlp.c_fc", d_model, inner),
            ("mlp.c_proj", inner, d_model),
        ] {
            // A Conv1D is stored `[inputs, outputs]`.
            let weight = Shape::Matrix((outputs, inputs), Stored::Transposed);
            tensors.push((format!("h.{layer}.{name}.weight"), weight));
            tensors.push((format!("h.{layer}.{name}.bias"), Shape::Small(outputs, 1)));
        }
    }
    tensors
}

/// Tensors that have come, by key.
#[derive(Default)]
struct Loaded {
    matrices: HashMap<String, Matrix>,
    vectors: HashMap<String, Vec<f32>>,
}

impl Loaded {
    fn assemble(mut self, device: &Device, config: Config) -> Result<Gpt2, Error> {
        let mut blocks = Vec::with_capacity(config.n_layer);
        for layer in 0..config.n_layer {
            let key = |name: &str| format!("h.{layer}.{name}");
            blocks.push(Block {
                ln_1: self.norm(device, &key("ln_1"))?.0,
                attn_qkv: self.product(device, &key("attn.c_attn"))?,
                attn_out: self.product(device, &key("attn.c_proj"))?,
                ln_2: self.norm(device, &key("ln_2"))?.0,
                mlp_in: self.product(device, &key("mlp.c_fc"))?,
                mlp_out: self.product(device, &key("mlp.c_proj"))?,
            });
        }
        let (ln_final, ln_final_weight) = self.norm(device, "ln_f")?;
        let mut unit_norm = vec![1.0_f32; config.n_embd];
        unit_norm.resize(2 * config.n_embd, 0.0);
        Ok(Gpt2 {
            config,
            device: device.clone(),
            token_embedding: self.matrix("wte.weight")?,
            position_embedding: device.buffer_with("wpe.weight", &self.vector("wpe.weight")?)?,
            blocks,
            ln_final,
            unit_norm: device.buffer_with("unit norm", &unit_norm)?,
            ln_final_weight,
        })
    }

    fn matrix(&mut self, key: &str) -> Result<Matrix, Error> {
        self.matrices.remove(key).ok_or_else(|| missing(key))
    }

    fn vector(&mut self, key: &str) -> Result<Vec<f32>, Error> {
        self.vectors.remove(key).ok_or_else(|| missing(key))
    }

    fn norm(&mut self, device: &Device, key: &str) -> Result<(Buffer, Vec<f32>), Error> {
        let weight = self.vector(&format!("{key}.weight"))?;
        let mut both = weight.clone();
        both.extend(self.vector(&format!("{key}.bias"))?);
        Ok((device.buffer_with(key, &both)?, weight))
    }

    fn product(&mut self, device: &Device, key: &str) -> Result<Product, Error> {
        let bias = format!("{key}.bias");
        Ok(Product {
            weights: self.matrix(&format!("{key}.weight"))?,
            bias: device.buffer_with(&bias, &self.vector(&bias)?)?,
        })
    }
}

fn missing(key: &str) -> Error {
    Error::weight(key, "it has not been read".to_owned())
}
