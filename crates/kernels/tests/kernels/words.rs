//! `copy`, `add` and `gate`.

use kernels::{Add, Copy, Gate, Magnitude, Recorder, add, copy, gate};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, run, run_f32};

#[test]
fn copies_are_exact() {
    let devices = Devices::new();
    proptest!(config(), |(words in 0_usize..3000, from in 0_usize..70, to in 0_usize..70, seed: u64)| {
        let mut numbers = Numbers::new(seed);
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
        let mut numbers = Numbers::new(words as u64);
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

#[test]
fn gates_agree() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..7, n in 1_usize..300, gated: bool, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let input = numbers.floats(rows * n, 2.0);
        let threshold = numbers.floats(n, 1.0);
        let scale: Vec<f32> = numbers.floats(n, 1.0).iter().map(|r_mag| r_mag.exp()).collect();
        let bias = numbers.floats(n, 1.0);
        let expected: Vec<f64> = input
            .iter()
            .enumerate()
            .map(|(index, h)| {
                let column = index % n;
                let (open, magnitude) = if gated {
                    (h + threshold[column] > 0.0, f64::from(*h) * f64::from(scale[column]) + f64::from(bias[column]))
                } else {
                    (*h > threshold[column], f64::from(*h))
                };
                if open { magnitude.max(0.0) } else { 0.0 }
            })
            .collect();
        devices.agree(&expected, 1e-5, |device| {
            let values = device.buffer_with("values", &input)?;
            let threshold = device.buffer_with("threshold", &threshold)?;
            let scale = device.buffer_with("scale", &scale)?;
            let bias = device.buffer_with("bias", &bias)?;
            let mut recorder = Recorder::new(device);
            gate(&mut recorder, &Gate {
                threshold: &threshold,
                magnitude: gated.then_some(Magnitude { scale: &scale, bias: &bias }),
                values: &values,
                rows,
                n,
            })?;
            run_f32(recorder, &values)
        });
    });
}
