//! The session: a device, a model, its autoencoders.

use std::pin::Pin;
use std::rc::Rc;

use formats::sae::CountedPositions;
use formats::tokenizer::Tokenizer;
use gpt2::{Decoder, Gpt2, HookPoint};
use kernels::{BackendKind, Device, DeviceOptions};
use sae::Sae;

use crate::cancel::Running;
use crate::options::{BackendChoice, LimitsChoice};
use crate::report::{Info, ModelInfo, SaeInfo};
use crate::streamed::Streamed;
use crate::{Cancel, Error};

/// A future that gives others a turn. On the CPU device nothing else would run in a browser's worker until a call is
/// done; between a call's steps the session awaits one of these.
pub type Pause = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

/// A device, a model and its sparse autoencoders. Answers questions; one at a time.
pub struct Session {
    pub(crate) device: Device,
    fallback_reason: Option<String>,
    pub(crate) model: Option<LoadedModel>,
    pub(crate) saes: Vec<LoadedSae>,
    cancel: Cancel,
    pause: Option<Pause>,
}

pub(crate) struct LoadedModel {
    pub(crate) info: ModelInfo,
    pub(crate) model: Gpt2,
    pub(crate) tokenizer: Tokenizer,
    /// Whether a BOS goes first where no loaded feature set says so.
    pub(crate) prepend_bos: bool,
    /// Kept from one generation to the next, so that its plan is made once.
    pub(crate) decoder: Option<Decoder>,
}

pub(crate) struct LoadedSae {
    pub(crate) info: SaeInfo,
    pub(crate) hook: HookPoint,
    /// Positions at which it was trained.
    pub(crate) positions: CountedPositions,
    pub(crate) features: Features,
}

impl LoadedSae {
    /// Refuses a latent that is not there.
    pub(crate) fn check_latent(&self, latent: u32) -> Result<(), Error> {
        let n_latents = self.info.n_latents;
        if (latent as usize) < n_latents {
            return Ok(());
        }
        Err(Error::BadOption {
            name: "latent",
            value: latent.to_string(),
            expected: format!("{} has {n_latents} latents", self.info.id),
        })
    }
}

/// What makes features of an activation.
pub(crate) enum Features {
    /// An autoencoder's latents.
    Sae(Box<Sae>),
    /// Latents of an autoencoder that stays in its file.
    Streamed(Box<Streamed>),
    /// The activation's own dimensions.
    Neurons,
}

impl Session {
    /// A session on a device of the wished kind.
    ///
    /// # Errors
    /// [`Error::Device`] where a GPU was demanded and none can be had.
    pub async fn new(backend: BackendChoice, limits: LimitsChoice) -> Result<Self, Error> {
        let mut fallback_reason = None;
        let device = match backend {
            BackendChoice::Cpu => Device::cpu(),
            BackendChoice::Gpu | BackendChoice::Auto => {
                let options = DeviceOptions {
                    limits,
                    ..DeviceOptions::default()
                };
                match Device::gpu(options).await {
                    Ok(device) => device,
                    Err(error) if backend == BackendChoice::Auto => {
                        fallback_reason = Some(error.to_string());
                        Device::cpu()
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Self {
            fallback_reason,
            ..Self::on(device)
        })
    }

    /// A session on a device that is there already.
    pub fn on(device: Device) -> Self {
        Self {
            device,
            fallback_reason: None,
            model: None,
            saes: Vec::new(),
            cancel: Cancel::default(),
            pause: None,
        }
    }

    /// The flag that stops what is under way.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Sets what a call awaits between its steps, so that others get a turn.
    pub fn set_pause(&mut self, pause: Pause) {
        self.pause = Some(pause);
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The state of the session.
    pub fn info(&self) -> Info {
        Info {
            backend: self.backend_name(),
            adapter: self.device.adapter_name(),
            fallback_reason: self.fallback_reason.clone(),
            model: self.model.as_ref().map(|model| model.info.clone()),
            saes: self.saes.iter().map(|sae| sae.info.clone()).collect(),
            device_bytes: self.device.bytes(),
            counters: self.device.counters(),
        }
    }

    pub(crate) fn backend_name(&self) -> &'static str {
        match self.device.kind() {
            BackendKind::Gpu => "gpu",
            BackendKind::Cpu => "cpu",
        }
    }

    pub(crate) fn model(&self) -> Result<&LoadedModel, Error> {
        self.model.as_ref().ok_or(Error::NoModel)
    }

    pub(crate) fn sae(&self, id: &str) -> Result<&LoadedSae, Error> {
        self.saes
            .iter()
            .find(|sae| sae.info.id == id)
            .ok_or_else(|| Error::UnknownSae {
                id: id.to_owned(),
                loaded: self.saes.iter().map(|sae| sae.info.id.clone()).collect(),
            })
    }

    /// Puts a feature set beside the others, in the place of one with the same id.
    pub(crate) fn keep(&mut self, loaded: LoadedSae) {
        match self
            .saes
            .iter_mut()
            .find(|sae| sae.info.id == loaded.info.id)
        {
            Some(place) => *place = loaded,
            None => self.saes.push(loaded),
        }
    }

    /// Takes an autoencoder or other feature set off the device.
    ///
    /// # Errors
    /// [`Error::UnknownSae`].
    pub fn unload_sae(&mut self, id: &str) -> Result<(), Error> {
        self.sae(id)?;
        self.saes.retain(|sae| sae.info.id != id);
        Ok(())
    }

    /// The autoencoders with these ids, or all.
    pub(crate) fn chosen_saes(&self, ids: Option<&[String]>) -> Result<Vec<&LoadedSae>, Error> {
        match ids {
            None => Ok(self.saes.iter().collect()),
            Some(ids) => ids.iter().map(|id| self.sae(id)).collect(),
        }
    }

    pub(crate) fn start(&self) -> Running {
        self.cancel.start()
    }

    /// Between two steps of a call: gives others a turn, then ends the call if it was cancelled or the device is in no
    /// state to go on.
    pub(crate) async fn step(&self, running: &Running) -> Result<(), Error> {
        if let Some(pause) = &self.pause {
            pause().await;
        }
        running.check()?;
        Ok(self.device.check()?)
    }
}
