//! A run of a training: blocks, steps, log and checkpoints.

use std::time::{Duration, Instant};

use serde::Serialize;
use train::checkpoint;
use train::{
    Config, Folder, InputStatistics, Measured, Order, PreBiasStart, Record, Trainer, statistics,
};

use super::args::Train;
use super::error::TrainError;
use super::input::Input;
use super::progress::Progress;
use super::signal::Stop;
use super::training::{Chosen, Training};
use crate::error::Error;
use crate::progress::size;
use crate::status_line::duration;

/// Activations that are looked at for the start, as in OpenAI's code.
const SAMPLE: usize = 32_768;

/// ‖mean‖/‖spread‖ above which the mean is worth a sentence.
const LARGE_MEAN: f64 = 1.0;

/// A line of the log.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    record: &'a Record,
    /// Tokens of the interval over its seconds, with the activations.
    tokens_per_second: f64,
    /// The same for the steps alone.
    step_tokens_per_second: f64,
}

/// Results of a run.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// True if it was stopped before its end.
    pub stopped: bool,
    /// Steps that are done, of all.
    pub step: u64,
    /// All.
    pub steps: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// Where this run began.
    pub resumed_at_step: u64,
    /// The last line of the log.
    pub last: Option<Record>,
    /// What a sample said of the activations; None where the training was resumed.
    pub input: Option<InputStatistics>,
    /// Bytes that the training takes beside the model and the corpus.
    pub memory_bytes: u64,
    /// Seconds of computing activations, of steps, and of saving.
    pub seconds: Seconds,
    /// Tokens per second of steps alone; None without a step.
    pub step_tokens_per_second: Option<f64>,
}

/// Seconds of the parts of a run.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Seconds {
    /// Computing or reading activations.
    pub activations: f64,
    /// Steps.
    pub steps: f64,
    /// Checkpoints.
    pub saving: f64,
}

impl Ended {
    /// In words.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} of {} steps, {} tokens",
            self.step, self.steps, self.tokens
        );
        if let Some(last) = &self.last {
            words += &format!(
                "; FVU {:.4} over the last {}, L0 {:.1}, dead {:.1} %",
                last.fvu,
                "interval of the log",
                last.l0,
                100.0 * last.dead
            );
        }
        if let Some(rate) = self.step_tokens_per_second {
            let Seconds {
                activations,
                steps,
                saving,
            } = self.seconds;
            words += &format!(
                "; activations {activations:.1} s, steps {steps:.1} s ({rate:.0} tokens/s), saving {saving:.1} s"
            );
        }
        words
    }
}

/// A run.
pub struct Run<'a> {
    arguments: &'a Train,
    config: Config,
    input: &'a Input,
    stop: &'a Stop,
    order: Order,
    progress: Progress,
    seconds: Seconds,
    last: Option<Record>,
}

impl<'a> Run<'a> {
    /// A run over all rows of an input.
    pub fn new(
        arguments: &'a Train,
        config: Config,
        input: &'a Input,
        stop: &'a Stop,
    ) -> Result<Self, Error> {
        let order = Order::new(config.seed, input.lengths(), config.batch)?;
        Ok(Self {
            arguments,
            config,
            input,
            stop,
            order,
            progress: Progress::new(),
            seconds: Seconds::default(),
            last: None,
        })
    }

