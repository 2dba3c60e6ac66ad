//! Gradients of JumpReLU's thresholds by straight-through estimates (Rajamanoharan et al., arXiv 2407.14435, section 3): with the
//! rectangle of width ε around a threshold θ, dz/dθ = −θ/ε and, for the count of active latents, dH/dθ = −1/ε where the
//! pre-activation is within ε/2 of θ, and 0 elsewhere.

use kernels::host;

use crate::selection::Selection;
use crate::vectors;

/// Latents that a thread takes at a time.
const LATENTS: usize = 64;

/// The loss's dependence on thresholds.
pub(crate) struct Thresholds<'a> {
    /// `[latents]`
    pub(crate) values: &'a [f32],
    /// ε
    pub(crate) bandwidth: f32,
    /// Gradient of the loss in the number of active latents of a token.
    pub(crate) in_count: f32,
}

impl Thresholds<'_> {
    /// Writes the gradients, of latents that are near their threshold in the rows of `near`. `gradients` `[rows, width]` are those in the
    /// reconstructions, `w_dec` `[latents, width]`.
    pub(crate) fn gradients(
        &self,
        near: &Selection,
        gradients: &[f32],
        w_dec: &[f32],
        into: &mut [f32],
    ) {
        let width = w_dec.len() / self.values.len();
        host::for_each(
            near.len() * width / 8,
            into.chunks_mut(LATENTS).enumerate(),
            || (),
            |(), (part, into)| {
                for (place, into) in into.iter_mut().enumerate() {
                    let latent = part * LATENTS + place;
                    let direction = &w_dec[latent * width..][..width];
                    let mut sum = 0.0;
                    host::vectorised(
                        #[inline(always)]
                        || {
                            for entry in near.latent(latent) {
                                let gradient = &gradients[entry.row as usize * width..][..width];
                                sum += self.values[latent] * vectors::dot(gradient, direction);
                                sum += self.in_count;
                            }
                        },
                    );
                    *into = -sum / self.bandwidth;
                }
            },
        );
    }
}
