//! How far something long is, on the standard error: one line that changes on a terminal, a line now and then elsewhere.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::progress::size;

/// Between two changes of the line, on a terminal and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(60);

/// A line that says how far something is.
pub struct StatusLine {
    is_terminal: bool,
    shown: Cell<Instant>,
    open: Cell<bool>,
}

impl StatusLine {
    /// For the standard error as it is.
    pub fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: Cell::new(Instant::now()),
            open: Cell::new(false),
        }
    }

    /// True if it is time for another line; the next one is then due later.
    pub fn is_due(&self) -> bool {
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

    /// Shows a line. What cannot be written is not: the work matters more.
    pub fn show(&self, line: &str) {
        let mut out = io::stderr().lock();
        let _ = match self.is_terminal {
            true => write!(out, "\r\x1b[K{line}").and_then(|()| out.flush()),
            false => writeln!(out, "{line}"),
        };
        self.open.set(self.is_terminal);
    }

    /// Shows how much of a corpus was read, where it is time for that: bytes of its files, and tokens.
    pub fn reading(&self, read: u64, bytes: u64, tokens: usize) {
        if self.is_due() {
            let (read, bytes) = (size(read), size(bytes));
            self.show(&format!(
                "reading the corpus: {read} of {bytes}  {tokens} tokens"
            ));
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if self.open.replace(false) {
            let mut out = io::stderr().lock();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
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
