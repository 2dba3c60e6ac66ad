//! Looking into a prompt: the clean pass, then every autoencoder's encoding, reconstruction and cost.

use gpt2::{HookPoint, Hooks, NoHooks, Start};
use kernels::{Buffer, MAX_K, Readings, Recorder, Splice, splice};
use sae::{Architecture, Encoding};

use crate::Error;
use crate::cancel::Running;
use crate::metrics::{Reconstructed, mean};
use crate::options::TraceOptions;
use crate::pass::{
    Capture, Inputs, LogitReads, Logits, LogitsWanted, mean_loss, record_logits, record_replaced,
};
use crate::prompt::Prompt;
use crate::report::{Dump, Matrix, Metrics, SaeTrace, Trace};
use crate::session::{LoadedModel, LoadedSae, Session};

/// The clean pass: what stays on the device for comparisons, and what came back.
pub(crate) struct CleanPass {
    pub(crate) inputs: Inputs,
    pub(crate) capture: Capture,
    pub(crate) logits: Logits,
    pub(crate) reads: LogitReads,
    pub(crate) readings: Readings,
}

/// An encoding, on the device and read back.
pub(crate) struct Encoded {
    pub(crate) encoding: Encoding,
    pub(crate) latents: Vec<u32>,
    pub(crate) activations: Vec<f32>,
    pub(crate) statistics: Vec<f32>,
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
            let (trace, reconstruction) = self
                .trace_sae(&running, model, loaded, &prompt, &clean, loss)
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

    /// Runs the model alone, keeping the activations at some hook points (with `dump`, every block's output too).
    pub(crate) async fn clean_pass(
        &self,
        model: &LoadedModel,
        prompt: &Prompt,
        hooks: &[HookPoint],
        options: &TraceOptions,
    ) -> Result<CleanPass, Error> {
        if options.top_logits == 0 || options.top_logits > MAX_K {
            return Err(Error::BadOption {
                name: "top_logits",
                value: options.top_logits.to_string(),
                expected: format!("it must be from 1 to {MAX_K}"),
            });
        }
        let layers = if options.dump { model.info.n_layers } else { 0 };
        let points = hooks
            .iter()
            .copied()
            .chain((0..layers).map(HookPoint::ResidPost));
        let mut capture = Capture::new(points);
        let inputs = Inputs::new(&model.model, prompt)?;
        let mut recorder = Recorder::new(&self.device);
        let resid = model.model.record(
            &mut recorder,
            &inputs.tokens,
            inputs.batch,
            Start::Tokens,
            None,
            &mut capture,
        )?;
        let logits = record_logits(
            &mut recorder,
            &model.model,
            &inputs,
            &resid,
            &LogitsWanted {
                top: options.top_logits.min(model.info.vocab),
                clean: None,
            },
            &mut capture,
        )?;
        let reads = logits.read_back(&mut recorder, options.dump)?;
        let readings = recorder.finish()?.run().await?;
        Ok(CleanPass {
            inputs,
            capture,
            logits,
            reads,
            readings,
        })
    }

    /// Encodes rows of an activation and reads the latents back.
    pub(crate) async fn encode(
        &self,
        loaded: &LoadedSae,
        activation: &Buffer,
        rows: usize,
    ) -> Result<Encoded, Error> {
        let mut recorder = Recorder::new(&self.device);
        let encoding = loaded.sae.record_encode(&mut recorder, activation, rows)?;
        let words = rows * encoding.k;
        let latents = recorder.read_back(&encoding.latents, words)?;
        let activations = recorder.read_back(&encoding.activations, words)?;
        let statistics = recorder.read_back(&encoding.statistics, rows * 2)?;
        let nan_counts = recorder.read_back(&encoding.nan_counts, rows)?;
        let readings = recorder.finish()?.run().await?;
        if let Some(position) = readings
            .words(nan_counts)
            .iter()
            .position(|count| *count > 0)
        {
            return Err(Error::NotANumber {
                what: format!("a pre-activation of {}", loaded.info.id),
                position,
            });
        }
        let encoded = Encoded {
            latents: readings.words(latents).to_vec(),
            activations: readings.f32(activations).to_vec(),
            statistics: readings.f32(statistics).to_vec(),
            encoding,
        };
        if !matches!(loaded.sae.config().architecture, Architecture::TopK { .. })
            && encoded.is_full(loaded.info.n_latents)
        {
            return self.encode_densely(loaded, activation, encoded).await;
        }
        Ok(encoded)
    }

    /// For a row with more active latents than the selection kernel keeps: reads the pre-activations back, a row at a
    /// time, and keeps all that are active.
    async fn encode_densely(
        &self,
        loaded: &LoadedSae,
        activation: &Buffer,
        selected: Encoded,
    ) -> Result<Encoded, Error> {
        let rows = selected.encoding.rows;
        let mut recorder = Recorder::new(&self.device);
        let (pre, _) = loaded
            .sae
            .record_pre_activations(&mut recorder, activation, rows)?;
        let read = recorder.read_back(&pre, rows * loaded.info.n_latents)?;
        let readings = recorder.finish()?.run().await?;
        let active: Vec<Vec<(u32, f32)>> = readings
            .f32(read)
            .chunks_exact(loaded.info.n_latents)
            .map(|row| {
                let mut active: Vec<(u32, f32)> = row
                    .iter()
                    .enumerate()
                    .filter(|(_, value)| **value > 0.0)
                    .map(|(latent, value)| (latent as u32, *value))
                    .collect();
                active.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                active
            })
            .collect();
        let k = active.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut latents = vec![u32::MAX; rows * k];
        let mut activations = vec![0.0; rows * k];
        for (row, active) in active.iter().enumerate() {
            for (place, (latent, value)) in active.iter().enumerate() {
                latents[row * k + place] = *latent;
                activations[row * k + place] = *value;
            }
        }
        Ok(Encoded {
            encoding: Encoding {
                latents: self.device.buffer_with("latents", &latents)?,
                activations: self.device.buffer_with("activations", &activations)?,
                k,
                ..selected.encoding
            },
            latents,
            activations,
            statistics: selected.statistics,
        })
    }

