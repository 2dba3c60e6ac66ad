//! Neurons as features: the dimensions of an activation, without an autoencoder.

use gpt2::HookPoint;
use kernels::{
    Buffer, EditLatent, Linear, Matrix as WeightMatrix, Recorder, WeightFormat, edit_latent, linear,
};

use crate::Error;
use crate::load_sae;
use crate::options::Edit;
use crate::report::{Feature, SaeInfo};
use crate::session::{Features, LoadedModel, LoadedSae, Session};

impl Session {
    /// Makes the dimensions of the activation at a hook a feature set beside the autoencoders: the MLP's neurons
    /// (`mlp.hook_post`), the heads' dimensions (`attn.hook_z`), the basis of the residual stream. A feature's activation is
    /// the dimension's value, below 0 as well.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`] for a hook that the model does not have.
    pub fn load_neurons(&mut self, id: &str, hook: &str) -> Result<SaeInfo, Error> {
        let name = hook;
        let hook = self.hook_named(id, name)?;
        let width = hook.width(self.model()?.model.config());
        let info = SaeInfo {
            id: id.to_owned(),
            hook: hook.to_string(),
            architecture: "neurons",
            n_latents: width,
            k: None,
            d_in: width,
            normalization: "none",
            weights: "none",
            prepend_bos: None,
            context_size: None,
            notices: load_sae::hook_notice(name, hook).into_iter().collect(),
            model_name: None,
            other_model: false,
        };
        self.keep(LoadedSae {
            info: info.clone(),
            hook,
            features: Features::Neurons,
        });
        Ok(info)
    }

    /// What a neuron writes to the residual stream, as far as it writes there, and its bias.
    pub(crate) async fn neuron(
        &self,
        model: &LoadedModel,
        loaded: &LoadedSae,
        latent: u32,
    ) -> Result<Feature, Error> {
        let direction = match loaded.hook {
            HookPoint::MlpPost(layer) => {
                let written_by = model.model.mlp_out(layer)?;
                self.column(written_by, latent as usize).await?
            }
            HookPoint::Z(layer) => {
                let written_by = model.model.attn_out(layer)?;
                self.column(written_by, latent as usize).await?
            }
            _ => one_hot(loaded.info.d_in, latent as usize),
        };
        let bias = match loaded.hook {
            HookPoint::MlpPost(layer) => {
                self.word(model.model.mlp_in_bias(layer)?, latent as usize)
                    .await?
            }
            _ => 0.0,
        };
        self.written(model, latent, &direction, bias).await
    }

    /// A column of a weight matrix.
    async fn column(&self, weights: &WeightMatrix, column: usize) -> Result<Vec<f32>, Error> {
        self.product(weights, &one_hot(weights.cols(), column))
            .await
    }

    async fn word(&self, buffer: &Buffer, place: usize) -> Result<f32, Error> {
        let recorder = Recorder::new(&self.device);
        let words = recorder.read_f32(buffer, place + 1).await?;
        Ok(words.last().copied().unwrap_or(0.0))
    }

    /// A recording with one dimension of an activation set to a value on the rows whose `mask [rows]` is not 0, and the
    /// edited activation.
    pub(crate) async fn record_neuron_edit(
        &self,
        (loaded, edit): (&LoadedSae, &Edit),
        input: &Buffer,
        mask: &Buffer,
    ) -> Result<(Recorder, Buffer), Error> {
        // An autoencoder of one latent, which reads the dimension and writes it.
        let (rows, width) = (mask.words(), loaded.info.d_in);
        let direction = WeightMatrix::from_rows(
            &self.device,
            "the dimension's direction",
            (1, width),
            WeightFormat::F32,
            &one_hot(width, edit.latent as usize),
        )?;
        let mut recorder = Recorder::new(&self.device);
        let values = recorder.scratch("the dimension's values", rows)?;
        linear(
            &mut recorder,
            &Linear::plain(input, rows, &direction, &values),
        )?;
        check_finite(loaded, &recorder.read_f32(&values, rows).await?, 1)?;
        let mut recorder = Recorder::new(&self.device);
        let output = recorder.scratch("edited activation", rows * width)?;
        edit_latent(
            &mut recorder,
            &EditLatent {
                input,
                latents: &self.device.buffer_with("latents", &vec![0_u32; rows])?,
                activations: &values,
                statistics: &self
                    .device
                    .buffer_with("statistics", &[0.0_f32, 1.0].repeat(rows))?,
                mask,
                rows,
                k: 1,
                w_dec: &direction,
                latent: 0,
                value: edit.value,
                output: &output,
            },
        )?;
        Ok((recorder, output))
    }
}

/// Refuses rows of neurons, each of so many, that are not all numbers.
pub(crate) fn check_finite(loaded: &LoadedSae, values: &[f32], width: usize) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotANumber {
            what: format!("a neuron of {}", loaded.info.hook),
            position: at / width.max(1),
        }),
    }
}

fn one_hot(width: usize, place: usize) -> Vec<f32> {
    let mut vector = vec![0.0; width];
    if let Some(value) = vector.get_mut(place) {
        *value = 1.0;
    }
    vector
}
