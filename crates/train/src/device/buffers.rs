//! Buffers of a step on a device.

use kernels::{Buffer, Device, LatentEntries};

use super::shape::Shape;
use crate::error::Error;

/// Buffers of a step that more than one plan uses, or that the host writes.
pub(super) struct Buffers {
    /// The batch as the encoder reads it, but for the bias: `[rows, width]`.
    pub(super) batch: Buffer,
    /// Less the bias.
    pub(super) inputs: Buffer,
    /// `[chunk, latents]`
    pub(super) pre_activations: Buffer,
    pub(super) firsts: Buffer,
    pub(super) entries: Buffer,
    pub(super) gradients: Buffer,
    pub(super) residuals: Buffer,
    /// `[latents, 2]`
    pub(super) activity: Buffer,
    /// `[2, levels]`
    pub(super) levels: Buffer,
    /// The same of AuxK: one level, whose weight the host writes.
    pub(super) aux_level: Buffer,
    /// `[1]`: number of the step.
    pub(super) clock: Buffer,
    /// `[latents]`: the last step in which a latent was active.
    pub(super) last_active: Buffer,
    /// `[2]`: what [`kernels::Adam`] wants to know of a step.
    pub(super) adam: Buffer,
}

impl Buffers {
    pub(super) fn new(device: &Device, shape: &Shape) -> Result<Self, Error> {
        let Shape {
            rows,
            width,
            latents,
            ..
        } = *shape;
        let buffer = |label, words| device.buffer(label, words);
        Ok(Self {
            batch: buffer("batch", rows * width)?,
            inputs: buffer("inputs", rows * width)?,
            pre_activations: buffer("pre-activations", shape.chunk * latents)?,
            firsts: buffer("first entries", latents + 1)?,
            entries: buffer("entries", 2 * shape.entries())?,
            gradients: buffer("gradients by row", rows * shape.levels * width)?,
            residuals: buffer("residuals", rows * width)?,
            activity: buffer("activity", 2 * latents)?,
            levels: buffer("levels", 2 * shape.levels)?,
            aux_level: buffer("level of AuxK", 2)?,
            clock: buffer("step", 1)?,
            last_active: buffer("last active", latents)?,
            adam: buffer("numbers of Adam", 2)?,
        })
    }

    pub(super) fn listed(&self) -> LatentEntries<'_> {
        LatentEntries {
            firsts: &self.firsts,
            entries: &self.entries,
        }
    }
}
