//! `linear`: the GEMV (up to 4 rows) and the tiled GEMM in both sizes of tiles, with every combination of prologue and epilogue.

use kernels::{
    Activation, Device, Error, Linear, Matrix, NormedInput, Recorder, WeightFormat, linear,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::common::{Devices, Numbers, config, halved, layer_norm_row, run_f32, widen};

const EPSILON: f32 = 1e-5;

#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    format: WeightFormat,
    first_row: usize,
    normalise: bool,
    bias: bool,
    activation: Activation,
    residual: bool,
    seed: u64,
}

struct Data {
    input: Vec<f32>,
    weight_bias: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
}

impl Case {
    fn data(&self) -> Data {
        let mut numbers = Numbers::new(self.seed);
        let weights = numbers.floats(self.outputs * self.inputs, 1.0);
        Data {
            input: numbers.floats((self.first_row + self.rows) * self.inputs, 1.0),
            weight_bias: numbers.floats(2 * self.inputs, 1.0),
            weights: match self.format {
                WeightFormat::F32 => weights,
                WeightFormat::F16 => halved(&weights),
            },
            bias: numbers.floats(self.outputs, 1.0),
            residual: numbers.floats(self.rows * self.outputs, 1.0),
        }
    }

    fn expected(&self, data: &Data) -> Vec<f64> {
        let weights = widen(&data.weights);
        let input = widen(&data.input);
        let mut expected = Vec::with_capacity(self.rows * self.outputs);
        for row in 0..self.rows {
            let mut x = input[(self.first_row + row) * self.inputs..][..self.inputs].to_vec();
            if self.normalise {
                x = layer_norm_row(&x, &data.weight_bias, EPSILON);
            }
            for (n, weights) in weights.chunks(self.inputs).enumerate() {
                let mut sum: f64 = x.iter().zip(weights).map(|(x, w)| x * w).sum();
                if self.bias {
                    sum += f64::from(data.bias[n]);
                }
                sum *= match self.activation {
                    Activation::None => 1.0,
                    Activation::GeluTanh => {
                        let inner =
                            (2.0 / std::f64::consts::PI).sqrt() * (sum + 0.044_715 * sum.powi(3));
                        0.5 * (1.0 + inner.tanh())
                    }
                    Activation::Gelu => normal_cdf(sum),
                };
                if self.residual {
                    sum += f64::from(data.residual[row * self.outputs + n]);
                }
                expected.push(sum);
            }
        }
        expected
    }

    fn run(&self, device: &Device, data: &Data) -> Result<Vec<f32>, Error> {
        let shape = (self.outputs, self.inputs);
        let weights = Matrix::from_rows(device, "weights", shape, self.format, &data.weights)?;
        let input = device.buffer_with("input", &data.input)?;
        let weight_bias = device.buffer_with("norm", &data.weight_bias)?;
        let scratch = device.buffer("normalised", self.rows * self.inputs)?;
        let bias = device.buffer_with("bias", &data.bias)?;
        let residual = device.buffer_with("residual", &data.residual)?;
        let output = device.buffer("output", self.rows * self.outputs)?;
        let mut recorder = Recorder::new(device);
        linear(
            &mut recorder,
            &Linear {
                input: &input,
                input_first_row: self.first_row,
                rows: self.rows,
                norm: self.normalise.then_some(NormedInput {
                    weight_bias: &weight_bias,
                    epsilon: EPSILON,
                    scratch: &scratch,
                }),
                weights: &weights,
                bias: self.bias.then_some(&bias),
                activation: self.activation,
                residual: self.residual.then_some(&residual),
                output: &output,
            },
        )?;
        run_f32(recorder, &output)
    }

    fn check(&self, devices: &Devices) {
        let data = self.data();
        // Sums of products of numbers up to 1 (up to about 10 once normalised).
        devices.agree(&self.expected(&data), 1e-3, |device| {
            self.run(device, &data)
        });
    }
}

/// Φ(x): from erf's Taylor series where f64 has the digits for it, and beyond from erfc's continued fraction.
fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let root = std::f64::consts::PI.sqrt();
    let tail = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..120 {
            let n = f64::from(n);
            term *= -z * z / n;
            sum += term / (2.0 * n + 1.0);
        }
        0.5 * (1.0 - sum * 2.0 / root)
    } else {
        // erfc(z) = exp(-z²)/√π · 1/(z + (1/2)/(z + (2/2)/(z + (3/2)/(z + …)))).
        let fraction = (1..80)
            .rev()
            .fold(z, |below, n| z + f64::from(n) / 2.0 / below);
        0.5 * (-z * z).exp() / root / fraction
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::GeluTanh),
        Just(Activation::Gelu),
    ]
}

