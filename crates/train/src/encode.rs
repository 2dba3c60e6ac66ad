//! The encoder: products and the largest of each row, in pieces that stay near the processor.

use kernels::host::{self, Screen};

/// Rows for which it is worth while to prepare weights.
const SCREENED_ROWS: usize = 96;

/// Pre-activations that are in memory at a time, where rows allow.
const AT_ONCE: usize = 2 << 20;

/// Rows whose pre-activations are in memory at a time.
pub(crate) fn chunk_rows(latents: usize) -> usize {
    // Products take panels of 64 rows.
    (AT_ONCE / latents.max(1)).clamp(64, 1024) / 64 * 64
}

/// Bytes that encoding takes at most.
pub(crate) fn memory(latents: usize, width: usize) -> u64 {
    (4 * latents * chunk_rows(latents)) as u64 + Screen::memory(width, latents)
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

/// Finds active latents. Its memory is used again in every step.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    screen: Screen,
    /// Pre-activations of some rows, where all are computed.
    outputs: Vec<f32>,
}

impl Encoder {
    /// Encodes `inputs` `[rows, width]` with `weights` `[latents, width]` and `bias` `[latents]`. Returns false where a
    /// pre-activation is NaN.
    #[must_use]
    pub(crate) fn encode(
        &mut self,
        (inputs, width): (&[f32], usize),
        (weights, bias): (&[f32], &[f32]),
        slots: usize,
        winners: &mut Winners,
    ) -> bool {
        let (rows, latents) = (inputs.len() / width, bias.len());
        winners.slots = slots;
        winners.indices.resize(rows * slots, 0);
        winners.values.resize(rows * slots, 0.0);
        // Numbers that a screen refuses are computed as they are, which says what they lead to.
        if rows >= SCREENED_ROWS
            && self.screen.prepare((weights, width), bias, slots)
            && self.screen.top_k(
                inputs,
                (weights, bias),
                slots,
                (&mut winners.indices, &mut winners.values),
            )
        {
            return true;
        }
        let chunk = chunk_rows(latents);
        self.outputs.resize(chunk.min(rows) * latents, 0.0);
        let slots = winners
            .indices
            .chunks_mut(chunk * slots)
            .zip(winners.values.chunks_mut(chunk * slots));
        let mut is_number = true;
        for (inputs, (indices, values)) in inputs.chunks(chunk * width).zip(slots) {
            let outputs = &mut self.outputs[..inputs.len() / width * latents];
            host::affine((inputs, width), (weights, bias), outputs);
            is_number &= host::top_k((outputs, latents), winners.slots, indices, values).is_none();
        }
        is_number
    }
}
