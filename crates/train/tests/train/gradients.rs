//! Gradients against central differences of the loss, which is computed densely in f64: those of the CPU and those of the kernels.

use kernels::Device;
use pollster::block_on;
use proptest::prelude::*;
use train::{Activation, Config, DeviceTrainer, InputNormalization, Parameters, Trainer};

use crate::{devices, numbers};

const ROWS: usize = 6;

struct Dense<'a> {
    config: &'a Config,
    variance: f64,
    inputs: &'a [f32],
    width: usize,
    /// Latents of each row in order of rank, chosen once: a choice has no gradient.
    chosen: Vec<Vec<usize>>,
}

#[derive(Clone)]
struct Weights {
    w_enc: Vec<f64>,
    w_dec: Vec<f64>,
    b_enc: Vec<f64>,
    b_dec: Vec<f64>,
}

impl Weights {
    fn new(parameters: &Parameters) -> Self {
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect();
        Self {
            w_enc: wide(&parameters.w_enc),
            w_dec: wide(&parameters.w_dec),
            b_enc: wide(&parameters.b_enc),
            b_dec: wide(&parameters.b_dec),
        }
    }

    fn part(&mut self, part: usize) -> &mut Vec<f64> {
        [
            &mut self.w_enc,
            &mut self.w_dec,
            &mut self.b_enc,
            &mut self.b_dec,
        ]
        .into_iter()
        .nth(part)
        .unwrap()
    }
}

impl Dense<'_> {
    fn pre_activation(&self, weights: &Weights, row: usize, latent: usize) -> f64 {
        let input = &self.inputs[row * self.width..][..self.width];
        let terms = input
            .iter()
            .zip(&weights.b_dec)
            .zip(&weights.w_enc[latent * self.width..]);
        let sum: f64 = terms.map(|((x, b), w)| (f64::from(*x) - b) * w).sum();
        sum + weights.b_enc[latent]
    }

    fn rank(&self, weights: &Weights) -> Vec<Vec<(f64, usize)>> {
        let row = |row| {
            let mut all: Vec<(f64, usize)> = (0..self.config.latents)
                .map(|latent| (self.pre_activation(weights, row, latent), latent))
                .collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0));
            all
        };
        (0..ROWS).map(row).collect()
    }

    /// Σ over levels of weight · mean squared error / variance.
    fn loss(&self, weights: &Weights) -> f64 {
        let k = self.config.k;
        let factor = self.config.multi_topk_factor;
        let everything = self.config.latents;
        let levels: Vec<(f64, usize, usize)> = if factor > 0 {
            vec![
                (1.0, k, everything),
                (self.config.multi_topk_coefficient, factor * k, everything),
            ]
        } else {
            let bounds = self.config.matryoshka.iter().copied().chain([everything]);
            bounds.map(|bound| (1.0, usize::MAX, bound)).collect()
        };
        let mut sum = 0.0;
        for (row, chosen) in self.chosen.iter().enumerate() {
            let active: Vec<(f64, usize)> = chosen
                .iter()
                .map(|latent| (self.pre_activation(weights, row, *latent).max(0.0), *latent))
                .collect();
            for (weight, count, bound) in &levels {
                for dimension in 0..self.width {
                    let inside = active
                        .iter()
                        .take(*count)
                        .filter(|(_, latent)| latent < bound);
                    let found: f64 = inside
                        .map(|(z, latent)| z * weights.w_dec[latent * self.width + dimension])
                        .sum();
                    let x = f64::from(self.inputs[row * self.width + dimension]);
                    sum += weight * (found + weights.b_dec[dimension] - x).powi(2);
                }
            }
        }
        sum / (ROWS * self.width) as f64 / self.variance
    }
}

