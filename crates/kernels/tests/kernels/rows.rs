//! `gather_rows`.

use kernels::rows::{ROW_WORDS, SOURCE};
use kernels::{Device, Error, GatherRows, Recorder, RowIndex, gather_rows};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, run};

fn gathered(
    device: &Device,
    input: &[u32],
    index: &[u32],
    width: usize,
    in_table: bool,
) -> Result<Vec<u32>, Error> {
    let rows = index.len();
    let input = device.buffer_with("input", input)?;
    let output = device.buffer_with("output", &vec![7_u32; rows * width])?;
    let words = if in_table {
        let mut table = vec![0; rows * ROW_WORDS];
        for (row, index) in table.chunks_exact_mut(ROW_WORDS).zip(index) {
            row[SOURCE] = *index;
        }
        table
    } else {
        index.to_vec()
    };
    let index = device.buffer_with("index", &words)?;
    let mut recorder = Recorder::new(device);
    gather_rows(
        &mut recorder,
        &GatherRows {
            input: &input,
            index: if in_table {
                RowIndex::Source(&index)
            } else {
                RowIndex::List(&index)
            },
            rows,
            width,
            output: &output,
        },
    )?;
    Ok(run(recorder, &[&output])?.remove(0))
}

#[test]
fn gathered_rows_are_exact() {
    let devices = Devices::new();
    proptest!(config(), |(
        input_rows in 1_usize..20, rows in 1_usize..40, width in 1_usize..200, in_table: bool, seed: u64,
    )| {
        let mut numbers = Numbers::new(seed);
        // Any bit pattern, NaNs of all kinds included.
        let input: Vec<u32> = (0..input_rows * width).map(|_| numbers.word() as u32).collect();
        // One in eight lies beyond the input, just after it or far.
        let index: Vec<u32> = (0..rows)
            .map(|_| match numbers.below(16) {
                0 => input_rows as u32,
                1 => u32::MAX,
                _ => numbers.below(input_rows) as u32,
            })
            .collect();
        let expected: Vec<Option<&[u32]>> = index
            .iter()
            .map(|index| input.chunks_exact(width).nth(*index as usize))
            .collect();
        for device in devices.each() {
            let found = gathered(device, &input, &index, width, in_table);
            let found = found.map_err(|error| error.to_string()).unwrap_or_default();
            prop_assert_eq!(found.len(), rows * width);
            for (found, expected) in found.chunks_exact(width).zip(&expected) {
                match expected {
                    Some(expected) => prop_assert_eq!(&found, expected),
                    None => prop_assert!(found.iter().all(|word| f32::from_bits(*word).is_nan())),
                }
            }
        }
    });
}

#[test]
fn a_list_that_is_too_short_is_refused() {
    for device in Devices::new().each() {
        let refused = (|| {
            let buffer = device.buffer("input", 9)?;
            let index = device.buffer("index", 2)?;
            let output = device.buffer("output", 9)?;
            let mut recorder = Recorder::new(device);
            gather_rows(
                &mut recorder,
                &GatherRows {
                    input: &buffer,
                    index: RowIndex::List(&index),
                    rows: 3,
                    width: 3,
                    output: &output,
                },
            )
        })();
        assert_eq!(
            refused.map_err(|error: Error| error.to_string()),
            Err("gather_rows: index (index) has 2 words, 3 are needed".to_owned())
        );
    }
}
