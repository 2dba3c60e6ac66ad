//! Progress of an evaluation on the standard error.

use std::cell::Cell;
use std::time::Instant;

use evaluate_run::Host;

use crate::status_line::{StatusLine, duration};
use crate::train::signal::Stop;

/// Shows how far an evaluation is, until Ctrl C ends it.
pub struct Progress {
    line: StatusLine,
    begun: Cell<Instant>,
    stop: Stop,
}

impl Progress {
    /// For the standard error as it is.
    pub fn new(stop: Stop) -> Self {
        Self {
            line: StatusLine::new(),
            begun: Cell::new(Instant::now()),
            stop,
        }
    }
}

impl Host for Progress {
    fn is_stopped(&self) -> bool {
        self.stop.is_wanted()
    }

    fn reading(&self, read: u64, bytes: u64, tokens: usize) {
        self.line.reading(read, bytes, tokens);
    }

    fn begin(&self) {
        self.begun.set(Instant::now());
    }

    fn part(&self, what: &str, done: usize, all: usize, unit: &'static str) {
        if done == 0 || !self.line.is_due() {
            return;
        }
        let seconds = self.begun.get().elapsed().as_secs_f64();
        let left = duration(seconds * all.saturating_sub(done) as f64 / done as f64);
        self.line
            .show(&format!("{what}: {done} of {all} {unit}  {left} left"));
    }

    fn end(&self) {
        self.line.end();
    }
}
