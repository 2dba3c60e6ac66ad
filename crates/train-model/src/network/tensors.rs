//! The model's weights as burn's tensors, and their gradients back.

use burn_tensor::{Device, Gradients, Tensor, TensorData};

use crate::config::Config;
use crate::error::Error;
use crate::layout::Layout;

/// A linear map `[in, out]` with its bias.
#[derive(Clone)]
pub struct Linear {
    pub weight: Tensor<2>,
    pub bias: Tensor<1>,
}

/// A LayerNorm's weight and bias.
#[derive(Clone)]
pub struct Norm {
    pub weight: Tensor<1>,
    pub bias: Tensor<1>,
}

/// A block's weights, in the layout's order.
#[derive(Clone)]
pub struct Block {
    pub ln_1: Norm,
    pub c_attn: Linear,
    pub c_proj: Linear,
    pub ln_2: Norm,
    pub c_fc: Linear,
    pub mlp_proj: Linear,
}

/// All weights.
#[derive(Clone)]
pub struct Network {
    pub wte: Tensor<2>,
    pub wpe: Tensor<2>,
    pub blocks: Vec<Block>,
    pub ln_f: Norm,
}

/// Takes tensors in the layout's order.
struct Cursor<'a, I: Iterator<Item = (&'a [usize], &'a [f32])>> {
    tensors: I,
    device: Device,
}

impl<'a, I: Iterator<Item = (&'a [usize], &'a [f32])>> Cursor<'a, I> {
    fn next<const D: usize>(&mut self) -> Result<Tensor<D>, Error> {
        let wrong = || Error::Network("the weights are not those of the layout".to_owned());
        let (shape, values) = self.tensors.next().ok_or_else(wrong)?;
        let is_whole = shape.len() == D && shape.iter().product::<usize>() == values.len();
        if !is_whole {
            return Err(wrong());
        }
        let data = TensorData::new(values.to_vec(), shape.to_vec());
        Ok(Tensor::from_data(data, &self.device))
    }

    fn norm(&mut self) -> Result<Norm, Error> {
        Ok(Norm {
            weight: self.next()?,
            bias: self.next()?,
        })
    }

    fn linear(&mut self) -> Result<Linear, Error> {
        Ok(Linear {
            weight: self.next()?,
            bias: self.next()?,
        })
    }

    fn block(&mut self) -> Result<Block, Error> {
        Ok(Block {
            ln_1: self.norm()?,
            c_attn: self.linear()?,
            c_proj: self.linear()?,
            ln_2: self.norm()?,
            c_fc: self.linear()?,
            mlp_proj: self.linear()?,
        })
    }
}

impl Network {
    /// Weights without a gradient.
    pub fn new(config: &Config, layout: &Layout, weights: &[Vec<f32>]) -> Result<Self, Error> {
        let slots = layout.slots().iter().map(|slot| &slot.shape[..]);
        let mut cursor = Cursor {
            tensors: slots.zip(weights.iter().map(Vec::as_slice)),
            device: Device::flex(),
        };
        Ok(Self {
            wte: cursor.next()?,
            wpe: cursor.next()?,
            blocks: (0..config.n_layer)
                .map(|_| cursor.block())
                .collect::<Result<_, _>>()?,
            ln_f: cursor.norm()?,
        })
    }

    /// The same weights, whose gradients are recorded, apart from those of every other call.
    pub fn trainable(&self) -> Self {
        let norm = |norm: &Norm| Norm {
            weight: leaf(&norm.weight),
            bias: leaf(&norm.bias),
        };
        let linear = |linear: &Linear| Linear {
            weight: leaf(&linear.weight),
            bias: leaf(&linear.bias),
        };
        let block = |block: &Block| Block {
            ln_1: norm(&block.ln_1),
            c_attn: linear(&block.c_attn),
            c_proj: linear(&block.c_proj),
            ln_2: norm(&block.ln_2),
            c_fc: linear(&block.c_fc),
            mlp_proj: linear(&block.mlp_proj),
        };
        Self {
            wte: leaf(&self.wte),
            wpe: leaf(&self.wpe),
            blocks: self.blocks.iter().map(block).collect(),
            ln_f: norm(&self.ln_f),
        }
    }

    /// The gradients of all weights in the layout's order, with `in_wte` added to that of the embedding.
    pub fn gradients(
        &self,
        found: &mut Gradients,
        in_wte: Tensor<2>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let missing = || Error::Network("a weight has no gradient".to_owned());
        let wte = self.wte.grad_remove(found).ok_or_else(missing)?;
        let mut all = vec![values(wte + in_wte)?, taken(&self.wpe, found)?];
        for block in &self.blocks {
            norm(&block.ln_1, found, &mut all)?;
            linear(&block.c_attn, found, &mut all)?;
            linear(&block.c_proj, found, &mut all)?;
            norm(&block.ln_2, found, &mut all)?;
            linear(&block.c_fc, found, &mut all)?;
            linear(&block.mlp_proj, found, &mut all)?;
        }
        norm(&self.ln_f, found, &mut all)?;
        Ok(all)
    }
}

fn leaf<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    Tensor::from_inner(tensor.clone()).require_grad()
}

fn taken<const D: usize>(tensor: &Tensor<D>, found: &mut Gradients) -> Result<Vec<f32>, Error> {
    let gradient = tensor.grad_remove(found);
    values(gradient.ok_or_else(|| Error::Network("a weight has no gradient".to_owned()))?)
}

fn norm(norm: &Norm, found: &mut Gradients, all: &mut Vec<Vec<f32>>) -> Result<(), Error> {
    all.push(taken(&norm.weight, found)?);
    all.push(taken(&norm.bias, found)?);
    Ok(())
}

fn linear(linear: &Linear, found: &mut Gradients, all: &mut Vec<Vec<f32>>) -> Result<(), Error> {
    all.push(taken(&linear.weight, found)?);
    all.push(taken(&linear.bias, found)?);
    Ok(())
}

/// A tensor's numbers.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let data = tensor.into_data();
    data.try_into_vec::<f32>()
        .map_err(|error| Error::Network(format!("{error:?}")))
}
