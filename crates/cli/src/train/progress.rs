//! Progress of a training on the standard error: one line that changes on a terminal, a line now and then elsewhere.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use train::{Measured, Trainer};

use crate::progress::size;

/// Between two changes of the line, on a terminal and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(60);

/// Shows how far a training is.
pub struct Progress {
    is_terminal: bool,
    shown: Cell<Instant>,
    open: Cell<bool>,
}

impl Progress {
    /// For the standard error as it is.
    pub fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: Cell::new(Instant::now()),
            open: Cell::new(false),
        }
    }

    /// Shows how much of the corpus was read.
    pub fn reading(&self, read: u64, bytes: u64, tokens: usize) {
        if self.is_due() {
            let (read, bytes) = (size(read), size(bytes));
            self.show(&format!(
                "reading the corpus: {read} of {bytes}  {tokens} tokens"
            ));
        }
    }

    /// Shows a step. `rate` is in tokens per second.
    pub fn step(&self, trainer: &Trainer, measured: &Measured, rate: f64) {
        if self.is_due() {
            self.show(&line(trainer, measured, rate));
        }
    }

    /// Prints a sentence.
    pub fn note(&self, sentence: &str) {
        self.end();
        let _ = writeln!(io::stderr(), "note: {sentence}");
    }

    fn is_due(&self) -> bool {
        let every = if self.is_terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        let due = self.shown.get().elapsed() >= every;
        if due {
            self.shown.set(Instant::now());
        }
        due
    }

    /// What cannot be written is not: the training matters more.
    fn show(&self, line: &str) {
        let mut out = io::stderr().lock();
        let _ = match self.is_terminal {
            true => write!(out, "\r\x1b[K{line}").and_then(|()| out.flush()),
            false => writeln!(out, "{line}"),
        };
        self.open.set(self.is_terminal);
    }

    /// Takes the line away.
    pub fn end(&self) {
        if self.open.replace(false) {
            let mut out = io::stderr().lock();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
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

/// Seconds for people.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}
