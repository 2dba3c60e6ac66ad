//! Neurons as features: the dimensions of an activation, without an autoencoder.

use formats::sae::CountedPositions;
use gpt2::HookPoint;
use kernels::{
    Buffer, EditLatent, Linear, Matrix as WeightMatrix, Recorder, WeightFormat, edit_latent, linear,
};

use crate::Error;
use crate::error::index;
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
            norm_scaling_factor: None,
            prepend_bos: None,
            context_size: None,
            notices: load_sae::hook_notice(name, hook).into_iter().collect(),
            model_name: None,
            other_model: false,
        };
        self.keep(LoadedSae {
            info: info.clone(),
            hook,
            positions: CountedPositions::default(),
            features: Features::Neurons,
        });
        Ok(info)
    }

    /// A neuron as a feature: the latent of an identity autoencoder, with the model's bias in the place of the encoder's.
    pub(crate) async fn neuron(
        &self,
        model: &LoadedModel,
        loaded: &LoadedSae,
        latent: u32,
    ) -> Result<Feature, Error> {
        let bias = match loaded.hook {
            HookPoint::MlpPost(layer) => {
                let buffer = model.model.mlp_in_bias(layer)?;
                let recorder = Recorder::new(&self.device);
                let biases = recorder.read_f32(buffer, loaded.info.d_in).await?;
                index(&biases, "the bias of neuron", latent)?
            }
            _ => 0.0,
        };
        let direction = one_hot(loaded.info.d_in, latent as usize);
        self.describe(model, loaded.hook, latent, (&direction, bias))
            .await
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
