//! The session: a facade that keeps a device and what is loaded, and hands questions to their analyses.

mod loading;
mod questions;

use kernels::{Device, DeviceOptions, LimitsChoice};
use wire::{Counters, Info};

use crate::analysis::generate::ReadPrompt;
use crate::analysis::question::Question;
use crate::error::Error;
use crate::pace::{Cancel, OnProgress, Pace, Pause};
use crate::run::clean::LastPass;
use crate::run::executor::Executor;
use crate::store::shelf::Store;

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

/// A device, a model and its sparse autoencoders. Answers questions; one at a time.
pub struct Session {
    device: Device,
    fallback_reason: Option<String>,
    store: Store,
    executor: Executor,
    last: LastPass,
    read_prompt: Option<ReadPrompt>,
    loaded_bytes: u64,
    cancel: Cancel,
    pause: Option<Pause>,
    on_progress: Option<OnProgress>,
}

impl Session {
    /// A session on a device of the chosen kind.
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
            executor: Executor::new(&device),
            device,
            fallback_reason: None,
            store: Store::default(),
            last: LastPass::default(),
            read_prompt: None,
            loaded_bytes: 0,
            cancel: Cancel::default(),
            pause: None,
            on_progress: None,
        }
    }

    /// The flag that stops what is under way.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Sets what a call awaits between its steps, so that others can run.
    pub fn set_pause(&mut self, pause: Pause) {
        self.pause = Some(pause);
    }

    /// Sets what receives the progress of calls that take long.
    pub fn set_on_progress(&mut self, on_progress: OnProgress) {
        self.on_progress = Some(on_progress);
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The state of the session.
    pub fn info(&self) -> Info {
        let sets = self.store.sets();
        Info {
            backend: self.executor.backend_name().to_owned(),
            adapter: self.device.adapter_name(),
            fallback_reason: self.fallback_reason.clone(),
            model: self.store.model().ok().map(|model| model.info.clone()),
            saes: sets.map(|set| set.info.clone()).collect(),
            device_bytes: self.device.bytes(),
            pooled_bytes: self.device.pooled_bytes(),
            loaded_bytes: self.loaded_bytes,
            counters: counted(&self.device),
            ..Info::default()
        }
    }

    /// Limits questions to the feature sets with these ids, as if no others were loaded: for several askers of one session, each of
    /// whom has loaded some. `None`: all that is loaded. Loading and unloading are of all.
    pub fn look_at(&mut self, view: Option<Vec<String>>) {
        self.store.look_at(view);
    }

    fn pace(&self) -> Pace {
        let (pause, on_progress) = (self.pause.clone(), self.on_progress.clone());
        Pace::new(&self.device, pause, on_progress, &self.cancel)
    }

    fn question(&self) -> Question<'_> {
        Question {
            store: &self.store,
            executor: &self.executor,
            last: &self.last,
            pace: self.pace(),
        }
    }

    /// Lets go of everything that was made from what is loaded.
    fn forget(&mut self) {
        self.last.forget();
        self.read_prompt = None;
        self.executor.forget();
    }

    /// Notes the memory of what is loaded, while nothing else is held.
    fn weigh(&mut self) {
        self.device.trim();
        self.loaded_bytes = self.device.bytes();
    }

    /// Gives back the memory of plans, kept passes and caches; what is loaded stays, and the next question makes them again.
    pub fn trim(&mut self) {
        self.forget();
    }
}

fn counted(device: &Device) -> Counters {
    let kernels::Counters {
        dispatches,
        passes,
        submits,
        read_backs,
        buffers,
        bind_groups,
        pipelines,
    } = device.counters();
    Counters {
        dispatches,
        passes,
        submits,
        read_backs,
        buffers,
        bind_groups,
        pipelines,
    }
}
