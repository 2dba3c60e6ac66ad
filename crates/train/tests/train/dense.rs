//! The objectives of training written densely in burn, as their papers have them; gradients are burn's automatic differentiation. Nothing
//! of this crate's own mathematics is used.

use burn_tensor::activation::relu;
use burn_tensor::{Device, Gradients, Tensor, TensorData};
use train::{Activation, Config, Parameters};

/// Weights whose gradients are recorded.
pub struct Dense {
    w_enc: Tensor<2>,
    w_dec: Tensor<2>,
    b_enc: Tensor<1>,
    b_dec: Tensor<1>,
    thresholds: Option<Tensor<1>>,
}

/// Results of an objective.
pub struct Objective {
    /// The loss without AuxK.
    pub loss: Tensor<1>,
    /// AuxK's loss without its weight.
    pub aux: Option<Tensor<1>>,
    /// How far the choice of latents is from another one: where that is little, rounding chooses.
    pub margin: f32,
}

impl Dense {
    /// Of weights.
    pub fn new(parameters: &Parameters) -> Self {
        let (latents, width) = (parameters.latents(), parameters.width());
        let thresholds =
            (!parameters.thresholds.is_empty()).then(|| leaf(&parameters.thresholds, [latents]));
        Self {
            w_enc: leaf(&parameters.w_enc, [latents, width]),
            w_dec: leaf(&parameters.w_dec, [latents, width]),
            b_enc: leaf(&parameters.b_enc, [latents]),
            b_dec: leaf(&parameters.b_dec, [width]),
            thresholds,
        }
    }

