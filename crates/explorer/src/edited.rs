//! Runs with one feature set to a value, the error term kept.

use kernels::{Buffer, Recorder};
use sae::{Edit as LatentEdit, Sae};

use crate::Error;
use crate::metrics::{self, counted_mean};
use crate::options::{Edit, Input, TraceOptions};
use crate::report::{Edited, Matrix};
use crate::session::{LoadedSae, Session};

impl Session {
    /// Runs a prompt with one latent of one autoencoder set to a value at some positions: x ← x + decode(z_edited) −
    /// decode(z). Where nothing changes, the result is exactly the clean run's.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a latent or position that is not there.
    pub async fn edited<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        edit: &Edit,
        options: &TraceOptions,
    ) -> Result<Edited, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(&edit.sae)?;
        let prompt = model.prompt(prompt.into(), options.bos, &self.saes)?;
        let rows = prompt.ids.len();
        loaded.check_latent(edit.latent)?;
        if !edit.value.is_finite() {
            return Err(Error::BadOption {
                name: "value",
                value: edit.value.to_string(),
                expected: "it must be a finite number".to_owned(),
            });
        }
        let counted = loaded.counted(model, &prompt);
        let mask = self.mask(&chosen(edit, &counted)?)?;
        let clean = self
            .clean_pass(model, &prompt, &[loaded.hook], options)
            .await?;
        self.step(&running).await?;
        let activation = clean.capture.get(loaded.hook)?;
        let resident = self
            .resident(&running, loaded, activation, rows, Some(edit.latent))
            .await?;
        let (mut recorder, edited) = match &resident {
            Some(resident) => {
                let change = LatentEdit {
                    latent: resident.index_of(edit.latent)?,
                    value: edit.value,
                };
                self.record_edit((loaded, resident.sae()), activation, &mask, change)
                    .await?
            }
            None => {
                self.record_neuron_edit((loaded, edit), activation, &mask)
                    .await?
            }
        };
        let logits = clean.record_replaced(
            &mut recorder,
            model,
            loaded.hook,
            &edited,
            (options.top_logits.min(model.info.vocab), options.dump),
        )?;
        let reads = logits.read_back(&mut recorder, options.dump)?;
        let activation_read = match options.dump {
            true => Some(recorder.read_back(&edited, rows * loaded.info.d_in)?),
            false => None,
        };
        let readings = recorder.finish().run().await?;
        running.check()?;
        let token_losses = reads.token_losses(&readings)?;
        let next_by_position = reads.next_tokens(&readings, model);
        let kl = reads.divergences(&readings)?;
        Ok(Edited {
            loss: metrics::mean(&token_losses),
            token_losses,
            next: next_by_position.last().cloned().unwrap_or_default(),
            next_by_position,
            mean_kl: counted_mean(&kl, &counted),
            kl,
            logits: options.dump.then(|| Matrix {
                rows,
                cols: model.info.vocab,
                data: reads.logits(&readings),
            }),
            activation: activation_read.map(|handle| Matrix {
                rows,
                cols: loaded.info.d_in,
                data: readings.f32(handle).to_vec(),
            }),
        })
    }

    /// A recording with a latent set to a value on the rows whose `mask [rows]` is not 0, and the edited activation.
    async fn record_edit(
        &self,
        (loaded, sae): (&LoadedSae, &Sae),
        activation: &Buffer,
        mask: &Buffer,
        change: LatentEdit,
    ) -> Result<(Recorder, Buffer), Error> {
        let rows = mask.words();
        let (_, encoding) = self.encode(loaded, sae, activation, rows).await?;
        let mut recorder = Recorder::new(&self.device);
        let edited = sae.record_edit(&mut recorder, activation, &encoding, mask, change)?;
        Ok((recorder, edited))
    }
}

/// The positions that an edit changes: those that it names, or all that count.
fn chosen(edit: &Edit, counted: &[bool]) -> Result<Vec<bool>, Error> {
    let Some(positions) = &edit.positions else {
        return Ok(counted.to_vec());
    };
    let mut chosen = vec![false; counted.len()];
    for position in positions {
        *chosen.get_mut(*position).ok_or_else(|| Error::BadOption {
            name: "positions",
            value: position.to_string(),
            expected: format!("the prompt has {} tokens", counted.len()),
        })? = true;
    }
    Ok(chosen)
}
