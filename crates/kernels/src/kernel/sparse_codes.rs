//! Arguments that the kernels over sparse encodings of a batch share.

use crate::{Buffer, Error, kernel};

/// The active latents of a batch, row by row. A slot whose activation is not above 0 is empty; a row lists a latent at most once.
#[derive(Clone, Copy)]
pub struct SparseCodes<'a> {
    /// `[rows, k]`.
    pub latents: &'a Buffer,
    /// `[rows, k]`.
    pub activations: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Slots per row.
    pub k: usize,
    /// Number of latents.
    pub d_sae: usize,
}

impl SparseCodes<'_> {
    /// Words of the marks of each latent: a count, and one bit per row.
    pub(crate) fn mark_words(&self) -> usize {
        1 + self.rows.div_ceil(32)
    }

    pub(crate) fn check(&self, kernel: &'static str) -> Result<(), Error> {
        let slots = self.rows * self.k;
        kernel::require(kernel, "latents", self.latents, slots)?;
        kernel::require(kernel, "activations", self.activations, slots)
    }
}

/// The active latents of a batch, latent by latent, as [`crate::transpose_codes`] writes them.
#[derive(Clone, Copy)]
pub struct LatentEntries<'a> {
    /// `[d_sae + 1]` u32: number of each latent's first entry, and of all.
    pub firsts: &'a Buffer,
    /// `[rows · k, 2]`: row · levels + level as u32, then the activation. A latent's come by row.
    pub entries: &'a Buffer,
}

/// Levels: reconstructions of a row, each with the latents of the one before and more.
#[derive(Clone, Copy)]
pub struct Levels<'a> {
    /// `[2, count]`: the keys (u32) at which the next level begins, of which the last is not read; then the levels' weights in the
    /// loss (f32).
    pub table: &'a Buffer,
    /// Number of levels, at least 1.
    pub count: usize,
    /// True where a latent's key is its place among the row's slots; else it is its number.
    pub by_rank: bool,
}

impl Levels<'_> {
    pub(crate) fn check(&self, kernel: &'static str) -> Result<(), Error> {
        if self.count == 0 {
            return Err(Error::shape(kernel, "there are no levels"));
        }
        kernel::require(kernel, "level table", self.table, 2 * self.count)
    }
}
