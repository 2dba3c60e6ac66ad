//! Parts of the loss that keep the number of active latents down, where no k does.

use crate::config::{Activation, Config};

/// The largest change of L1's weight in a step, as a logarithm.
const CHANGE: f64 = 0.02;

/// The share of the steps after which L1's weight stays.
const CHANGING: f64 = 0.75;

/// What sparsity adds to the loss of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    pub(crate) loss: f64,
    /// Its gradient in each activation that is above 0.
    pub(crate) in_activation: f32,
    /// Its gradient in each count of an active latent.
    pub(crate) in_count: f32,
}

/// Nothing, with TopK.
pub(crate) const NONE: Part = Part {
    loss: 0.0,
    in_activation: 0.0,
    in_count: 0.0,
};

/// The weight of sparsity at the start of a training.
pub(crate) fn weight_at_start(config: &Config) -> f64 {
    match config.activation {
        Activation::Topk | Activation::BatchTopk => 0.0,
        Activation::JumpRelu => config.l0_coefficient,
        Activation::Relu => config.l1_coefficient.unwrap_or(1.0),
    }
}

/// What sparsity adds to the loss of a batch with `active` latents that are active, and `sum` of their activations. `weight` is its
/// weight after the warm-up, `step` counts from 0; `variance` is that of an input's dimension.
pub(crate) fn part(
    config: &Config,
    (weight, step): (f64, u64),
    (width, variance): (usize, f64),
    (active, sum): (usize, f64),
) -> Part {
    let rise = match config.sparsity_warmup() {
        0 => 1.0,
        warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
    };
    let (weight, rows) = (weight * rise, config.batch as f64);
    match config.activation {
        Activation::Topk | Activation::BatchTopk => NONE,
        Activation::JumpRelu => {
            let k = config.k as f64;
            let above = active as f64 / rows / k - 1.0;
            Part {
                loss: weight * above * above,
                in_count: (2.0 * weight * above / k / rows) as f32,
                ..NONE
            }
        }
        Activation::Relu => {
            let scale = weight / (rows * width as f64 * variance.sqrt());
            Part {
                loss: scale * sum,
                in_activation: scale as f32,
                ..NONE
            }
        }
    }
}

/// The weight of sparsity after a step, counted from 0, that had `l0` active latents per token.
pub(crate) fn next_weight(config: &Config, weight: f64, step: u64, l0: f64) -> f64 {
    let is_changing = (step as f64) < CHANGING * config.steps() as f64;
    match (config.activation, config.l1_coefficient) {
        (Activation::Relu, None) if is_changing => {
            let above = (l0.max(1e-3) / config.k as f64).ln();
            weight * (CHANGE * above.clamp(-1.0, 1.0)).exp()
        }
        _ => weight,
    }
}
