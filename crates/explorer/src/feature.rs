//! What a feature is, apart from any prompt.

use kernels::{Linear, Matrix as WeightMatrix, Recorder, SparseDecode, linear, sparse_decode};
use sae::Sae;

use crate::Error;
use crate::report::{Feature, LogitEffect, Neighbour, TokenEffect};
use crate::session::{Features, LoadedModel, Session};

/// How many tokens and neighbours are listed.
const LISTED: usize = 10;

impl Session {
    /// A feature's direct logit effect, decoder norm and nearest features.
    ///
    /// # Errors
    /// [`Error::UnknownSae`], [`Error::BadOption`] for a latent that is not there, [`Error::Device`].
    pub async fn feature(&self, sae: &str, latent: u32) -> Result<Feature, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(sae)?;
        loaded.check_latent(latent)?;
        let features = match &loaded.features {
            Features::Sae(features) => features,
            Features::Streamed(streamed) => {
                let found = self.streamed_feature(&running, model, streamed, latent);
                return found.await;
            }
            Features::Neurons => return self.neuron(model, loaded, latent).await,
        };
        let index = latent as usize;
        let norms = features.decoder_norms();
        let norm = norms.get(index).unwrap_or(&0.0);
        let encoder_bias = features.encoder_biases().get(index).unwrap_or(&0.0);
        let direction = self.decoder_direction(features, latent).await?;
        self.step(&running).await?;
        let products = self.product(features.w_dec(), &direction).await?;
        let mut nearest: Vec<Neighbour> = products
            .iter()
            .zip(norms)
            .enumerate()
            .filter(|(other, (_, other_norm))| *other != index && **other_norm > 0.0 && *norm > 0.0)
            .map(|(other, (product, other_norm))| Neighbour {
                latent: other as u32,
                cosine: product / (norm * other_norm),
            })
            .collect();
        nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.latent.cmp(&b.latent)));
        nearest.truncate(LISTED);
        self.step(&running).await?;
        Ok(Feature {
            decoder_norm: *norm,
            nearest,
            ..self
                .written(model, latent, &direction, *encoder_bias)
                .await?
        })
    }

    /// A feature by the direction that it writes, without its neighbours. Only what is written to the residual stream reaches
    /// the logits directly.
    pub(crate) async fn written(
        &self,
        model: &LoadedModel,
        latent: u32,
        direction: &[f32],
        encoder_bias: f32,
    ) -> Result<Feature, Error> {
        let norm: f64 = direction.iter().map(|x| f64::from(*x).powi(2)).sum();
        Ok(Feature {
            latent,
            decoder_norm: norm.sqrt() as f32,
            encoder_bias,
            logit_effect: match direction.len() == model.info.d_model {
                true => Some(self.logit_effect(model, direction).await?),
                false => None,
            },
            nearest: Vec::new(),
        })
    }

    /// W_dec[latent], `[d_in]`: the decoder run on that latent alone, without bias or scale.
    async fn decoder_direction(&self, sae: &Sae, latent: u32) -> Result<Vec<f32>, Error> {
        let width = sae.config().d_in;
        let mut recorder = Recorder::new(&self.device);
        let output = recorder.scratch("decoder direction", width)?;
        sparse_decode(
            &mut recorder,
            &SparseDecode {
                latents: &self.device.buffer_with("latent", &[latent])?,
                activations: &self.device.buffer_with("activation", &[1.0_f32])?,
                rows: 1,
                k: 1,
                w_dec: sae.w_dec(),
                b_dec: &self.device.buffer_with("no bias", &vec![0.0_f32; width])?,
                statistics: &self.device.buffer_with("no scale", &[0.0_f32, 1.0])?,
                output: &output,
            },
        )?;
        Ok(recorder.read_f32(&output, width).await?)
    }

    pub(crate) async fn product(
        &self,
        weights: &WeightMatrix,
        vector: &[f32],
    ) -> Result<Vec<f32>, Error> {
        let mut recorder = Recorder::new(&self.device);
        let output = recorder.scratch("products", weights.rows())?;
        let vector = self.device.buffer_with("direction", vector)?;
        linear(&mut recorder, &Linear::plain(&vector, 1, weights, &output))?;
        Ok(recorder.read_f32(&output, weights.rows()).await?)
    }

    async fn logit_effect(
        &self,
        model: &LoadedModel,
        direction: &[f32],
    ) -> Result<LogitEffect, Error> {
        let scaled: Vec<f32> = direction
            .iter()
            .zip(model.model.ln_final_weight())
            .map(|(direction, weight)| direction * weight)
            .collect();
        let effects = self.product(model.model.token_embedding(), &scaled).await?;
        let mean = crate::metrics::mean(&effects).unwrap_or(0.0);
        let mut order: Vec<usize> = (0..effects.len()).collect();
        order.sort_by(|a, b| effects[*b].total_cmp(&effects[*a]).then(a.cmp(b)));
        let effect = |index: &usize| TokenEffect {
            id: *index as u32,
            text: model.token(*index as u32).text,
            value: (f64::from(effects[*index]) - mean) as f32,
        };
        Ok(LogitEffect {
            top: order.iter().take(LISTED).map(effect).collect(),
            bottom: order.iter().rev().take(LISTED).map(effect).collect(),
        })
    }
}
