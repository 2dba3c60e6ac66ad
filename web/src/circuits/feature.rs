//! A feature of a run, by the numbers of its set and its latent.

/// Most latents per set that fit the id of a node.
pub(super) const LATENTS: u32 = 1 << 24;

/// A feature of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feature {
    /// Index of its set in the run.
    pub set: u8,
    /// The latent.
    pub latent: u32,
}

impl Feature {
    /// A number for the picture, different for different features of a run.
    pub fn id(self) -> u32 {
        u32::from(self.set) * LATENTS + self.latent
    }

    /// The feature of such a number.
    pub fn of_id(id: u32) -> Self {
        Self {
            set: (id / LATENTS) as u8,
            latent: id % LATENTS,
        }
    }
}
