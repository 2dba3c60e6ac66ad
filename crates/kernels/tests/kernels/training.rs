//! The kernels of training: transpose of sparse codes, reconstructions by level, gradients by latent, Adam, sums over rows.

use kernels::{
    Adam, AdamDirections, AdamRule, Buffer, ColumnSums, DecodeLevels, Device, Error,
    LatentActivity, LatentEntries, LatentGradients, Levels, Matrix, Recorder, SparseCodes, Sum,
    WeightFormat, adam_rows, adam_vector, column_sums, decode_levels, fill, latent_activity,
    latent_gradients, mask_columns, matrix_column_sums, transpose_codes,
};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, assert_close, config, floats, run, run_f32, widen};

const EMPTY: u32 = u32::MAX;

/// What says the level of a latent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    One,
    Ranks,
    Prefixes,
}

/// A batch of sparse codes with a decoder, and what is to be reconstructed.
struct Batch {
    rows: usize,
    k: usize,
    d_sae: usize,
    width: usize,
    by_rank: bool,
    bounds: Vec<u32>,
    weights: Vec<f32>,
    latents: Vec<u32>,
    activations: Vec<f32>,
    w_dec: Vec<f32>,
    targets: Vec<f32>,
    inputs: Vec<f32>,
    /// The targets are the negative of what is to be reconstructed.
    negative: bool,
}

/// A latent of a row: latent, level, activation.
type Item = (usize, usize, f32);

impl Batch {
    fn random(
        (rows, k, d_sae, width): (usize, usize, usize, usize),
        kind: Kind,
        numbers: &mut Numbers,
    ) -> Self {
        let mut latents = vec![EMPTY; rows * k];
        let mut activations = vec![0.0; rows * k];
        for slot in 0..rows * k {
            let row = slot / k * k;
            let latent = numbers.below(d_sae) as u32;
            if numbers.below(6) > 0 && !latents[row..slot].contains(&latent) {
                latents[slot] = latent;
                // Some are 0, some negative: their slots are empty.
                activations[slot] = numbers.floats(1, 2.0)[0] + 1.0;
            }
        }
        let bounds = match kind {
            Kind::One => vec![],
            Kind::Ranks => vec![(k as u32).div_ceil(3)],
            Kind::Prefixes => vec![d_sae as u32 / 5, d_sae as u32 / 5 + 1, d_sae as u32 / 2 + 2],
        };
        let weights = (0..=bounds.len())
            .map(|level| 0.5 / (level + 1) as f32)
            .collect();
        Self {
            rows,
            k,
            d_sae,
            width,
            by_rank: kind == Kind::Ranks,
            bounds,
            weights,
            latents,
            activations,
            w_dec: numbers.floats(d_sae * width, 1.0),
            targets: numbers.floats(rows * width, 2.0),
            inputs: numbers.floats(rows * width, 1.0),
            negative: numbers.below(2) == 0,
        }
    }

    fn levels(&self) -> usize {
        self.weights.len()
    }

    fn main_level(&self) -> usize {
        if self.by_rank { 0 } else { self.levels() - 1 }
    }

    fn row(&self, row: usize) -> Vec<Item> {
        let active = (0..self.k).filter_map(|rank| {
            let slot = row * self.k + rank;
            let (latent, z) = (self.latents[slot], self.activations[slot]);
            let key = if self.by_rank { rank as u32 } else { latent };
            let level = self.bounds.iter().filter(|bound| **bound <= key).count();
            (latent != EMPTY && z > 0.0).then_some((latent as usize, level, z))
        });
        active.collect()
    }

