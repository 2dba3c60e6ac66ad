//! Training on a device: the step of [`Trainer`] as kernels, with weights and moments where they are used.
//!
//! A batch takes two waits: after the forward pass its errors come back, by which the host knows whether the loss is a number,
//! how many latents are dead and how far AuxK's targets spread; then gradients and Adam are submitted, and are waited for only
//! where AuxK's loss is wanted, or by the next step.

mod buffers;
mod pace;
mod plans;
mod shape;
mod state;

use kernels::{Device, Plan, Readings, Recorder, Workspace};

use crate::adam;
use crate::config::Config;
use crate::error::Error;
use crate::input::Normalizer;
use crate::log::{Measured, Record};
use crate::parameters::Parameters;
use crate::selection::Levels;
use crate::sums;
use crate::trainer::Trainer;
use buffers::Buffers;
pub use pace::Clock;
use pace::Pace;
use plans::{Forward, Gradients, Parts};
use shape::Shape;
use state::Group;

/// Operations of the longest part of a step that a device is given at once: drivers stop a submission that takes seconds.
const OPERATIONS: u64 = 16_000_000_000;

/// A training under way on a device.
///
/// The settings, the order of data, the objective and the checkpoint are those of [`Trainer`]; the numbers differ from the CPU's by the
/// order of sums alone. The same device gives the same bits.
pub struct DeviceTrainer {
    trainer: Trainer,
    device: Device,
    shape: Shape,
    weights: Group,
    first: Group,
    second: Group,
    mean: Option<Group>,
    gradient: Group,
    buffers: Buffers,
    forward: Forward,
    /// Without AuxK, and with it.
    gradients: [Gradients; 2],
    adam: Plan,
    /// Normalised activations, on their way to the device.
    inputs: Vec<f32>,
    level_weights: Vec<f32>,
    /// Where submissions are kept short.
    pace: Option<Pace>,
    /// Rows whose pre-activations the buffer for them holds.
    most_rows: usize,
}

impl DeviceTrainer {
    /// Bytes that a training takes on a device, at most.
    ///
    /// # Errors
    /// [`Error::Setting`] for what a device does not train.
    pub fn memory(device: &Device, config: &Config, width: usize) -> Result<u64, Error> {
        let levels = Levels::of(config);
        let shape = Shape::new(config, &levels, width, device.max_binding_bytes())?;
        Ok(shape.bytes(config.ema > 0.0))
    }

    /// Goes on on a device from where a trainer is.
    ///
    /// # Errors
    /// [`Error::Setting`] for what a device does not train; [`Error::Device`].
    pub async fn new(device: &Device, mut trainer: Trainer) -> Result<Self, Error> {
        let width = trainer.width();
        let limit = device.max_binding_bytes();
        let shape = Shape::new(&trainer.config, &trainer.levels, width, limit)?;
        let upload = async |label: &str, parameters: &Parameters| {
            Group::upload(device, label, parameters).await
        };
        let weights = upload("weights", &trainer.parameters).await?;
        let first = upload("first moment", &trainer.first).await?;
        let second = upload("second moment", &trainer.second).await?;
        let mean = match &trainer.mean {
            Some(mean) => Some(upload("running mean", mean).await?),
            None => None,
        };
        let gradient = Group::zeros(device, "gradient", (shape.latents, width))?;
        let buffers = Buffers::new(device, &shape)?;
        let scale = 1.0 / (shape.rows as f64 * width as f64 * trainer.variance);
        let level_weights = trainer.level_weights(scale);
        let mut table = trainer.levels.bounds();
        table.resize(shape.levels, 0);
        table.extend(level_weights.iter().map(|weight| weight.to_bits()));
        buffers.levels.write(0, &table)?;
        let rows = shape.rows as u64;
        let last: Vec<u32> = trainer
            .last_active
            .iter()
            .map(|token| (token / rows) as u32)
            .collect();
        buffers.last_active.write(0, &last)?;
        let workspace = Workspace::default();
        let parts = Parts {
            device,
            workspace: &workspace,
            config: &trainer.config,
            shape: &shape,
            buffers: &buffers,
            weights: &weights,
            gradient: &gradient,
        };
        let (forward, gradients) = parts.step()?;
        let adam = parts.adam([&first, &second], mean.as_ref())?;
        device.check()?;
        trainer.machine = machine(device);
        Ok(Self {
            trainer,
            device: device.clone(),
            shape,
            weights,
            first,
            second,
            mean,
            gradient,
            buffers,
            forward,
            gradients,
            adam,
            inputs: Vec::new(),
            level_weights,
            pace: None,
            most_rows: shape.chunk,
        })
    }

