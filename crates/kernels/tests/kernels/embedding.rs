//! `embedding`: rows of W_E, found in whichever shard has them, plus positions.

use kernels::rows::{POSITION, ROW_WORDS, Row, TOKEN, one_sequence};
use kernels::{Device, Embedding, Error, Matrix, Recorder, WeightFormat, embedding};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, halved, run_f32, widen};

struct Case {
    vocabulary: usize,
    width: usize,
    rows: usize,
    positions: usize,
    format: WeightFormat,
    add_token: bool,
    add_position: bool,
    seed: u64,
}

impl Case {
    fn check(&self, devices: &Devices) {
        let mut numbers = Numbers::new(self.seed);
        let mut w_e = numbers.floats(self.vocabulary * self.width, 1.0);
        if self.format == WeightFormat::F16 {
            w_e = halved(&w_e);
        }
        let w_pos = numbers.floats(self.positions * self.width, 1.0);
        // Tokens and positions in any order; the other words are not read.
        let table: Vec<u32> = (0..self.rows)
            .flat_map(|_| {
                Row {
                    token: numbers.below(self.vocabulary) as u32,
                    position: numbers.below(self.positions) as u32,
                    first_row: 77,
                    cache_first: 88,
                    past: 99,
                    sequence: 66,
                    source: 55,
                }
                .words()
            })
            .collect();
        let mut expected = vec![0.0; self.rows * self.width];
        for (row, out) in expected.chunks_mut(self.width).enumerate() {
            let token = table[row * ROW_WORDS + TOKEN] as usize;
            let position = table[row * ROW_WORDS + POSITION] as usize;
            for (d, out) in out.iter_mut().enumerate() {
                if self.add_token {
                    *out += f64::from(w_e[token * self.width + d]);
                }
                if self.add_position {
                    *out += f64::from(w_pos[position * self.width + d]);
                }
            }
        }
        devices.agree(&expected, 1e-6, |device| {
            self.run(device, &table, &w_e, &w_pos)
        });
    }

    fn run(
        &self,
        device: &Device,
        table: &[u32],
        w_e: &[f32],
        w_pos: &[f32],
    ) -> Result<Vec<f32>, Error> {
        let matrix = Matrix::from_rows(
            device,
            "W_E",
            (self.vocabulary, self.width),
            self.format,
            w_e,
        )?;
        let rows = table.len() / ROW_WORDS;
        let row_table = device.buffer_with("row table", table)?;
        let positions = device.buffer_with("W_pos", w_pos)?;
        let output = device.buffer("output", rows * self.width)?;
        let mut recorder = Recorder::new(device);
        embedding(
            &mut recorder,
            &Embedding {
                row_table: &row_table,
                rows,
                token_embedding: self.add_token.then_some(&matrix),
                position_embedding: self.add_position.then_some(&positions),
                width: self.width,
                output: &output,
            },
        )?;
        run_f32(recorder, &output)
    }
}

fn format() -> impl Strategy<Value = WeightFormat> {
    prop_oneof![Just(WeightFormat::F32), Just(WeightFormat::F16)]
}

#[test]
fn batches_and_formats_agree() {
    let devices = Devices::new();
    proptest!(config(), |(
        vocabulary in 1_usize..90, width in 1_usize..150, rows in 1_usize..30,
        positions in 1_usize..9, format in format(), parts in 1_usize..4, seed: u64,
    )| {
        Case {
            vocabulary, width, rows, positions, format,
            add_token: parts & 1 != 0, add_position: parts & 2 != 0, seed,
        }.check(&devices);
    });
}

#[test]
fn shards_agree() {
    let devices = Devices::binding_at_most(4096);
    proptest!(config(), |(
        vocabulary in 60_usize..200, width in 30_usize..60, rows in 1_usize..18, format in format(), seed: u64,
    )| {
        for device in devices.each() {
            let zeros = vec![0.0; vocabulary * width];
            let shards = Matrix::from_rows(device, "W_E", (vocabulary, width), format, &zeros)
                .map(|matrix| matrix.shard_count());
            prop_assert!(shards.is_ok_and(|count| count >= 2 || format == WeightFormat::F16));
        }
        Case {
            vocabulary, width, rows, positions: 9, format,
            add_token: true, add_position: true, seed,
        }.check(&devices);
    });
}

#[test]
fn a_token_beyond_the_vocabulary_leaves_its_row_alone() {
    for device in Devices::new().each() {
        let output = (|| {
            let weights = [1.0, 2.0, 3.0, 4.0];
            let matrix = Matrix::from_rows(device, "W_E", (2, 2), WeightFormat::F32, &weights)?;
            let row_table = device.buffer_with("row table", &one_sequence(&[2, 1]))?;
            let output = device.buffer_with("output", &[7.0_f32; 4])?;
            let mut recorder = Recorder::new(device);
            embedding(
                &mut recorder,
                &Embedding {
                    row_table: &row_table,
                    rows: 2,
                    token_embedding: Some(&matrix),
                    position_embedding: None,
                    width: 2,
                    output: &output,
                },
            )?;
            run_f32(recorder, &output)
        })()
        .unwrap_or_else(|error: Error| panic!("{error}"));
        assert_eq!(widen(&output), [7.0, 7.0, 3.0, 4.0]);
    }
}
