//! A run of a training: steps, log, validations and checkpoints.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use train::Folder;
use train::checkpoint::Source;
use train_model::{Config, Measured, Order, Record, TokenizerFiles, Trainer, checkpoint};

use super::args::TrainModel;
use super::text::Tokens;
use crate::error::Error;
use crate::progress::size;
use crate::status_line::{StatusLine, duration};
use crate::train::note;
use crate::train::signal::Stop;
use crate::train::tensorboard::Events;

/// Steps after which a dry run knows how long the others take. The first one is slower than they are.
const TRIED: u64 = 3;

/// Seconds of the parts of a run.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Seconds {
    /// Steps.
    pub steps: f64,
    /// Validations.
    pub validation: f64,
    /// Checkpoints.
    pub saving: f64,
}

/// Results of a run.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// True if it was stopped before its end.
    pub stopped: bool,
    /// Steps that are done.
    pub step: u64,
    /// All.
    pub steps: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// Where this run began.
    pub resumed_at_step: u64,
    /// Weights of the model.
    pub parameters: u64,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Tokens of the text that is trained on, and of what is held out.
    pub corpus_tokens: usize,
    /// The latter.
    pub validation_tokens: usize,
    /// The last line of the log.
    pub last: Option<Record>,
    /// Bytes that the training takes beside the corpus, about.
    pub memory_bytes: u64,
    /// Seconds of steps, validations and saving.
    pub seconds: Seconds,
    /// Tokens per second of steps alone; None without a step.
    pub tokens_per_second: Option<f64>,
}

impl Ended {
    /// In words.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} of {} steps, {} tokens",
            self.step, self.steps, self.tokens
        );
        if let Some(last) = &self.last {
            words += &format!("; loss {:.4} nats per token", last.loss);
            if let Some(loss) = last.validation_loss {
                words += &format!(", {loss:.4} on held-out text");
            }
        }
        if let Some(rate) = self.tokens_per_second {
            let Seconds {
                steps,
                validation,
                saving,
            } = self.seconds;
            words += &format!(
                "; steps {steps:.1} s ({rate:.0} tokens/s), validation {validation:.1} s, saving {saving:.1} s"
            );
        }
        words
    }
}

/// A line of the log.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    record: Record,
    /// Tokens of the interval over its seconds, with validations and checkpoints.
    tokens_per_second: f64,
}

/// A run.
pub struct Run<'a> {
    arguments: &'a TrainModel,
    config: Config,
    text: Tokens,
    stop: &'a Stop,
    line: StatusLine,
    events: Option<Events>,
    last: Option<Record>,
    seconds: Seconds,
}

impl<'a> Run<'a> {
    /// A run over a text.
    pub fn new(arguments: &'a TrainModel, config: Config, text: Tokens, stop: &'a Stop) -> Self {
        Self {
            arguments,
            config,
            text,
            stop,
            line: StatusLine::new(),
            events: None,
            last: None,
            seconds: Seconds::default(),
        }
    }

    fn tokenizer(&self) -> &TokenizerFiles {
        &self.text.tokenizer
    }

    fn source(&self) -> &Source {
        &self.text.source
    }

    /// Runs to the end, or to Ctrl C. Without a folder it takes a few steps and says what all would take.
    pub fn run(mut self, folder: Option<&Folder>) -> Result<Ended, Error> {
        let vocabulary = self.tokenizer().vocabulary();
        let mut order = Order::new(self.text.trained.clone(), &self.config)?;
        let mut trainer = match folder.filter(|_| self.arguments.resume) {
            Some(folder) => {
                let (trainer, state) =
                    checkpoint::resume(folder, &self.config, vocabulary, self.source())?;
                if state.machine != trainer.machine() {
                    note(&format!(
                        "the checkpoint is of another kind of processor ({}): the results are as good, but not the same to the bit",
                        state.machine
                    ));
                }
                trainer
            }
            None => Trainer::new(self.config.clone(), vocabulary)?,
        };
        self.introduce(&trainer);
        let from = trainer.steps_done();
        match folder {
            None => self.try_steps(&mut trainer, &mut order)?,
            Some(folder) => {
                if !self.arguments.resume {
                    self.save(folder, &trainer)?;
                }
                let step = self.arguments.resume.then_some(from);
                let there: Option<&PathBuf> = self.arguments.keeping.tensorboard.as_ref();
                self.events = there.map(|there| Events::new(there, step)).transpose()?;
                let trained = self.train(folder, &mut trainer, &mut order);
                self.line.end();
                trained?;
            }
        }
        Ok(self.ended(&trainer, from))
    }

    fn introduce(&self, trainer: &Trainer) {
        let (trained, out) = (&self.text.trained, &self.text.held_out);
        note(&format!(
            "{} tokens in {} documents are trained on, {} in {} held out; {} parameters",
            trained.tokens(),
            trained.documents(),
            out.tokens(),
            out.documents(),
            trainer.layout().count(),
        ));
        if self.rows().is_empty() {
            note(&format!(
                "the held-out text is shorter than a row of {} tokens, so no loss is measured on it (validation_fraction, --validation)",
                self.config.n_positions
            ));
        }
        note(&format!(
            "memory: training about {}, corpus {}",
            size(self.memory()),
            // The corpus that is trained on is there twice, once to be read from.
            size(2 * trained.memory() + out.memory()),
        ));
    }

    fn memory(&self) -> u64 {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        self.config.memory(self.tokenizer().vocabulary(), threads)
    }

    /// The rows of held-out text.
    fn rows(&self) -> Vec<&[u32]> {
        self.text.held_out.rows(self.config.n_positions)
    }

