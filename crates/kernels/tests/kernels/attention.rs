//! `attention`: batches of a prefill, and decoding from a cache.

use kernels::{Attention, Device, Error, Recorder, attention};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, run_f32, widen};

#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    tokens_per_sequence: usize,
    n_heads: usize,
    head_dim: usize,
    position: Option<usize>,
    /// How large queries and keys are: large ones make the softmax sharp.
    scale: f32,
    /// Divides the scores beside √head_dim.
    divisor: usize,
    seed: u64,
}

impl Case {
    fn d_model(&self) -> usize {
        self.n_heads * self.head_dim
    }

    fn expected(&self, qkv: &[f64]) -> Vec<f64> {
        let d_model = self.d_model();
        let part = |row: usize, part: usize, head: usize| {
            &qkv[row * 3 * d_model + part * d_model + head * self.head_dim..][..self.head_dim]
        };
        let mut expected = Vec::new();
        for row in 0..self.rows {
            let (first, query) = match self.position {
                Some(position) => (0, position + row),
                None => (
                    row / self.tokens_per_sequence * self.tokens_per_sequence,
                    row,
                ),
            };
            for head in 0..self.n_heads {
                let scores: Vec<f64> = (first..=query)
                    .map(|key| {
                        let dot: f64 = part(query, 0, head)
                            .iter()
                            .zip(part(key, 1, head))
                            .map(|(q, k)| q * k)
                            .sum();
                        dot / (self.head_dim as f64).sqrt() / self.divisor as f64
                    })
                    .collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> =
                    scores.iter().map(|score| (score - largest).exp()).collect();
                let sum: f64 = weights.iter().sum();
                expected.extend((0..self.head_dim).map(|d| {
                    (first..=query)
                        .zip(&weights)
                        .map(|(key, weight)| weight / sum * part(key, 2, head)[d])
                        .sum::<f64>()
                }));
            }
        }
        expected
    }

    fn run(&self, device: &Device, qkv: &[f32]) -> Result<Vec<f32>, Error> {
        let qkv = device.buffer_with("qkv", qkv)?;
        let position = device.buffer_with("position", &[self.position.unwrap_or(0) as u32])?;
        let output = device.buffer("z", self.rows * self.d_model())?;
        let mut recorder = Recorder::new(device);
        attention(
            &mut recorder,
            &Attention {
                qkv: &qkv,
                rows: self.rows,
                tokens_per_sequence: self.tokens_per_sequence,
                n_heads: self.n_heads,
                head_dim: self.head_dim,
                scale: 1.0 / (self.head_dim as f32).sqrt() / self.divisor as f32,
                position: self.position.is_some().then_some(&position),
                output: &output,
            },
        )?;
        run_f32(recorder, &output)
    }

    fn check(&self, devices: &Devices) {
        let rows = self.position.unwrap_or(0) + self.rows;
        let qkv = Numbers(self.seed).floats(rows * 3 * self.d_model(), self.scale);
        devices.agree(&self.expected(&widen(&qkv)), 1e-4, |device| {
            self.run(device, &qkv)
        });
    }
}

fn head_dim() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), Just(64), 1_usize..80]
}

#[test]
fn batches_agree() {
    let devices = Devices::new();
    proptest!(config(), |(
        sequences in 1_usize..4, tokens in 1_usize..40, n_heads in 1_usize..4, head_dim in head_dim(),
        scale in 0.5_f32..4.0, divisor in 1_usize..5, seed: u64,
    )| {
        Case {
            rows: sequences * tokens, tokens_per_sequence: tokens, n_heads, head_dim, position: None, scale, divisor, seed,
        }.check(&devices);
    });
}

#[test]
fn the_cache_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..4, position in 0_usize..200, n_heads in 1_usize..4, head_dim in head_dim(),
        scale in 0.5_f32..4.0, divisor in 1_usize..5, seed: u64,
    )| {
        Case { rows, tokens_per_sequence: rows, n_heads, head_dim, position: Some(position), scale, divisor, seed }
            .check(&devices);
    });
}

#[test]
fn wide_heads_and_long_contexts_agree() {
    let devices = Devices::new();
    for (tokens, head_dim) in [(200, 33), (65, 256), (64, 64), (129, 255)] {
        Case {
            rows: tokens,
            tokens_per_sequence: tokens,
            n_heads: 2,
            head_dim,
            position: None,
            scale: 1.0,
            divisor: 1,
            seed: 11,
        }
        .check(&devices);
    }
}

/// Scores that fall, then rise by hundreds from block to block, put the running maximum to the test.
#[test]
fn extreme_scores_agree() {
    let devices = Devices::new();
    let keys = 180;
    let case = Case {
        rows: 1,
        tokens_per_sequence: 1,
        n_heads: 1,
        head_dim: 1,
        position: Some(keys - 1),
        scale: 1.0,
        divisor: 1,
        seed: 0,
    };
    for slope in [-8.0_f32, 8.0] {
        let qkv: Vec<f32> = (0..keys)
            .flat_map(|key| [1.0, (key as f32 - 90.0) * slope, key as f32 / 100.0])
            .collect();
        devices.agree(&case.expected(&widen(&qkv)), 1e-5, |device| {
            case.run(device, &qkv)
        });
    }
}

#[test]
fn a_head_too_wide_is_refused() {
    for device in Devices::new().each() {
        let case = Case {
            rows: 1,
            tokens_per_sequence: 1,
            n_heads: 1,
            head_dim: 257,
            position: None,
            scale: 1.0,
            divisor: 1,
            seed: 0,
        };
        let error = case
            .run(device, &[0.0; 3 * 257])
            .map_err(|error| error.to_string());
        assert_eq!(
            error.err().as_deref(),
            Some("attention: head_dim 257 is not in 1..=256")
        );
    }
}
