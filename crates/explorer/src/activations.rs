//! Questions for whole activations: logits, hook points, reconstructions.

use gpt2::HookPoint;
use kernels::Recorder;

use crate::Error;
use crate::options::{Bos, Input, TraceOptions};
use crate::pass::record_activation;
use crate::report::Matrix;
use crate::session::Session;

impl Session {
    /// The logits after every token, `[tokens, vocabulary]`.
    ///
    /// # Errors
    /// As [`Session::trace`].
    pub async fn logits<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        let running = self.start();
        let model = self.model()?;
        let prompt = model.prompt(prompt.into(), bos, &self.saes)?;
        let options = TraceOptions {
            dump: true,
            ..TraceOptions::default()
        };
        let clean = self.clean_pass(model, &prompt, &[], &options).await?;
        running.check()?;
        Ok(Matrix {
            rows: prompt.ids.len(),
            cols: model.info.vocab,
            data: clean.reads.logits(&clean.readings),
        })
    }

    /// `blocks.{layer}.hook_resid_post`, `[tokens, d_model]`.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a layer that is not there.
    pub async fn residual<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        layer: usize,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        let n_layers = self.model()?.info.n_layers;
        if layer >= n_layers {
            return Err(Error::BadOption {
                name: "layer",
                value: layer.to_string(),
                expected: format!("the model's blocks are 0 to {}", n_layers - 1),
            });
        }
        self.activation(prompt, HookPoint::ResidPost(layer), bos)
            .await
    }

    /// The activation at any hook point, `[tokens, width]`.
    ///
    /// # Errors
    /// As [`Session::trace`].
    pub async fn activation<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        point: HookPoint,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        let running = self.start();
        let model = self.model()?;
        let prompt = model.prompt(prompt.into(), bos, &self.saes)?;
        let rows = prompt.ids.len();
        let width = point.width(model.model.config());
        let mut recorder = Recorder::new(&self.device);
        let activation = record_activation(&mut recorder, model, &prompt, point)?;
        let data = recorder.read_f32(&activation, rows * width).await?;
        running.check()?;
        Ok(Matrix {
            rows,
            cols: width,
            data,
        })
    }

    /// What an autoencoder makes of its activation, `[tokens, d_in]`.
    ///
    /// # Errors
    /// As [`Session::trace`].
    pub async fn reconstruction<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        sae: &str,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(sae)?;
        let prompt = model.prompt(prompt.into(), bos, &self.saes)?;
        let rows = prompt.ids.len();
        let mut recorder = Recorder::new(&self.device);
        let activation = record_activation(&mut recorder, model, &prompt, loaded.hook)?;
        recorder.finish().run().await?;
        let mut recorder = Recorder::new(&self.device);
        let resident = self
            .resident(&running, loaded, &activation, rows, None)
            .await?;
        let output = match &resident {
            Some(resident) => {
                let sae = resident.sae();
                let (_, encoding) = self.encode(loaded, sae, &activation, rows).await?;
                sae.record_decode(&mut recorder, &encoding)?
            }
            None => activation,
        };
        let width = loaded.info.d_in;
        let data = recorder.read_f32(&output, rows * width).await?;
        running.check()?;
        Ok(Matrix {
            rows,
            cols: width,
            data,
        })
    }
}
