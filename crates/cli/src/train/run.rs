//! A run of a training: blocks, steps, log and checkpoints.

use std::rc::Rc;
use std::time::Instant;

use serde::Serialize;
use train::checkpoint;
use train::{Config, Folder, InputStatistics, Record, Trainer, Training};
use train_run::{Activations as _, Line, Seconds, advice};

use super::args::Train;
use super::error::TrainError;
use super::input::Input;
use super::processor::Chosen;
use super::progress::Progress;
use super::signal::Stop;
use super::tensorboard::Events;
use crate::error::Error;
use crate::progress::size;
use crate::status_line::duration;

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
    /// The L0 that was aimed at, where the activation has no k of its own.
    pub aimed_at: Option<usize>,
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

impl Ended {
    /// What to do where the L0 that was aimed at is far.
    fn sparsity_missed(&self) -> Option<String> {
        let (last, k) = (self.last.as_ref()?, self.aimed_at?);
        let is_far = (last.l0 / k as f64 - 1.0).abs() > 0.25;
        is_far.then(|| {
            format!(
                "; aimed at L0 {k}: train for more steps, or try another jump_lr_factor, l0_coefficient or l1_coefficient"
            )
        })
    }

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
        if let Some(words_of_sparsity) = self.sparsity_missed() {
            words += &words_of_sparsity;
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
    input: &'a Input,
    stop: &'a Stop,
    run: train_run::Run<'a, Input>,
    progress: Progress,
    events: Option<Events>,
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
        let begun = Instant::now();
        let clock = Rc::new(move || begun.elapsed().as_secs_f64());
        Ok(Self {
            arguments,
            input,
            stop,
            run: train_run::Run::new(config, input, clock)?,
            progress: Progress::new(),
            events: None,
            last: None,
        })
    }

    /// Runs to the end, or to Ctrl C.
    pub async fn run(mut self) -> Result<Ended, Error> {
        let chosen = Chosen::new(self.arguments.train_on).await?;
        let words = chosen.words(self.run.config(), self.input.width())?;
        self.progress.note(&words);
        let folder = match self.arguments.dry_run {
            true => None,
            false => Some(Folder::open(&self.arguments.out)?),
        };
        let (mut training, input) = match &folder {
            Some(folder) if self.arguments.resume => {
                let source = self.input.source();
                let (trainer, state) = checkpoint::resume(folder, self.run.config(), source)?;
                self.events = self.events(Some(trainer.steps_done()))?;
                let training = chosen.training(trainer).await?;
                if state.machine != training.trainer().machine() {
                    self.progress.note(&format!(
                        "the checkpoint is of another kind of processor ({}): the results are as good, but not the same to the bit",
                        state.machine
                    ));
                }
                (training, None)
            }
            _ => {
                if folder.is_some() {
                    self.events = self.events(None)?;
                }
                let (training, found) = self.start(folder.as_ref(), &chosen).await?;
                (training, Some(found))
            }
        };
        let from = training.trainer().steps_done();
        match &folder {
            None => self.try_steps(&mut training).await?,
            Some(folder) => {
                let trained = self.train(folder, &mut training).await;
                self.progress.end();
                trained?;
            }
        }
        Ok(self.ended(training.trainer(), from, input))
    }

    fn events(&self, from: Option<u64>) -> Result<Option<Events>, Error> {
        let folder = self.arguments.keeping.tensorboard.as_ref();
        folder.map(|folder| Events::new(folder, from)).transpose()
    }

    /// Logs a line for TensorBoard. Where that fails it is said once, and the training goes on.
    fn tell_tensorboard(&mut self, line: &Line) {
        let told = self.events.as_mut().map(|events| events.add_line(line));
        if let Some(Err(error)) = told {
            self.progress
                .note(&format!("{error}; nothing more is logged for TensorBoard"));
            self.events = None;
        }
    }