#[test]
fn gradients_are_those_of_central_differences() {
    let devices = devices();
    proptest!(ProptestConfig::with_cases(24), |(
        width in 2usize..19,
        latents in 8usize..40,
        k in 1usize..4,
        kind in 0usize..4,
        seed in 1u64..1000,
    )| {
        let mut config = Config {
            latents,
            k,
            input_normalization: InputNormalization::None,
            batch: ROWS,
            tokens: 100,
            ..Config::default()
        };
        match kind {
            1 => config.multi_topk_factor = 2,
            2 => config.matryoshka = vec![latents / 3, latents / 2],
            3 => config.activation = Activation::BatchTopk,
            _ => {}
        }
        let part = |count, number| numbers(count, seed * 10 + number);
        let parameters = Parameters {
            w_enc: part(latents * width, 1),
            w_dec: part(latents * width, 2),
            b_enc: part(latents, 3),
            b_dec: part(width, 4),
            thresholds: Vec::new(),
        };
        let inputs = part(ROWS * width, 5);
        let variance = 0.4;
        let mut dense = Dense { config: &config, variance, inputs: &inputs, width, chosen: Vec::new() };
        let mut weights = Weights::new(&parameters);
        let ranked = dense.rank(&weights);
        let step = 1e-4;
        // Nothing may change sides within the step of a difference.
        let wide = k * config.multi_topk_factor.max(1);
        let far = |a: f64, b: f64| (a - b).abs() > 0.01;
        if kind == 3 {
            let mut all: Vec<f64> = ranked.iter().flatten().map(|(h, _)| *h).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            let bound = all[k * ROWS - 1];
            prop_assume!(far(bound, all[k * ROWS]) && far(bound, 0.0));
            dense.chosen = ranked.iter().map(|row| {
                row.iter().filter(|(h, _)| *h >= bound).map(|(_, latent)| *latent).collect()
            }).collect();
            prop_assume!(ranked.iter().flatten().filter(|(h, _)| *h >= bound).all(|(h, _)| far(*h, 0.0)));
            compare(&devices, &dense, (&config, &parameters), &mut weights, step)?;
            return Ok(());
        }
        for row in &ranked {
            prop_assume!(far(row[k - 1].0, row[k].0) && far(row[wide - 1].0, row[wide].0));
            prop_assume!(row.iter().take(wide).all(|(h, _)| far(*h, 0.0)));
        }
        dense.chosen = ranked.iter().map(|row| row.iter().take(wide).map(|(_, latent)| *latent).collect()).collect();
        compare(&devices, &dense, (&config, &parameters), &mut weights, step)?;
    });
}

fn compare(
    devices: &[Device],
    dense: &Dense<'_>,
    (config, parameters): (&Config, &Parameters),
    weights: &mut Weights,
    step: f64,
) -> Result<(), TestCaseError> {
    let start = (dense.variance, 1.0);
    let mut trainer = Trainer::from_parameters(config.clone(), parameters.clone(), start).unwrap();
    let (measured, found) = trainer.gradients_of(dense.inputs).unwrap();
    let loss = dense.loss(weights);
    prop_assert!(
        (measured.loss - loss).abs() < 1e-5 * loss,
        "{} {loss}",
        measured.loss
    );
    let mut all = vec![found.clone()];
    if config.activation == Activation::Topk {
        for device in devices {
            let trainer =
                Trainer::from_parameters(config.clone(), parameters.clone(), start).unwrap();
            let mut training = block_on(DeviceTrainer::new(device, trainer)).unwrap();
            all.push(block_on(training.gradients_of(dense.inputs)).unwrap().1);
        }
    }
    let part_of = |all: &Parameters, part: usize| match part {
        0 => all.w_enc.clone(),
        1 => all.w_dec.clone(),
        2 => all.b_enc.clone(),
        _ => all.b_dec.clone(),
    };
    for part in 0..4 {
        let found: Vec<Vec<f32>> = all.iter().map(|all| part_of(all, part)).collect();
        for place in 0..found[0].len() {
            let value = weights.part(part)[place];
            weights.part(part)[place] = value + step;
            let above = dense.loss(weights);
            weights.part(part)[place] = value - step;
            let below = dense.loss(weights);
            weights.part(part)[place] = value;
            let expected = (above - below) / (2.0 * step);
            for found in &found {
                prop_assert!(
                    (f64::from(found[place]) - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                    "part {part}, {place}: {}, not {expected}",
                    found[place]
                );
            }
        }
    }
    Ok(())
}
