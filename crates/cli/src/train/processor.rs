//! The processor that trains.

use kernels::{Device, DeviceOptions};
use train::{Config, DeviceTrainer, Trainer, Training};

use super::args::Processor;
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

    /// Goes on there from where a trainer is.
    ///
    /// # Errors
    /// As [`DeviceTrainer::new`].
    pub async fn training(&self, trainer: Trainer) -> Result<Training, train::Error> {
        match &self.0 {
            None => Ok(trainer.into()),
            Some(device) => Training::on(device, trainer).await,
        }
    }
}
