//! `linear_topk` is `linear` and `topk`, also where the CPU device computes only what can be among the largest.

use kernels::{
    Device, EncoderScreen, Error, Linear, LinearTopK, Matrix, Recorder, TopK, WeightFormat, linear,
    linear_topk, topk,
};

use crate::common::{Devices, Numbers, floats, run};

struct Case {
    rows: usize,
    first: usize,
    inputs: usize,
    outputs: usize,
    k: usize,
    input: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(
        (first, rows): (usize, usize),
        (inputs, outputs): (usize, usize),
        k: usize,
        seed: u64,
    ) -> Self {
        let mut numbers = Numbers::new(seed);
        Self {
            rows,
            first,
            inputs,
            outputs,
            k,
            input: numbers.floats((first + rows) * inputs, 1.0),
            weights: numbers.floats(outputs * inputs, 1.0),
            bias: numbers.floats(outputs, 1.0),
        }
    }

    /// Latents, activations and counts of NaN: at once, or by `linear` and `topk`.
    fn encode(&self, device: &Device, at_once: bool) -> Result<[Vec<u32>; 3], Error> {
        let shape = (self.outputs, self.inputs);
        let weights = Matrix::from_rows(device, "w", shape, WeightFormat::F32, &self.weights)?;
        let bias = device.buffer_with("bias", &self.bias)?;
        let input = device.buffer_with("input", &self.input)?;
        let values = device.buffer("values", self.rows * self.outputs)?;
        let top_indices = device.buffer("indices", self.rows * self.k)?;
        let top_values = device.buffer("top values", self.rows * self.k)?;
        let nan_counts = device.buffer("nans", self.rows)?;
        let mut recorder = Recorder::new(device);
        if at_once {
            linear_topk(
                &mut recorder,
                &LinearTopK {
                    input: &input,
                    input_first_row: self.first,
                    rows: self.rows,
                    weights: &weights,
                    bias: &bias,
                    screen: &EncoderScreen::new(device, &weights, &bias, self.k),
                    k: self.k,
                    values: &values,
                    top_indices: &top_indices,
                    top_values: &top_values,
                    nan_counts: &nan_counts,
                },
            )?;
        } else {
            linear(
                &mut recorder,
                &Linear {
                    input_first_row: self.first,
                    bias: Some(&bias),
                    ..Linear::plain(&input, self.rows, &weights, &values)
                },
            )?;
            topk(
                &mut recorder,
                &TopK {
                    values: &values,
                    rows: self.rows,
                    n: self.outputs,
                    k: self.k,
                    relu: true,
                    top_indices: &top_indices,
                    top_values: &top_values,
                    nan_counts: &nan_counts,
                },
            )?;
        }
        let mut words = run(recorder, &[&top_indices, &top_values, &nan_counts])?.into_iter();
        Ok([(); 3].map(|()| words.next().unwrap_or_default()))
    }
}

/// Sums differ in their last bits, so two latents that are that close may change places: values are compared by their place, and
/// latents where the next values are apart.
fn check(case: &Case, device: &Device) {
    let [indices, values, nans] = case.encode(device, true).unwrap();
    let [true_indices, true_values, true_nans] = case.encode(device, false).unwrap();
    assert_eq!(nans, true_nans);
    let (values, true_values) = (floats(&values), floats(&true_values));
    let tolerance = 1e-5 * (case.inputs as f32).sqrt();
    for (place, (value, expected)) in values.iter().zip(&true_values).enumerate() {
        let same = value.is_nan() && expected.is_nan();
        assert!(
            same || (value - expected).abs() < tolerance,
            "{value} {expected}"
        );
        let row = &true_values[place / case.k * case.k..][..case.k];
        let in_row = place % case.k;
        let near = |other: usize| {
            row.get(other)
                .is_none_or(|other| (other - expected).abs() < 2.0 * tolerance)
        };
        let alone = in_row > 0 && !near(in_row - 1) && !near(in_row + 1);
        assert!(!alone || indices[place] == true_indices[place], "{place}");
    }
}

#[test]
fn the_largest_outputs_are_those_of_all() {
    let devices = Devices::new();
    for (seed, (rows, shape, k)) in (1..).zip([
        ((0, 65), (64, 1024), 8),
        ((3, 2), (32, 512), 4),
        ((1, 1), (64, 1024), 8),
        ((0, 7), (24, 100), 16),
    ]) {
        let case = Case::new(rows, shape, k, seed);
        devices.each().for_each(|device| check(&case, device));
    }
}

#[test]
fn what_is_not_a_number_is_counted_in_its_row() {
    let devices = Devices::new();
    let mut case = Case::new((1, 5), (64, 1024), 8, 9);
    case.input[3 * 64 + 7] = f32::NAN;
    for device in devices.each() {
        let [_, _, nans] = case.encode(device, true).unwrap();
        assert_eq!(nans, [0, 0, 1024, 0, 0], "{:?}", device.kind());
        check(&case, device);
    }
}

#[test]
fn a_row_does_not_depend_on_the_other_rows() {
    let device = Device::cpu();
    let whole = Case::new((0, 70), (64, 1024), 8, 10);
    let [indices, values, _] = whole.encode(&device, true).unwrap();
    for first in [0, 13, 68] {
        let part = Case {
            rows: 2,
            first,
            ..Case::new((0, 70), (64, 1024), 8, 10)
        };
        let [some_indices, some_values, _] = part.encode(&device, true).unwrap();
        assert_eq!(some_indices, indices[first * 8..][..16]);
        assert_eq!(some_values, values[first * 8..][..16]);
    }
}

#[test]
fn what_is_prepared_is_counted_and_given_back() {
    let device = Device::cpu();
    let case = Case::new((0, 2), (64, 1024), 8, 11);
    let weights =
        Matrix::from_rows(&device, "w", (1024, 64), WeightFormat::F32, &case.weights).unwrap();
    let bias = device.buffer_with("bias", &case.bias).unwrap();
    let before = device.bytes();
    let screen = EncoderScreen::new(&device, &weights, &bias, 8);
    let copy = screen.clone();
    let held = device.bytes() - before;
    // Half of the weights, and two numbers for each output; nothing where the processor has no products of bf16.
    assert!(held == 0 || held == 2 * 64 * 1024 + 8 * 1024, "{held}");
    drop(screen);
    assert_eq!(device.bytes() - before, held);
    drop(copy);
    assert_eq!(device.bytes(), before);
}
