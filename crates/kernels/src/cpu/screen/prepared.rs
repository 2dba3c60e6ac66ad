//! Weights that are prepared for a screen.

use super::avx512;
use super::packed::{LONGER, LONGEST, PANEL, SHORTEST, Screen, pack};
use crate::cpu::parallel;

impl Screen {
    /// Prepares weights `[outputs, inputs]` and a bias `[outputs]` for finding the `k` largest outputs. False where that would not
    /// be faster than to compute all of them, and where weights are not finite or of absurd size; then
    /// [`Screen::top_k`] must not be called.
    ///
    /// # Panics
    /// Where a slice is shorter than its shape says.
    #[must_use]
    pub fn prepare(&mut self, (weights, inputs): (&[f32], usize), bias: &[f32], k: usize) -> bool {
        let outputs = bias.len();
        if !is_fast((inputs, outputs), k) {
            return false;
        }
        let (panels, pairs) = (outputs.div_ceil(PANEL), inputs.div_ceil(2));
        (self.inputs, self.outputs) = (inputs, outputs);
        self.weights.resize(panels * pairs * PANEL, 0);
        self.lengths.resize(panels * PANEL, 0.0);
        let mut relatives = vec![0.0_f32; panels];
        let parts = self
            .weights
            .chunks_mut(pairs * PANEL)
            .zip(self.lengths.chunks_mut(PANEL))
            .zip(weights[..outputs * inputs].chunks(PANEL * inputs))
            .zip(&mut relatives);
        parallel::for_each(
            outputs * inputs,
            parts,
            || (),
            |(), (((words, lengths), weights), relative)| {
                words.fill(0);
                lengths.fill(0.0);
                let rows = weights.chunks_exact(inputs).zip(lengths);
                for (place, (row, length)) in rows.enumerate() {
                    let [_, squares, errors] = pack(row, &mut words[place..], PANEL);
                    *length = squares.sqrt() * LONGER + SHORTEST;
                    if errors > 0.0 {
                        *relative = relative.max((errors / squares).sqrt() * LONGER);
                    }
                }
            },
        );
        self.relative = relatives.into_iter().fold(0.0, f32::max);
        self.bias.clear();
        self.bias.extend_from_slice(bias);
        self.bias.resize(panels * PANEL, f32::NEG_INFINITY);
        let size = |values: &[f32]| values.iter().fold(0.0, |most: f32, v| most.max(v.abs()));
        let (longest, largest) = (size(&self.lengths), size(bias));
        self.slack = largest * 4.0 * f32::EPSILON + f32::MIN_POSITIVE;
        // No comparison holds for a NaN, and `max` passes it over.
        let all_numbers = self
            .lengths
            .iter()
            .chain(bias)
            .all(|value| value.is_finite());
        all_numbers && longest < LONGEST && largest < LONGEST && self.relative < 1.0
    }

    /// Bytes that it takes at most, in all threads together.
    pub fn memory(inputs: usize, outputs: usize) -> u64 {
        let of_a_thread = avx512::memory(inputs, outputs);
        let weights = 2 * outputs * inputs;
        (weights + parallel::available() * of_a_thread) as u64
    }

    /// Bytes that it holds between calls.
    pub fn bytes(&self) -> u64 {
        4 * (self.weights.len() + self.bias.len() + self.lengths.len()) as u64
    }

    /// The `k` largest outputs of each row of `input` `[rows, inputs]`, the largest first and of equal ones the lower index first,
    /// as indices and ReLU of the values, both `[rows, k]`. `weights`, `bias` and `k` are those that were prepared. Returns
    /// whether all inputs are finite; where not, or where they are of absurd size, nothing of use was written.
    ///
    /// # Panics
    /// Where a slice is shorter than its shape says.
    #[must_use]
    pub fn top_k(
        &self,
        input: &[f32],
        (weights, bias): (&[f32], &[f32]),
        k: usize,
        (indices, values): (&mut [u32], &mut [f32]),
    ) -> bool {
        assert!(bias.len() == self.outputs && weights.len() >= self.outputs * self.inputs);
        avx512::top_k(self, input, (weights, bias), k, (indices, values))
    }
}

