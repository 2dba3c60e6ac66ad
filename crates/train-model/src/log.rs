//! Measurements of steps, and their means over an interval.

use serde::{Deserialize, Serialize};

/// Measurements of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean cross-entropy of the batch before the step, in nats per token.
    pub loss: f64,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// The learning rate.
    pub lr: f64,
}

/// A line of `log.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps that are done.
    pub step: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// Passes over the text that is trained on.
    pub epoch: f64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Mean cross-entropy of the interval's batches, each before its step, in nats per token.
    pub loss: f64,
    /// Mean norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// Share of the interval's steps whose gradients were clipped.
    pub clipped: f64,
    /// Mean cross-entropy of the held-out text, in nats per token, where it was measured after this step.
    pub validation_loss: Option<f64>,
}

/// Sums over the steps since the last record.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Interval {
    pub(crate) steps: f64,
    pub(crate) loss: f64,
    pub(crate) norm: f64,
    pub(crate) clipped: f64,
}

impl Interval {
    pub(crate) fn add(&mut self, step: &Measured, was_clipped: bool) {
        self.steps += 1.0;
        self.loss += step.loss;
        self.norm += step.gradient_norm;
        self.clipped += f64::from(u8::from(was_clipped));
    }

    pub(crate) fn numbers(&self) -> [f64; 4] {
        [self.steps, self.loss, self.norm, self.clipped]
    }

    pub(crate) fn from_numbers([steps, loss, norm, clipped]: [f64; 4]) -> Self {
        Self {
            steps,
            loss,
            norm,
            clipped,
        }
    }
}
