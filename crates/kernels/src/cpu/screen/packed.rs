//! Weights in bf16 with what is known of their rounding, and how rows are packed.

use half::bf16;

/// Outputs whose weights lie side by side.
pub(super) const PANEL: usize = 64;

/// Rounding of f32 in a sum of so many products, relative to the product of the lengths: of the products of bf16, which are rounded
/// twice a term, and of those in f32.
pub(super) fn rounding(inputs: usize) -> f32 {
    (3 * inputs + 64) as f32 * f32::EPSILON
}

/// Lengths are computed in f32 themselves; they are taken to be longer by this.
pub(super) const LONGER: f32 = 1.001;

/// Lengths up to here leave no product infinite.
pub(super) const LONGEST: f32 = 1e15;

/// Added to the length of weights, for numbers whose squares are too small for f32.
pub(super) const SHORTEST: f32 = 1e-18;

/// Weights `[outputs, inputs]` and a bias, prepared for finding the largest outputs of rows.
#[derive(Debug, Default)]
pub struct Screen {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[panels, pairs of inputs, PANEL]`: two bf16 a word, the first one in the lower half.
    pub(super) weights: Vec<u32>,
    /// `[panels · PANEL]`; -∞ where there is no output.
    pub(super) bias: Vec<f32>,
    /// Upper bounds of ‖ŵ‖, `[panels · PANEL]`.
    pub(super) lengths: Vec<f32>,
    /// The largest ‖w − ŵ‖ / ‖ŵ‖.
    pub(super) relative: f32,
    /// What the bias's addition may round off.
    pub(super) slack: f32,
}

/// Writes a row in bf16, two numbers a word, `stride` words apart. Returns Σ x², Σ x̂² and Σ (x − x̂)².
#[inline(always)]
pub(super) fn pack(row: &[f32], words: &mut [u32], stride: usize) -> [f32; 3] {
    let mut sums = [0.0; 3];
    let mut half = |value: f32| {
        let rounded = bf16::from_f32(value);
        let near = rounded.to_f32();
        sums[0] += value * value;
        sums[1] += near * near;
        sums[2] += (value - near) * (value - near);
        u32::from(rounded.to_bits())
    };
    let (pairs, rest) = row.as_chunks::<2>();
    let mut words = words.iter_mut().step_by(stride);
    for ([low, high], word) in pairs.iter().zip(&mut words) {
        *word = half(*low) | half(*high) << 16;
    }
    if let ([last], Some(word)) = (rest, words.next()) {
        *word = half(*last);
    }
    sums
}

impl Screen {
    /// Groups of outputs whose largest lower bounds are compared: some times `k`.
    pub(super) fn groups(k: usize) -> usize {
        k.div_ceil(2).next_power_of_two()
    }
}