    /// First entries and entries, by latent.
    fn transposed(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut firsts, mut entries) = (vec![0], Vec::new());
        for wanted in 0..self.d_sae {
            for row in 0..self.rows {
                for (latent, level, z) in self.row(row) {
                    if latent == wanted {
                        entries.extend([(row * self.levels() + level) as u32, z.to_bits()]);
                    }
                }
            }
            firsts.push(entries.len() as u32 / 2);
        }
        (firsts, entries)
    }

    /// Gradients [rows, levels, width], residuals, squares.
    fn decoded(&self) -> [Vec<f64>; 3] {
        let (mut gradients, mut residuals, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..self.rows {
            let items = self.row(row);
            let off: Vec<Vec<f64>> = (0..self.levels())
                .map(|level| {
                    let value = |d: usize| {
                        let inside = items.iter().filter(|item| item.1 <= level);
                        let terms = inside.map(|(latent, _, z)| {
                            f64::from(*z) * f64::from(self.w_dec[latent * self.width + d])
                        });
                        let sign = if self.negative { 1.0 } else { -1.0 };
                        terms.sum::<f64>() + sign * f64::from(self.targets[row * self.width + d])
                    };
                    (0..self.width).map(value).collect()
                })
                .collect();
            for level in 0..self.levels() {
                squares.push(off[level].iter().map(|value| value * value).sum());
                for d in 0..self.width {
                    let later = off.iter().zip(&self.weights).skip(level);
                    gradients.push(later.map(|(off, w)| 2.0 * f64::from(*w) * off[d]).sum());
                }
            }
            residuals.extend(&off[self.main_level()]);
        }
        [gradients, residuals, squares]
    }

    /// dW_dec, dW_enc, db_enc.
    fn weights_gradients(&self) -> [Vec<f64>; 3] {
        let gradients = &self.decoded()[0];
        let mut decoder = vec![0.0; self.d_sae * self.width];
        let mut encoder = decoder.clone();
        let mut bias = vec![0.0; self.d_sae];
        for row in 0..self.rows {
            for (latent, level, z) in self.row(row) {
                let gradient =
                    &gradients[(row * self.levels() + level) * self.width..][..self.width];
                let direction = &self.w_dec[latent * self.width..][..self.width];
                let products = gradient.iter().zip(direction);
                let dz: f64 = products.map(|(g, w)| g * f64::from(*w)).sum();
                bias[latent] += dz;
                for (d, g) in gradient.iter().enumerate() {
                    let place = latent * self.width + d;
                    decoder[place] += f64::from(z) * g;
                    encoder[place] += dz * f64::from(self.inputs[row * self.width + d]);
                }
            }
        }
        [decoder, encoder, bias]
    }
}

/// A batch's buffers on a device.
struct OnDevice {
    latents: Buffer,
    activations: Buffer,
    table: Buffer,
    firsts: Buffer,
    entries: Buffer,
    w_dec: Matrix,
    targets: Buffer,
    inputs: Buffer,
    gradients: Buffer,
    residuals: Buffer,
    squares: Buffer,
}

impl OnDevice {
    fn new(device: &Device, batch: &Batch) -> Result<Self, Error> {
        let (rows, width) = (batch.rows, batch.width);
        let mut table = batch.bounds.clone();
        table.push(0);
        table.extend(batch.weights.iter().map(|weight| weight.to_bits()));
        let entries = vec![f32::NAN; 2 * rows * batch.k];
        let nans = vec![f32::NAN; rows * batch.levels() * width];
        Ok(Self {
            latents: device.buffer_with("latents", &batch.latents)?,
            activations: device.buffer_with("activations", &batch.activations)?,
            table: device.buffer_with("levels", &table)?,
            firsts: device.buffer_with("firsts", &vec![7_u32; batch.d_sae + 1])?,
            entries: device.buffer_with("entries", &entries)?,
            w_dec: matrix(device, (batch.d_sae, width), &batch.w_dec)?,
            targets: device.buffer_with("targets", &batch.targets)?,
            inputs: device.buffer_with("inputs", &batch.inputs)?,
            gradients: device.buffer_with("gradients", &nans)?,
            residuals: device.buffer_with("residuals", &nans[..rows * width])?,
            squares: device.buffer_with("squares", &nans[..rows * batch.levels()])?,
        })
    }

    fn levels(&self, batch: &Batch) -> Levels<'_> {
        Levels {
            table: &self.table,
            count: batch.levels(),
            by_rank: batch.by_rank,
        }
    }

    fn listed(&self) -> LatentEntries<'_> {
        LatentEntries {
            firsts: &self.firsts,
            entries: &self.entries,
        }
    }

    fn codes(&self, batch: &Batch) -> SparseCodes<'_> {
        SparseCodes {
            latents: &self.latents,
            activations: &self.activations,
            rows: batch.rows,
            k: batch.k,
            d_sae: batch.d_sae,
        }
    }

    /// The transpose and the reconstructions.
    fn record(&self, recorder: &mut Recorder, batch: &Batch) -> Result<(), Error> {
        transpose_codes(
            recorder,
            &self.codes(batch),
            &self.levels(batch),
            &self.listed(),
        )?;
        decode_levels(
            recorder,
            &DecodeLevels {
                codes: self.codes(batch),
                levels: self.levels(batch),
                main_level: batch.main_level(),
                targets: &self.targets,
                negative_targets: batch.negative,
                w_dec: &self.w_dec,
                gradients: &self.gradients,
                residuals: &self.residuals,
                squares: &self.squares,
            },
        )
    }
}

