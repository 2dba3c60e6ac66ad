//! Matrices that come piece by piece, stored as used or transposed, in shards, as f32 and as f16.

use std::ops::Range;

use kernels::rows::one_sequence;
use kernels::{Device, Embedding, Error, Matrix, Recorder, Stored, WeightFormat, embedding};
use pollster::block_on;
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, halved, run_f32, widen};

/// The matrix's rows, as the embedding reads them.
fn rows_of(device: &Device, matrix: &Matrix) -> Result<Vec<f32>, Error> {
    let (rows, width) = (matrix.rows(), matrix.cols());
    let tokens: Vec<u32> = (0..rows as u32).collect();
    let output = device.buffer("output", rows * width)?;
    let mut recorder = Recorder::new(device);
    embedding(
        &mut recorder,
        &Embedding {
            row_table: &device.buffer_with("row table", &one_sequence(&tokens))?,
            rows,
            token_embedding: Some(matrix),
            position_embedding: None,
            width,
            output: &output,
        },
    )?;
    run_f32(recorder, &output)
}

/// Uploads `weights [rows, cols]` from a file that holds them one way or the other.
fn uploaded(
    device: &Device,
    (rows, cols): (usize, usize),
    format: WeightFormat,
    stored: Stored,
    weights: &[f32],
) -> Result<Matrix, Error> {
    let source = async |range: Range<usize>| -> Result<Vec<f32>, Error> {
        Ok(match stored {
            Stored::AsUsed => weights[range.start * cols..range.end * cols].to_vec(),
            Stored::Transposed => range
                .flat_map(|col| (0..rows).map(move |row| weights[row * cols + col]))
                .collect(),
        })
    };
    block_on(Matrix::upload(
        device,
        "W",
        (rows, cols),
        format,
        stored,
        source,
    ))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_matrix_arrives_whole_whichever_way_round_it_is_stored(
        rows in 1..70_usize,
        cols in 1..70_usize,
        f16: bool,
        transposed: bool,
        seed: u64,
    ) {
        let format = if f16 { WeightFormat::F16 } else { WeightFormat::F32 };
        let stored = if transposed { Stored::Transposed } else { Stored::AsUsed };
        let weights = halved(&Numbers::new(seed).floats(rows * cols, 1.0));
        Devices::new().agree(&widen(&weights), 0.0, |device| {
            rows_of(device, &uploaded(device, (rows, cols), format, stored, &weights)?)
        });
    }

    #[test]
    fn rows_come_back_as_they_are_stored(
        rows in 1..40_usize,
        cols in 1..24_usize,
        f16: bool,
        cut in (0.0..1.0_f64, 0.0..1.0_f64),
        seed: u64,
    ) {
        let format = if f16 { WeightFormat::F16 } else { WeightFormat::F32 };
        let weights = halved(&Numbers::new(seed).floats(rows * cols, 1.0));
        let at = |share: f64| (share * (rows + 1) as f64) as usize;
        let range = at(cut.0.min(cut.1))..at(cut.0.max(cut.1));
        let expected = &weights[range.start * cols..range.end * cols];
        for devices in [Devices::new(), Devices::binding_at_most(112)] {
            for device in devices.each() {
                let matrix = Matrix::from_rows(device, "W", (rows, cols), format, &weights);
                let read = matrix.map(|matrix| block_on(matrix.read_rows(device, range.clone())));
                let read = read.and_then(|read| read);
                let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(&read, expected);
            }
        }
    }

    // Bindings so small that a shard has a few rows, and a strip fewer columns than a piece.
    #[test]
    fn shards_and_short_strips_change_nothing(
        rows in 1..40_usize,
        cols in 1..24_usize,
        f16: bool,
        seed: u64,
    ) {
        let format = if f16 { WeightFormat::F16 } else { WeightFormat::F32 };
        let weights = halved(&Numbers::new(seed).floats(rows * cols, 1.0));
        let small = Devices::binding_at_most(112);
        for device in small.each() {
            let matrix = uploaded(device, (rows, cols), format, Stored::Transposed, &weights);
            let matrix = matrix.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(rows < 8 || matrix.shard_count() > 1);
            for (row, expected) in weights.chunks(cols).enumerate() {
                // A row at a time: the whole output would not fit such a binding.
                let found = one_row(device, &matrix, row);
                let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(&found, expected, "row {}", row);
            }
        }
    }
}

fn one_row(device: &Device, matrix: &Matrix, row: usize) -> Result<Vec<f32>, Error> {
    let output = device.buffer("output", matrix.cols())?;
    let mut recorder = Recorder::new(device);
    embedding(
        &mut recorder,
        &Embedding {
            row_table: &device.buffer_with("row table", &one_sequence(&[row as u32]))?,
            rows: 1,
            token_embedding: Some(matrix),
            position_embedding: None,
            width: matrix.cols(),
            output: &output,
        },
    )?;
    run_f32(recorder, &output)
}

// More weights than are transposed in memory, in one shard.
#[test]
fn a_large_matrix_is_transposed_on_the_device() {
    let (rows, cols) = (2051, 2053);
    let weights = halved(&Numbers::new(7).floats(rows * cols, 1.0));
    for device in Devices::new().each() {
        for format in [WeightFormat::F32, WeightFormat::F16] {
            let matrix = uploaded(device, (rows, cols), format, Stored::Transposed, &weights);
            let matrix = matrix.unwrap();
            assert_eq!(matrix.shard_count(), 1);
            for row in [0, 1, 510, 1023, rows - 1] {
                let expected = &weights[row * cols..][..cols];
                assert_eq!(
                    one_row(device, &matrix, row).unwrap(),
                    expected,
                    "row {row}"
                );
            }
        }
    }
}

#[test]
fn weights_are_requested_in_bounded_pieces_in_order() {
    // 3 Mi weights: more than two pieces.
    let (rows, cols) = (3 << 10, 1 << 10);
    for (stored, across) in [(Stored::AsUsed, cols), (Stored::Transposed, rows)] {
        let mut next = 0;
        let device = Device::cpu();
        let upload = Matrix::upload(
            &device,
            "W",
            (rows, cols),
            WeightFormat::F32,
            stored,
            async |range: Range<usize>| -> Result<Vec<f32>, Error> {
                assert_eq!(range.start, next);
                assert!(range.len() * across <= (1 << 20) + 16 * across);
                next = range.end;
                Ok(vec![0.5; range.len() * across])
            },
        );
        block_on(upload).unwrap();
        assert_eq!(next, rows * cols / across);
    }
}

#[test]
fn a_weight_too_large_for_a_half_is_refused() {
    for device in Devices::new().gpus {
        for stored in [Stored::AsUsed, Stored::Transposed] {
            let weights = [0.0, 1.0, 70_000.0, 2.0];
            let error = uploaded(&device, (2, 2), WeightFormat::F16, stored, &weights).err();
            let Some(Error::NotInF16 { value, .. }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(value, 70_000.0);
        }
    }
}

#[test]
fn a_source_of_another_size_is_refused() {
    let device = Device::cpu();
    let upload = Matrix::upload(
        &device,
        "W",
        (4, 4),
        WeightFormat::F32,
        Stored::Transposed,
        async |_| -> Result<Vec<f32>, Error> { Ok(vec![0.0; 15]) },
    );
    assert!(matches!(block_on(upload), Err(Error::Shape { .. })));
}