    fn encode(&self, inputs: &Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
        let centred = inputs.clone() - bias.unsqueeze();
        centred.matmul(self.w_enc.clone().transpose()) + self.b_enc.clone().unsqueeze()
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<2> {
        z.matmul(self.w_dec.clone()) + self.b_dec.clone().unsqueeze()
    }

    /// The objective of a batch `[batch, width]`, normalised, in the first step of a training without a warm-up of sparsity. `variance` divides
    /// the loss.
    pub fn objective(&self, config: &Config, inputs: &[f32], variance: f64) -> Objective {
        let width = self.b_dec.dims()[0];
        let rows = inputs.len() / width;
        let x = constant(inputs, [rows, width]);
        let h = self.encode(&x, self.b_dec.clone());
        let (levels, margin) = self.levels(config, &h, variance);
        let mut loss = zero();
        for (weight, z) in &levels {
            let error = self.decode(z.clone()) - x.clone();
            let squares = (error.clone() * error).mean();
            loss = loss + squares.mul_scalar(weight / variance);
        }
        // The last level is the one that is measured, but for Multi-TopK.
        let main = match config.multi_topk_factor > 0 {
            true => levels.first(),
            false => levels.last(),
        };
        let z = main.map(|(_, z)| z.clone()).unwrap_or_else(|| h.clone());
        match config.activation {
            Activation::JumpRelu => {
                let above = self.active(&h, config.jump_bandwidth * variance.sqrt());
                let l0 = above.sum().mul_scalar(1.0 / rows as f64 / config.k as f64);
                let missed = l0.sub_scalar(1.0);
                loss = loss + (missed.clone() * missed).mul_scalar(config.l0_coefficient);
            }
            Activation::Relu => {
                let weight = config.l1_coefficient.unwrap_or(1.0);
                let scale = weight / (rows as f64 * width as f64 * variance.sqrt());
                loss = loss + z.clone().sum().mul_scalar(scale);
            }
            Activation::Topk | Activation::BatchTopk => {}
        }
        let (aux, aux_margin) = self.aux(config, &x, z);
        Objective {
            loss,
            aux,
            margin: margin.min(aux_margin),
        }
    }

    /// 1 for active latents, with the straight-through gradient −1/ε of thresholds near a pre-activation.
    fn active(&self, h: &Tensor<2>, bandwidth: f64) -> Tensor<2> {
        let Some(thresholds) = &self.thresholds else {
            return sign(&h.clone().inner());
        };
        let away = h.clone().inner() - thresholds.clone().inner().unsqueeze();
        let near = away.clone().abs().lower_scalar(bandwidth / 2.0).float();
        let moved = thresholds.clone() - thresholds.clone().detach();
        let slope = Tensor::from_inner(near.mul_scalar(-1.0 / bandwidth));
        sign(&away) + slope * moved.unsqueeze()
    }

    /// Weights with the activations of each reconstruction, the measured one last (with Multi-TopK first), and the margin.
    fn levels(
        &self,
        config: &Config,
        h: &Tensor<2>,
        variance: f64,
    ) -> (Vec<(f64, Tensor<2>)>, f32) {
        let k = config.k;
        let seen = h.clone().inner();
        let [rows, latents] = seen.dims();
        let kept = |mask: Tensor<2>| relu(h.clone()) * Tensor::from_inner(mask);
        let (mut levels, margin) = match config.activation {
            Activation::Topk => {
                let (mask, mut margin) = largest(&seen, k);
                let mut levels = vec![(1.0, kept(mask))];
                if config.multi_topk_factor > 0 {
                    let (mask, more) = largest(&seen, k * config.multi_topk_factor);
                    levels.push((config.multi_topk_coefficient, kept(mask)));
                    margin = margin.min(more);
                }
                (levels, margin)
            }
            Activation::BatchTopk => {
                let flat = relu(seen).reshape([1, rows * latents]);
                let (mask, margin) = largest(&flat, rows * k);
                (vec![(1.0, kept(mask.reshape([rows, latents])))], margin)
            }
            Activation::Relu => {
                let margin = least(seen.abs());
                (vec![(1.0, relu(h.clone()))], margin)
            }
            Activation::JumpRelu => {
                let bandwidth = config.jump_bandwidth * variance.sqrt();
                let thresholds = self.thresholds.clone().unwrap();
                let away = seen - thresholds.clone().inner().unsqueeze();
                let near = away.clone().abs().lower_scalar(bandwidth / 2.0).float();
                let edge = away.clone().abs().sub_scalar(bandwidth / 2.0).abs();
                let margin = least(away.clone().abs()).min(least(edge));
                let slope = near * thresholds.clone().inner().unsqueeze();
                let slope = Tensor::from_inner(slope.mul_scalar(-1.0 / bandwidth));
                let moved = thresholds.clone() - thresholds.detach();
                let z = h.clone() * sign(&away) + slope * moved.unsqueeze();
                (vec![(1.0, z)], margin)
            }
        };
        if let Some((_, z)) = levels
            .first()
            .cloned()
            .filter(|_| !config.matryoshka.is_empty())
        {
            let prefixes = config.matryoshka.iter().map(|bound| {
                let inside: Vec<f32> = (0..latents)
                    .map(|latent| f32::from(u8::from(latent < *bound)))
                    .collect();
                (1.0, z.clone() * constant(&inside, [1, latents]))
            });
            levels = prefixes.chain(levels.clone()).collect();
        }
        (levels, margin)
    }

    /// AuxK's loss: dead latents, here those that no row activates, reconstruct what the others left.
    fn aux(&self, config: &Config, x: &Tensor<2>, z: Tensor<2>) -> (Option<Tensor<1>>, f32) {
        let [rows, width] = x.dims();
        let active = z
            .clone()
            .inner()
            .greater_scalar(config.dead_threshold)
            .float();
        let counts = numbers(active.sum_dim(0));
        let dead: Vec<f32> = counts
            .iter()
            .map(|count| f32::from(u8::from(*count == 0.0)))
            .collect();
        let is_off = config.dead_tokens >= rows as u64 || config.aux_coefficient == 0.0;
        let many = dead.iter().sum::<f32>() as usize;
        if is_off || many == 0 {
            return (None, f32::INFINITY);
        }
        let some = ((rows as f64 * config.aux_fraction) as usize).max(2);
        let residual = (x.clone() - self.decode(z)).inner().narrow(0, 0, some);
        let residual = Tensor::<2>::from_inner(residual);
        let bias = match config.aux_pre_bias_gradient {
            true => self.b_dec.clone(),
            false => self.b_dec.clone().detach(),
        };
        let h = self.encode(&x.clone().narrow(0, 0, some), bias.clone());
        // Others are so far below that none of them is chosen.
        let below: Vec<f32> = dead.iter().map(|dead| (dead - 1.0) * 1e6).collect();
        let seen = h.clone().inner() + constant(&below, [1, dead.len()]).inner();
        let slots = config.aux_latents(width).min(many);
        let (mut mask, mut margin) = largest(&seen, slots);
        if slots == many {
            (mask, margin) = (seen.greater_scalar(-1e5).float(), f32::INFINITY);
        }
        let z = relu(h) * Tensor::from_inner(mask);
        // OpenAI's target has the bias without a gradient, and its reconstruction the bias with one.
        let target = residual.clone() + self.b_dec.clone().detach().unsqueeze();
        let error = z.matmul(self.w_dec.clone()) + bias.unsqueeze() - target;
        let spread = residual.clone() - residual.mean_dim(0);
        let spread = (spread.clone() * spread).sum();
        let loss = (error.clone() * error).sum() / spread;
        (Some(loss), margin)
    }

    /// The gradients.
    pub fn gradients(&self, found: &Gradients) -> Parameters {
        let thresholds = self.thresholds.as_ref();
        Parameters {
            w_enc: numbers(self.w_enc.grad(found).unwrap()),
            w_dec: numbers(self.w_dec.grad(found).unwrap()),
            b_enc: numbers(self.b_enc.grad(found).unwrap()),
            b_dec: numbers(self.b_dec.grad(found).unwrap()),
            thresholds: thresholds.map_or_else(Vec::new, |thresholds| {
                numbers(thresholds.grad(found).unwrap())
            }),
        }
    }
}

fn leaf<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    constant(values, shape).require_grad()
}

fn constant<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values.to_vec(), shape);
    Tensor::from_inner(Tensor::from_data(data, &Device::flex()))
}

fn zero() -> Tensor<1> {
    constant(&[0.0], [1])
}

/// 1 where a number is above 0, without a gradient.
fn sign(values: &Tensor<2>) -> Tensor<2> {
    Tensor::from_inner(values.clone().greater_scalar(0.0).float())
}

/// 1 for the k largest of each row, and how far the next one is.
fn largest(values: &Tensor<2>, k: usize) -> (Tensor<2>, f32) {
    let count = values.dims()[1];
    let kth = values.clone().topk(k, 1).min_dim(1);
    let margin = match k < count {
        true => least(kth.clone() - values.clone().topk(k + 1, 1).min_dim(1)),
        false => f32::INFINITY,
    };
    (values.clone().greater_equal(kth).float(), margin)
}

fn least(values: Tensor<2>) -> f32 {
    numbers(values).into_iter().fold(f32::INFINITY, f32::min)
}

/// A tensor's numbers.
pub fn numbers<const D: usize>(values: Tensor<D>) -> Vec<f32> {
    values.into_data().iter::<f32>().collect()
}
