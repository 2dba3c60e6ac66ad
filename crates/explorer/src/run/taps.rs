//! Taps on the device: what was requested of a run, as it is read back.

use kernels::{
    Buffer, LATENT_STATISTICS, LatentStatistics, MAX_TOP_ROWS, ReadHandle, Readings, Recorder,
    latent_statistics,
};

use wire::Matrix;

use crate::error::Error;
use crate::features::coder::DeviceFeatures;
use crate::features::listed::{FeatureReads, FeatureValues, Features, no_nan};
use crate::run::output::{HeadOutput, HeadReads};

/// The read-back of one tap.
pub(crate) enum TapReads {
    Matrix {
        values: ReadHandle,
        rows: usize,
        cols: usize,
    },
    Features(FeatureReads),
    Statistics(StatisticsReads),
    Head(HeadReads),
    /// It stays on the device.
    Kept(Buffer),
}

impl TapReads {
    /// Requests the first `rows · cols` values of a buffer.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn matrix(
        recorder: &mut Recorder,
        buffer: &Buffer,
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let values = recorder.read_back(buffer, rows * cols)?;
        Ok(Self::Matrix { values, rows, cols })
    }

    pub(crate) fn kept(&self) -> Result<&Buffer, Error> {
        match self {
            Self::Kept(buffer) => Ok(buffer),
            _ => Err(Error::missing("the kept activation of another tap")),
        }
    }

    pub(crate) fn take_matrix(&self, readings: &Readings) -> Result<Matrix, Error> {
        match self {
            Self::Matrix { values, rows, cols } => Ok(Matrix {
                rows: *rows,
                cols: *cols,
                data: readings.f32(*values).to_vec(),
            }),
            Self::Features(reads) => reads
                .activation(readings)
                .ok_or_else(|| Error::missing("the matrix of listed latents")),
            _ => Err(Error::missing("the matrix of another tap")),
        }
    }

    pub(crate) fn take_features(&self, readings: &Readings, what: &str) -> Result<Features, Error> {
        match self {
            Self::Features(reads) => reads.take(readings, what),
            _ => Err(Error::missing("the features of another tap")),
        }
    }

    pub(crate) fn feature_values<'a>(
        &self,
        readings: &'a Readings,
        what: &str,
    ) -> Result<FeatureValues<'a>, Error> {
        match self {
            Self::Features(reads) => reads.values(readings, what),
            _ => Err(Error::missing("the features of another tap")),
        }
    }

    pub(crate) fn take_statistics(
        &self,
        readings: &Readings,
        what: &str,
    ) -> Result<LatentSums, Error> {
        match self {
            Self::Statistics(reads) => reads.take(readings, what),
            _ => Err(Error::missing("the statistics of another tap")),
        }
    }

    pub(crate) fn take_head(&self, readings: &Readings) -> Result<HeadOutput, Error> {
        match self {
            Self::Head(reads) => Ok(reads.take(readings)),
            _ => Err(Error::missing("the logits of another tap")),
        }
    }
}

/// Statistics of every latent over the rows of a run.
pub(crate) struct LatentSums {
    /// Rows listed per latent.
    pub(crate) top: usize,
    /// Per latent: rows where it is above 0, Σz, Σz², the largest.
    pub(crate) sums: Vec<[f32; LATENT_STATISTICS]>,
    /// `[latents, top]`: the rows where it is largest and its values there; `u32::MAX` is an empty slot.
    pub(crate) rows: Vec<(u32, f32)>,
}

/// The read-back of latents' statistics.
pub(crate) struct StatisticsReads {
    top: usize,
    sums: ReadHandle,
    values: ReadHandle,
    rows: ReadHandle,
    nan_counts: ReadHandle,
}

impl StatisticsReads {
    /// Records the statistics of listed latents and requests them.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a number of rows out of range, [`Error::Unsupported`] for neurons, [`Error::Device`].
    pub(crate) fn record(
        recorder: &mut Recorder,
        features: &DeviceFeatures,
        d_sae: usize,
        top: usize,
    ) -> Result<Self, Error> {
        let DeviceFeatures::Listed(encoding) = features else {
            return Err(Error::Unsupported {
                what: "statistics of neurons on the device".to_owned(),
            });
        };
        if top == 0 || top > MAX_TOP_ROWS {
            return Err(Error::BadOption {
                name: "top",
                value: top.to_string(),
                expected: format!("it must be from 1 to {MAX_TOP_ROWS}"),
            });
        }
        let sums = recorder.scratch("statistics of latents", d_sae * LATENT_STATISTICS)?;
        let values = recorder.scratch("largest activations", d_sae * top)?;
        let rows = recorder.scratch("their rows", d_sae * top)?;
        latent_statistics(
            recorder,
            &LatentStatistics {
                latents: &encoding.latents,
                activations: &encoding.activations,
                rows: encoding.rows,
                k: encoding.k,
                d_sae,
                top,
                statistics: &sums,
                top_values: &values,
                top_rows: &rows,
            },
        )?;
        Ok(Self {
            top,
            sums: recorder.read_back(&sums, d_sae * LATENT_STATISTICS)?,
            values: recorder.read_back(&values, d_sae * top)?,
            rows: recorder.read_back(&rows, d_sae * top)?,
            nan_counts: recorder.read_back(&encoding.nan_counts, encoding.rows)?,
        })
    }

    fn take(&self, readings: &Readings, what: &str) -> Result<LatentSums, Error> {
        let nan_counts = readings.words(self.nan_counts);
        no_nan(nan_counts, what)?;
        let rows = readings.words(self.rows).iter().copied();
        let values = readings.f32(self.values).iter().copied();
        let sums = readings.f32(self.sums);
        Ok(LatentSums {
            top: self.top,
            sums: sums.as_chunks::<LATENT_STATISTICS>().0.to_vec(),
            rows: rows.zip(values).collect(),
        })
    }
}
