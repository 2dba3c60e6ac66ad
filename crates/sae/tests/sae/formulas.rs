//! Encoding, decoding and editing against the formulas written out, on both devices.

use kernels::{Buffer, Device, DeviceOptions, Edit, EditOperation, Recorder, WeightFormat, rows};
use pollster::block_on;
use sae::{Architecture, Config, EditTable, Error, GateWeights, Normalization, Sae, Weights};

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::cpu()];
    match block_on(Device::gpu(DeviceOptions::default())) {
        Ok(device) => devices.push(device),
        Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
            eprintln!("not run on a GPU: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    devices
}

fn noise(seed: u32, count: usize, scale: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * 2.0 * scale
        })
        .collect()
}

struct Reference {
    config: Config,
    w_enc: Vec<f32>,
    b_enc: Vec<f32>,
    gate: [Vec<f32>; 3],
    w_dec: Vec<f32>,
    b_dec: Vec<f32>,
}

impl Reference {
    fn new(config: Config) -> Self {
        let size = config.d_in * config.d_sae;
        Self {
            config,
            w_enc: noise(1, size, 0.4),
            b_enc: if config.architecture == Architecture::Gated {
                vec![0.0; config.d_sae]
            } else {
                noise(2, config.d_sae, 0.3)
            },
            gate: [7, 8, 9].map(|seed| noise(seed, config.d_sae, 0.5)),
            w_dec: noise(3, size, 0.4),
            b_dec: noise(4, config.d_in, 0.3),
        }
    }

    fn load(&self, device: &Device) -> Sae {
        let weights = Weights {
            w_enc: &self.w_enc,
            b_enc: &self.b_enc,
            gate: self.gate(),
            w_dec: &self.w_dec,
            b_dec: &self.b_dec,
        };
        Sae::load(device, self.config, &weights, WeightFormat::F32).unwrap()
    }

    fn gate(&self) -> GateWeights<'_> {
        let [b_gate, r_mag, b_mag] = &self.gate;
        match self.config.architecture {
            Architecture::JumpRelu => GateWeights::Threshold(b_gate),
            Architecture::Gated => GateWeights::Gated {
                b_gate,
                r_mag,
                b_mag,
            },
            _ => GateWeights::None,
        }
    }

    /// Dense latents, mean and deviation of one row, in f64.
    fn encode(&self, x: &[f32]) -> (Vec<f64>, f64, f64) {
        let n = x.len() as f64;
        let (mut mean, mut deviation, mut divisor) = (0.0, 1.0, 1.0);
        if self.config.normalization == Normalization::ConstantNorm {
            let squares: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            deviation = (squares / n).sqrt();
            divisor = deviation;
        }
        if self.config.normalization == Normalization::LayerNorm {
            mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
            let squares: f64 = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
            deviation = (squares / (n - 1.0)).sqrt();
            divisor = deviation + 1e-5;
        }
        let input: Vec<f64> = x
            .iter()
            .zip(&self.b_dec)
            .map(|(x, b_dec)| {
                let value = (f64::from(*x) - mean) / divisor;
                if self.config.apply_b_dec_to_input {
                    value - f64::from(*b_dec)
                } else {
                    value
                }
            })
            .collect();
        let mut latents: Vec<f64> = self
            .w_enc
            .chunks(x.len())
            .zip(&self.b_enc)
            .map(|(row, bias)| {
                let sum: f64 = row.iter().zip(&input).map(|(w, x)| f64::from(*w) * x).sum();
                sum + f64::from(*bias)
            })
            .collect();
        if let Architecture::TopK { k } = self.config.architecture {
            let mut sorted = latents.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let threshold = sorted[k - 1];
            for latent in &mut latents {
                if *latent < threshold {
                    *latent = 0.0;
                }
            }
        }
        let [b_gate, r_mag, b_mag] = &self.gate;
        for (n, latent) in latents.iter_mut().enumerate() {
            let open = match self.config.architecture {
                Architecture::JumpRelu => *latent > f64::from(b_gate[n]),
                Architecture::Gated => {
                    let open = *latent + f64::from(b_gate[n]) > 0.0;
                    *latent = *latent * f64::from(r_mag[n]).exp() + f64::from(b_mag[n]);
                    open
                }
                _ => true,
            };
            *latent = if open { latent.max(0.0) } else { 0.0 };
        }
        (latents, mean, deviation)
    }

    fn decode(&self, latents: &[f64], mean: f64, deviation: f64) -> Vec<f64> {
        let width = self.config.d_in;
        (0..width)
            .map(|d| {
                let sum: f64 = latents
                    .iter()
                    .enumerate()
                    .map(|(latent, z)| z * f64::from(self.w_dec[latent * width + d]))
                    .sum();
                (sum + f64::from(self.b_dec[d])) * deviation + mean
            })
            .collect()
    }
}

