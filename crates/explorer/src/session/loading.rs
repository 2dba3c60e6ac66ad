//! The session's methods that load and unload.

use std::rc::Rc;

use formats::gpt2::Gpt2Files;
use formats::sae::SaeFile;
use formats::tokenizer::Tokenizer;

use super::Session;
use wire::{ModelInfo, SaeInfo};

use crate::error::Error;
use crate::store::load_model::load_model;
use crate::store::load_sae::{load_neurons, load_sae, load_streamed_sae};
use crate::store::options::{SaeOptions, WeightChoice};

impl Session {
    /// Loads a model in the place of the one there was; its autoencoders go with it. A model that does not load leaves
    /// everything as it was.
    ///
    /// With [`WeightChoice::Auto`] weights stored as F16 stay f16 on the device, which loses nothing; others become f32, and
    /// so do all where the device prefers it.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Model`], [`Error::TokenizerMismatch`], [`Error::Device`].
    pub async fn load_model(
        &mut self,
        id: &str,
        name: &str,
        files: Gpt2Files,
        tokenizer: Tokenizer,
        weights: WeightChoice,
    ) -> Result<ModelInfo, Error> {
        // Weights need the room.
        self.forget();
        let loaded = load_model(&self.pace(), (id, name), &files, tokenizer, weights).await?;
        let info = loaded.info.clone();
        self.store.keep_model(loaded);
        self.weigh();
        Ok(info)
    }

    /// Says whether a BOS goes before a prompt where no autoencoder says so.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn set_prepend_bos(&mut self, prepend_bos: bool) -> Result<(), Error> {
        let model = self.store.model()?;
        model.vocabulary.prepend_bos.set(prepend_bos);
        Ok(())
    }

    /// Loads an autoencoder beside the others; one with the same id is replaced. Its matrices come piece by piece and are
    /// never in memory as a whole.
    ///
    /// With [`WeightChoice::Auto`] weights that f16 represents exactly are packed on the device, unless it prefers f32;
    /// others stay f32.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`], [`Error::WidthMismatch`], [`Error::Unsupported`], [`Error::File`],
    /// [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn load_sae(
        &mut self,
        id: &str,
        file: &SaeFile,
        options: &SaeOptions,
    ) -> Result<SaeInfo, Error> {
        self.forget();
        let loaded = load_sae(&self.store, &self.pace(), id, file, options).await?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        self.weigh();
        Ok(info)
    }

    /// Loads a TopK autoencoder that is too large for the device: its weights stay in the file, and every call reads it
    /// once through a buffer of 256 MiB (or of `part_bytes`). Results are those of the whole autoencoder; nearest features
    /// are not looked for.
    ///
    /// # Errors
    /// As [`Session::load_sae`]; [`Error::Unsupported`] for other architectures, and where the encoder is stored input by
    /// input, as SAELens does.
    pub async fn load_streamed_sae(
        &mut self,
        id: &str,
        file: Rc<SaeFile>,
        options: &SaeOptions,
        part_bytes: Option<usize>,
    ) -> Result<SaeInfo, Error> {
        let loaded = load_streamed_sae(&self.store, id, file, options, part_bytes).await?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        Ok(info)
    }

    /// Makes the dimensions of the activation at a hook a feature set beside the autoencoders: the MLP's neurons
    /// (`mlp.hook_post`), the heads' dimensions (`attn.hook_z`), the basis of the residual stream. A feature's activation is
    /// the dimension's value, below 0 as well.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`] for a hook that the model does not have.
    pub fn load_neurons(&mut self, id: &str, hook: &str) -> Result<SaeInfo, Error> {
        let loaded = load_neurons(&self.store, id, hook)?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        Ok(info)
    }

    /// Takes an autoencoder or other feature set off the device.
    ///
    /// # Errors
    /// [`Error::UnknownSae`].
    pub fn unload_sae(&mut self, id: &str) -> Result<(), Error> {
        self.store.remove_set(id)?;
        // Its plans hold the weights.
        self.forget();
        self.weigh();
        Ok(())
    }
}
