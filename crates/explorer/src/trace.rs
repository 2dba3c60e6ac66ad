//! Trace of a prompt: the clean pass, then every feature set's encoding, reconstruction and metrics.

use gpt2::HookPoint;
use kernels::{Recorder, Splice, splice};
use sae::{Encoding, Sae};

use crate::Error;
use crate::cancel::Running;
use crate::cautions::cautions;
use crate::encoded::Encoded;
use crate::metrics::{self, Reconstructed, Sums, counted_mean};
use crate::options::{Input, TraceOptions};
use crate::pass::CleanPass;
use crate::prompt::Prompt;
use crate::report::{Dump, Matrix, Metrics, SaeTrace, Trace};
use crate::session::{LoadedModel, LoadedSae, Session};

/// A prompt that was run, and what a feature set's metrics are about.
pub(crate) struct Traced<'a> {
    pub(crate) model: &'a LoadedModel,
    pub(crate) loaded: &'a LoadedSae,
    pub(crate) prompt: &'a Prompt,
    pub(crate) clean: &'a CleanPass,
    pub(crate) clean_loss: Option<f64>,
    /// `[tokens]`: positions that count.
    pub(crate) counted: Vec<bool>,
}

/// A feature set's part of a trace, its reconstruction, and the sums of its FVU; None where nothing is lost.
pub(crate) type TracedFeatures = (SaeTrace, Matrix, Option<Sums>);

