//! Description of a feature apart from any prompt: its direct effect on the logits and its nearest features.

use gpt2::HookPoint;
use kernels::{Linear, Matrix as WeightMatrix, Recorder, SparseDecode, linear, sparse_decode};
use sae::Sae;

use crate::Error;
use crate::error::index;
use crate::metrics;
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
                let streamed = (loaded.hook, &**streamed);
                let found = self.streamed_feature(&running, model, streamed, latent);
                return found.await;
            }
            Features::Neurons => return self.neuron(model, loaded, latent).await,
        };
        let norms = features.decoder_norms();
        let norm = index(norms, "the decoder norm of latent", latent)?;
        let biases = features.encoder_biases();
        let bias = index(biases, "the encoder bias of latent", latent)?;
        let direction = self.decoder_direction(features, latent).await?;
        self.step(&running).await?;
        let products = self.product(features.w_dec(), &direction).await?;
        let mut nearest: Vec<Neighbour> = products
            .iter()
            .zip(norms)
            .zip(0_u32..)
            .filter(|((_, other_norm), other)| *other != latent && **other_norm * norm != 0.0)
            .map(|((product, other_norm), other)| Neighbour {
                latent: other,
                cosine: product / (norm * other_norm),
            })
            .collect();
        nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.latent.cmp(&b.latent)));
        nearest.truncate(LISTED);
        self.step(&running).await?;
        Ok(Feature {
            nearest,
            ..self
                .describe(model, loaded.hook, latent, (&direction, bias))
                .await?
        })
    }

    /// A feature by its direction at a hook, without its neighbours.
    pub(crate) async fn describe(
        &self,
        model: &LoadedModel,
        hook: HookPoint,
        latent: u32,
        (direction, encoder_bias): (&[f32], f32),
    ) -> Result<Feature, Error> {
        let output = match hook {
            HookPoint::Z(layer) => {
                self.product(model.model.attn_out(layer)?, direction)
                    .await?
            }
            HookPoint::MlpPost(layer) => {
                self.product(model.model.mlp_out(layer)?, direction).await?
            }
            _ => direction.to_vec(),
        };
        Ok(Feature {
            latent,
            decoder_norm: norm(direction),
            output_norm: norm(&output),
            encoder_bias,
            logit_effect: self.logit_effect(model, hook, &output).await?,
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

    /// The direct effect of what is written to the residual stream, or behind it to the final LayerNorm's output; the formula
    /// stands at [`LogitEffect`].
    async fn logit_effect(
        &self,
        model: &LoadedModel,
        hook: HookPoint,
        output: &[f32],
    ) -> Result<LogitEffect, Error> {
        let weight = model.model.ln_final_weight();
        let scaled: Vec<f32> = match hook {
            HookPoint::LnFinalOut => output.to_vec(),
            HookPoint::LnFinalNormalized => scaled(output, 0.0, weight),
            _ => scaled(output, metrics::mean(output).unwrap_or(0.0), weight),
        };
        let effects = self.product(model.model.token_embedding(), &scaled).await?;
        if let Some(position) = effects.iter().position(|effect| !effect.is_finite()) {
            return Err(Error::NotANumber {
                what: "the direct logit effect of the feature".to_owned(),
                position,
            });
        }
        let mean = metrics::mean(&effects).unwrap_or(0.0);
        let mut order: Vec<(u32, f32)> = (0..).zip(effects).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let effect = |&(id, effect): &(u32, f32)| TokenEffect {
            id,
            text: model.token(id).text,
            value: (f64::from(effect) - mean) as f32,
        };
        Ok(LogitEffect {
            top: order.iter().take(LISTED).map(effect).collect(),
            bottom: order.iter().rev().take(LISTED).map(effect).collect(),
        })
    }
}

/// `(direction − mean) ⊙ weight`. The difference is taken in f64: of a direction that does not vary nothing may be left.
fn scaled(direction: &[f32], mean: f64, weight: &[f32]) -> Vec<f32> {
    direction
        .iter()
        .zip(weight)
        .map(|(direction, weight)| ((f64::from(*direction) - mean) * f64::from(*weight)) as f32)
        .collect()
}

fn norm(direction: &[f32]) -> f32 {
    let squares = direction.iter().map(|x| f64::from(*x).powi(2));
    squares.sum::<f64>().sqrt() as f32
}