fn matrix(device: &Device, shape: (usize, usize), values: &[f32]) -> Result<Matrix, Error> {
    Matrix::from_rows(device, "matrix", shape, WeightFormat::F32, values)
}

fn read(device: &Device, matrix: &Matrix) -> Vec<f32> {
    pollster::block_on(matrix.read_rows(device, 0..matrix.rows())).unwrap()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::One, Kind::Ranks, Kind::Prefixes])
}

fn check_codes(devices: &Devices, batch: &Batch) {
    let (firsts, mut entries) = batch.transposed();
    let unused = vec![f32::NAN.to_bits(); 2 * batch.rows * batch.k - entries.len()];
    entries.extend(unused);
    let [gradients, residuals, squares] = batch.decoded();
    for device in devices.each() {
        let on = OnDevice::new(device, batch).unwrap();
        let mut recorder = Recorder::new(device);
        on.record(&mut recorder, batch).unwrap();
        let buffers = [
            &on.firsts,
            &on.entries,
            &on.gradients,
            &on.residuals,
            &on.squares,
        ];
        let words = run(recorder, &buffers).unwrap();
        let what = format!("{:?}", device.kind());
        assert_eq!(words[0], firsts, "{what}");
        assert_eq!(words[1], entries, "{what}");
        assert_close(&what, &floats(&words[2]), &gradients, 2e-5);
        assert_close(&what, &floats(&words[3]), &residuals, 2e-5);
        assert_close(&what, &floats(&words[4]), &squares, 2e-5);
    }
}

#[test]
fn codes_are_transposed_and_decoded_by_level() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..140, k in 1_usize..20, d_sae in 1_usize..300, width in 1_usize..90, kind in kinds(), seed: u64,
    )| {
        let batch = Batch::random((rows, k, d_sae, width), kind, &mut Numbers::new(seed));
        check_codes(&devices, &batch);
    });
}

#[test]
fn a_decoder_in_shards_gives_the_same() {
    // 46 rows of 36 words per shard.
    let devices = Devices::binding_at_most(4 * 12 * 35 * 4);
    for (seed, kind) in [(1, Kind::One), (2, Kind::Ranks), (3, Kind::Prefixes)] {
        let batch = Batch::random((12, 9, 90, 35), kind, &mut Numbers::new(seed));
        check_codes(&devices, &batch);
    }
}

#[test]
fn gradients_are_the_sums_over_each_latents_rows() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..140, k in 1_usize..12, d_sae in 1_usize..60, width in 1_usize..90, kind in kinds(), seed: u64,
    )| {
        let batch = Batch::random((rows, k, d_sae, width), kind, &mut Numbers::new(seed));
        check_gradients(&devices, &batch);
    });
}

fn check_gradients(devices: &Devices, batch: &Batch) {
    let expected = batch.weights_gradients();
    for device in devices.each() {
        let on = OnDevice::new(device, batch).unwrap();
        let shape = (batch.d_sae, batch.width);
        let nans = vec![f32::NAN; batch.d_sae * batch.width];
        let dw_dec = matrix(device, shape, &nans).unwrap();
        let dw_enc = matrix(device, shape, &nans).unwrap();
        let db_enc = device
            .buffer_with("db_enc", &nans[..batch.d_sae.min(nans.len())])
            .unwrap();
        let mut kept: Option<[Vec<f32>; 3]> = None;
        // Written once, and then added to it.
        for add in [false, true] {
            let mut recorder = Recorder::new(device);
            on.record(&mut recorder, batch).unwrap();
            latent_gradients(
                &mut recorder,
                &LatentGradients {
                    entries: on.listed(),
                    rows: batch.rows,
                    most_entries: batch.rows * batch.k,
                    levels: batch.levels(),
                    gradients: &on.gradients,
                    inputs: &on.inputs,
                    w_dec: &on.w_dec,
                    dw_dec: &dw_dec,
                    dw_enc: &dw_enc,
                    db_enc: &db_enc,
                    add,
                },
            )
            .unwrap();
            let bias = run_f32(recorder, &db_enc).unwrap();
            let found = [read(device, &dw_dec), read(device, &dw_enc), bias];
            let factor = if add { 2.0 } else { 1.0 };
            for (name, (found, expected)) in ["dW_dec", "dW_enc", "db_enc"]
                .iter()
                .zip(found.iter().zip(&expected))
            {
                let expected: Vec<f64> = expected.iter().map(|value| value * factor).collect();
                let what = format!("{name}, {:?}", device.kind());
                assert_close(&what, found, &expected, 2e-4);
            }
            if let Some(kept) = &kept {
                let twice = kept[2].iter().map(|value| f64::from(*value) * 2.0);
                assert_close("twice", &found[2], &twice.collect::<Vec<_>>(), 1e-5);
            }
            kept = Some(found);
        }
    }
}

