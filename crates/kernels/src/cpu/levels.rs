//! Levels of a row's latents, as `shared/levels.wgsl` has them.

/// What says the level of a latent.
#[derive(Clone, Copy)]
pub(crate) struct Levels<'a> {
    /// `[2, count]`: bounds, then weights as bits.
    pub(crate) table: &'a [u32],
    pub(crate) count: usize,
    pub(crate) by_rank: bool,
}

impl Levels<'_> {
    /// The first level that has a latent.
    pub(crate) fn of(self, latent: u32, rank: usize) -> usize {
        let key = if self.by_rank { rank as u32 } else { latent };
        let bounds = &self.table[..self.count - 1];
        bounds.iter().take_while(|bound| **bound <= key).count()
    }

    pub(crate) fn weight(self, level: usize) -> f32 {
        f32::from_bits(self.table[self.count + level])
    }
}

/// The active slots of a row, or of all rows: number of the slot, latent, activation.
pub(crate) fn active<'a>(
    latents: &'a [u32],
    activations: &'a [f32],
    d_sae: usize,
) -> impl Iterator<Item = (usize, u32, f32)> + 'a {
    latents
        .iter()
        .zip(activations)
        .enumerate()
        .filter(move |(_, (latent, activation))| (**latent as usize) < d_sae && **activation > 0.0)
        .map(|(slot, (latent, activation))| (slot, *latent, *activation))
}
