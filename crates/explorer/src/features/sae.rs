//! Autoencoders on the device as feature sets.

use std::ops::Range;

use kernels::{Buffer, Device, Normalization, Recorder, SparseDecode, sparse_decode};
use sae::{Architecture, ConditionTable, EditTable, Encoding, Sae};

use crate::error::{Error, index};
use crate::features::coder::{Before, Coder, DeviceFeatures};
use crate::features::listed::{slots, strongest};
use crate::features::multiply::multiply;
use crate::features::set::{
    Decoder, Direction, FeatureSet, Later, Neighbour, Prepared, nearest, norm,
};
use crate::pace::Pace;

/// The listed latents of an encoding.
fn listed(features: &DeviceFeatures) -> Result<&Encoding, Error> {
    match features {
        DeviceFeatures::Listed(encoding) => Ok(encoding),
        DeviceFeatures::Dimensions(_) => Err(Error::missing("the encoding of an autoencoder")),
    }
}

impl Coder for Sae {
    fn width(&self) -> usize {
        self.config().d_in
    }

    fn n_latents(&self) -> usize {
        self.config().d_sae
    }

    fn normalization(&self) -> Normalization {
        self.config().normalization
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn may_overflow(&self) -> bool {
        !matches!(self.config().architecture, Architecture::TopK { .. })
            && self.slots() < self.config().d_sae
    }

    fn record_encode(
        &self,
        recorder: &mut Recorder,
        activation: &Buffer,
        rows: usize,
    ) -> Result<DeviceFeatures, Error> {
        let encoding = Sae::record_encode(self, recorder, activation, rows)?;
        Ok(DeviceFeatures::Listed(encoding))
    }

    fn record_decode(
        &self,
        recorder: &mut Recorder,
        features: &DeviceFeatures,
    ) -> Result<Buffer, Error> {
        Ok(Sae::record_decode(self, recorder, listed(features)?)?)
    }

    fn record_edits(
        &self,
        recorder: &mut Recorder,
        edits: &EditTable<'_>,
        before: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        let encoding = before.features.map(listed).transpose()?;
        Ok(Sae::record_edits(
            self,
            recorder,
            edits,
            (before.activation, before.rows),
            encoding,
        )?)
    }

    fn record_conditions(
        &self,
        recorder: &mut Recorder,
        conditions: &ConditionTable<'_>,
        at: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        let encoding = at.features.map(listed).transpose()?;
        let input = (at.activation, at.rows);
        Ok(Sae::record_conditions(
            self, recorder, conditions, input, encoding,
        )?)
    }
}

impl FeatureSet for Sae {
    fn resident(&self) -> Option<&dyn Coder> {
        Some(self)
    }

    fn list_all<'a>(
        &'a self,
        pace: &'a Pace,
        activation: Buffer,
        rows: usize,
    ) -> Later<'a, Prepared<'a>> {
        Box::pin(async move {
            let encoding = list_all(pace.device(), self, &activation, rows).await?;
            Ok(Prepared::Own {
                coder: Box::new(AllListed {
                    sae: self.clone(),
                    encoding,
                }),
                latents: None,
            })
        })
    }

    fn direction<'a>(&'a self, pace: &'a Pace, latent: u32) -> Later<'a, Direction> {
        Box::pin(async move {
            let biases = self.encoder_biases();
            Ok(Direction {
                direction: decoder_row(pace.device(), self, latent).await?,
                encoder_bias: index(biases, "the encoder bias of latent", latent)?,
            })
        })
    }

    fn decoder_rows<'a>(&'a self, pace: &'a Pace, latents: Range<usize>) -> Later<'a, Vec<f32>> {
        Box::pin(async move { Ok(self.w_dec().read_rows(pace.device(), latents).await?) })
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder::OnDevice(self.w_dec(), self.decoder_norms())
    }