fn read(recorder: Recorder, buffers: &[&Buffer]) -> Vec<Vec<u32>> {
    let mut recorder = recorder;
    let handles: Vec<_> = buffers
        .iter()
        .map(|buffer| recorder.read_back(buffer, buffer.words()).unwrap())
        .collect();
    let readings = block_on(recorder.finish().run()).unwrap();
    handles
        .into_iter()
        .map(|handle| readings.words(handle).to_vec())
        .collect()
}

fn assert_close(found: &[u32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found = f64::from(f32::from_bits(*found));
        let tolerance = 1e-4 * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() < tolerance,
            "{what} {index}: {found} and {expected}"
        );
    }
}

fn configs() -> Vec<Config> {
    let mut configs = Vec::new();
    for architecture in [
        Architecture::Standard,
        Architecture::TopK { k: 7 },
        Architecture::JumpRelu,
        Architecture::Gated,
    ] {
        for (normalization, apply_b_dec_to_input) in [
            (Normalization::LayerNorm, true),
            (Normalization::None, true),
            (Normalization::None, false),
            (Normalization::ConstantNorm, true),
        ] {
            configs.push(Config {
                architecture,
                d_in: 22,
                d_sae: 150,
                normalization,
                apply_b_dec_to_input,
            });
        }
    }
    configs
}

#[test]
fn encode_and_decode_follow_the_formulas() {
    for device in devices() {
        for config in configs() {
            let reference = Reference::new(config);
            let sae = reference.load(&device);
            let rows = 9;
            let x = noise(5, rows * config.d_in, 3.0);
            let input = device.buffer_with("x", &x).unwrap();
            let mut recorder = Recorder::new(&device);
            let encoding = sae.record_encode(&mut recorder, &input, rows).unwrap();
            let output = sae.record_decode(&mut recorder, &encoding).unwrap();
            let read = read(
                recorder,
                &[&encoding.latents, &encoding.activations, &output],
            );
            for row in 0..rows {
                let x = &x[row * config.d_in..][..config.d_in];
                let (expected, mean, deviation) = reference.encode(x);
                let mut found = vec![0_u32; config.d_sae];
                let places = row * encoding.k..(row + 1) * encoding.k;
                for (latent, activation) in read[0][places.clone()].iter().zip(&read[1][places]) {
                    if let Some(place) = found.get_mut(*latent as usize) {
                        *place = *activation;
                    }
                }
                assert_close(&found, &expected, "latents");
                let expected = reference.decode(&expected, mean, deviation);
                let found = &read[2][row * config.d_in..][..config.d_in];
                assert_close(found, &expected, "reconstruction");
            }
        }
    }
}

#[test]
fn rows_that_do_not_fit_at_once_are_taken_in_parts() {
    // 64 MiB of pre-activations hold 128 rows of 131,072 latents.
    let config = Config {
        architecture: Architecture::TopK { k: 4 },
        d_in: 2,
        d_sae: 131_072,
        normalization: Normalization::None,
        apply_b_dec_to_input: true,
    };
    let reference = Reference::new(config);
    let device = Device::cpu();
    let sae = reference.load(&device);
    let rows = 131;
    let x = noise(6, rows * 2, 1.0);
    let encode = |first: usize, rows: usize| {
        let input = device
            .buffer_with("x", &x[first * 2..(first + rows) * 2])
            .unwrap();
        let mut recorder = Recorder::new(&device);
        let encoding = sae.record_encode(&mut recorder, &input, rows).unwrap();
        read(recorder, &[&encoding.latents, &encoding.activations])
    };
    let whole = encode(0, rows);
    for row in [0, 127, 128, 130] {
        let alone = encode(row, 1);
        assert_eq!(whole[0][row * 4..][..4], alone[0]);
        for (a, b) in whole[1][row * 4..][..4].iter().zip(&alone[1]) {
            assert!((f32::from_bits(*a) - f32::from_bits(*b)).abs() < 1e-5);
        }
    }
}

