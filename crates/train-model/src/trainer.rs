//! A training under way: its weights and one step.

use train::machine;

use crate::config::Config;
use crate::data::Order;
use crate::error::Error;
use crate::initial::weights_at_start;
use crate::layout::Layout;
use crate::log::{Interval, Measured, Record};
use crate::network::Model;
use crate::optimizer::{Moments, clip_factor, norm};
use crate::schedule::learning_rate;

/// A training under way.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    model: Model,
    pub(crate) weights: Vec<Vec<f32>>,
    pub(crate) moments: Moments,
    pub(crate) step: u64,
    pub(crate) interval: Interval,
    pub(crate) machine: String,
}

impl Trainer {
    /// A training at its start, of a model with so many tokens.
    ///
    /// # Errors
    /// [`Error::Training`] with `Setting`.
    pub fn new(config: Config, vocabulary: usize) -> Result<Self, Error> {
        config.check()?;
        let weights = weights_at_start(&config, vocabulary);
        Self::from_weights(config, vocabulary, weights)
    }

    /// A training that starts at given weights, in the order of [`Layout`].
    ///
    /// # Errors
    /// [`Error::Training`] with `Setting`; [`Error::Network`] for weights of other sizes.
    pub fn from_weights(
        config: Config,
        vocabulary: usize,
        weights: Vec<Vec<f32>>,
    ) -> Result<Self, Error> {
        config.check()?;
        let model = Model::new(&config, vocabulary);
        if !model.layout().fits(&weights) {
            let why = "the weights are not those of the settings' sizes".to_owned();
            return Err(Error::Network(why));
        }
        Ok(Self {
            moments: Moments::new(model.layout()),
            weights,
            step: 0,
            interval: Interval::default(),
            machine: machine(),
            model,
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The model's tensors.
    pub fn layout(&self) -> &Layout {
        self.model.layout()
    }

    /// Tokens of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.model.vocabulary()
    }

    /// The weights, in the order of [`Layout`].
    pub fn weights(&self) -> &[Vec<f32>] {
        &self.weights
    }

    /// The kind of processor that trains.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Steps that are done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Tokens that were trained on.
    pub fn tokens_done(&self) -> u64 {
        self.step * self.config.step_tokens()
    }

    /// Trains on the rows of the next batch, `[batch, n_positions + 1]` tokens.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Token`], [`Error::Network`], [`Error::Diverged`]; nothing has changed then.
    pub fn step(&mut self, rows: &[u32]) -> Result<Measured, Error> {
        let length = self.config.batch * (self.config.n_positions + 1);
        if rows.len() != length {
            let found = rows.len();
            return Err(Error::Rows { found, length });
        }
        let (loss, gradients) = self.model.gradients(&self.weights, rows)?;
        let size = norm(&gradients);
        for (what, value) in [("loss", loss), ("norm of the gradient", size)] {
            if !value.is_finite() {
                let step = self.step + 1;
                return Err(Error::Diverged { what, step, value });
            }
        }
        let factor = clip_factor(size, self.config.clip_norm);
        let lr = learning_rate(&self.config, self.step);
        self.moments.step(
            &self.config,
            self.model.layout(),
            (self.step + 1, lr),
            (&gradients, factor),
            &mut self.weights,
        );
        self.step += 1;
        let measured = Measured {
            loss,
            gradient_norm: size,
            lr,
        };
        self.interval.add(&measured, factor < 1.0);
        Ok(measured)
    }

    /// Mean cross-entropy of rows of `n_positions` + 1 tokens, in nats.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Token`], [`Error::Network`].
    pub fn loss(&self, rows: &[&[u32]]) -> Result<f64, Error> {
        let losses = self.model.token_losses(&self.weights, rows)?;
        Ok(losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// The rows of which a validation is after the steps that are done: all at the end, else up to `validation_rows` of them, evenly. None
    /// where it is not time for one.
    pub fn validation<'a>(&self, rows: &[&'a [u32]]) -> Option<Vec<&'a [u32]>> {
        if rows.is_empty() {
            return None;
        }
        if self.step == self.config.total_steps() {
            return Some(rows.to_vec());
        }
        let every = self.config.validation_steps;
        let is_due = every > 0 && self.step.is_multiple_of(every);
        let by = rows.len().div_ceil(self.config.validation_rows);
        is_due.then(|| rows.iter().step_by(by).copied().collect())
    }

    /// The means since the last record; `validation_loss` is added as it is.
    pub fn take_record(&mut self, order: &mut Order, validation_loss: Option<f64>) -> Record {
        let Interval {
            steps,
            loss,
            norm,
            clipped,
        } = std::mem::take(&mut self.interval);
        Record {
            step: self.step,
            tokens: self.tokens_done(),
            epoch: order.epochs(self.step),
            lr: learning_rate(&self.config, self.step.saturating_sub(1)),
            loss: loss / steps,
            gradient_norm: norm / steps,
            clipped: clipped / steps,
            validation_loss,
        }
    }
}