    async fn trace_sae(
        &self,
        running: &Running,
        model: &LoadedModel,
        loaded: &LoadedSae,
        prompt: &Prompt,
        clean: &CleanPass,
        clean_loss: Option<f64>,
    ) -> Result<(SaeTrace, Matrix), Error> {
        let rows = prompt.ids.len();
        let width = loaded.info.d_in;
        let activation = clean.capture.get(loaded.hook)?;
        let encoded = self.encode(loaded, activation, rows).await?;
        self.step(running).await?;

        let mut recorder = Recorder::new(&self.device);
        let reconstruction = loaded.sae.record_decode(&mut recorder, &encoded.encoding)?;
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
        let logits =
            self.record_replaced_logits(&mut recorder, model, clean, loaded.hook, &spliced, 0)?;
        let reads = logits.read_back(&mut recorder, false)?;
        let activation_read = recorder.read_back(activation, rows * width)?;
        let reconstruction_read = recorder.read_back(&reconstruction, rows * width)?;
        let readings = recorder.finish()?.run().await?;

        let token_losses = reads.token_losses(&readings)?;
        let spliced_loss = mean_loss(prompt, &token_losses);
        let first = prompt.first_scored().min(rows - 1);
        let reconstructed = Reconstructed {
            activation: readings.f32(activation_read),
            reconstruction: readings.f32(reconstruction_read),
            statistics: &encoded.statistics,
            width,
            normalization: loaded.sae.config().normalization,
            first,
        };
        let metrics = Metrics {
            l0: encoded.l0(first),
            fvu: reconstructed.fvu(),
            relative_error: reconstructed.relative_error(),
            spliced_loss,
            delta_ce: spliced_loss
                .zip(clean_loss)
                .map(|(spliced, clean)| spliced - clean),
            kl: mean(&reads.divergences(&readings)[first..]).unwrap_or(0.0),
            positions: rows - first,
        };
        let reconstruction = Matrix {
            rows,
            cols: width,
            data: readings.f32(reconstruction_read).to_vec(),
        };
        let (places, latents, activations) = encoded.trimmed();
        Ok((
            SaeTrace {
                info: loaded.info.clone(),
                places,
                latents,
                activations,
                metrics,
            },
            reconstruction,
        ))
    }

    /// Records the pass with `replacement` at a hook and its logits, compared with the clean ones.
    pub(crate) fn record_replaced_logits(
        &self,
        recorder: &mut Recorder,
        model: &LoadedModel,
        clean: &CleanPass,
        hook: HookPoint,
        replacement: &Buffer,
        top: usize,
    ) -> Result<Logits, Error> {
        let resid = record_replaced(recorder, &model.model, &clean.inputs, hook, replacement)?;
        let mut final_norm = crate::pass::Replace {
            point: hook,
            replacement,
        };
        let hooks: &mut dyn Hooks = if hook == HookPoint::LnFinalNormalized {
            &mut final_norm
        } else {
            &mut NoHooks
        };
        record_logits(
            recorder,
            &model.model,
            &clean.inputs,
            &resid,
            &LogitsWanted {
                top,
                clean: Some(&clean.logits),
            },
            hooks,
        )
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
        let readings = recorder.finish()?.run().await?;
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

impl Encoded {
    fn rows(&self) -> impl Iterator<Item = (&[u32], &[f32])> {
        let k = self.encoding.k;
        self.latents
            .chunks_exact(k)
            .zip(self.activations.chunks_exact(k))
    }

    /// Whether a row's last place is active although the autoencoder has more latents than places.
    fn is_full(&self, n_latents: usize) -> bool {
        self.encoding.k < n_latents
            && self
                .rows()
                .any(|(_, activations)| activations.last().is_some_and(|last| *last > 0.0))
    }

    fn l0(&self, first: usize) -> f64 {
        let counts: Vec<f32> = self
            .rows()
            .skip(first)
            .map(|(_, activations)| activations.iter().filter(|value| **value > 0.0).count() as f32)
            .collect();
        mean(&counts).unwrap_or(0.0)
    }

    /// Places a row, latents and activations without the places that no row uses; empty places hold -1.
    fn trimmed(&self) -> (usize, Vec<i32>, Vec<f32>) {
        let places = self
            .rows()
            .map(|(_, activations)| activations.iter().filter(|value| **value > 0.0).count())
            .max()
            .unwrap_or(0)
            .max(1);
        let mut latents = Vec::new();
        let mut kept = Vec::new();
        for (row, activations) in self.rows() {
            for (latent, activation) in row.iter().zip(activations).take(places) {
                let active = *activation > 0.0;
                latents.push(if active { *latent as i32 } else { -1 });
                kept.push(if active { *activation } else { 0.0 });
            }
        }
        (places, latents, kept)
    }
}
