//! A training under way, on the processor that was chosen for it.

use kernels::Device;

use crate::device::{Clock, DeviceTrainer};
use crate::error::Error;
use crate::log::{Measured, Record};
use crate::trainer::Trainer;

/// A training under way.
pub enum Training {
    /// On the CPU.
    Cpu(Box<Trainer>),
    /// On a device.
    Device(Box<DeviceTrainer>),
}

impl From<Trainer> for Training {
    fn from(trainer: Trainer) -> Self {
        Self::Cpu(Box::new(trainer))
    }
}

impl Training {
    /// Goes on from where a trainer is, on a device.
    ///
    /// # Errors
    /// As [`DeviceTrainer::new`].
    pub async fn on(device: &Device, trainer: Trainer) -> Result<Self, Error> {
        let training = DeviceTrainer::new(device, trainer).await?;
        Ok(Self::Device(Box::new(training)))
    }

    /// On a device, as [`DeviceTrainer::keep_short`]; the CPU has nothing to keep short.
    ///
    /// # Errors
    /// As there.
    pub fn keep_short(&mut self, clock: Clock, seconds: f64) -> Result<(), Error> {
        match self {
            Self::Cpu(_) => Ok(()),
            Self::Device(training) => training.keep_short(clock, seconds),
        }
    }

    /// Settings and counts. On a device the weights are those of the last [`Training::current`].
    pub fn trainer(&self) -> &Trainer {
        match self {
            Self::Cpu(trainer) => trainer,
            Self::Device(training) => training.trainer(),
        }
    }

    /// The training with its weights as they are.
    ///
    /// # Errors
    /// As [`DeviceTrainer::read_back`].
    pub async fn current(&mut self) -> Result<&Trainer, Error> {
        match self {
            Self::Cpu(trainer) => Ok(trainer),
            Self::Device(training) => training.read_back().await,
        }
    }

    /// Trains on a batch.
    ///
    /// # Errors
    /// As [`Trainer::step`] and [`DeviceTrainer::step`].
    pub async fn step(&mut self, batch: &[f32]) -> Result<Measured, Error> {
        match self {
            Self::Cpu(trainer) => trainer.step(batch),
            Self::Device(training) => training.step(batch).await,
        }
    }

    /// What was measured since the last call.
    pub fn take_record(&mut self) -> Record {
        match self {
            Self::Cpu(trainer) => trainer.take_record(),
            Self::Device(training) => training.take_record(),
        }
    }
}
