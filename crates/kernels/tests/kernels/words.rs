//! `copy` and `add`.

use kernels::{Add, Copy, Recorder, add, copy};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, run, run_f32};

#[test]
fn copies_are_exact() {
    let devices = Devices::new();
    proptest!(config(), |(words in 0_usize..3000, from in 0_usize..70, to in 0_usize..70, seed: u64)| {
        let mut numbers = Numbers(seed);
        // Any bit pattern, NaNs of all kinds included.
        let input: Vec<u32> = (0..from + words).map(|_| numbers.word() as u32).collect();
        let mut expected = vec![5; to + words + 3];
        expected[to..to + words].copy_from_slice(&input[from..]);
        for device in devices.each() {
            let output = (|| {
                let input = device.buffer_with("input", &input)?;
                let output = device.buffer_with("output", &vec![5_u32; to + words + 3])?;
                let mut recorder = Recorder::new(device);
                copy(&mut recorder, &Copy {
                    input: &input, input_offset: from, output: &output, output_offset: to, words,
                })?;
                run(recorder, &[&output])
            })();
            prop_assert_eq!(&output.map_err(|error| error.to_string()).unwrap_or_default()[0], &expected);
        }
    });
}

#[test]
fn sums_agree() {
    let devices = Devices::new();
    // The last is more than one step of the loop of 4,096 workgroups.
    for words in [1, 63, 64, 65, 1000, 300_001] {
        let mut numbers = Numbers(words as u64);
        let left = numbers.floats(words, 4.0);
        let right = numbers.floats(words, 4.0);
        let expected: Vec<f64> = left
            .iter()
            .zip(&right)
            .map(|(a, b)| f64::from(a + b))
            .collect();
        devices.agree(&expected, 0.0, |device| {
            let left = device.buffer_with("left", &left)?;
            let right = device.buffer_with("right", &right)?;
            let output = device.buffer("output", words)?;
            let mut recorder = Recorder::new(device);
            add(
                &mut recorder,
                &Add {
                    left: &left,
                    right: &right,
                    output: &output,
                    words,
                },
            )?;
            run_f32(recorder, &output)
        });
    }
}
