//! Putting a model and its autoencoders on the device.

use std::ops::Range;

use formats::gpt2::Gpt2Files;
use formats::sae::{Architecture, Gate, Normalization, Sae as SaeFile};
use formats::tensors::Dtype;
use formats::tokenizer::Tokenizer;
use gpt2::{Gpt2, HookPoint};
use kernels::WeightFormat;
use sae::{GateWeights, Sae, Weights};

use crate::cancel::Running;
use crate::report::{ModelInfo, SaeInfo};
use crate::session::{LoadedModel, LoadedSae, Session};
use crate::{Error, options};

/// The files as a weight source; others get a turn between two pieces, and the loading can be cancelled there.
struct Files<'a> {
    files: &'a Gpt2Files,
    session: &'a Session,
    running: &'a Running,
}

impl gpt2::WeightSource for Files<'_> {
    type Error = Error;

    fn position(&self, key: &str) -> u64 {
        self.files.position(key)
    }

    async fn rows(&self, key: &str, range: Range<usize>) -> Result<Vec<f32>, Error> {
        self.session.step(self.running).await?;
        Ok(self.files.rows(key, range).await?)
    }
}

impl Session {
    /// Loads a model in the place of the one there was; its autoencoders go with it. A model that does not load leaves
    /// everything as it was.
    ///
    /// Weights stored as F16 stay packed halves on the device, which loses nothing; others become f32, and so do all where
    /// the device prefers it.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Model`], [`Error::TokenizerMismatch`], [`Error::Device`].
    pub async fn load_model(
        &mut self,
        id: &str,
        name: &str,
        files: Gpt2Files,
        tokenizer: Tokenizer,
    ) -> Result<ModelInfo, Error> {
        let file = files.config();
        let config = gpt2::Config {
            n_layer: file.n_layer,
            n_head: file.n_head,
            n_embd: file.n_embd,
            n_positions: file.n_positions,
            vocab_size: file.vocab_size,
            n_inner: file.n_inner,
            layer_norm_epsilon: file.layer_norm_epsilon,
        };
        if tokenizer.vocab_size() > config.vocab_size {
            return Err(Error::TokenizerMismatch {
                tokenizer: tokenizer.vocab_size(),
                model: config.vocab_size,
            });
        }
        let format = match files.dtype("wte.weight")? {
            Dtype::F16 if !self.device.prefers_f32() => WeightFormat::F16,
            _ => WeightFormat::F32,
        };
        let bos = tokenizer.bos().or(file.bos_token_id);
        let running = self.start();
        let source = Files {
            files: &files,
            session: self,
            running: &running,
        };
        let model = Gpt2::load(&self.device, config, format, &source).await?;
        self.device.check()?;
        let info = ModelInfo {
            id: id.to_owned(),
            name: name.to_owned(),
            n_layers: config.n_layer,
            d_model: config.n_embd,
            n_heads: config.n_head,
            n_ctx: config.n_positions,
            vocab: config.vocab_size,
            bos,
            weights: format_name(model.token_embedding().format()),
        };
        self.saes.clear();
        self.model = Some(LoadedModel {
            info: info.clone(),
            model,
            tokenizer,
            prepend_bos: false,
            decoder: None,
        });
        Ok(info)
    }

