//! Measurements of steps, and their sums over an interval.

use serde::{Deserialize, Serialize};

/// Measurements of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Σ ‖x̂ − x‖² / Σ ‖x − x̄‖² over the batch, x̄ its mean, in the space of training.
    pub fvu: f64,
    /// The objective without AuxK: squared errors over the variance of the sample at the start, by the levels' weights.
    pub loss: f64,
    /// AuxK's loss without its weight, where there are dead latents.
    pub aux_loss: Option<f64>,
    /// Active latents per token.
    pub l0: f64,
    /// Dead latents.
    pub dead: usize,
}

/// A line of `log.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps that are done.
    pub step: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Σ ‖x̂ − x‖² / Σ ‖x − x̄‖² over the interval's tokens, x̄ each batch's mean, in the space of training.
    pub fvu: f64,
    /// Mean objective without AuxK.
    pub loss: f64,
    /// Mean of AuxK's loss without its weight, over the steps that had one.
    pub aux_loss: Option<f64>,
    /// Mean number of active latents per token.
    pub l0: f64,
    /// Share of latents that are dead at the end of the interval.
    pub dead: f64,
}

/// Sums over the steps since the last record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Interval {
    pub(crate) steps: f64,
    pub(crate) squared: f64,
    pub(crate) spread: f64,
    pub(crate) loss: f64,
    pub(crate) aux_steps: f64,
    pub(crate) aux_loss: f64,
    pub(crate) l0: f64,
    pub(crate) dead: f64,
}

impl Interval {
    pub(crate) fn add(&mut self, step: &Measured, (squared, spread): (f64, f64)) {
        self.steps += 1.0;
        self.squared += squared;
        self.spread += spread;
        self.loss += step.loss;
        self.aux_steps += f64::from(u8::from(step.aux_loss.is_some()));
        self.aux_loss += step.aux_loss.unwrap_or(0.0);
        self.l0 += step.l0;
        self.dead = step.dead as f64;
    }

    pub(crate) fn record(&self, (step, tokens): (u64, u64), lr: f64, latents: usize) -> Record {
        Record {
            step,
            tokens,
            lr,
            fvu: self.squared / self.spread,
            loss: self.loss / self.steps,
            aux_loss: (self.aux_steps > 0.0).then(|| self.aux_loss / self.aux_steps),
            l0: self.l0 / self.steps,
            dead: self.dead / latents as f64,
        }
    }

    /// As numbers, for a state.
    pub(crate) fn numbers(&self) -> [f64; 8] {
        [
            self.steps,
            self.squared,
            self.spread,
            self.loss,
            self.aux_steps,
            self.aux_loss,
            self.l0,
            self.dead,
        ]
    }

    /// From the numbers of a state.
    pub(crate) fn from_numbers(numbers: [f64; 8]) -> Self {
        let [steps, squared, spread, loss, aux_steps, aux_loss, l0, dead] = numbers;
        Self {
            steps,
            squared,
            spread,
            loss,
            aux_steps,
            aux_loss,
            l0,
            dead,
        }
    }
}
