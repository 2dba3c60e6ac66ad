//! Operands of a matrix product, and their dot products.

/// The operands of a product. Rows of the weights lie `weight_stride` apart.
pub(crate) struct Product<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) weights: &'a [f32],
    pub(crate) weight_stride: usize,
    pub(crate) outputs: usize,
}

impl Product<'_> {
    pub(crate) fn input_row(&self, row: usize) -> &[f32] {
        &self.input[row * self.inputs..(row + 1) * self.inputs]
    }

    pub(crate) fn weight_row(&self, output: usize) -> &[f32] {
        &self.weights[output * self.weight_stride..][..self.inputs]
    }
}

/// All dot products of `ROWS` input rows with `OUTPUTS` weight rows, four lanes at a time.
#[inline(always)]
pub(crate) fn block<const ROWS: usize, const OUTPUTS: usize>(
    inputs: [&[f32]; ROWS],
    weights: [&[f32]; OUTPUTS],
) -> [[f32; OUTPUTS]; ROWS] {
    use wide::f32x4;
    let length = inputs[0].len();
    let vectors = length / 4;
    // Slices of one known length let the compiler drop the bounds checks from the loop.
    let x: [&[[f32; 4]]; ROWS] = inputs.map(|row| &row.as_chunks::<4>().0[..vectors]);
    let w: [&[[f32; 4]]; OUTPUTS] = weights.map(|row| &row.as_chunks::<4>().0[..vectors]);
    let mut sums = [[f32x4::ZERO; OUTPUTS]; ROWS];
    for v in 0..vectors {
        let weights: [f32x4; OUTPUTS] = std::array::from_fn(|n| f32x4::from(w[n][v]));
        for r in 0..ROWS {
            let input = f32x4::from(x[r][v]);
            for n in 0..OUTPUTS {
                sums[r][n] += input * weights[n];
            }
        }
    }
    std::array::from_fn(|r| {
        std::array::from_fn(|n| {
            let tail: f32 = (vectors * 4..length)
                .map(|k| inputs[r][k] * weights[n][k])
                .sum();
            sums[r][n].reduce_add() + tail
        })
    })
}
