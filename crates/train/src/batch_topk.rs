//! BatchTopK: the k·B largest positive pre-activations of a batch of B rows.

use crate::encode::{Encoder, Winners};

/// Slots per row that are looked at first, for k latents per row on average.
fn first_slots(k: usize, latents: usize) -> usize {
    (4 * k + 32).min(latents)
}

/// Memory of the selection, used again in every step.
#[derive(Debug, Default)]
pub(crate) struct BatchTopk {
    encoder: Encoder,
    /// Values with their slots.
    candidates: Vec<(f32, u32)>,
    again: Winners,
}

impl BatchTopk {
    /// Encodes a batch and keeps its `k · rows` largest positive values; the values of all other slots become 0. Of equal ones the
    /// earlier row's, and in a row the lower index's, is kept. Returns the smallest value that was kept, if there is one, or
    /// Err where a pre-activation is NaN.
    pub(crate) fn encode(
        &mut self,
        (inputs, width): (&[f32], usize),
        weights: (&[f32], &[f32]),
        k: usize,
        winners: &mut Winners,
    ) -> Result<Option<f32>, ()> {
        let (rows, latents) = (inputs.len() / width, weights.1.len());
        let mut slots = first_slots(k, latents);
        let inputs = (inputs, width);
        if !self.encoder.encode(inputs, weights, slots, winners) {
            return Err(());
        }
        loop {
            let smallest = self.smallest(winners, k * rows);
            // A row whose last slot is kept may have more behind it.
            let is_full = |row: &usize| {
                let last = winners.values[(row + 1) * slots - 1];
                slots < latents && last > 0.0 && smallest.is_none_or(|(value, _)| last >= value)
            };
            if !(0..rows).any(|row| is_full(&row)) {
                return Ok(self.cut(winners, smallest));
            }
            slots = (4 * slots).min(latents);
            if !self.encoder.encode(inputs, weights, slots, &mut self.again) {
                return Err(());
            }
            std::mem::swap(winners, &mut self.again);
        }
    }

    /// The last value that is kept, with its slot; None where all positive ones are.
    fn smallest(&mut self, winners: &Winners, count: usize) -> Option<(f32, u32)> {
        self.candidates.clear();
        let positive = winners.values.iter().zip(0..).map(|(v, slot)| (*v, slot));
        self.candidates
            .extend(positive.filter(|(value, _)| *value > 0.0));
        if self.candidates.len() <= count {
            return None;
        }
        let (_, last, _) = self
            .candidates
            .select_nth_unstable_by(count - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Some(*last)
    }

    fn cut(&self, winners: &mut Winners, smallest: Option<(f32, u32)>) -> Option<f32> {
        let Some((value, slot)) = smallest else {
            let values = self.candidates.iter().map(|(value, _)| *value);
            return values.reduce(f32::min);
        };
        for (place, there) in winners.values.iter_mut().enumerate() {
            if *there < value || (*there == value && place as u32 > slot) {
                *there = 0.0;
            }
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of very different strength: all of a batch's latents may belong to one row.
    #[test]
    fn the_largest_of_the_batch_are_kept_wherever_they_are() {
        let (width, latents, rows, k) = (3, 200, 5, 2);
        let number = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
        let weights: Vec<f32> = (0..latents * width).map(number).collect();
        let bias = vec![0.0; latents];
        for strong in [1.0, 50.0] {
            let inputs: Vec<f32> = (0..rows * width)
                .map(|i| number(i + 5) * if i < width { strong } else { 1.0 })
                .collect();
            let mut all: Vec<(f32, usize, u32)> = Vec::new();
            let mut winners = Winners::default();
            let weights_of = (&weights[..], &bias[..]);
            assert!(Encoder::default().encode((&inputs, width), weights_of, latents, &mut winners));
            for row in 0..rows {
                all.extend(winners.row(row).map(|(latent, value)| (value, row, latent)));
            }
            all.sort_by(|a, b| b.0.total_cmp(&a.0));
            all.truncate(k * rows);
            let last = all.last().unwrap().0;
            let mut wanted: Vec<(usize, u32)> =
                all.iter().map(|(_, row, latent)| (*row, *latent)).collect();
            wanted.sort_unstable();
            let smallest = BatchTopk::default()
                .encode((&inputs, width), (&weights, &bias), k, &mut winners)
                .unwrap();
            assert_eq!(smallest, Some(last));
            let mut found: Vec<(usize, u32)> = (0..rows)
                .flat_map(|row| {
                    let kept = winners.row(row).filter(|(_, value)| *value > 0.0);
                    kept.map(move |(latent, _)| (row, latent))
                        .collect::<Vec<_>>()
                })
                .collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "{strong}");
        }
    }
}
