//! Features read back: latents listed per row, the strongest first.

use std::ops::Range;

use kernels::{Buffer, ReadHandle, Readings, Recorder};
use wire::Matrix;

use crate::error::{Error, index};
use crate::features::coder::DeviceFeatures;

/// Features of rows of an activation.
pub(crate) struct Features {
    /// Slots per row.
    k: usize,
    /// `[rows, k]`, the strongest first; `u32::MAX` is an empty slot.
    latents: Vec<u32>,
    /// `[rows, k]`.
    activations: Vec<f32>,
    /// `[rows, 2]`: shift and scale of the encoder's input.
    pub(crate) statistics: Vec<f32>,
    /// `[rows]`: how many features are above 0.
    counts: Vec<f32>,
}

/// Requested read-backs of features.
pub(crate) struct FeatureReads {
    rows: usize,
    kind: Kind,
}

enum Kind {
    Listed {
        k: usize,
        latents: ReadHandle,
        activations: ReadHandle,
        statistics: ReadHandle,
        nan_counts: ReadHandle,
    },
    Dimensions {
        width: usize,
        values: ReadHandle,
    },
}

impl FeatureReads {
    /// Requests the features of some rows.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn new(
        recorder: &mut Recorder,
        features: &DeviceFeatures,
        rows: usize,
    ) -> Result<Self, Error> {
        let kind = match features {
            DeviceFeatures::Listed(encoding) => {
                let words = rows * encoding.k;
                Kind::Listed {
                    k: encoding.k,
                    latents: recorder.read_back(&encoding.latents, words)?,
                    activations: recorder.read_back(&encoding.activations, words)?,
                    statistics: recorder.read_back(&encoding.statistics, rows * 2)?,
                    nan_counts: recorder.read_back(&encoding.nan_counts, rows)?,
                }
            }
            DeviceFeatures::Dimensions(values) => Kind::Dimensions {
                width: values.words() / rows.max(1),
                values: recorder.read_back(values, values.words())?,
            },
        };
        Ok(Self { rows, kind })
    }

    /// The features. `what` names the set in an error.
    ///
    /// # Errors
    /// [`Error::NotANumber`] with the row.
    pub(crate) fn take(&self, readings: &Readings, what: &str) -> Result<Features, Error> {
        match &self.kind {
            Kind::Listed {
                k,
                latents,
                activations,
                statistics,
                nan_counts,
            } => {
                let counts = readings.words(*nan_counts);
                no_nan(counts, what)?;
                Ok(Features::new(
                    *k,
                    readings.words(*latents).to_vec(),
                    readings.f32(*activations).to_vec(),
                    readings.f32(*statistics).to_vec(),
                ))
            }
            Kind::Dimensions { width, values } => {
                Features::of_dimensions(readings.f32(*values), *width, self.rows, what)
            }
        }
    }
}

/// Features as they were read back, without a copy.
pub(crate) enum FeatureValues<'a> {
    /// Latents listed per row, `[rows, k]`, the strongest first; `u32::MAX` is an empty slot.
    Listed {
        k: usize,
        latents: &'a [u32],
        activations: &'a [f32],
    },
    /// Every dimension of an activation, `[rows, width]`.
    Dimensions { width: usize, values: &'a [f32] },
}

impl FeatureReads {
    /// The features as they were read. `what` names the set in an error.
    ///
    /// # Errors
    /// [`Error::NotANumber`] with the row.
    pub(crate) fn values<'a>(
        &self,
        readings: &'a Readings,
        what: &str,
    ) -> Result<FeatureValues<'a>, Error> {
        match self.kind {
            Kind::Listed {
                k,
                latents,
                activations,
                nan_counts,
                ..
            } => {
                no_nan(readings.words(nan_counts), what)?;
                Ok(FeatureValues::Listed {
                    k,
                    latents: readings.words(latents),
                    activations: readings.f32(activations),
                })
            }
            Kind::Dimensions { width, values } => {
                let values = readings.f32(values);
                finite(values, width, what)?;
                Ok(FeatureValues::Dimensions { width, values })
            }
        }
    }

    /// The activation itself, where every dimension was read; None for listed latents.
    pub(crate) fn activation(&self, readings: &Readings) -> Option<Matrix> {
        match self.kind {
            Kind::Listed { .. } => None,
            Kind::Dimensions { width, values } => Some(Matrix {
                rows: self.rows,
                cols: width,
                data: readings.f32(values).to_vec(),
            }),
        }
    }
}

/// Refuses rows in which NaNs were counted among the pre-activations of a set.
///
/// # Errors
/// [`Error::NotANumber`] with the row.
pub(crate) fn no_nan(counts: &[u32], set: &str) -> Result<(), Error> {
    match counts.iter().position(|count| *count > 0) {
        None => Ok(()),
        Some(position) => Err(Error::NotANumber {
            what: format!("a pre-activation of {set}"),
            position,
        }),
    }
}

/// Refuses values `[rows, width]` of which one is NaN or infinite.
///
/// # Errors
/// [`Error::NotANumber`] with the row.
fn finite(values: &[f32], width: usize, set: &str) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotANumber {
            what: format!("a neuron of {set}"),
            position: at / width.max(1),
        }),
    }
}

