//! Progress of a training on the standard error.

use std::io::{self, Write as _};

use train::{Measured, Trainer};

use crate::status_line::{StatusLine, duration};

/// Shows how far a training is.
pub struct Progress(StatusLine);

impl Progress {
    /// For the standard error as it is.
    pub fn new() -> Self {
        Self(StatusLine::new())
    }

    /// Shows how much of the corpus was read.
    pub fn reading(&self, read: u64, bytes: u64, tokens: usize) {
        self.0.reading(read, bytes, tokens);
    }

    /// Shows a step. `rate` is in tokens per second.
    pub fn step(&self, trainer: &Trainer, measured: &Measured, rate: f64) {
        if self.0.is_due() {
            self.0.show(&line(trainer, measured, rate));
        }
    }

    /// Prints a sentence.
    pub fn note(&self, sentence: &str) {
        self.end();
        note(sentence);
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.0.end();
    }
}

/// Prints a sentence on the standard error.
pub fn note(sentence: &str) {
    let _ = writeln!(io::stderr(), "note: {sentence}");
}

fn line(trainer: &Trainer, measured: &Measured, rate: f64) -> String {
    let config = trainer.config();
    let left = (config.steps() - trainer.steps_done()) * config.batch as u64;
    format!(
        "step {} of {}  FVU {:.4}  L0 {:.1}  dead {:.1} %  {rate:.0} tokens/s  {}",
        trainer.steps_done(),
        config.steps(),
        measured.fvu,
        measured.l0,
        100.0 * measured.dead as f64 / config.latents as f64,
        duration(left as f64 / rate.max(1e-9)) + " left",
    )
}