    /// Says whether a BOS goes before a prompt where no autoencoder says so.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn set_prepend_bos(&mut self, prepend_bos: bool) -> Result<(), Error> {
        self.model.as_mut().ok_or(Error::NoModel)?.prepend_bos = prepend_bos;
        Ok(())
    }

    /// Loads an autoencoder beside the others; one with the same id is replaced. `hook` overrides what the file says.
    ///
    /// Weights that halves represent exactly are packed on the device, unless it prefers f32; others stay f32.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`], [`Error::WidthMismatch`], [`Error::Unsupported`], [`Error::Sae`],
    /// [`Error::Device`].
    pub async fn load_sae(
        &mut self,
        id: &str,
        file: SaeFile,
        hook: Option<&str>,
    ) -> Result<SaeInfo, Error> {
        let model = self.model()?;
        let hook = self.hook_of(id, &file, hook)?;
        let width = hook.width(model.model.config());
        if file.config.d_in != width {
            return Err(Error::WidthMismatch {
                id: id.to_owned(),
                d_in: file.config.d_in,
                hook: hook.to_string(),
                width,
            });
        }
        let (architecture, k) = match file.config.architecture {
            Architecture::Standard => (sae::Architecture::Standard, None),
            Architecture::TopK { k } => (sae::Architecture::TopK { k }, Some(k)),
            Architecture::JumpRelu => (sae::Architecture::JumpRelu, None),
            Architecture::Gated => (sae::Architecture::Gated, None),
            other => {
                return Err(Error::Unsupported {
                    what: format!("the architecture {}", other.name()),
                });
            }
        };
        let normalization = match file.config.normalization {
            Normalization::None => sae::Normalization::None,
            Normalization::LayerNorm => sae::Normalization::LayerNorm,
            Normalization::ConstantNormRescale => sae::Normalization::ConstantNorm,
            other => {
                return Err(Error::Unsupported {
                    what: format!("the normalisation {}", other.name()),
                });
            }
        };
        let config = sae::Config {
            architecture,
            d_in: file.config.d_in,
            d_sae: file.config.d_sae,
            normalization,
            apply_b_dec_to_input: file.config.apply_b_dec_to_input,
        };
        let exact = [&file.w_enc, &file.w_dec]
            .iter()
            .all(|weights| weights.iter().copied().all(kernels::is_exact_in_f16));
        let format = if exact && !self.device.prefers_f32() {
            WeightFormat::F16
        } else {
            WeightFormat::F32
        };
        let weights = Weights {
            w_enc: &file.w_enc,
            b_enc: &file.b_enc,
            gate: match &file.gate {
                Gate::None => GateWeights::None,
                Gate::Threshold(threshold) => GateWeights::Threshold(threshold),
                Gate::Gated {
                    b_gate,
                    r_mag,
                    b_mag,
                } => GateWeights::Gated {
                    b_gate,
                    r_mag,
                    b_mag,
                },
            },
            w_dec: &file.w_dec,
            b_dec: &file.b_dec,
        };
        let sae = Sae::load(&self.device, config, &weights, format)?;
        self.device.check()?;
        let info = SaeInfo {
            id: id.to_owned(),
            hook: hook.to_string(),
            architecture: file.config.architecture.name(),
            n_latents: config.d_sae,
            k,
            d_in: config.d_in,
            normalization: file.config.normalization.name(),
            weights: format_name(sae.w_dec().format()),
        };
        let loaded = LoadedSae {
            info: info.clone(),
            hook,
            sae,
            prepend_bos: file.config.prepend_bos,
        };
        match self.saes.iter_mut().find(|sae| sae.info.id == id) {
            Some(place) => *place = loaded,
            None => self.saes.push(loaded),
        }
        Ok(info)
    }

    fn hook_of(&self, id: &str, file: &SaeFile, hook: Option<&str>) -> Result<HookPoint, Error> {
        let mismatch = |reason: String| Error::HookMismatch {
            id: id.to_owned(),
            reason,
        };
        let name = hook.or(file.config.hook_name.as_deref()).ok_or_else(|| {
            mismatch(
                "its file does not say where it belongs; name the hook, for example blocks.3.hook_resid_post".to_owned(),
            )
        })?;
        let hook: HookPoint = name
            .parse()
            .map_err(|error: gpt2::UnknownHook| mismatch(error.to_string()))?;
        let n_layers = self.model()?.info.n_layers;
        match hook.layer() {
            Some(layer) if layer >= n_layers => Err(mismatch(format!(
                "{name} is in block {layer}, and this model's blocks are 0 to {}",
                n_layers - 1
            ))),
            _ => Ok(hook),
        }
    }
}

fn format_name(format: WeightFormat) -> &'static str {
    match format {
        WeightFormat::F32 => "f32",
        WeightFormat::F16 => "f16",
    }
}

/// Whether a BOS goes first: as chosen, or as the autoencoders were trained, or else as the model asks.
pub(crate) fn wants_bos(choice: options::Bos, saes: &[&LoadedSae], model: &LoadedModel) -> bool {
    match choice {
        options::Bos::Yes => true,
        options::Bos::No => false,
        options::Bos::Auto => {
            let asked: Vec<bool> = saes.iter().filter_map(|sae| sae.prepend_bos).collect();
            if asked.is_empty() {
                model.prepend_bos
            } else {
                asked.contains(&true)
            }
        }
    }
}
