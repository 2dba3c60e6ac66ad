//! A loaded model.

use gpt2::{Gpt2, HookPoint};
use wire::ModelInfo;

use crate::error::Error;
use crate::tokens::Vocabulary;

/// A model on the device, with its tokens.
pub(crate) struct LoadedModel {
    pub(crate) info: ModelInfo,
    pub(crate) model: Gpt2,
    pub(crate) vocabulary: Vocabulary,
}

impl LoadedModel {
    /// Refuses a block that the model does not have.
    ///
    /// # Errors
    /// [`Error::BadOption`].
    pub(crate) fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let n_layers = self.info.n_layers;
        if layer < n_layers {
            return Ok(());
        }
        Err(Error::BadOption {
            name: "layer",
            value: layer.to_string(),
            expected: format!("the model's blocks are 0 to {}", n_layers - 1),
        })
    }

    /// Refuses a hook point in a block that the model does not have.
    ///
    /// # Errors
    /// [`Error::BadOption`].
    pub(crate) fn check_hook(&self, hook: HookPoint) -> Result<(), Error> {
        hook.layer().map_or(Ok(()), |layer| self.check_layer(layer))
    }
}
