//! Progress of an evaluation on the standard error.

use std::cell::Cell;
use std::time::Instant;

use crate::status_line::{StatusLine, duration};

/// Shows how far an evaluation is.
pub struct Progress {
    line: StatusLine,
    begun: Cell<Instant>,
}

impl Progress {
    /// For the standard error as it is.
    pub fn new() -> Self {
        Self {
            line: StatusLine::new(),
            begun: Cell::new(Instant::now()),
        }
    }

    /// Shows how much of the corpus was read.
    pub fn reading(&self, read: u64, bytes: u64, tokens: usize) {
        self.line.reading(read, bytes, tokens);
    }

    /// Begins a part, whose time left is estimated.
    pub fn begin(&self) {
        self.begun.set(Instant::now());
    }

    /// Shows how far a part is.
    pub fn part(&self, what: &str, done: usize, all: usize, unit: &str) {
        if done == 0 || !self.line.is_due() {
            return;
        }
        let seconds = self.begun.get().elapsed().as_secs_f64();
        let left = duration(seconds * all.saturating_sub(done) as f64 / done as f64);
        self.line
            .show(&format!("{what}: {done} of {all} {unit}  {left} left"));
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.line.end();
    }
}