    fn nearest<'a>(
        &'a self,
        pace: &'a Pace,
        direction: &'a [f32],
        except: Option<u32>,
    ) -> Later<'a, Option<Vec<Neighbour>>> {
        Box::pin(async move {
            pace.step().await?;
            let length = norm(direction);
            let products = multiply(pace.device(), self.w_dec(), direction).await?;
            let candidates = products.iter().zip(self.decoder_norms()).zip(0_u32..);
            let candidates = candidates
                .filter(|((_, norm), latent)| Some(*latent) != except && **norm * length != 0.0)
                .map(|((product, norm), latent)| Neighbour {
                    latent,
                    cosine: product / (norm * length),
                });
            Ok(Some(nearest(candidates)))
        })
    }
}

/// W_dec[latent], `[d_in]`: the decoder run on that latent alone, without bias or scale.
async fn decoder_row(device: &Device, sae: &Sae, latent: u32) -> Result<Vec<f32>, Error> {
    let width = sae.config().d_in;
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("decoder direction", width)?;
    sparse_decode(
        &mut recorder,
        &SparseDecode {
            latents: &device.buffer_with("latent", &[latent])?,
            activations: &device.buffer_with("activation", &[1.0_f32])?,
            rows: 1,
            k: 1,
            w_dec: sae.w_dec(),
            b_dec: &device.buffer_with("no bias", &vec![0.0_f32; width])?,
            statistics: &device.buffer_with("no scale", &[0.0_f32, 1.0])?,
            output: &output,
        },
    )?;
    Ok(recorder.read_f32(&output, width).await?)
}

/// Reads the pre-activations back and lists all latents that are active, with as many slots as the fullest row needs.
async fn list_all(
    device: &Device,
    sae: &Sae,
    activation: &Buffer,
    rows: usize,
) -> Result<Encoding, Error> {
    let d_sae = sae.config().d_sae;
    let mut recorder = Recorder::new(device);
    let (pre, statistics) = sae.record_pre_activations(&mut recorder, activation, rows)?;
    let pre = recorder.read_f32(&pre, rows * d_sae).await?;
    let active: Vec<Vec<(u32, f32)>> = pre
        .chunks_exact(d_sae)
        .map(|row| strongest(row, |value| value > 0.0))
        .collect();
    let k = active.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let (latents, activations) = slots(&active, k);
    let nan_counts: Vec<u32> = pre
        .chunks_exact(d_sae)
        .map(|row| row.iter().filter(|value| value.is_nan()).count() as u32)
        .collect();
    Ok(Encoding {
        latents: device.buffer_with("latents", &latents)?,
        activations: device.buffer_with("activations", &activations)?,
        statistics,
        nan_counts: device.buffer_with("NaN counts", &nan_counts)?,
        rows,
        k,
    })
}

/// An autoencoder with an encoding that is known already.
struct AllListed {
    sae: Sae,
    encoding: Encoding,
}

impl Coder for AllListed {
    fn width(&self) -> usize {
        self.sae.width()
    }

    fn n_latents(&self) -> usize {
        self.sae.n_latents()
    }

    fn normalization(&self) -> Normalization {
        self.sae.normalization()
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn may_overflow(&self) -> bool {
        false
    }

    fn record_encode(
        &self,
        _recorder: &mut Recorder,
        _activation: &Buffer,
        _rows: usize,
    ) -> Result<DeviceFeatures, Error> {
        Ok(DeviceFeatures::Listed(self.encoding.clone()))
    }

    fn record_decode(
        &self,
        recorder: &mut Recorder,
        features: &DeviceFeatures,
    ) -> Result<Buffer, Error> {
        Coder::record_decode(&self.sae, recorder, features)
    }

    fn record_edits(
        &self,
        recorder: &mut Recorder,
        edits: &EditTable<'_>,
        before: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        Coder::record_edits(&self.sae, recorder, edits, before)
    }

    fn record_conditions(
        &self,
        recorder: &mut Recorder,
        conditions: &ConditionTable<'_>,
        at: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        Coder::record_conditions(&self.sae, recorder, conditions, at)
    }
}
