//! Coders: the part of a feature set that computes on the device, as kernels to record.

use kernels::{Buffer, Normalization, Recorder};
use sae::{ConditionTable, EditTable, Encoding};

use crate::error::Error;

/// Features of rows of an activation, on the device.
pub(crate) enum DeviceFeatures {
    /// Latents listed per row.
    Listed(Encoding),
    /// Every dimension of the activation, `[rows, width]`.
    Dimensions(Buffer),
}

/// The activation that edits start from.
#[derive(Clone, Copy)]
pub(crate) struct Before<'a> {
    /// `[rows, width]`; with `by_source` the reference run's.
    pub(crate) activation: &'a Buffer,
    pub(crate) rows: usize,
    /// Its features, where they are known already.
    pub(crate) features: Option<&'a DeviceFeatures>,
}

/// Encodes rows of an activation, decodes them, and edits them.
pub(crate) trait Coder {
    /// Width of the activation that it reads and writes.
    fn width(&self) -> usize;

    fn n_latents(&self) -> usize;

    /// The normalisation of every row before encoding and undone after decoding.
    fn normalization(&self) -> Normalization;

    /// True if the reconstruction is the activation itself.
    fn is_exact(&self) -> bool;

    /// True if a row may have more active latents than its encoding has slots.
    fn may_overflow(&self) -> bool;

    /// Records the features of `activation [rows, width]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn record_encode(
        &self,
        recorder: &mut Recorder,
        activation: &Buffer,
        rows: usize,
    ) -> Result<DeviceFeatures, Error>;

    /// Records the reconstruction `[rows, width]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn record_decode(
        &self,
        recorder: &mut Recorder,
        features: &DeviceFeatures,
    ) -> Result<Buffer, Error>;

    /// Records the edits of a table, in place, with the error term kept. Returns the NaNs that were seen per row of `before`,
    /// where they are counted.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn record_edits(
        &self,
        recorder: &mut Recorder,
        edits: &EditTable<'_>,
        before: Before<'_>,
    ) -> Result<Option<Buffer>, Error>;

    /// Records which conditions of a table hold for the latents of `at`. Returns NaN counts as [`Coder::record_edits`] does.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn record_conditions(
        &self,
        recorder: &mut Recorder,
        conditions: &ConditionTable<'_>,
        at: Before<'_>,
    ) -> Result<Option<Buffer>, Error>;
}
