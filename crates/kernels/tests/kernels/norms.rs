//! `layer_norm`, `scale_shift` and `sae_normalize`.

use kernels::{
    Device, Error, LayerNorm, Normalization, Recorder, SaeNormalize, ScaleShift, layer_norm,
    sae_normalize, scale_shift,
};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, floats, layer_norm_row, run, run_f32, widen};

#[test]
fn layer_norm_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..9, width in 1_usize..800, first in 0_usize..3, offset in -20.0_f32..20.0, seed: u64,
    )| {
        let mut numbers = Numbers::new(seed);
        let input: Vec<f32> = numbers.floats((first + rows) * width, 3.0).iter().map(|x| x + offset).collect();
        let weight_bias = numbers.floats(2 * width, 1.0);
        let expected: Vec<f64> = widen(&input)[first * width..]
            .chunks(width)
            .flat_map(|row| layer_norm_row(row, &weight_bias, 1e-5))
            .collect();
        // A width of 1 divides rounding errors by √epsilon.
        let tolerance = if width < 4 { 3e-2 } else { 2e-4 };
        devices.agree(&expected, tolerance, |device| {
            let input = device.buffer_with("input", &input)?;
            let weight_bias = device.buffer_with("norm", &weight_bias)?;
            let output = device.buffer("output", rows * width)?;
            let mut recorder = Recorder::new(device);
            layer_norm(&mut recorder, &LayerNorm {
                input: &input, input_first_row: first, rows, width,
                weight_bias: &weight_bias, epsilon: 1e-5, output: &output,
            })?;
            run_f32(recorder, &output)
        });
    });
}

#[test]
fn scale_and_shift_agree() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..9, width in 1_usize..300, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let mut input = numbers.floats(rows * width, 9.0);
        input[0] = if seed % 4 == 0 { f32::NAN } else { input[0] };
        let weight_bias = numbers.floats(2 * width, 3.0);
        let expected: Vec<f64> = widen(&input).iter().enumerate()
            .map(|(at, x)| x * f64::from(weight_bias[at % width]) + f64::from(weight_bias[width + at % width]))
            .collect();
        devices.agree(&expected, 1e-5, |device| {
            let input = device.buffer_with("input", &input)?;
            let weight_bias = device.buffer_with("norm", &weight_bias)?;
            let output = device.buffer("output", rows * width)?;
            let mut recorder = Recorder::new(device);
            scale_shift(&mut recorder, &ScaleShift {
                input: &input, weight_bias: &weight_bias, rows, width, output: &output,
            })?;
            run_f32(recorder, &output)
        });
    });
}

#[test]
fn a_constant_row_becomes_the_bias() {
    for device in Devices::new().each() {
        let output = (|| {
            let input = device.buffer_with("input", &[2.5_f32; 96])?;
            let mut weight_bias = vec![3.0_f32; 96];
            weight_bias.extend([-0.25; 96]);
            let weight_bias = device.buffer_with("norm", &weight_bias)?;
            let output = device.buffer("output", 96)?;
            let mut recorder = Recorder::new(device);
            layer_norm(
                &mut recorder,
                &LayerNorm {
                    input: &input,
                    input_first_row: 0,
                    rows: 1,
                    width: 96,
                    weight_bias: &weight_bias,
                    epsilon: 1e-5,
                    output: &output,
                },
            )?;
            run_f32(recorder, &output)
        })()
        .unwrap_or_else(|error: Error| panic!("{error}"));
        assert_eq!(output, [-0.25; 96], "{:?}", device.kind());
    }
}

fn normalise(
    device: &Device,
    (rows, width): (usize, usize),
    normalization: Normalization,
    input: &[f32],
    b_dec: Option<&[f32]>,
) -> Result<Vec<f32>, Error> {
    let input = device.buffer_with("input", input)?;
    let b_dec = b_dec
        .map(|b_dec| device.buffer_with("b_dec", b_dec))
        .transpose()?;
    let output = device.buffer("output", rows * width)?;
    let statistics = device.buffer("statistics", rows * 2)?;
    let mut recorder = Recorder::new(device);
    sae_normalize(
        &mut recorder,
        &SaeNormalize {
            input: &input,
            rows,
            width,
            normalization,
            b_dec: b_dec.as_ref(),
            output: &output,
            statistics: &statistics,
        },
    )?;
    let words = run(recorder, &[&output, &statistics])?.concat();
    Ok(floats(&words))
}

#[test]
fn sae_normalize_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..9, width in 2_usize..700, mode in 0_usize..5, subtract: bool, offset in -5.0_f32..5.0, seed: u64,
    )| {
        let mut numbers = Numbers::new(seed);
        let input: Vec<f32> = numbers.floats(rows * width, 2.0).iter().map(|x| x + offset).collect();
        let b_dec = numbers.floats(width, 1.0);
        let normalization = [
            Normalization::None, Normalization::LayerNorm, Normalization::ConstantNorm,
            Normalization::Centred, Normalization::Scaled(0.25),
        ][mode];
        let mut expected = Vec::new();
        let mut statistics = Vec::new();
        for row in widen(&input).chunks(width) {
            let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt() / (width as f64).sqrt();
            let mean = row.iter().sum::<f64>() / width as f64;
            let squares = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            let deviation = (squares / (width - 1) as f64).sqrt();
            // Two numbers can be so close that the 1e-5 matters; then so does rounding.
            prop_assume!(deviation > 1e-2);
            let (mean, deviation, divisor) = match normalization {
                Normalization::None => (0.0, 1.0, 1.0),
                Normalization::LayerNorm => (mean, deviation, deviation + 1e-5),
                Normalization::ConstantNorm => (0.0, norm, norm),
                Normalization::Centred => (mean, 1.0, 1.0),
                Normalization::Scaled(factor) => (0.0, 1.0 / f64::from(factor), 1.0 / f64::from(factor)),
            };
            statistics.extend([mean, deviation]);
            expected.extend(row.iter().zip(&b_dec).map(|(x, bias)| {
                (x - mean) / divisor - if subtract { f64::from(*bias) } else { 0.0 }
            }));
        }
        expected.extend(statistics);
        devices.agree(&expected, 2e-4, |device| {
            normalise(device, (rows, width), normalization, &input, subtract.then_some(&b_dec))
        });
    });
}

#[test]
fn a_width_of_one_has_no_deviation() {
    for device in Devices::new().each() {
        let error = normalise(device, (1, 1), Normalization::LayerNorm, &[1.0], None).err();
        assert!(matches!(
            error,
            Some(Error::Shape {
                kernel: "sae_normalize",
                ..
            })
        ));
        let kept = normalise(device, (1, 1), Normalization::None, &[1.5], Some(&[0.5]));
        assert_eq!(kept.ok(), Some(vec![1.0, 0.0, 1.0]));
    }
}