fn cases(
    rows: std::ops::Range<usize>,
    inputs: std::ops::Range<usize>,
    outputs: std::ops::Range<usize>,
) -> impl Strategy<Value = Case> {
    (
        (rows, inputs, outputs, any::<bool>(), 0_usize..3),
        any::<[bool; 3]>(),
        activation(),
        any::<u64>(),
    )
        .prop_map(
            |((rows, inputs, outputs, f16, first_row), flags, activation, seed)| Case {
                rows,
                inputs,
                outputs,
                format: if f16 {
                    WeightFormat::F16
                } else {
                    WeightFormat::F32
                },
                first_row,
                normalise: flags[0],
                bias: flags[1],
                activation,
                residual: flags[2],
                seed,
            },
        )
}

#[test]
fn few_rows_agree() {
    let devices = Devices::new();
    proptest!(config(), |(case in cases(1..5, 1..300, 1..150))| case.check(&devices));
}

#[test]
fn many_rows_agree() {
    let devices = Devices::new();
    proptest!(config(), |(case in cases(5..140, 1..120, 1..150))| case.check(&devices));
}

/// Enough rows and outputs for large tiles: 64 of them.
#[test]
fn large_products_agree() {
    let devices = Devices::new();
    let config = Config {
        cases: 8,
        ..config()
    };
    let large = prop_oneof![
        cases(17..80, 1..40, 4033..4100),
        cases(1000..1100, 1..40, 193..260)
    ];
    proptest!(config, |(case in large)| case.check(&devices));
}

#[test]
fn whole_tiles_agree() {
    let devices = Devices::new();
    for (format, activation) in [
        (WeightFormat::F32, Activation::GeluTanh),
        (WeightFormat::F16, Activation::Gelu),
    ] {
        for (rows, inputs, outputs) in [
            (1, 256, 768),
            (4, 64, 64),
            (16, 64, 128),
            (64, 128, 64),
            (1024, 32, 256),
        ] {
            Case {
                rows,
                inputs,
                outputs,
                format,
                first_row: 0,
                normalise: true,
                bias: true,
                activation,
                residual: true,
                seed: 7,
            }
            .check(&devices);
        }
    }
}

#[test]
fn shards_agree() {
    let devices = Devices::binding_at_most(4096);
    proptest!(config(), |(case in cases(1..6, 8..60, 60..130))| {
        // The buffers themselves must fit the limit.
        let case = Case { first_row: 0, ..case };
        case.check(&devices);
    });
}

#[test]
fn a_nan_stays_in_its_row() {
    let devices = Devices::new();
    // Few rows, small tiles, large tiles.
    for rows in [3, 9, 4100] {
        let case = Case {
            rows,
            inputs: 41,
            outputs: 21,
            format: WeightFormat::F32,
            first_row: 0,
            normalise: false,
            bias: true,
            activation: Activation::None,
            residual: false,
            seed: 3,
        };
        let mut data = case.data();
        // The first of its row: a kernel that reads past the end of the row before meets it.
        data.input[41] = f32::NAN;
        for device in devices.each() {
            let output = case
                .run(device, &data)
                .unwrap_or_else(|error| panic!("{error}"));
            for (row, values) in output.chunks(21).enumerate() {
                assert!(
                    values.iter().all(|value| value.is_nan() == (row == 1)),
                    "{:?}, {rows} rows: row {row} is {values:?}",
                    device.kind()
                );
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for device in Devices::new().each() {
        let refused = (|| {
            let weights = Matrix::from_rows(device, "W", (4, 4), WeightFormat::F32, &[0.0; 16])?;
            let input = device.buffer("input", 7)?;
            let output = device.buffer("output", 8)?;
            let arguments = Linear::plain(&input, 2, &weights, &output);
            linear(&mut Recorder::new(device), &arguments)
        })();
        let message = refused.map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("linear: input (input) has 7 words, 8 are needed".to_owned())
        );
    }
}

/// The shaders' own GELU, without a product's rounding: the input times 1, to f32's precision.
#[test]
fn exact_gelu_is_exact_on_every_path() {
    let devices = Devices::new();
    // One input and one output per row: few rows take the GEMV, many the tiled product.
    for rows in [4, 1201] {
        let inputs: Vec<f32> = (0..rows)
            .map(|row| (row as f32 / (rows - 1) as f32 - 0.5) * 12.0)
            .collect();
        let expected: Vec<f64> = widen(&inputs).iter().map(|&x| x * normal_cdf(x)).collect();
        devices.agree(&expected, 1e-6, |device| {
            let weights = Matrix::from_rows(device, "one", (1, 1), WeightFormat::F32, &[1.0])?;
            let input = device.buffer_with("input", &inputs)?;
            let output = device.buffer("output", rows)?;
            let mut recorder = Recorder::new(device);
            linear(
                &mut recorder,
                &Linear {
                    activation: Activation::Gelu,
                    ..Linear::plain(&input, rows, &weights, &output)
                },
            )?;
            run_f32(recorder, &output)
        });
    }
}