    /// Keeps submissions to about so many seconds of the device's work, for a page that draws on the same one: what is submitted at once, and
    /// the rows that are encoded at once, follow the time that they take, and each submission is waited for. Where the rows of a batch are a
    /// multiple of those that are encoded at once, the bits are the same as without.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn keep_short(&mut self, clock: Clock, seconds: f64) -> Result<(), Error> {
        self.pace = Some(Pace::new(clock, seconds));
        self.follow_pace()
    }

    /// Divides a step anew, where submissions shall be shorter, or can be much longer.
    fn follow_pace(&mut self) -> Result<(), Error> {
        let Some(pace) = &self.pace else {
            return Ok(());
        };
        let rows = self.shape.rows_within(pace.operations(), self.most_rows);
        if rows == self.shape.chunk {
            return Ok(());
        }
        self.shape.chunk = rows;
        let workspace = Workspace::default();
        let parts = Parts {
            device: &self.device,
            workspace: &workspace,
            config: &self.trainer.config,
            shape: &self.shape,
            buffers: &self.buffers,
            weights: &self.weights,
            gradient: &self.gradient,
        };
        let (forward, gradients) = parts.step()?;
        (self.forward, self.gradients) = (forward, gradients);
        Ok(self.device.check()?)
    }

    /// Settings and counts as they are, with weights and moments as they were at the last [`DeviceTrainer::read_back`].
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// What was measured since the last call, as [`Trainer::take_record`].
    pub fn take_record(&mut self) -> Record {
        self.trainer.take_record()
    }

    /// Reads weights, moments and counts back, and returns the training as it is, ready to be saved.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub async fn read_back(&mut self) -> Result<&Trainer, Error> {
        let Self {
            trainer, device, ..
        } = self;
        self.weights
            .read_into(device, &mut trainer.parameters)
            .await?;
        self.first.read_into(device, &mut trainer.first).await?;
        self.second.read_into(device, &mut trainer.second).await?;
        if let (Some(mean), Some(into)) = (&self.mean, &mut trainer.mean) {
            mean.read_into(device, into).await?;
        }
        let mut recorder = Recorder::new(device);
        let last = &self.buffers.last_active;
        let handle = recorder.read_back(last, last.words())?;
        let readings = recorder.finish().run().await?;
        let rows = self.shape.rows as u64;
        for (into, step) in trainer.last_active.iter_mut().zip(readings.words(handle)) {
            *into = u64::from(*step) * rows;
        }
        Ok(trainer)
    }

    /// Trains on a batch of activations `[batch, width]`, as they are.
    ///
    /// # Errors
    /// [`Error::Width`], [`Error::NotFinite`], [`Error::Diverged`], and then no weight has changed; [`Error::Device`].
    pub async fn step(&mut self, activations: &[f32]) -> Result<Measured, Error> {
        let measured = self.find_gradients(activations).await?;
        let config = &self.trainer.config;
        let rate = self.trainer.learning_rate();
        let step = self.trainer.step + 1;
        let numbers = adam::numbers(config, step, rate).map(f32::to_bits);
        self.buffers.adam.write(0, &numbers)?;
        self.submit(&self.adam).await?;
        self.trainer.step = step;
        self.follow_pace()?;
        Ok(measured)
    }

    /// The gradients of a batch, as [`Trainer::gradients_of`]. For tests.
    ///
    /// # Errors
    /// As [`DeviceTrainer::step`].
    #[doc(hidden)]
    pub async fn gradients_of(
        &mut self,
        activations: &[f32],
    ) -> Result<(Measured, Parameters), Error> {
        let measured = self.find_gradients(activations).await?;
        let mut gradient = Parameters::zeros(self.shape.latents, self.shape.width);
        self.gradient.read_into(&self.device, &mut gradient).await?;
        Ok((measured, gradient))
    }

    /// Nanoseconds of a step by kernel, the longest first; `None` where the device has no clock. For the benchmark: what the step
    /// changes is changed.
    ///
    /// # Errors
    /// [`Error::Device`].
    #[doc(hidden)]
    pub async fn profile(&self) -> Result<Option<Vec<(&'static str, f64)>>, Error> {
        let mut sums: Vec<(&'static str, f64)> = Vec::new();
        for plan in [&self.forward.plan, &self.gradients[0].plan, &self.adam] {
            let Some(times) = plan.profile().await? else {
                return Ok(None);
            };
            for time in times {
                match sums.iter_mut().find(|(name, _)| *name == time.kernel) {
                    Some((_, sum)) => *sum += time.nanoseconds,
                    None => sums.push((time.kernel, time.nanoseconds)),
                }
            }
        }
        sums.sort_by(|one, other| other.1.total_cmp(&one.1));
        Ok(Some(sums))
    }

    /// Runs a plan in parts that are short enough.
    async fn submit(&self, plan: &Plan) -> Result<Readings, Error> {
        let pace = self.pace.as_ref();
        let operations = pace.map_or(OPERATIONS, Pace::operations);
        let mut parts = plan.parts(operations).into_iter().peekable();
        while let Some(part) = parts.next() {
            let begun = pace.map(Pace::now);
            let operations = plan.operations(part.clone());
            let ticket = plan.submit_part(part)?;
            let is_last = parts.peek().is_none();
            let readings = match is_last {
                true => Some(ticket.readings().await?),
                false => None,
            };
            if let (Some(pace), Some(begun)) = (pace, begun) {
                // What reads nothing back is not waited for otherwise.
                self.device.drain().await?;
                pace.took(operations, begun);
            }
            if let Some(readings) = readings {
                return Ok(readings);
            }
        }
        Ok(plan.run().await?)
    }

    async fn find_gradients(&mut self, activations: &[f32]) -> Result<Measured, Error> {
        let Shape { rows, main, .. } = self.shape;
        let spread = self.upload(activations)?;
        let readings = self.submit(&self.forward.plan).await?;
        let squares = readings.f32(self.forward.squares);
        let has_nan = readings
            .words(self.forward.nans)
            .iter()
            .any(|count| *count > 0);
        let terms = squares.iter().zip(&self.level_weights);
        let loss: f64 = terms
            .map(|(sum, weight)| f64::from(*sum) * f64::from(*weight))
            .sum();
        if has_nan || !loss.is_finite() {
            let value = if has_nan { f64::NAN } else { loss };
            let step = self.trainer.step + 1;
            return Err(Error::Diverged { step, value });
        }
        let squared = f64::from(squares[main]);
        let activity = readings.f32(self.forward.activity);
        let (dead, active) = (activity[0] as usize, f64::from(activity[1]));
        let aux_spread = self.aux_spread(&readings, dead);
        let with_aux = usize::from(aux_spread.is_some());
        let gradients = &self.gradients[with_aux];
        let readings = self.submit(&gradients.plan).await?;
        let aux_loss = match (gradients.aux_squares, aux_spread) {
            (Some(handle), Some(spread)) => Some(f64::from(readings.f32(handle)[0]) / spread),
            _ => None,
        };
        self.trainer.tokens += rows as u64;
        let measured = Measured {
            fvu: squared / spread,
            loss,
            aux_loss,
            l0: active / rows as f64,
            dead,
        };
        self.trainer.interval.add(&measured, (squared, spread));
        Ok(measured)
    }

    /// Sends a batch, normalised, and returns Σ ‖x − mean‖².
    fn upload(&mut self, activations: &[f32]) -> Result<f64, Error> {
        let (rows, width) = (self.shape.rows, self.shape.width);
        if activations.len() != rows * width {
            return Err(Error::Width {
                found: activations.len(),
                rows,
                width,
            });
        }
        let normalizer = Normalizer {
            kind: self.trainer.config.input_normalization,
            factor: self.trainer.factor as f32,
        };
        self.inputs.resize(rows * width, 0.0);
        // The device subtracts the bias.
        normalizer.apply(activations, &vec![0.0; width], &mut self.inputs)?;
        let (_, spread) = sums::spread(&self.inputs, width);
        self.buffers
            .batch
            .write(0, bytemuck::cast_slice(&self.inputs))?;
        let step = (self.trainer.tokens / rows as u64 + 1) as u32;
        self.buffers.clock.write(0, &[step])?;
        Ok(spread)
    }

    /// Σ ‖e − mean(e)‖² of AuxK's targets, where there is an AuxK in this step; its weight is then on the device.
    fn aux_spread(&self, readings: &Readings, dead: usize) -> Option<f64> {
        if dead == 0 || self.shape.aux_slots == 0 {
            return None;
        }
        let (squares, residuals) = self.forward.aux;
        let squares = f64::from(readings.f32(squares)[self.shape.main]);
        let sums = readings
            .f32(residuals)
            .iter()
            .map(|sum| f64::from(*sum).powi(2));
        let spread = squares - sums.sum::<f64>() / self.shape.aux_rows as f64;
        let weight = (self.trainer.config.aux_coefficient / spread) as f32;
        if !(weight > 0.0 && weight.is_finite()) {
            return None;
        }
        self.buffers.aux_level.write(1, &[weight.to_bits()]).ok()?;
        Some(spread)
    }
}

/// The device's name in a state: a resumed training has the same bits on the same device alone.
fn machine(device: &Device) -> String {
    match device.threads() {
        Some(_) => format!("kernels on {}", crate::machine::machine()),
        None => format!("GPU {}", device.adapter_name()),
    }
}
