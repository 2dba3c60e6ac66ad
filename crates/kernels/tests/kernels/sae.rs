//! `sparse_decode` and `splice`.

use kernels::{
    Device, Error, Matrix, Recorder, SparseDecode, Splice, WeightFormat, sparse_decode, splice,
};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, halved, run, run_f32};

const EMPTY: u32 = u32::MAX;

/// An autoencoder's codes for some rows, and its decoder.
#[derive(Debug)]
struct Codes {
    rows: usize,
    k: usize,
    width: usize,
    d_sae: usize,
    format: WeightFormat,
    latents: Vec<u32>,
    activations: Vec<f32>,
    w_dec: Vec<f32>,
    b_dec: Vec<f32>,
    statistics: Vec<f32>,
}

fn codes(
    rows: std::ops::Range<usize>,
    width: std::ops::Range<usize>,
    d_sae: std::ops::Range<usize>,
) -> impl Strategy<Value = Codes> {
    (rows, 1_usize..40, width, d_sae, any::<bool>(), any::<u64>()).prop_map(
        |(rows, k, width, d_sae, f16, seed)| {
            let mut numbers = Numbers::new(seed);
            let mut latents = vec![EMPTY; rows * k];
            let mut activations = vec![0.0; rows * k];
            for row in 0..rows {
                // Distinct latents, and empty slots at the end, as the selection leaves them.
                let used = numbers.below(k.min(d_sae) + 1);
                let mut free: Vec<u32> = (0..d_sae as u32).collect();
                for latent in &mut latents[row * k..row * k + used] {
                    *latent = free.swap_remove(numbers.below(free.len()));
                }
                activations[row * k..row * k + used].copy_from_slice(&numbers.floats(used, 4.0));
            }
            let w_dec = numbers.floats(d_sae * width, 1.0);
            Codes {
                rows,
                k,
                width,
                d_sae,
                format: if f16 {
                    WeightFormat::F16
                } else {
                    WeightFormat::F32
                },
                latents,
                activations,
                w_dec: if f16 { halved(&w_dec) } else { w_dec },
                b_dec: numbers.floats(width, 1.0),
                statistics: numbers.floats(rows * 2, 2.0),
            }
        },
    )
}

impl Codes {
    fn matrix(&self, device: &Device) -> Result<Matrix, Error> {
        let shape = (self.d_sae, self.width);
        Matrix::from_rows(device, "W_dec", shape, self.format, &self.w_dec)
    }

    fn decoded(&self) -> Vec<f64> {
        let mut expected = Vec::new();
        for row in 0..self.rows {
            let (mean, deviation) = (self.statistics[row * 2], self.statistics[row * 2 + 1]);
            for d in 0..self.width {
                let mut sum = f64::from(self.b_dec[d]);
                for slot in row * self.k..(row + 1) * self.k {
                    if self.latents[slot] != EMPTY {
                        let weight = self.w_dec[self.latents[slot] as usize * self.width + d];
                        sum += f64::from(self.activations[slot]) * f64::from(weight);
                    }
                }
                expected.push(sum * f64::from(deviation) + f64::from(mean));
            }
        }
        expected
    }

    fn decode(&self, device: &Device) -> Result<Vec<f32>, Error> {
        let latents = device.buffer_with("latents", &self.latents)?;
        let activations = device.buffer_with("activations", &self.activations)?;
        let w_dec = self.matrix(device)?;
        let b_dec = device.buffer_with("b_dec", &self.b_dec)?;
        let statistics = device.buffer_with("statistics", &self.statistics)?;
        let output = device.buffer("output", self.rows * self.width)?;
        let mut recorder = Recorder::new(device);
        sparse_decode(
            &mut recorder,
            &SparseDecode {
                latents: &latents,
                activations: &activations,
                rows: self.rows,
                k: self.k,
                w_dec: &w_dec,
                b_dec: &b_dec,
                statistics: &statistics,
                output: &output,
            },
        )?;
        run_f32(recorder, &output)
    }
}

#[test]
fn sparse_decode_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(codes in codes(1..9, 1..300, 1..200))| {
        devices.agree(&codes.decoded(), 1e-4, |device| codes.decode(device));
    });
}

#[test]
fn sparse_decode_agrees_over_shards() {
    let devices = Devices::binding_at_most(4096);
    proptest!(config(), |(codes in codes(1..9, 20..100, 120..300))| {
        for device in devices.each() {
            let shards = codes.matrix(device).map(|matrix| matrix.shard_count());
            prop_assert!(shards.is_ok_and(|count| count > 1));
        }
        devices.agree(&codes.decoded(), 1e-4, |device| codes.decode(device));
    });
}

#[test]
fn rows_without_latents_decode_to_the_bias() {
    let devices = Devices::new();
    let codes = Codes {
        rows: 3,
        k: 4,
        width: 5,
        d_sae: 7,
        format: WeightFormat::F32,
        latents: vec![EMPTY; 12],
        activations: vec![0.0; 12],
        w_dec: vec![9.0; 35],
        b_dec: vec![0.5, -1.0, 0.0, 2.0, 0.25],
        statistics: vec![0.0, 1.0, 3.0, 2.0, -1.0, 0.0],
    };
    devices.agree(&codes.decoded(), 0.0, |device| codes.decode(device));
}

#[test]
fn splices_are_exact() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..30, width in 1_usize..200, seed: u64,
    )| {
        let mut numbers = Numbers::new(seed);
        let input: Vec<u32> = (0..rows * width).map(|_| numbers.floats(1, 9.0)[0].to_bits()).collect();
        let replacement: Vec<u32> = (0..rows * width).map(|_| numbers.floats(1, 9.0)[0].to_bits()).collect();
        let mask: Vec<u32> = (0..rows).map(|_| numbers.below(3) as u32).collect();
        let expected: Vec<u32> = (0..rows * width)
            .map(|place| {
                if mask[place / width] == 0 { input[place] } else { replacement[place] }
            })
            .collect();
        for device in devices.each() {
            let output = (|| {
                let input = device.buffer_with("input", &input)?;
                let replacement = device.buffer_with("replacement", &replacement)?;
                let mask = device.buffer_with("mask", &mask)?;
                let output = device.buffer("output", rows * width)?;
                let mut recorder = Recorder::new(device);
                splice(&mut recorder, &Splice {
                    input: &input, replacement: &replacement, mask: &mask, rows, width, output: &output,
                })?;
                run(recorder, &[&output])
            })();
            prop_assert_eq!(output.map_err(|error| error.to_string()), Ok(vec![expected.clone()]));
        }
    });
}