    fn ended(&self, trainer: &Trainer, from: u64) -> Ended {
        let (step, steps) = (trainer.steps_done(), self.config.total_steps());
        let done = (step - from) * self.config.step_tokens();
        let rate = done as f64 / self.seconds.steps.max(1e-9);
        Ended {
            stopped: step < steps && !self.arguments.dry_run,
            step,
            steps,
            tokens: trainer.tokens_done(),
            resumed_at_step: from,
            parameters: trainer.layout().count() as u64,
            vocabulary: trainer.vocabulary(),
            corpus_tokens: self.text.trained.tokens(),
            validation_tokens: self.text.held_out.tokens(),
            last: self.last.clone(),
            memory_bytes: self.memory(),
            seconds: self.seconds,
            tokens_per_second: (done > 0).then_some(rate),
        }
    }

    fn step(&mut self, trainer: &mut Trainer, order: &mut Order) -> Result<Measured, Error> {
        let begun = Instant::now();
        let rows = order.batch(trainer.steps_done());
        let measured = trainer.step(&rows)?;
        self.seconds.steps += begun.elapsed().as_secs_f64();
        Ok(measured)
    }

    fn try_steps(&mut self, trainer: &mut Trainer, order: &mut Order) -> Result<(), Error> {
        let steps = self.config.total_steps();
        let mut last = 0.0;
        while trainer.steps_done() < TRIED.min(steps) && !self.stop.is_wanted() {
            let before = self.seconds.steps;
            self.step(trainer, order)?;
            last = self.seconds.steps - before;
        }
        let rate = self.config.step_tokens() as f64 / f64::max(last, 1e-9);
        note(&format!(
            "about {} for {steps} steps of {} tokens ({rate:.0} tokens/s); nothing was written",
            duration(last * steps as f64),
            self.config.step_tokens(),
        ));
        Ok(())
    }

    fn save(&mut self, folder: &Folder, trainer: &Trainer) -> Result<(), Error> {
        let begun = Instant::now();
        checkpoint::save(folder, trainer, self.tokenizer(), self.source())?;
        self.seconds.saving += begun.elapsed().as_secs_f64();
        Ok(())
    }

    /// The loss on held-out text, where it is time for it.
    fn validate(&mut self, trainer: &Trainer) -> Result<Option<f64>, Error> {
        let begun = Instant::now();
        let rows = self.rows();
        let loss = trainer.validation(&rows).map(|rows| trainer.loss(&rows));
        let loss = loss.transpose()?;
        self.seconds.validation += begun.elapsed().as_secs_f64();
        Ok(loss)
    }

    /// Trains to the end or to Ctrl C, and leaves a checkpoint.
    fn train(
        &mut self,
        folder: &Folder,
        trainer: &mut Trainer,
        order: &mut Order,
    ) -> Result<(), Error> {
        let steps = self.config.total_steps();
        let mut checkpoints = self.arguments.keeping.checkpoints(trainer.steps_done());
        let mut mark = (Instant::now(), trainer.tokens_done());
        while trainer.steps_done() < steps && !self.stop.is_wanted() {
            let measured = self.step(trainer, order)?;
            let step = trainer.steps_done();
            let loss = self.validate(trainer)?;
            let rate =
                (trainer.tokens_done() - mark.1) as f64 / mark.0.elapsed().as_secs_f64().max(1e-9);
            self.show(step, &measured, rate);
            let is_due = step.is_multiple_of(self.arguments.keeping.log_steps) || step == steps;
            if is_due || loss.is_some() {
                let record = trainer.take_record(order, loss);
                self.log(folder, record, rate)?;
                mark = (Instant::now(), trainer.tokens_done());
            }
            if checkpoints.is_due(step) {
                self.save(folder, trainer)?;
                checkpoints.saved(step);
            }
        }
        if checkpoints.lacks(trainer.steps_done()) {
            self.save(folder, trainer)?;
        }
        Ok(())
    }

    fn show(&self, step: u64, measured: &Measured, rate: f64) {
        if self.line.is_due() {
            let steps = self.config.total_steps();
            let left = ((steps - step) * self.config.step_tokens()) as f64;
            self.line.show(&format!(
                "step {step} of {steps}  loss {:.4}  gradient {:.2}  {rate:.0} tokens/s  {} left",
                measured.loss,
                measured.gradient_norm,
                duration(left / rate.max(1e-9)),
            ));
        }
    }

    fn log(&mut self, folder: &Folder, record: Record, rate: f64) -> Result<(), Error> {
        let line = Line {
            record,
            tokens_per_second: rate,
        };
        let text = serde_json::to_string(&line).map_err(std::io::Error::from)?;
        folder.append_log(&text)?;
        self.tell_tensorboard(&line.record, rate);
        self.last = Some(line.record);
        Ok(())
    }

    /// Logs a line for TensorBoard. Where that fails it is said once, and the training goes on.
    fn tell_tensorboard(&mut self, record: &Record, rate: f64) {
        let mut values = vec![
            ("loss", record.loss),
            ("gradient_norm", record.gradient_norm),
            ("clipped", record.clipped),
            ("lr", record.lr),
            ("tokens", record.tokens as f64),
            ("epoch", record.epoch),
            ("tokens_per_second", rate),
        ];
        values.extend(record.validation_loss.map(|loss| ("validation_loss", loss)));
        let told = self
            .events
            .as_mut()
            .map(|events| events.add(record.step, &values));
        if let Some(Err(error)) = told {
            self.line.end();
            note(&format!("{error}; nothing more is logged for TensorBoard"));
            self.events = None;
        }
    }
}