impl Session {
    /// Runs the model and its autoencoders on a prompt.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::UnknownSae`],
    /// [`Error::BadOption`], [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn trace<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        options: &TraceOptions,
    ) -> Result<Trace, Error> {
        let running = self.start();
        let model = self.model()?;
        let saes = self.chosen_saes(options.saes.as_deref())?;
        let prompt = model.prompt(prompt.into(), options.bos, &self.saes)?;
        let hooks: Vec<HookPoint> = saes.iter().map(|sae| sae.hook).collect();
        let clean = self.clean_pass(model, &prompt, &hooks, options).await?;
        let token_losses = clean.reads.token_losses(&clean.readings)?;
        let next_by_position = clean.reads.next_tokens(&clean.readings, model);
        let loss = metrics::mean(&token_losses);
        let mut traces = Vec::new();
        let mut reconstructions = Vec::new();
        for loaded in saes {
            self.step(&running).await?;
            let traced = Traced {
                model,
                loaded,
                prompt: &prompt,
                clean: &clean,
                clean_loss: loss,
                counted: loaded.counted(model, &prompt),
            };
            let (trace, reconstruction, _) = self.trace_features(&running, &traced).await?;
            traces.push(trace);
            reconstructions.push(reconstruction);
        }
        let dump = match options.dump {
            false => None,
            true => Some(self.dump(model, &prompt, &clean, reconstructions).await?),
        };
        running.check()?;
        Ok(Trace {
            tokens: prompt.ids.iter().map(|id| model.token(*id)).collect(),
            bos_prepended: prompt.starts_with_bos,
            bos_reason: prompt.bos_reason,
            loss,
            token_losses,
            next: next_by_position.last().cloned().unwrap_or_default(),
            next_by_position,
            saes: traces,
            backend: self.backend_name(),
            adapter: self.device.adapter_name(),
            dump,
        })
    }

    /// One feature set's part of a trace.
    pub(crate) async fn trace_features(
        &self,
        running: &Running,
        traced: &Traced<'_>,
    ) -> Result<TracedFeatures, Error> {
        let loaded = traced.loaded;
        let activation = traced.clean.capture.get(loaded.hook)?;
        let rows = traced.prompt.ids.len();
        let resident = self
            .resident(running, loaded, activation, rows, None)
            .await?;
        let (encoded, metrics, sums, reconstruction) = match &resident {
            Some(resident) => {
                let (encoded, encoding) = self
                    .encode(loaded, resident.sae(), activation, rows)
                    .await?;
                self.step(running).await?;
                let (metrics, sums, reconstruction) = self
                    .splice(traced, resident.sae(), &encoded, &encoding)
                    .await?;
                let encoded = resident.remapped(encoded)?;
                (encoded, metrics, Some(sums), reconstruction)
            }
            None => {
                let (encoded, data) = self.read_neurons(loaded, activation, rows).await?;
                let metrics = traced.lossless(&encoded);
                (encoded, metrics, None, data)
            }
        };
        let (slots, latents, activations) = encoded.trimmed();
        let skipped = (0..).zip(&traced.counted);
        let trace = SaeTrace {
            info: loaded.info.clone(),
            slots,
            latents,
            activations,
            metrics,
            skipped: skipped
                .filter(|(_, counted)| !**counted)
                .map(|(position, _)| position)
                .collect(),
            cautions: cautions(&loaded.info, rows, traced.prompt.starts_with_bos, &metrics),
        };
        let reconstruction = Matrix {
            rows,
            cols: loaded.info.d_in,
            data: reconstruction,
        };
        Ok((trace, reconstruction, sums))
    }

    /// Metrics of an autoencoder with its reconstruction in place of the activation; and the reconstruction.
    async fn splice(
        &self,
        traced: &Traced<'_>,
        sae: &Sae,
        encoded: &Encoded,
        encoding: &Encoding,
    ) -> Result<(Metrics, Sums, Vec<f32>), Error> {
        let (loaded, clean) = (traced.loaded, traced.clean);
        let (rows, width) = (traced.prompt.ids.len(), loaded.info.d_in);
        let activation = clean.capture.get(loaded.hook)?;
        let mut recorder = Recorder::new(&self.device);
        let reconstruction = sae.record_decode(&mut recorder, encoding)?;
        let spliced = recorder.scratch("spliced activation", rows * width)?;
        splice(
            &mut recorder,
            &Splice {
                input: activation,
                replacement: &reconstruction,
                mask: &self.mask(&traced.counted)?,
                rows,
                width,
                output: &spliced,
            },
        )?;
        let logits = clean.record_replaced(
            &mut recorder,
            traced.model,
            loaded.hook,
            &spliced,
            (0, false),
        )?;
        let reads = logits.read_back(&mut recorder, false)?;
        let activation_read = recorder.read_back(activation, rows * width)?;
        let reconstruction_read = recorder.read_back(&reconstruction, rows * width)?;
        let readings = recorder.finish().run().await?;

        let token_losses = reads.token_losses(&readings)?;
        let spliced_loss = metrics::mean(&token_losses).filter(|_| traced.predicts());
        let reconstructed = Reconstructed {
            activation: readings.f32(activation_read),
            reconstruction: readings.f32(reconstruction_read),
            statistics: &encoded.statistics,
            width,
            normalization: sae.config().normalization,
            counted: &traced.counted,
        };
        let sums = reconstructed.sums();
        let metrics = Metrics {
            l0: encoded.l0(&traced.counted),
            fvu: sums.fvu(),
            relative_error: reconstructed.relative_error(),
            cosine: reconstructed.cosine(),
            spliced_loss,
            delta_ce: difference(spliced_loss, traced.clean_loss),
            kl: counted_mean(&reads.divergences(&readings)?, &traced.counted),
            positions: traced.positions(),
        };
        Ok((metrics, sums, readings.f32(reconstruction_read).to_vec()))
    }

    /// Positions as a kernel takes them: `[positions]`, 1 where `chosen`.
    pub(crate) fn mask(&self, chosen: &[bool]) -> Result<kernels::Buffer, Error> {
        let words: Vec<u32> = chosen.iter().map(|chosen| u32::from(*chosen)).collect();
        Ok(self.device.buffer_with("mask of positions", &words)?)
    }

    async fn dump(
        &self,
        model: &LoadedModel,
        prompt: &Prompt,
        clean: &CleanPass,
        reconstructions: Vec<Matrix>,
    ) -> Result<Dump, Error> {
        let (rows, width) = (prompt.ids.len(), model.info.d_model);
        let mut recorder = Recorder::new(&self.device);
        let handles = (0..model.info.n_layers)
            .map(|layer| {
                let buffer = clean.capture.get(HookPoint::ResidPost(layer))?;
                Ok(recorder.read_back(buffer, rows * width)?)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let readings = recorder.finish().run().await?;
        Ok(Dump {
            logits: Matrix {
                rows,
                cols: model.info.vocab,
                data: clean.reads.logits(&clean.readings),
            },
            resid_post: handles
                .into_iter()
                .map(|handle| Matrix {
                    rows,
                    cols: width,
                    data: readings.f32(handle).to_vec(),
                })
                .collect(),
            reconstructions,
        })
    }
}

impl Traced<'_> {
    /// How many positions count.
    fn positions(&self) -> usize {
        self.counted.iter().filter(|counted| **counted).count()
    }

    /// Whether a token is predicted at a position that counts or behind one: without it a replacement changes no loss.
    fn predicts(&self) -> bool {
        let predicting = self.counted.len().saturating_sub(1);
        self.counted.iter().take(predicting).any(|counted| *counted)
    }

    /// Metrics of neurons, which are the activation itself.
    fn lossless(&self, encoded: &Encoded) -> Metrics {
        let some = |value| (self.positions() > 0).then_some(value);
        let spliced_loss = self.clean_loss.filter(|_| self.predicts());
        Metrics {
            l0: encoded.l0(&self.counted),
            fvu: some(0.0),
            relative_error: some(0.0),
            cosine: some(1.0),
            spliced_loss,
            delta_ce: spliced_loss.map(|_| 0.0),
            kl: some(0.0),
            positions: self.positions(),
        }
    }
}

pub(crate) fn difference(spliced: Option<f64>, clean: Option<f64>) -> Option<f64> {
    Some(spliced? - clean?)
}