/// Of a device's buffer of NaN counts.
pub(crate) struct NanReads(ReadHandle);

impl NanReads {
    /// Requests the NaN counts of some rows.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn new(recorder: &mut Recorder, counts: &Buffer) -> Result<Self, Error> {
        Ok(Self(recorder.read_back(counts, counts.words())?))
    }

    /// # Errors
    /// [`Error::NotANumber`] with the row.
    pub(crate) fn check(&self, readings: &Readings, what: &str) -> Result<(), Error> {
        no_nan(readings.words(self.0), what)
    }
}

/// Number of a row's values that are above 0.
fn active(row: &[f32]) -> f32 {
    row.iter().filter(|value| **value > 0.0).count() as f32
}

/// A row's chosen values with their indices, the largest in magnitude first, then the lower index.
pub(crate) fn strongest(row: &[f32], chosen: impl Fn(f32) -> bool) -> Vec<(u32, f32)> {
    let mut values: Vec<(u32, f32)> = (0_u32..)
        .zip(row.iter().copied())
        .filter(|(_, value)| chosen(*value))
        .collect();
    values.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    values
}

/// Lists as arrays with `k` slots per row; longer lists are cut.
pub(crate) fn slots(lists: &[Vec<(u32, f32)>], k: usize) -> (Vec<u32>, Vec<f32>) {
    let mut latents = vec![u32::MAX; lists.len() * k];
    let mut activations = vec![0.0; lists.len() * k];
    for (row, list) in lists.iter().enumerate() {
        for (slot, (latent, value)) in list.iter().take(k).enumerate() {
            latents[row * k + slot] = *latent;
            activations[row * k + slot] = *value;
        }
    }
    (latents, activations)
}

impl Features {
    fn new(k: usize, latents: Vec<u32>, activations: Vec<f32>, statistics: Vec<f32>) -> Self {
        Self {
            k,
            counts: activations.chunks_exact(k).map(active).collect(),
            latents,
            activations,
            statistics,
        }
    }

    /// All dimensions of an activation, the largest in magnitude first.
    fn of_dimensions(values: &[f32], width: usize, rows: usize, what: &str) -> Result<Self, Error> {
        finite(values, width, what)?;
        let listed: Vec<Vec<(u32, f32)>> = values
            .chunks_exact(width)
            .map(|row| strongest(row, |value| value != 0.0))
            .collect();
        let (latents, activations) = slots(&listed, width.max(1));
        let mut features = Self::new(width.max(1), latents, activations, [0.0, 1.0].repeat(rows));
        features.counts = values.chunks_exact(width).map(active).collect();
        Ok(features)
    }

    /// Those of some of the rows.
    pub(crate) fn of_rows(&self, rows: Range<usize>) -> Self {
        let slots = rows.start * self.k..rows.end * self.k;
        Self {
            k: self.k,
            latents: self.latents[slots.clone()].to_vec(),
            activations: self.activations[slots].to_vec(),
            statistics: self.statistics[rows.start * 2..rows.end * 2].to_vec(),
            counts: self.counts[rows].to_vec(),
        }
    }

    /// The same with remapped indices: `latents[i]` instead of i.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`] for a latent that has no counterpart.
    pub(crate) fn remapped(mut self, latents: &[u32]) -> Result<Self, Error> {
        for latent in self
            .latents
            .iter_mut()
            .filter(|latent| **latent != u32::MAX)
        {
            *latent = index(latents, "a selected latent", *latent)?;
        }
        Ok(self)
    }

    fn rows(&self) -> impl Iterator<Item = (&[u32], &[f32])> {
        self.latents
            .chunks_exact(self.k)
            .zip(self.activations.chunks_exact(self.k))
    }

    /// True if a row's last slot is active although the autoencoder has more latents than slots.
    pub(crate) fn is_full(&self, n_latents: usize) -> bool {
        self.k < n_latents
            && self
                .rows()
                .any(|(_, activations)| activations.last().is_some_and(|last| *last > 0.0))
    }

    /// `[rows]`: how many features are above 0.
    pub(crate) fn counts(&self) -> &[f32] {
        &self.counts
    }

    /// Slots per row, latents and activations without the slots that no row uses; empty slots hold -1.
    pub(crate) fn trimmed(&self) -> (usize, Vec<i32>, Vec<f32>) {
        let used = |activations: &[f32]| activations.iter().filter(|value| **value != 0.0).count();
        let slots = self.rows().map(|(_, activations)| used(activations)).max();
        let slots = slots.unwrap_or(0).max(1);
        let mut latents = Vec::new();
        let mut kept = Vec::new();
        for (row, activations) in self.rows() {
            for (latent, activation) in row.iter().zip(activations).take(slots) {
                let empty = *activation == 0.0;
                latents.push(if empty { -1 } else { *latent as i32 });
                kept.push(if empty { 0.0 } else { *activation });
            }
        }
        (slots, latents, kept)
    }
}
