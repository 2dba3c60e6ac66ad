//! Pre-activations above thresholds, as many as there are: latents of JumpReLU and of ReLU.

use kernels::host;

use crate::encode::chunk_rows;

/// Rows that a thread looks through at a time.
const ROWS: usize = 16;

/// Latents of rows, any number of each.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ragged {
    /// Latents of each row.
    counts: Vec<u32>,
    /// Latents with their values, row after row.
    values: Vec<(u32, f32)>,
}

impl Ragged {
    /// Each row's latents with their values.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[(u32, f32)]> {
        let mut rest = &self.values[..];
        self.counts.iter().map(move |count| {
            let (row, behind) = rest.split_at(*count as usize);
            rest = behind;
            row
        })
    }

    fn clear(&mut self) {
        self.counts.clear();
        self.values.clear();
    }

    fn append(&mut self, other: &Self) {
        self.counts.extend_from_slice(&other.counts);
        self.values.extend_from_slice(&other.values);
    }
}

/// A latent is active where its pre-activation is above its threshold, and near where it is within half a bandwidth of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule<'a> {
    /// `[latents]`, or empty for zeros.
    pub(crate) thresholds: &'a [f32],
    pub(crate) half_bandwidth: f32,
}

/// Finds active latents. Its memory is used again in every step.
#[derive(Debug, Default)]
pub(crate) struct Above {
    outputs: Vec<f32>,
    /// What threads found, each in some rows.
    parts: Vec<Part>,
    pub(crate) active: Ragged,
    /// With thresholds alone. The values are pre-activations.
    pub(crate) near: Ragged,
}

#[derive(Debug, Default)]
struct Part {
    active: Ragged,
    near: Ragged,
    is_number: bool,
}

impl Above {
    /// Encodes `inputs` `[rows, width]` with `weights` `[latents, width]` and `bias` `[latents]`. Returns false where a
    /// pre-activation is NaN or infinite.
    #[must_use]
    pub(crate) fn encode(
        &mut self,
        (inputs, width): (&[f32], usize),
        (weights, bias): (&[f32], &[f32]),
        rule: Rule<'_>,
    ) -> bool {
        let latents = bias.len();
        let chunk = chunk_rows(latents);
        self.outputs
            .resize(chunk.min(inputs.len() / width) * latents, 0.0);
        self.active.clear();
        self.near.clear();
        let mut is_number = true;
        for inputs in inputs.chunks(chunk * width) {
            let outputs = &mut self.outputs[..inputs.len() / width * latents];
            host::affine((inputs, width), (weights, bias), outputs);
            let pieces = outputs.chunks(ROWS * latents);
            self.parts.resize_with(pieces.len(), Part::default);
            host::for_each(
                outputs.len() / 8,
                pieces.zip(&mut self.parts),
                || (),
                |(), (rows, part)| part.fill(rows, latents, rule),
            );
            for part in &self.parts {
                self.active.append(&part.active);
                self.near.append(&part.near);
                is_number &= part.is_number;
            }
        }
        is_number
    }
}

impl Part {
    fn fill(&mut self, rows: &[f32], latents: usize, rule: Rule<'_>) {
        self.active.clear();
        self.near.clear();
        self.is_number = true;
        for row in rows.chunks_exact(latents) {
            let before = (self.active.values.len(), self.near.values.len());
            let mut sum = 0.0;
            if rule.thresholds.is_empty() {
                for (latent, value) in (0..).zip(row) {
                    sum += value;
                    if *value > 0.0 {
                        self.active.values.push((latent, *value));
                    }
                }
            } else {
                for ((latent, value), threshold) in (0..).zip(row).zip(rule.thresholds) {
                    sum += value;
                    let above = value - threshold;
                    if above > 0.0 {
                        self.active.values.push((latent, *value));
                    }
                    if above.abs() < rule.half_bandwidth {
                        self.near.values.push((latent, *value));
                    }
                }
                let count = self.near.values.len() - before.1;
                self.near.counts.push(count as u32);
            }
            let count = self.active.values.len() - before.0;
            self.active.counts.push(count as u32);
            // One that is not finite makes the sum so.
            self.is_number &= sum.is_finite();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_are_found_row_by_row_on_the_right_side() {
        let weights = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let bias = [0.0, 0.5, -1.0];
        let rows = 40;
        let inputs: Vec<f32> = (0..rows).flat_map(|row| [row as f32, -0.25]).collect();
        let mut above = Above::default();
        let rule = Rule {
            thresholds: &[3.0, 0.25, 10.0],
            half_bandwidth: 0.5,
        };
        assert!(above.encode((&inputs, 2), (&weights, &bias), rule));
        for (row, (active, near)) in above.active.rows().zip(above.near.rows()).enumerate() {
            let h = [row as f32, 0.25, row as f32 - 1.25];
            let mut expected = Vec::new();
            // On the threshold a latent is not active.
            expected.extend((h[0] > 3.0).then_some((0, h[0])));
            expected.extend((h[2] > 10.0).then_some((2, h[2])));
            assert_eq!(active, expected);
            let mut expected = Vec::new();
            expected.extend((row == 3).then_some((0, h[0])));
            expected.push((1, 0.25));
            expected.extend((row == 11).then_some((2, h[2])));
            assert_eq!(near, expected);
        }
        assert_eq!(above.active.rows().count(), rows);
        let rule = Rule {
            thresholds: &[],
            half_bandwidth: 0.0,
        };
        assert!(above.encode((&inputs, 2), (&weights, &bias), rule));
        assert_eq!(above.near.rows().count(), 0);
        let first: Vec<_> = above.active.rows().next().unwrap().to_vec();
        assert_eq!(first, [(1, 0.25)]);
        assert!(!above.encode((&[f32::NAN, 0.0], 2), (&weights, &bias), rule));
    }
}
