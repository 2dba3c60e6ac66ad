//! One feature set to a value, the error term kept.

use kernels::{Buffer, Recorder};
use sae::{Edit as LatentEdit, Sae};

use crate::Error;
use crate::logits::mean_loss;
use crate::metrics::mean;
use crate::options::{Edit, TraceOptions};
use crate::report::{Edited, Matrix};
use crate::session::{LoadedSae, Session};

impl Session {
    /// Runs a prompt with one latent of one autoencoder set to a value at some positions: x ← x + decode(z_edited) −
    /// decode(z). Where nothing changes, the result is exactly the clean run's.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a latent or position that is not there.
    pub async fn edited(
        &self,
        prompt: &str,
        edit: &Edit,
        options: &TraceOptions,
    ) -> Result<Edited, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(&edit.sae)?;
        let prompt = model.prompt(prompt, options.bos, &[loaded])?;
        let rows = prompt.ids.len();
        loaded.check_latent(edit.latent)?;
        if !edit.value.is_finite() {
            return Err(Error::BadOption {
                name: "value",
                value: edit.value.to_string(),
                expected: "it must be a finite number".to_owned(),
            });
        }
        let mut mask = vec![0_u32; rows];
        match &edit.positions {
            None => mask[prompt.first_scored()..].fill(1),
            Some(positions) => {
                for position in positions {
                    *mask.get_mut(*position).ok_or_else(|| Error::BadOption {
                        name: "positions",
                        value: position.to_string(),
                        expected: format!("the prompt has {rows} tokens"),
                    })? = 1;
                }
            }
        }
        let clean = self
            .clean_pass(model, &prompt, &[loaded.hook], options)
            .await?;
        self.step(&running).await?;
        let activation = clean.capture.get(loaded.hook)?;
        let mask = self.device.buffer_with("edited positions", &mask)?;
        let resident = self
            .resident(&running, loaded, activation, rows, Some(edit.latent))
            .await?;
        let (mut recorder, edited) = match &resident {
            Some(resident) => {
                let change = LatentEdit {
                    latent: resident.place(edit.latent),
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
            options.top_logits.min(model.info.vocab),
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
        let kl = reads.divergences(&readings);
        let first = prompt.first_scored().min(rows - 1);
        Ok(Edited {
            loss: mean_loss(&prompt, &token_losses),
            token_losses,
            next: next_by_position.last().cloned().unwrap_or_default(),
            next_by_position,
            mean_kl: mean(&kl[first..]).unwrap_or(0.0),
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
