//! Memory that is used again for every window, and the sorting of a window's values by latent.

use super::TallySet;
use super::window::{Values, Window};
use crate::error::Error;

/// Latents that are transposed at a time: a few cache lines of each row.
const BLOCK: usize = 64;

/// Memory that is used again for every window. It is no part of what a tally knows.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Latent, position, activation of every firing, by latent and position.
    pub firings: Vec<(u32, u16, f32)>,
    /// Position and latent of every firing, by both.
    pub by_position: Vec<(u16, u32)>,
    /// Positions of one latent.
    pub positions: Vec<u16>,
    /// Activations of one latent.
    pub activations: Vec<f32>,
    /// Latents of one token.
    pub active: Vec<u32>,
    /// Values of the tokens that count, `[latents, tokens]`.
    transposed: Vec<f32>,
    /// Positions of the tokens that count.
    counted: Vec<u16>,
}

impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A window of a set, for errors.
pub struct Place<'a> {
    /// The set.
    pub set: &'a TallySet,
    /// The window.
    pub window: &'a Window<'a>,
}

impl Place<'_> {
    fn not_a_number(&self, latent: u32, value: f32, position: u16) -> Error {
        Error::NotANumber {
            set: self.set.id.clone(),
            latent,
            value,
            document: self.window.document,
            position: self.window.start + u32::from(position),
        }
    }
}

impl Scratch {
    /// Collects every firing of the window, sorted by latent and position.
    ///
    /// # Errors
    /// [`Error::NotANumber`]; [`Error::Shape`] for a latent that is not there.
    pub fn collect(&mut self, place: &Place<'_>, values: &Values<'_>) -> Result<(), Error> {
        self.firings.clear();
        self.counted.clear();
        let counted = (0u16..)
            .zip(place.window.counted)
            .filter(|(_, counted)| **counted);
        self.counted.extend(counted.map(|(position, _)| position));
        match values {
            Values::Sparse {
                slots,
                latents,
                activations,
            } => self.collect_listed(place, *slots, latents, activations),
            Values::Dense(values) => self.collect_dense(place, values),
        }
    }

    fn collect_listed(
        &mut self,
        place: &Place<'_>,
        slots: usize,
        latents: &[i32],
        activations: &[f32],
    ) -> Result<(), Error> {
        for position in &self.counted {
            let of_token = usize::from(*position) * slots..(usize::from(*position) + 1) * slots;
            let pairs = latents[of_token.clone()].iter().zip(&activations[of_token]);
            for (latent, activation) in pairs {
                let Ok(latent) = u32::try_from(*latent) else {
                    continue;
                };
                if latent >= place.set.n_latents {
                    return Err(Error::Shape {
                        what: "latent, outside of the set",
                        got: latent as usize,
                        expected: place.set.n_latents as usize,
                    });
                }
                if !activation.is_finite() {
                    return Err(place.not_a_number(latent, *activation, *position));
                }
                if *activation > 0.0 {
                    self.firings.push((latent, *position, *activation));
                }
            }
        }
        self.firings
            .sort_unstable_by_key(|(latent, position, _)| (*latent, *position));
        Ok(())
    }

    fn collect_dense(&mut self, place: &Place<'_>, values: &[f32]) -> Result<(), Error> {
        let n_latents = place.set.n_latents as usize;
        let tokens = self.counted.len();
        self.transposed.clear();
        self.transposed.resize(n_latents * tokens, 0.0);
        for first in (0..n_latents).step_by(BLOCK) {
            let latents = first..n_latents.min(first + BLOCK);
            for (at, position) in self.counted.iter().enumerate() {
                let row = usize::from(*position) * n_latents;
                for latent in latents.clone() {
                    self.transposed[latent * tokens + at] = values[row + latent];
                }
            }
        }
        let columns = self.transposed.chunks_exact(tokens.max(1));
        for (latent, column) in (0u32..).zip(columns) {
            for (position, value) in self.counted.iter().zip(column) {
                if !value.is_finite() {
                    return Err(place.not_a_number(latent, *value, *position));
                }
                if *value > 0.0 {
                    self.firings.push((latent, *position, *value));
                }
            }
        }
        Ok(())
    }

    /// Per latent the values of all tokens that count, where the last window's values were dense and any counts.
    pub fn columns(&self) -> impl Iterator<Item = &[f32]> {
        self.transposed.chunks_exact(self.counted.len().max(1))
    }
}
