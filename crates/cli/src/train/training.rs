//! A training under way, on the processor that was chosen.

use kernels::{Device, DeviceOptions};
use train::{Config, DeviceTrainer, Measured, Record, Trainer};

use super::args::Processor;
use super::error::TrainError;
use crate::error::Error;
use crate::progress::size;

/// The processor that trains.
pub struct Chosen(Option<Device>);

impl Chosen {
    /// Finds it.
    ///
    /// # Errors
    /// Where there is no such processor.
    pub async fn new(processor: Processor) -> Result<Self, Error> {
        match processor {
            Processor::Cpu => Ok(Self(None)),
            Processor::Gpu => {
                let device = Device::gpu(DeviceOptions::default()).await;
                Ok(Self(Some(device.map_err(train::Error::from)?)))
            }
        }
    }

    /// Its name, and the memory that a training takes there.
    ///
    /// # Errors
    /// Settings that it does not train.
    pub fn words(&self, config: &Config, width: usize) -> Result<String, Error> {
        let Some(device) = &self.0 else {
            return Ok("it trains on the CPU".to_owned());
        };
        let bytes = DeviceTrainer::memory(device, config, width)?;
        let name = device.adapter_name();
        Ok(format!(
            "it trains on the GPU ({name}), where that takes at most {}",
            size(bytes)
        ))
    }
}

/// A training under way.
pub enum Training {
    /// On the CPU.
    Cpu(Box<Trainer>),
    /// On a GPU.
    Gpu(Box<DeviceTrainer>),
}

impl Training {
    /// Goes on from where a trainer is.
    pub async fn new(chosen: &Chosen, trainer: Trainer) -> Result<Self, Error> {
        Ok(match &chosen.0 {
            None => Self::Cpu(Box::new(trainer)),
            Some(device) => Self::Gpu(Box::new(DeviceTrainer::new(device, trainer).await?)),
        })
    }

    /// Settings and counts. On a GPU the weights are those of the last [`Training::current`].
    pub fn trainer(&self) -> &Trainer {
        match self {
            Self::Cpu(trainer) => trainer,
            Self::Gpu(training) => training.trainer(),
        }
    }

    /// The training with its weights as they are.
    pub async fn current(&mut self) -> Result<&Trainer, TrainError> {
        match self {
            Self::Cpu(trainer) => Ok(trainer),
            Self::Gpu(training) => Ok(training.read_back().await?),
        }
    }

    /// Trains on a batch.
    pub async fn step(&mut self, batch: &[f32]) -> Result<Measured, TrainError> {
        match self {
            Self::Cpu(trainer) => Ok(trainer.step(batch)?),
            Self::Gpu(training) => Ok(training.step(batch).await?),
        }
    }

    /// What was measured since the last call.
    pub fn take_record(&mut self) -> Record {
        match self {
            Self::Cpu(trainer) => trainer.take_record(),
            Self::Gpu(training) => training.take_record(),
        }
    }
}