#[test]
fn an_edit_moves_only_the_rows_and_the_direction_it_names() {
    for device in devices() {
        for config in configs() {
            let reference = Reference::new(config);
            let sae = reference.load(&device);
            let rows = 4;
            let x = noise(8, rows * config.d_in, 2.0);
            let input = device.buffer_with("x", &x).unwrap();
            let table = rows::one_sequence(&[0; 4]);
            let table = device.buffer_with("row table", &table).unwrap();
            let edit = Edit {
                condition: None,
                set: 5,
                sequence: None,
                positions: 1..3,
                latent: 17,
                operation: EditOperation::Set(2.5),
            };
            let other = Edit {
                set: 4,
                ..edit.clone()
            };
            let edits = device
                .buffer_with("edits", &Edit::table(&[other, edit]))
                .unwrap();
            // Edited in place.
            let edited = device.buffer_with("edited", &x).unwrap();
            let mut recorder = Recorder::new(&device);
            let table = EditTable {
                activation: &edited,
                rows,
                row_table: &table,
                edits: &edits,
                set: 5,
                by_source: false,
                gates: None,
            };
            sae.record_edits(&mut recorder, &table, (&input, rows), None)
                .unwrap();
            let found = read(recorder, &[&edited]).remove(0);
            for row in 0..rows {
                let places = row * config.d_in..(row + 1) * config.d_in;
                let x = &x[places.clone()];
                let found = &found[places];
                if row == 0 || row == 3 {
                    let bits: Vec<u32> = x.iter().map(|x| x.to_bits()).collect();
                    assert_eq!(found, bits);
                    continue;
                }
                let (mut z, mean, deviation) = reference.encode(x);
                let before = reference.decode(&z, mean, deviation);
                z[17] = 2.5;
                let after = reference.decode(&z, mean, deviation);
                let expected: Vec<f64> = x
                    .iter()
                    .zip(before.iter().zip(&after))
                    .map(|(x, (before, after))| f64::from(*x) + after - before)
                    .collect();
                assert_close(found, &expected, "edited");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let config = configs()[4];
    let reference = Reference::new(config);
    let device = Device::cpu();
    let weights = Weights {
        w_enc: &reference.w_enc[1..],
        b_enc: &reference.b_enc,
        gate: GateWeights::None,
        w_dec: &reference.w_dec,
        b_dec: &reference.b_dec,
    };
    assert!(matches!(
        Sae::load(&device, config, &weights, WeightFormat::F32),
        Err(Error::WrongSize {
            tensor: "W_enc",
            ..
        })
    ));
    for k in [0, 151, 513] {
        let config = Config {
            architecture: Architecture::TopK { k },
            ..config
        };
        let weights = Weights {
            w_enc: &reference.w_enc,
            ..weights
        };
        assert!(matches!(
            Sae::load(&device, config, &weights, WeightFormat::F32),
            Err(Error::UnusableK { .. })
        ));
    }
}

#[test]
fn a_gate_of_another_architecture_is_refused() {
    let config = Config {
        architecture: Architecture::JumpRelu,
        ..configs()[0]
    };
    let reference = Reference::new(config);
    let weights = Weights {
        w_enc: &reference.w_enc,
        b_enc: &reference.b_enc,
        gate: GateWeights::None,
        w_dec: &reference.w_dec,
        b_dec: &reference.b_dec,
    };
    assert!(matches!(
        Sae::load(&Device::cpu(), config, &weights, WeightFormat::F32),
        Err(Error::WrongGate { .. })
    ));
}