    /// Runs to the end, or to Ctrl C.
    pub async fn run(mut self) -> Result<Ended, Error> {
        let chosen = Chosen::new(self.arguments.train_on).await?;
        let words = chosen.words(&self.config, self.input.width())?;
        self.progress.note(&words);
        let folder = match self.arguments.dry_run {
            true => None,
            false => Some(Folder::open(&self.arguments.out)?),
        };
        let mut block = vec![0.0; self.config.block_rows() * self.input.width()];
        let (mut training, input, filled) = match &folder {
            Some(folder) if self.arguments.resume => {
                let source = self.input.source();
                let (trainer, state) = checkpoint::resume(folder, &self.config, source)?;
                let training = Training::new(&chosen, trainer).await?;
                if state.machine != training.trainer().machine() {
                    self.progress.note(&format!(
                        "the checkpoint is of another kind of processor ({}): the results are as good, but not the same to the bit",
                        state.machine
                    ));
                }
                (training, None, None)
            }
            _ => match self.start(folder.as_ref(), &chosen, &mut block).await? {
                Some((training, found)) => (training, Some(found), Some(0)),
                None => return Err(TrainError::Stopped.into()),
            },
        };
        let from = training.trainer().steps_done();
        match &folder {
            None => self.try_step(&mut training, &block).await?,
            Some(folder) => {
                let trained = self
                    .train(folder, &mut training, (&mut block, filled))
                    .await;
                self.progress.end();
                trained?;
            }
        }
        Ok(self.ended(training.trainer(), from, input))
    }

    fn ended(&self, trainer: &Trainer, from: u64, input: Option<InputStatistics>) -> Ended {
        let (step, tokens) = (trainer.steps_done(), trainer.tokens_done());
        let done = (step - from) * self.config.batch as u64;
        let rate = done as f64 / self.seconds.steps.max(1e-9);
        Ended {
            stopped: step < self.config.steps() && !self.arguments.dry_run,
            step,
            steps: self.config.steps(),
            tokens,
            resumed_at_step: from,
            last: self.last.clone(),
            input,
            memory_bytes: self.config.memory(self.input.width()),
            seconds: self.seconds,
            step_tokens_per_second: (done > 0).then_some(rate),
        }
    }

    /// A training at its start, from the first block; None where it was stopped before.
    async fn start(
        &mut self,
        folder: Option<&Folder>,
        chosen: &Chosen,
        block: &mut [f32],
    ) -> Result<Option<(Training, InputStatistics)>, Error> {
        if let Some(folder) = folder.filter(|folder| !folder.is_free()) {
            let path = folder.path().to_owned();
            return Err(train::Error::Exists { path }.into());
        }
        let width = self.input.width();
        let words = self.input.words(self.order.rows());
        self.progress.note(&words);
        let (corpus, model) = self.input.memory();
        self.progress.note(&format!(
            "memory: training {}, corpus {}, model {}",
            size(self.config.memory(width)),
            size(corpus),
            size(model),
        ));
        if !self.fill(0, block).await? {
            return Ok(None);
        }
        let rows = self.config.block_rows().min(SAMPLE);
        let sample = &block[..rows * width];
        // Said also where the training refuses them.
        let found = statistics(self.config.input_normalization, sample, width)?;
        self.advise(&found);
        let (trainer, found) = Trainer::new(self.config.clone(), sample, width)?;
        let mut training = Training::new(chosen, trainer).await?;
        if let Some(folder) = folder {
            self.save(folder, &mut training).await?;
        }
        Ok(Some((training, found)))
    }

    fn advise(&self, found: &InputStatistics) {
        let mut words = format!(
            "‖μ‖/‖σ‖ of the activations is {:.2}, and {:.2} as the encoder reads them",
            found.mean_over_spread, found.normalised_mean_over_spread
        );
        if found.normalised_mean_over_spread > LARGE_MEAN {
            words += match self.config.pre_bias_start {
                PreBiasStart::Zero => {
                    ": most of each activation is the same; without pre_bias_start = geometric_median or mean many latents will learn that, or die"
                }
                PreBiasStart::GeometricMedian | PreBiasStart::Mean => {
                    ": most of each activation is the same, which the bias takes off from the start"
                }
            };
        }
        self.progress.note(&words);
    }