#[test]
fn gradients_in_shards_are_the_same() {
    let batch = Batch::random((12, 9, 90, 35), Kind::Prefixes, &mut Numbers::new(3));
    let devices = Devices::binding_at_most(4 * 12 * 35 * 4);
    for device in devices.each() {
        let shards = matrix(device, (90, 35), &batch.w_dec)
            .unwrap()
            .shard_count();
        assert!(shards > 1, "{shards}");
    }
    check_gradients(&devices, &batch);
}

/// A latent in every row is summed in its rows' order whatever the device does at the same time: the same bits each time.
#[test]
fn the_same_batch_gives_the_same_bits() {
    let batch = Batch::random((300, 4, 6, 33), Kind::Ranks, &mut Numbers::new(11));
    for device in Devices::new().each() {
        let once = || {
            let on = OnDevice::new(device, &batch).unwrap();
            let gradient = Matrix::zeros(device, "g", (6, 33), WeightFormat::F32).unwrap();
            let encoder = Matrix::zeros(device, "e", (6, 33), WeightFormat::F32).unwrap();
            let bias = device.buffer("b", 6).unwrap();
            let mut recorder = Recorder::new(device);
            on.record(&mut recorder, &batch).unwrap();
            let args = LatentGradients {
                entries: on.listed(),
                rows: batch.rows,
                most_entries: batch.rows * batch.k,
                levels: batch.levels(),
                gradients: &on.gradients,
                inputs: &on.inputs,
                w_dec: &on.w_dec,
                dw_dec: &gradient,
                dw_enc: &encoder,
                db_enc: &bias,
                add: false,
            };
            latent_gradients(&mut recorder, &args).unwrap();
            let words = run(recorder, &[&bias, &on.entries]).unwrap();
            let bits = |values: Vec<f32>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            (
                words,
                bits(read(device, &gradient)),
                bits(read(device, &encoder)),
            )
        };
        let first = once();
        for _ in 0..3 {
            assert!(once() == first, "{:?}", device.kind());
        }
    }
}

#[test]
fn columns_are_summed() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..400, width in 1_usize..150, more in 0_usize..5, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let stride = width + more;
        let values = numbers.floats(rows * stride, 1.0);
        let old = numbers.floats(width, 3.0);
        let column = |d: usize| (0..rows).map(|row| f64::from(values[row * stride + d])).sum::<f64>();
        for (sum, sign, keep) in [(Sum::Write, 1.0, 0.0), (Sum::Add, 1.0, 1.0), (Sum::Subtract, -1.0, 1.0)] {
            let expected: Vec<f64> =
                (0..width).map(|d| keep * f64::from(old[d]) + sign * column(d)).collect();
            devices.agree(&expected, 1e-5, |device| {
                let input = device.buffer_with("values", &values)?;
                let output = device.buffer_with("sums", &old)?;
                let mut recorder = Recorder::new(device);
                let args = ColumnSums { input: &input, rows, width, stride, output: &output, sum };
                column_sums(&mut recorder, &args)?;
                run_f32(recorder, &output)
            });
        }
    });
}

#[test]
fn a_matrix_in_shards_is_summed_with_factors() {
    let mut numbers = Numbers::new(5);
    let (rows, width) = (200, 30);
    let values = numbers.floats(rows * width, 1.0);
    let factors = numbers.floats(rows, 1.0);
    let expected: Vec<f64> = (0..width)
        .map(|d| {
            let terms = (0..rows).map(|r| f64::from(factors[r]) * f64::from(values[r * width + d]));
            terms.sum()
        })
        .collect();
    for bytes in [1 << 20, 4 * 32 * 90] {
        Devices::binding_at_most(bytes).agree(&expected, 1e-5, |device| {
            let matrix = matrix(device, (rows, width), &values)?;
            let factors = device.buffer_with("factors", &factors)?;
            let output = device.buffer_with("sums", &vec![f32::NAN; width])?;
            let mut recorder = Recorder::new(device);
            matrix_column_sums(&mut recorder, &matrix, &factors, (&output, Sum::Write))?;
            run_f32(recorder, &output)
        });
    }
}