/// Whether screening is faster than f32.
fn is_fast((inputs, outputs): (usize, usize), k: usize) -> bool {
    avx512::is_there() && inputs >= 16 && k > 0 && outputs >= PANEL * Screen::groups(k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut uniform = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        (0..count)
            .map(|_| (0..4).map(|_| uniform()).sum::<f32>() - 2.0)
            .collect()
    }

    /// Where the processor has no products of bf16 there is nothing to test, and `prepare` says so.
    fn prepared(weights: (&[f32], usize), bias: &[f32], k: usize) -> Option<Screen> {
        let mut screen = Screen::default();
        let fits = weights.1 >= 16 && bias.len() >= PANEL * Screen::groups(k);
        let is_prepared = screen.prepare(weights, bias, k);
        assert!(fits || !is_prepared);
        is_prepared.then_some(screen)
    }

    #[test]
    fn the_largest_are_those_of_f32() {
        for (rows, inputs, outputs, k, spread) in [
            (200, 256, 4096, 16, 1.0_f32),
            (97, 33, 1000, 8, 30.0),
            (7, 16, 128, 2, 0.01),
            (1, 64, 64, 1, 1.0),
            (13, 250, 4000, 64, 1.0),
        ] {
            let input = numbers(rows * inputs, 1);
            let mut weights = numbers(outputs * inputs, 2);
            // Rows of very different lengths, one of length 0, and two that are equal.
            for (row, weights) in weights.chunks_exact_mut(inputs).enumerate() {
                let factor = 0.05 * (row as f32 / outputs as f32).powf(spread.min(4.0));
                weights.iter_mut().for_each(|weight| *weight *= factor);
            }
            weights.copy_within((outputs - 1) * inputs.., (outputs - 3) * inputs);
            let mut bias = numbers(outputs, 3);
            bias.iter_mut().for_each(|bias| *bias *= 0.1 * spread);
            bias[outputs - 3] = bias[outputs - 1];
            let Some(screen) = prepared((&weights, inputs), &bias, k) else {
                continue;
            };
            let (mut indices, mut values) = (vec![0; rows * k], vec![f32::NAN; rows * k]);
            assert!(screen.top_k(&input, (&weights, &bias), k, (&mut indices, &mut values)));
            for (row, input) in input.chunks_exact(inputs).enumerate() {
                let exact: Vec<f64> = weights
                    .chunks_exact(inputs)
                    .zip(&bias)
                    .map(|(weights, bias)| {
                        let products = weights
                            .iter()
                            .zip(input)
                            .map(|(w, x)| f64::from(*w) * f64::from(*x));
                        products.sum::<f64>() + f64::from(*bias)
                    })
                    .collect();
                let mut sorted = exact.clone();
                sorted.sort_by(|a, b| b.total_cmp(a));
                let tolerance = 1e-5 * f64::from(spread.max(1.0));
                let found = indices[row * k..][..k].iter().zip(&values[row * k..][..k]);
                for (place, (index, value)) in found.clone().enumerate() {
                    let exact = exact[*index as usize];
                    assert!(
                        (f64::from(*value) - exact.max(0.0)).abs() < tolerance,
                        "{row}, {place}"
                    );
                    assert!((exact - sorted[place]).abs() < tolerance, "{row}, {place}");
                }
                let order: Vec<_> = found.map(|(index, value)| (*index, *value)).collect();
                for pair in order.windows(2) {
                    assert!(pair[0].0 != pair[1].0 && pair[0].1 >= pair[1].1, "{pair:?}");
                    let tie = pair[0].1 == pair[1].1 && pair[0].1 > 0.0;
                    assert!(!tie || pair[0].0 < pair[1].0, "{pair:?}");
                }
            }
        }
    }

    /// bf16 does not tell these weights apart.
    #[test]
    fn differences_below_bf16_are_seen() {
        let (inputs, outputs, k) = (64, 256, 4);
        let weights: Vec<f32> = (0..outputs)
            .flat_map(|row| vec![1.0 + ((row * 37) % outputs) as f32 * 1e-6; inputs])
            .collect();
        let bias = vec![0.0; outputs];
        let Some(screen) = prepared((&weights, inputs), &bias, k) else {
            return;
        };
        let input = vec![1.0; 3 * inputs];
        let (mut indices, mut values) = (vec![0; 3 * k], vec![0.0; 3 * k]);
        assert!(screen.top_k(&input, (&weights, &bias), k, (&mut indices, &mut values)));
        let places = indices.iter().map(|index| (index * 37) % outputs as u32);
        let expected = [255, 254, 253, 252].into_iter().cycle();
        assert!(
            places
                .zip(expected)
                .all(|(found, expected)| found == expected),
            "{indices:?}"
        );
    }

    #[test]
    fn a_row_does_not_depend_on_threads_or_other_rows() {
        let (rows, inputs, outputs, k) = (230, 48, 1024, 8);
        let (input, weights, bias) = (
            numbers(rows * inputs, 4),
            numbers(outputs * inputs, 5),
            numbers(outputs, 6),
        );
        let Some(screen) = prepared((&weights, inputs), &bias, k) else {
            return;
        };
        let find = |first: usize, count: usize| {
            let (mut indices, mut values) = (vec![0; count * k], vec![0.0; count * k]);
            let input = &input[first * inputs..][..count * inputs];
            assert!(screen.top_k(input, (&weights, &bias), k, (&mut indices, &mut values)));
            (indices, values)
        };
        let all = find(0, rows);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert!(pool.install(|| find(0, rows)) == all);
        for (first, count) in [(0, 1), (100, 7), (229, 1), (90, 96)] {
            let (indices, values) = find(first, count);
            assert_eq!(indices, all.0[first * k..][..count * k]);
            assert_eq!(values, all.1[first * k..][..count * k]);
        }
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let (inputs, outputs, k) = (32, 256, 4);
        let (input, weights, bias) = (
            numbers(2 * inputs, 7),
            numbers(outputs * inputs, 8),
            numbers(outputs, 9),
        );
        let Some(screen) = prepared((&weights, inputs), &bias, k) else {
            return;
        };
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let (mut input, mut weights, mut bias) = (input.clone(), weights.clone(), bias.clone());
            (input[40], weights[100], bias[7]) = (bad, bad, bad);
            assert!(
                !Screen::default().prepare((&weights, inputs), &vec![0.0; outputs], k),
                "{bad}"
            );
            assert!(
                !Screen::default().prepare((&numbers(outputs * inputs, 8), inputs), &bias, k),
                "{bad}"
            );
            let (mut indices, mut values) = (vec![0; 2 * k], vec![0.0; 2 * k]);
            let rest = numbers(outputs, 9);
            let weights = numbers(outputs * inputs, 8);
            assert!(
                !screen.top_k(&input, (&weights, &rest), k, (&mut indices, &mut values)),
                "{bad}"
            );
        }
        // The host's own selection, which is taken then, says which row it is.
        let mut outputs_of_row = vec![0.0; 2 * outputs];
        let mut bad = input;
        bad[40] = f32::NAN;
        host::affine((&bad, inputs), (&weights, &bias), &mut outputs_of_row);
        let (mut indices, mut values) = (vec![0; 2 * k], vec![0.0; 2 * k]);
        let row = host::top_k((&outputs_of_row, outputs), k, &mut indices, &mut values);
        assert_eq!(row, Some(1));
    }
}
