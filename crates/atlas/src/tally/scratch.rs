//! Memory that is used again for every window, and the sorting of a window's values by latent.

use std::cell::RefCell;

use super::TallySet;
use super::window::{Values, Window};
use crate::error::Error;

/// Latents that are transposed at a time: as many as share a line of the cache.
const TILE: usize = 16;

thread_local! {
    /// That of the thread.
    pub static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory that is used again for every window.
#[derive(Default)]
pub struct Scratch {
    /// Latent, position, activation of every firing of an SAE, by latent and position.
    pub firings: Vec<(u32, u16, f32)>,
    /// Position and latent of every firing of an SAE, by both.
    pub by_position: Vec<(u16, u32)>,
    /// Positions of one latent.
    pub positions: Vec<u16>,
    /// Activations of one latent.
    pub activations: Vec<f32>,
    /// Latents of one token.
    pub active: Vec<u32>,
    /// Positions that count.
    pub counted: Vec<u16>,
    /// The values at these positions where all are given, `[latents, counted]`.
    pub columns: Vec<f32>,
}

impl Scratch {
    /// Every firing of the window, sorted by latent and position; of dense values the columns instead.
    ///
    /// # Errors
    /// [`Error::NotANumber`]; [`Error::Shape`] for a latent that is not there.
    pub fn collect(
        &mut self,
        set: &TallySet,
        window: &Window<'_>,
        values: &Values<'_>,
    ) -> Result<(), Error> {
        let n_latents = set.n_latents as usize;
        let not_a_number = |latent: u32, value: f32, position: usize| Error::NotANumber {
            set: set.id.clone(),
            latent,
            value,
            document: window.document,
            position: window.start + position as u32,
        };
        self.firings.clear();
        self.counted.clear();
        let counted = (0u16..)
            .zip(window.counted)
            .filter(|(_, counted)| **counted);
        self.counted.extend(counted.map(|(position, _)| position));
        let positions = self.counted.iter().map(|position| usize::from(*position));
        match values {
            Values::Sparse {
                slots,
                latents,
                activations,
            } => {
                for position in positions {
                    let of_token = position * slots..(position + 1) * slots;
                    let pairs = latents[of_token.clone()].iter().zip(&activations[of_token]);
                    for (latent, activation) in pairs {
                        let Ok(latent) = u32::try_from(*latent) else {
                            continue;
                        };
                        if latent as usize >= n_latents {
                            return Err(Error::Shape {
                                what: "latent, outside of the set",
                                got: latent as usize,
                                expected: n_latents,
                            });
                        }
                        if !activation.is_finite() {
                            return Err(not_a_number(latent, *activation, position));
                        }
                        if *activation > 0.0 {
                            let firing = (latent, position as u16, *activation);
                            self.firings.push(firing);
                        }
                    }
                }
                let place = |(latent, position, _): &(u32, u16, f32)| (*latent, *position);
                self.firings.sort_unstable_by_key(place);
            }
            Values::Dense(values) => {
                let rows = self.counted.len();
                self.columns.clear();
                self.columns.resize(n_latents * rows, 0.0);
                for first in (0..n_latents).step_by(TILE) {
                    let latents = first..n_latents.min(first + TILE);
                    for (row, position) in positions.clone().enumerate() {
                        let start = position * n_latents;
                        let values = &values[start + latents.start..start + latents.end];
                        for (latent, value) in latents.clone().zip(values) {
                            if !value.is_finite() {
                                return Err(not_a_number(latent as u32, *value, position));
                            }
                            self.columns[latent * rows + row] = *value;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
