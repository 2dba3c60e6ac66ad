//! Looking into a prompt: the clean pass, then every autoencoder's encoding, reconstruction and cost.

use gpt2::HookPoint;
use kernels::{Recorder, Splice, splice};
use sae::{Encoding, Sae};

use crate::Error;
use crate::cancel::Running;
use crate::encoded::Encoded;
use crate::logits::mean_loss;
use crate::metrics::{Reconstructed, Sums, mean};
use crate::options::TraceOptions;
use crate::pass::CleanPass;
use crate::prompt::Prompt;
use crate::report::{Dump, Matrix, Metrics, SaeTrace, Trace};
use crate::session::{LoadedModel, LoadedSae, Session};

/// An autoencoder whose reconstruction is to stand in place of its activation.
struct Replaced<'a> {
    loaded: &'a LoadedSae,
    sae: &'a Sae,
    encoding: &'a Encoding,
    /// `[rows, 2]` of the encoder's input.
    statistics: &'a [f32],
    clean_loss: Option<f64>,
}

impl Session {
    /// Runs the model and its autoencoders on a prompt.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::UnknownSae`],
    /// [`Error::BadOption`], [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn trace(&self, prompt: &str, options: &TraceOptions) -> Result<Trace, Error> {
        let running = self.start();
        let model = self.model()?;
        let saes = self.chosen_saes(options.saes.as_deref())?;
        let prompt = model.prompt(prompt, options.bos, &saes)?;
        let hooks: Vec<HookPoint> = saes.iter().map(|sae| sae.hook).collect();
        let clean = self.clean_pass(model, &prompt, &hooks, options).await?;
        let token_losses = clean.reads.token_losses(&clean.readings)?;
        let next_by_position = clean.reads.next_tokens(&clean.readings, model);
        let loss = mean_loss(&prompt, &token_losses);
        let mut traces = Vec::new();
        let mut reconstructions = Vec::new();
        for loaded in saes {
            self.step(&running).await?;
            let (trace, reconstruction, _) = self
                .trace_features(&running, model, loaded, &prompt, &clean, loss)
                .await?;
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

    /// One autoencoder's part of a trace, its reconstruction, and what its FVU is made of; nothing where nothing is lost.
    pub(crate) async fn trace_features(
        &self,
        running: &Running,
        model: &LoadedModel,
        loaded: &LoadedSae,
        prompt: &Prompt,
        clean: &CleanPass,
        clean_loss: Option<f64>,
    ) -> Result<(SaeTrace, Matrix, Option<Sums>), Error> {
        let activation = clean.capture.get(loaded.hook)?;
        let rows = prompt.ids.len();
        let first = prompt.first_scored().min(rows - 1);
        let resident = self
            .resident(running, loaded, activation, rows, None)
            .await?;
        let (encoded, (metrics, sums), reconstruction) = match &resident {
            Some(resident) => {
                let what = (loaded, resident.sae());
                let (encoded, (metrics, sums), reconstruction) = self
                    .trace_sae(running, model, what, prompt, clean, clean_loss)
                    .await?;
                let encoded = resident.named(encoded);
                (encoded, (metrics, Some(sums)), reconstruction)
            }
            None => {
                let (encoded, data) = self.read_neurons(loaded, activation, rows).await?;
                // Neurons are the activation itself: nothing is lost.
                let metrics = Metrics {
                    l0: encoded.l0(first),
                    fvu: Some(0.0),
                    relative_error: 0.0,
                    spliced_loss: clean_loss,
                    delta_ce: clean_loss.map(|_| 0.0),
                    kl: 0.0,
                    positions: rows - first,
                };
                (encoded, (metrics, None), data)
            }
        };
        let (places, latents, activations) = encoded.trimmed();
        let trace = SaeTrace {
            info: loaded.info.clone(),
            places,
            latents,
            activations,
            metrics,
        };
        let reconstruction = Matrix {
            rows,
            cols: loaded.info.d_in,
            data: reconstruction,
        };
        Ok((trace, reconstruction, sums))
    }

    /// An autoencoder's latents, what they cost, and the reconstruction.
    async fn trace_sae(
        &self,
        running: &Running,
        model: &LoadedModel,
        (loaded, sae): (&LoadedSae, &Sae),
        prompt: &Prompt,
        clean: &CleanPass,
        clean_loss: Option<f64>,
    ) -> Result<(Encoded, (Metrics, Sums), Vec<f32>), Error> {
        let activation = clean.capture.get(loaded.hook)?;
        let rows = prompt.ids.len();
        let first = prompt.first_scored().min(rows - 1);
        let (encoded, encoding) = self.encode(loaded, sae, activation, rows).await?;
        self.step(running).await?;
        let replaced = Replaced {
            loaded,
            sae,
            encoding: &encoding,
            statistics: &encoded.statistics,
            clean_loss,
        };
        let (metrics, reconstruction) = self
            .cost(model, prompt, clean, &replaced, encoded.l0(first))
            .await?;
        Ok((encoded, metrics, reconstruction))
    }

    /// What the model loses with the reconstruction in place of the activation; and the reconstruction.
    async fn cost(
        &self,
        model: &LoadedModel,
        prompt: &Prompt,
        clean: &CleanPass,
        replaced: &Replaced<'_>,
        l0: f64,
    ) -> Result<((Metrics, Sums), Vec<f32>), Error> {
        let (loaded, sae) = (replaced.loaded, replaced.sae);
        let rows = prompt.ids.len();
        let width = loaded.info.d_in;
        let activation = clean.capture.get(loaded.hook)?;
        let mut recorder = Recorder::new(&self.device);
        let reconstruction = sae.record_decode(&mut recorder, replaced.encoding)?;
        let spliced = recorder.scratch("spliced activation", rows * width)?;
        splice(
            &mut recorder,
            &Splice {
                input: activation,
                replacement: &reconstruction,
                rows,
                width,
                tokens_per_sequence: rows,
                first_position: prompt.first_scored(),
                output: &spliced,
            },
        )?;
        let logits = clean.record_replaced(&mut recorder, model, loaded.hook, &spliced, 0)?;
        let reads = logits.read_back(&mut recorder, false)?;
        let activation_read = recorder.read_back(activation, rows * width)?;
        let reconstruction_read = recorder.read_back(&reconstruction, rows * width)?;
        let readings = recorder.finish().run().await?;

        let token_losses = reads.token_losses(&readings)?;
        let spliced_loss = mean_loss(prompt, &token_losses);
        let first = prompt.first_scored().min(rows - 1);
        let reconstructed = Reconstructed {
            activation: readings.f32(activation_read),
            reconstruction: readings.f32(reconstruction_read),
            statistics: replaced.statistics,
            width,
            normalization: sae.config().normalization,
            first,
        };
        let sums = reconstructed.sums();
        let metrics = Metrics {
            l0,
            fvu: sums.fvu(),
            relative_error: reconstructed.relative_error(),
            spliced_loss,
            delta_ce: spliced_loss
                .zip(replaced.clean_loss)
                .map(|(spliced, clean)| spliced - clean),
            kl: mean(&reads.divergences(&readings)[first..]).unwrap_or(0.0),
            positions: rows - first,
        };
        let reconstruction = readings.f32(reconstruction_read).to_vec();
        Ok(((metrics, sums), reconstruction))
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