    fn ended(&self, trainer: &Trainer, from: u64, input: Option<InputStatistics>) -> Ended {
        let config = self.run.config();
        let seconds = self.run.seconds();
        let (step, tokens) = (trainer.steps_done(), trainer.tokens_done());
        let done = (step - from) * config.batch as u64;
        let rate = done as f64 / seconds.steps.max(1e-9);
        Ended {
            stopped: step < config.steps() && !self.arguments.dry_run,
            step,
            steps: config.steps(),
            tokens,
            aimed_at: (!config.activation.is_topk()).then_some(config.k),
            resumed_at_step: from,
            last: self.last.clone(),
            input,
            memory_bytes: config.memory(self.input.width()),
            seconds,
            step_tokens_per_second: (done > 0).then_some(rate),
        }
    }

    /// A training at its start, from the first block.
    async fn start(
        &mut self,
        folder: Option<&Folder>,
        chosen: &Chosen,
    ) -> Result<(Training, InputStatistics), Error> {
        if let Some(folder) = folder.filter(|folder| !folder.is_free()) {
            let path = folder.path().to_owned();
            return Err(train::Error::Exists { path }.into());
        }
        let words = self.input.words(self.run.rows());
        self.progress.note(&words);
        let (corpus, model) = self.input.memory();
        self.progress.note(&format!(
            "memory: training {}, corpus {}, model {}",
            size(self.run.config().memory(self.input.width())),
            size(corpus),
            size(model),
        ));
        let found = self.run.look().await?;
        // Said also where the training refuses them.
        let mut words = format!(
            "‖μ‖/‖σ‖ of the activations is {:.2}, and {:.2} as the encoder reads them",
            found.mean_over_spread, found.normalised_mean_over_spread
        );
        if let Some(advice) = advice(&found, self.run.config()) {
            words += ": ";
            words += advice;
        }
        self.progress.note(&words);
        let mut training = chosen.training(self.run.start()?).await?;
        if let Some(folder) = folder {
            self.save(folder, &mut training).await?;
        }
        Ok((training, found))
    }

    async fn save(&mut self, folder: &Folder, training: &mut Training) -> Result<(), Error> {
        let begun = self.run.now();
        let trainer = training.current().await?;
        checkpoint::save(folder, trainer, self.input.origin(), self.input.source())?;
        self.run.saved_since(begun);
        Ok(())
    }

    /// What a training would take, by its first steps.
    async fn try_steps(&mut self, training: &mut Training) -> Result<(), Error> {
        let estimate = self.run.try_steps(training).await?;
        let config = self.run.config();
        self.progress.note(&format!(
            "about {} for {} tokens in {} steps ({:.0} tokens/s); nothing was written",
            duration(estimate.seconds),
            config.tokens,
            config.steps(),
            estimate.tokens_per_second,
        ));
        Ok(())
    }

    /// Trains to the end or to Ctrl C, from where the trainer is, and leaves a checkpoint of it.
    async fn train(&mut self, folder: &Folder, training: &mut Training) -> Result<(), Error> {
        let mut step = training.trainer().steps_done();
        let mut checkpoints = self.arguments.keeping.checkpoints(step);
        self.run.begin(training.trainer());
        while step < self.run.config().steps() && !self.stop.is_wanted() {
            let measured = match self.run.step(training).await {
                Err(Error::Train(error)) if matches!(*error, TrainError::Stopped) => break,
                measured => measured?,
            };
            let trainer = training.trainer();
            step = trainer.steps_done();
            let rate = self.run.rate(trainer);
            self.progress.step(trainer, &measured, rate);
            if step.is_multiple_of(self.arguments.keeping.log_steps)
                || step == self.run.config().steps()
            {
                let line = self.run.line(training);
                let text = serde_json::to_string(&line).map_err(std::io::Error::from)?;
                folder.append_log(&text)?;
                self.tell_tensorboard(&line);
                self.last = Some(line.record);
            }
            if checkpoints.is_due(step) {
                self.save(folder, training).await?;
                checkpoints.saved(step);
            }
        }
        if checkpoints.lacks(step) {
            self.save(folder, training).await?;
        }
        Ok(())
    }
}
