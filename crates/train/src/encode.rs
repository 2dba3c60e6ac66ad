//! The encoder: products and the largest of each row, in pieces that stay near the processor.

use kernels::host;

/// Pre-activations that are in memory at a time, where rows allow.
const AT_ONCE: usize = 2 << 20;

/// Rows whose pre-activations are in memory at a time.
pub(crate) fn chunk_rows(latents: usize) -> usize {
    // Products take panels of 64 rows.
    (AT_ONCE / latents.max(1)).clamp(64, 1024) / 64 * 64
}

/// The largest pre-activations of each row, the largest first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Winners {
    /// Slots per row.
    pub(crate) slots: usize,
    /// `[rows, slots]`
    pub(crate) indices: Vec<u32>,
    /// `[rows, slots]`, ReLU of the pre-activation.
    pub(crate) values: Vec<f32>,
}

impl Winners {
    /// Slots of a row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = row * self.slots..(row + 1) * self.slots;
        let indices = self.indices[range.clone()].iter().copied();
        indices.zip(self.values[range].iter().copied())
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.indices.len() / self.slots.max(1)
    }
}

/// Encodes `inputs` `[rows, width]` with `weights` `[latents, width]` and `bias` `[latents]`. Returns false where a
/// pre-activation is NaN.
#[must_use]
pub(crate) fn encode(
    (inputs, width): (&[f32], usize),
    (weights, bias): (&[f32], &[f32]),
    slots: usize,
    scratch: &mut Vec<f32>,
    winners: &mut Winners,
) -> bool {
    let (rows, latents) = (inputs.len() / width, bias.len());
    winners.slots = slots;
    winners.indices.resize(rows * slots, 0);
    winners.values.resize(rows * slots, 0.0);
    let chunk = chunk_rows(latents);
    scratch.resize(chunk.min(rows) * latents, 0.0);
    let outputs = winners
        .indices
        .chunks_mut(chunk * slots)
        .zip(winners.values.chunks_mut(chunk * slots));
    let mut is_number = true;
    for (inputs, (indices, values)) in inputs.chunks(chunk * width).zip(outputs) {
        let scratch = &mut scratch[..inputs.len() / width * latents];
        host::affine((inputs, width), (weights, bias), scratch);
        is_number &= host::top_k((scratch, latents), slots, indices, values).is_none();
    }
    is_number
}
