//! A run of a training: blocks of activations, steps, and what is measured of them.

use explorer::Clock;
use serde::Serialize;
use train::{
    Config, InputStatistics, Measured, Order, Record, Take, Trainer, Training, statistics,
};

/// Activations that are looked at for the start, as in OpenAI's code.
pub const SAMPLE: usize = 32_768;

/// Steps after which [`Run::try_steps`] knows how long the others take.
const TRIED: u64 = 2;

/// A source of activations.
pub trait Activations {
    /// Its errors, and those of a run on it.
    type Error: From<train::Error>;

    /// Width of the activations.
    fn width(&self) -> usize;

    /// Rows of each piece, as [`Order`] takes them.
    fn lengths(&self) -> Vec<u32>;

    /// Number of all rows.
    fn rows(&self) -> u64 {
        self.lengths().into_iter().map(u64::from).sum()
    }

    /// Writes the activations of a block `[rows, width]` to their places.
    ///
    /// # Errors
    /// Why they cannot be had.
    fn fill(
        &self,
        takes: &[Take],
        block: &mut [f32],
    ) -> impl Future<Output = Result<(), Self::Error>>;
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What the training measured.
    #[serde(flatten)]
    pub record: Record,
    /// Tokens of the interval over its seconds, with the activations.
    pub tokens_per_second: f64,
    /// The same for the steps alone.
    pub step_tokens_per_second: f64,
}

/// Seconds of the parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Seconds {
    /// Computing or reading activations.
    pub activations: f64,
    /// Steps.
    pub steps: f64,
    /// Checkpoints.
    pub saving: f64,
}

/// What a training would take, by its first steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Seconds from its beginning to its end.
    pub seconds: f64,
    /// Tokens per second, with the activations.
    pub tokens_per_second: f64,
}

/// Where an interval of the log began.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    time: f64,
    tokens: u64,
    steps: f64,
}

/// A run over all rows of a source.
pub struct Run<'a, A: Activations> {
    activations: &'a A,
    config: Config,
    order: Order,
    clock: Clock,
    /// The block that is in memory, and its number.
    block: Vec<f32>,
    filled: Option<u64>,
    seconds: Seconds,
    mark: Mark,
}

impl<'a, A: Activations> Run<'a, A> {
    /// A run; `clock` measures its parts.
    ///
    /// # Errors
    /// [`train::Error::TooFew`] where there is not one batch.
    pub fn new(config: Config, activations: &'a A, clock: Clock) -> Result<Self, train::Error> {
        let order = Order::new(config.seed, activations.lengths(), config.batch)?;
        let block = vec![0.0; config.block_rows() * activations.width()];
        let mark = Mark {
            time: clock(),
            ..Mark::default()
        };
        Ok(Self {
            activations,
            config,
            order,
            clock,
            block,
            filled: None,
            seconds: Seconds::default(),
            mark,
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Rows of an epoch.
    pub fn rows(&self) -> u64 {
        self.order.rows()
    }

    /// Seconds of its parts so far.
    pub fn seconds(&self) -> Seconds {
        self.seconds
    }

    /// Makes the first block, and looks at what a start needs to know of the activations.
    ///
    /// # Errors
    /// As [`statistics`]; those of the source.
    pub async fn look(&mut self) -> Result<InputStatistics, A::Error> {
        self.fill(0).await?;
        let kind = self.config.input_normalization;
        Ok(statistics(kind, self.sample(), self.activations.width())?)
    }

    /// A training at its start, after [`Run::look`].
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn start(&self) -> Result<Trainer, train::Error> {
        let width = self.activations.width();
        Ok(Trainer::new(self.config.clone(), self.sample(), width)?.0)
    }

    fn sample(&self) -> &[f32] {
        let rows = self.config.block_rows().min(SAMPLE);
        &self.block[..rows * self.activations.width()]
    }

    /// The interval of the log begins anew, with a training that is where it is.
    pub fn begin(&mut self, trainer: &Trainer) {
        self.mark = Mark {
            time: (self.clock)(),
            tokens: trainer.tokens_done(),
            steps: self.seconds.steps,
        };
    }

    /// The first steps of a training, and what all of them would take.
    ///
    /// # Errors
    /// As [`Run::step`].
    pub async fn try_steps(&mut self, training: &mut Training) -> Result<Estimate, A::Error> {
        let from = training.trainer().tokens_done();
        let until = (training.trainer().steps_done() + TRIED).min(self.config.steps());
        let before = self.seconds;
        while training.trainer().steps_done() < until {
            self.step(training).await?;
        }
        let tokens = (training.trainer().tokens_done() - from).max(1) as f64;
        // A block lasts for several steps.
        let per_token = (self.seconds.steps - before.steps) / tokens
            + self.seconds.activations / self.config.block_rows() as f64;
        Ok(Estimate {
            seconds: per_token * self.config.tokens as f64,
            tokens_per_second: 1.0 / per_token.max(1e-12),
        })
    }

    /// Makes the block of the next step, where another one is in memory.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn prepare(&mut self, trainer: &Trainer) -> Result<(), A::Error> {
        let number = trainer.steps_done() / self.config.block_batches as u64;
        match self.filled == Some(number) {
            true => Ok(()),
            false => self.fill(number).await,
        }
    }

    /// The next step.
    ///
    /// # Errors
    /// Those of the source, and as [`Trainer::step`].
    pub async fn step(&mut self, training: &mut Training) -> Result<Measured, A::Error> {
        let trainer = training.trainer();
        self.prepare(trainer).await?;
        let size = self.config.batch * self.activations.width();
        let place = (trainer.steps_done() % self.config.block_batches as u64) as usize;
        let begun = (self.clock)();
        let batch = &self.block[place * size..(place + 1) * size];
        let measured = training.step(batch).await?;
        self.seconds.steps += (self.clock)() - begun;
        Ok(measured)
    }

    /// Tokens per second of the interval so far.
    pub fn rate(&self, trainer: &Trainer) -> f64 {
        let seconds = (self.clock)() - self.mark.time;
        self.tokens_since(trainer) / seconds.max(1e-9)
    }

    fn tokens_since(&self, trainer: &Trainer) -> f64 {
        trainer.tokens_done().saturating_sub(self.mark.tokens) as f64
    }

    /// A line of the log about the steps since the last one.
    pub fn line(&mut self, training: &mut Training) -> Line {
        let trainer = training.trainer();
        let tokens_per_second = self.rate(trainer);
        let seconds = self.seconds.steps - self.mark.steps;
        let step_tokens_per_second = self.tokens_since(trainer) / seconds.max(1e-9);
        self.begin(trainer);
        Line {
            record: training.take_record(),
            tokens_per_second,
            step_tokens_per_second,
        }
    }

    /// Measures the saving of a checkpoint.
    pub fn saved_since(&mut self, begun: f64) {
        self.seconds.saving += (self.clock)() - begun;
    }

    /// The time by the run's clock, in seconds.
    pub fn now(&self) -> f64 {
        (self.clock)()
    }

    async fn fill(&mut self, number: u64) -> Result<(), A::Error> {
        let begun = (self.clock)();
        let takes = self.order.block(number, self.config.block_rows());
        // What is half written is no block.
        self.filled = None;
        let filled = self.activations.fill(&takes, &mut self.block).await;
        self.seconds.activations += (self.clock)() - begun;
        filled?;
        self.filled = Some(number);
        Ok(())
    }
}