    /// Computes a block; false where it was stopped.
    async fn fill(&mut self, number: u64, block: &mut [f32]) -> Result<bool, Error> {
        let begun = Instant::now();
        let takes = self.order.block(number, self.config.block_rows());
        let filled = self.input.fill(&takes, block, self.stop).await;
        self.seconds.activations += begun.elapsed().as_secs_f64();
        match filled {
            Ok(()) => Ok(true),
            Err(Error::Train(error)) if matches!(*error, TrainError::Stopped) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn save(&mut self, folder: &Folder, training: &mut Training) -> Result<(), Error> {
        let begun = Instant::now();
        let trainer = training.current().await?;
        checkpoint::save(folder, trainer, self.input.origin(), self.input.source())?;
        self.seconds.saving += begun.elapsed().as_secs_f64();
        Ok(())
    }

    async fn step(&mut self, training: &mut Training, batch: &[f32]) -> Result<Measured, Error> {
        let begun = Instant::now();
        let measured = training.step(batch).await?;
        self.seconds.steps += begun.elapsed().as_secs_f64();
        Ok(measured)
    }

    /// What a training would take, by its first steps.
    async fn try_step(&mut self, training: &mut Training, block: &[f32]) -> Result<(), Error> {
        let size = self.config.batch * self.input.width();
        for batch in block.chunks_exact(size).take(2) {
            self.step(training, batch).await?;
        }
        let tokens = training.trainer().tokens_done() as f64;
        let per_token = self.seconds.steps / tokens
            + self.seconds.activations / self.config.block_rows() as f64;
        self.progress.note(&format!(
            "about {} for {} tokens in {} steps ({:.0} tokens/s); nothing was written",
            duration(per_token * self.config.tokens as f64),
            self.config.tokens,
            self.config.steps(),
            1.0 / per_token,
        ));
        Ok(())
    }

    /// Trains to the end or to Ctrl C, from where the trainer is, and leaves a checkpoint of it. `filled` is the block that is
    /// there.
    async fn train(
        &mut self,
        folder: &Folder,
        training: &mut Training,
        (block, mut filled): (&mut [f32], Option<u64>),
    ) -> Result<(), Error> {
        let batches = self.config.block_batches as u64;
        let size = self.config.batch * self.input.width();
        let every = Duration::try_from_secs_f64(self.arguments.checkpoint * 60.0);
        let every = every.unwrap_or(Duration::MAX);
        let mut step = training.trainer().steps_done();
        let mut saved = (Instant::now(), step);
        let tokens = training.trainer().tokens_done();
        let mut logged = (Instant::now(), tokens, self.seconds.steps);
        while step < self.config.steps() && !self.stop.is_wanted() {
            let number = step / batches;
            if filled != Some(number) {
                if !self.fill(number, block).await? {
                    break;
                }
                filled = Some(number);
            }
            let place = (step % batches) as usize;
            let batch = &block[place * size..(place + 1) * size];
            let measured = self.step(training, batch).await?;
            let trainer = training.trainer();
            step = trainer.steps_done();
            let done = trainer.tokens_done();
            let tokens = (done - logged.1) as f64;
            let rate = tokens / logged.0.elapsed().as_secs_f64().max(1e-9);
            self.progress.step(trainer, &measured, rate);
            if step.is_multiple_of(self.arguments.log_steps) || step == self.config.steps() {
                let record = training.take_record();
                let line = Line {
                    record: &record,
                    tokens_per_second: rate,
                    step_tokens_per_second: tokens / (self.seconds.steps - logged.2).max(1e-9),
                };
                let line = serde_json::to_string(&line).map_err(std::io::Error::from)?;
                folder.append_log(&line)?;
                self.last = Some(record);
                logged = (Instant::now(), done, self.seconds.steps);
            }
            let steps = self.arguments.checkpoint_steps;
            let is_due = steps.is_some_and(|steps| step.is_multiple_of(steps.max(1)));
            if is_due || saved.0.elapsed() >= every {
                self.save(folder, training).await?;
                saved = (Instant::now(), step);
            }
        }
        if saved.1 != step {
            self.save(folder, training).await?;
        }
        Ok(())
    }
}