#[test]
fn dead_latents_are_those_that_were_not_active_for_long() {
    let batch = Batch::random((40, 6, 50, 3), Kind::Ranks, &mut Numbers::new(21));
    let (threshold, clock, dead_steps) = (0.8_f32, 9_u32, 4_u32);
    let before: Vec<u32> = (0..50).map(|latent| latent % 9).collect();
    let (mut last, mut activity) = (before.clone(), Vec::new());
    for (latent, last) in last.iter_mut().enumerate() {
        let all = (0..batch.rows).flat_map(|row| batch.row(row));
        let inside: Vec<f32> = all
            .filter(|item| item.0 == latent && item.1 == 0)
            .map(|item| item.2)
            .collect();
        if inside.iter().any(|z| *z > threshold) {
            *last = clock;
        }
        activity.push(f32::from(u8::from(clock - *last > dead_steps)));
        activity.push(inside.len() as f32);
    }
    assert!(activity.iter().step_by(2).any(|dead| *dead == 1.0));
    for device in Devices::new().each() {
        let on = OnDevice::new(device, &batch).unwrap();
        let last_active = device.buffer_with("last", &before).unwrap();
        let found = device
            .buffer_with("activity", &vec![f32::NAN; 100])
            .unwrap();
        let clock = device.buffer_with("clock", &[clock]).unwrap();
        let mut recorder = Recorder::new(device);
        on.record(&mut recorder, &batch).unwrap();
        let args = LatentActivity {
            entries: on.listed(),
            d_sae: batch.d_sae,
            levels: batch.levels(),
            main_level: batch.main_level(),
            threshold,
            dead_steps,
            clock: &clock,
            last_active: &last_active,
            activity: &found,
        };
        latent_activity(&mut recorder, &args).unwrap();
        let words = run(recorder, &[&last_active, &found]).unwrap();
        assert_eq!(words[0], last, "{:?}", device.kind());
        assert_eq!(floats(&words[1]), activity, "{:?}", device.kind());
    }
}

#[test]
fn words_are_filled_and_columns_masked() {
    let (rows, columns) = (3, 70);
    let values = Numbers::new(2).floats(rows * columns, 5.0);
    let mask: Vec<f32> = (0..2 * columns)
        .map(|word| ((word / 2) % 3) as f32)
        .collect();
    for device in Devices::new().each() {
        let buffer = device.buffer_with("values", &values).unwrap();
        let mask_buffer = device.buffer_with("mask", &mask).unwrap();
        let filled = device.buffer_with("filled", &vec![1_u32; 300]).unwrap();
        let mut recorder = Recorder::new(device);
        mask_columns(&mut recorder, (&buffer, rows, columns), &mask_buffer).unwrap();
        fill(&mut recorder, &filled, 299, 77).unwrap();
        let words = run(recorder, &[&buffer, &filled]).unwrap();
        for (place, (found, value)) in floats(&words[0]).iter().zip(&values).enumerate() {
            let expected = if place % columns % 3 == 0 {
                -3e38
            } else {
                *value
            };
            assert_eq!(*found, expected);
        }
        assert!(words[1][..299].iter().all(|word| *word == 77) && words[1][299] == 1);
    }
}

/// Weights and what belongs to them, in f64.
#[derive(Clone)]
struct Reference {
    values: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    mean: Vec<f64>,
}

