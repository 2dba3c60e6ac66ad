//! A pass forward: embeddings, pre-LayerNorm blocks, the last LayerNorm.

use burn_tensor::activation::{sigmoid, softmax};
use burn_tensor::module::{layer_norm, linear};
use burn_tensor::{Device, Int, Tensor, TensorData};

use super::tensors::{Block, Linear, Network, Norm};
use crate::config::Config;

/// Added to LayerNorm's variance, as in GPT-2.
pub const EPSILON: f64 = 1e-5;

/// Rows of tokens on their way through the network.
pub struct Pass<'a> {
    config: &'a Config,
    rows: usize,
    tokens: Tensor<1, Int>,
    targets: Vec<i64>,
    /// 0 where a position is seen, `[1, 1, n_positions, n_positions]`.
    mask: Tensor<4>,
}

impl<'a> Pass<'a> {
    /// Of rows `[rows, n_positions + 1]`; on a device that differentiates where the weights are on one.
    pub fn new(config: &'a Config, rows: &[u32], device: &Device) -> Self {
        let length = config.n_positions;
        let rows = rows.chunks_exact(length + 1);
        let count = rows.len();
        let mut tokens = Vec::with_capacity(count * length);
        let mut targets = Vec::with_capacity(count * length);
        for row in rows {
            tokens.extend(row[..length].iter().map(|token| i64::from(*token)));
            targets.extend(row[1..].iter().map(|token| i64::from(*token)));
        }
        let mask: Vec<f32> = (0..length * length)
            .map(|place| match place % length <= place / length {
                true => 0.0,
                false => f32::NEG_INFINITY,
            })
            .collect();
        let places = tokens.len();
        Self {
            config,
            rows: count,
            tokens: Tensor::from_data(TensorData::new(tokens, [places]), device),
            targets,
            mask: Tensor::from_data(TensorData::new(mask, [1, 1, length, length]), device),
        }
    }

    /// The token behind each place of each row.
    pub fn targets(&self) -> &[i64] {
        &self.targets
    }

    /// The stream behind the last LayerNorm, `[rows · n_positions, n_embd]`.
    pub fn forward(&self, network: &Network) -> Tensor<2> {
        let (rows, length, width) = (self.rows, self.config.n_positions, self.config.n_embd);
        let tokens = network.wte.clone().select(0, self.tokens.clone());
        let places = network.wpe.clone().unsqueeze::<3>();
        let stream = tokens.reshape([rows, length, width]) + places;
        let mut stream = stream.reshape([rows * length, width]);
        for block in &network.blocks {
            stream = self.block(stream, block);
        }
        normalised(stream, &network.ln_f)
    }

    fn block(&self, stream: Tensor<2>, block: &Block) -> Tensor<2> {
        let read = normalised(stream.clone(), &block.ln_1);
        let attended = self.attention(mapped(read, &block.c_attn));
        let stream = stream + mapped(attended, &block.c_proj);
        let read = normalised(stream.clone(), &block.ln_2);
        let hidden = gelu(mapped(read, &block.c_fc));
        stream + mapped(hidden, &block.mlp_proj)
    }

    /// Attention's values `[rows · n_positions, n_embd]` of queries, keys and values side by side.
    fn attention(&self, joined: Tensor<2>) -> Tensor<2> {
        let (rows, length, width) = (self.rows, self.config.n_positions, self.config.n_embd);
        let heads = self.config.n_head;
        let size = width / heads;
        let part = |number: usize| {
            let part = joined.clone().narrow(1, number * width, width);
            part.reshape([rows, length, heads, size]).swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        // Scaled before the product, where there are fewer numbers.
        let query = query.mul_scalar(1.0 / (size as f64).sqrt());
        let scores = query.matmul(key.transpose()) + self.mask.clone();
        let seen = softmax(scores, 3).matmul(value);
        seen.swap_dims(1, 2).reshape([rows * length, width])
    }
}

fn normalised(stream: Tensor<2>, norm: &Norm) -> Tensor<2> {
    let (weight, bias) = (norm.weight.clone(), norm.bias.clone());
    layer_norm(stream, weight, Some(bias), EPSILON)
}

fn mapped(input: Tensor<2>, map: &Linear) -> Tensor<2> {
    linear(input, map.weight.clone(), Some(map.bias.clone()))
}

/// `gelu_new`, 0.5·x·(1 + tanh(u)) with u = √(2/π)·(x + 0.044715·x³), as x·sigmoid(2·u), which is the same function.
fn gelu(x: Tensor<2>) -> Tensor<2> {
    let double = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
    let square = x.clone() * x.clone();
    let inner = square.mul_scalar(double * 0.044715).add_scalar(double) * x.clone();
    x * sigmoid(inner)
}
