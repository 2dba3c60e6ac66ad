//! Clipping by the norm of all gradients together, and AdamW, as PyTorch's `clip_grad_norm_` and `torch.optim.AdamW` compute them.

use rayon::prelude::*;

use crate::config::Config;
use crate::layout::Layout;

/// Numbers of which a sum is made at a time, whatever the number of threads.
const PIECE: usize = 1 << 14;

/// Norm of all gradients together.
pub fn norm(gradients: &[Vec<f32>]) -> f64 {
    let square =
        |piece: &[f32]| -> f64 { piece.iter().map(|value| f64::from(*value).powi(2)).sum() };
    let tensor = |values: &Vec<f32>| -> f64 {
        let pieces: Vec<f64> = values.par_chunks(PIECE).map(square).collect();
        pieces.iter().sum()
    };
    gradients.iter().map(tensor).sum::<f64>().sqrt()
}

/// The factor of gradients with a norm; 0 as `most` is no clipping.
pub fn clip_factor(norm: f64, most: f64) -> f64 {
    match most > 0.0 {
        true => (most / (norm + 1e-6)).min(1.0),
        false => 1.0,
    }
}

/// AdamW's moments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) first: Vec<Vec<f32>>,
    pub(crate) second: Vec<Vec<f32>>,
}

impl Moments {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self {
            first: layout.zeros(),
            second: layout.zeros(),
        }
    }

    /// Step `number`, from 1, with gradients that are multiplied by `factor`.
    pub(crate) fn step(
        &mut self,
        config: &Config,
        layout: &Layout,
        (number, rate): (u64, f64),
        (gradients, factor): (&[Vec<f32>], f64),
        weights: &mut [Vec<f32>],
    ) {
        let power = i32::try_from(number).unwrap_or(i32::MAX);
        let (beta1, beta2) = (config.adam_beta1, config.adam_beta2);
        let size = rate / (1.0 - beta1.powi(power));
        let root = (1.0 - beta2.powi(power)).sqrt();
        let (beta1, beta2) = (beta1 as f32, beta2 as f32);
        let (rest1, rest2) = (
            (1.0 - config.adam_beta1) as f32,
            (1.0 - config.adam_beta2) as f32,
        );
        let epsilon = config.adam_epsilon as f32;
        let (size, root, factor) = (size as f32, root as f32, factor as f32);
        let tensors = layout.slots().iter().zip(weights).zip(gradients);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (((slot, weights), gradients), (first, second)) in tensors.zip(moments) {
            let decay = match slot.is_matrix() {
                true => 1.0 - rate * config.weight_decay,
                false => 1.0,
            } as f32;
            weights
                .par_chunks_mut(PIECE)
                .zip(gradients.par_chunks(PIECE))
                .zip(first.par_chunks_mut(PIECE))
                .zip(second.par_chunks_mut(PIECE))
                .for_each(|(((weights, gradients), first), second)| {
                    let moments = first.iter_mut().zip(second);
                    let values = weights.iter_mut().zip(gradients).zip(moments);
                    for ((weight, gradient), (first, second)) in values {
                        let gradient = gradient * factor;
                        *first = beta1 * *first + rest1 * gradient;
                        *second = beta2 * *second + rest2 * gradient * gradient;
                        let spread = second.sqrt() / root + epsilon;
                        *weight = *weight * decay - size * *first / spread;
                    }
                });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_of_all_and_a_small_one_is_left_alone() {
        let gradients = vec![vec![3.0; 1 << 15], vec![4.0; 1 << 15]];
        let expected = (25.0 * f64::from(1 << 15)).sqrt();
        assert!((norm(&gradients) - expected).abs() < 1e-9);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!((clip_factor(0.5, 1.0), clip_factor(9.0, 0.0)), (1.0, 1.0));
    }
}