impl Reference {
    fn normalise(&mut self, width: usize) {
        for row in self.values.chunks_mut(width) {
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|value| *value /= length);
            }
        }
    }

    fn update_mean(&mut self, ema: f64) {
        for (mean, value) in self.mean.iter_mut().zip(&self.values) {
            *mean = ema * *mean + (1.0 - ema) * value;
        }
    }

    fn step(
        &mut self,
        (gradient, width): (&[f64], usize),
        rule: AdamRule,
        directions: AdamDirections,
        (rate, root): (f64, f64),
    ) {
        let wide = f64::from;
        if directions.normalise_before {
            self.normalise(width);
        }
        let mut gradient = gradient.to_vec();
        if directions.remove_parallel {
            for (g, row) in gradient.chunks_mut(width).zip(self.values.chunks(width)) {
                let parallel: f64 = g.iter().zip(row).map(|(g, value)| g * value).sum();
                g.iter_mut()
                    .zip(row)
                    .for_each(|(g, value)| *g -= parallel * value);
            }
        }
        if rule.ema_before_step {
            self.update_mean(wide(rule.ema));
        }
        let (beta1, beta2) = (wide(rule.beta1), wide(rule.beta2));
        for (i, g) in gradient.iter().enumerate() {
            self.first[i] = beta1 * self.first[i] + (1.0 - beta1) * g;
            self.second[i] = beta2 * self.second[i] + (1.0 - beta2) * g * g;
            self.values[i] -=
                rate * self.first[i] / (self.second[i].sqrt() / root + wide(rule.epsilon));
        }
        if directions.normalise_after {
            self.normalise(width);
        }
        if !rule.ema_before_step {
            self.update_mean(wide(rule.ema));
        }
    }
}

#[test]
fn adam_steps_are_those_of_f64() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..20, width in 1_usize..150, flags in 0_u32..32, vector: bool, seed: u64,
    )| {
        let mut numbers = Numbers::new(seed);
        let is = |bit: u32| flags >> bit & 1 == 1;
        let directions = AdamDirections {
            normalise_before: is(0) && !vector,
            normalise_after: is(1) && !vector,
            remove_parallel: is(2) && !vector,
        };
        let rule = AdamRule { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, ema: 0.75, ema_before_step: is(3) };
        let count = rows * width;
        let values = numbers.floats(count, 1.0);
        let gradient: Vec<f32> = numbers.floats(count, 1.0).iter().map(|g| g + 0.01).collect();
        let first = numbers.floats(count, 0.5);
        let second: Vec<f32> = numbers.floats(count, 0.5).iter().map(|v| v.abs() + 0.01).collect();
        let mean = numbers.floats(count, 1.0);
        let (rate, root) = (0.03_f32, 0.4_f32);
        let mut expected = Reference {
            values: widen(&values), first: widen(&first), second: widen(&second), mean: widen(&mean),
        };
        let width_of = if vector { count } else { width };
        expected.step((&widen(&gradient), width_of), rule, directions, (f64::from(rate), f64::from(root)));
        if !is(4) {
            expected.mean = widen(&mean);
        }
        let expected = [expected.values, expected.first, expected.second, expected.mean].concat();
        devices.agree(&expected, 2e-5, |device| {
            let numbers = device.buffer_with("numbers", &[rate, root])?;
            let parts = [&values, &gradient, &first, &second, &mean];
            let mut recorder = Recorder::new(device);
            if vector {
                let [values, gradient, first, second, mean] =
                    parts.map(|part| device.buffer_with("vector", part).unwrap());
                let args = Adam {
                    values: &values, gradient: &gradient, first: &first, second: &second,
                    mean: is(4).then_some(&mean), numbers: &numbers, rule,
                };
                adam_vector(&mut recorder, &args, count)?;
                let words = run(recorder, &[&values, &first, &second, &mean])?;
                return Ok(floats(&words.concat()));
            }
            let [values, gradient, first, second, mean] =
                parts.map(|part| matrix(device, (rows, width), part).unwrap());
            let args = Adam {
                values: &values, gradient: &gradient, first: &first, second: &second,
                mean: is(4).then_some(&mean), numbers: &numbers, rule,
            };
            adam_rows(&mut recorder, &args, directions)?;
            pollster::block_on(recorder.finish().run())?;
            Ok([&values, &first, &second, &mean].map(|part| read(device, part)).concat())
        });
    });
}

#[test]
fn matrices_of_other_shapes_are_refused() {
    for device in Devices::new().each() {
        let one = matrix(device, (4, 3), &[1.0; 12]).unwrap();
        let other = matrix(device, (3, 4), &[1.0; 12]).unwrap();
        let numbers = device.buffer("numbers", 2).unwrap();
        let rule = AdamRule {
            beta1: 0.9,
            beta2: 0.9,
            epsilon: 1e-8,
            ema: 0.0,
            ema_before_step: false,
        };
        let args = Adam {
            values: &one,
            gradient: &other,
            first: &one,
            second: &one,
            mean: None,
            numbers: &numbers,
            rule,
        };
        let refused = adam_rows(&mut Recorder::new(device), &args, AdamDirections::default());
        let message = refused.map_err(|error| error.to_string()).unwrap_err();
        assert!(message.contains("of one shape"), "{message}");
    }
}
