//! Progress of a download: one line that changes on a terminal, a few plain lines elsewhere.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use hub::Event;

/// Between two changes of the line.
const BETWEEN: Duration = Duration::from_millis(100);
/// The rate is taken over the last seconds, so that it follows a connection that changes.
const WINDOW: Duration = Duration::from_secs(5);

/// Shows on the standard error what a hub tells.
pub struct Progress {
    is_terminal: bool,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// When the line was last changed.
    shown: Option<Instant>,
    /// When how many bytes were there, within the window.
    marks: Vec<(Instant, u64)>,
    /// True if a line stands there without an end.
    open: bool,
}

impl Progress {
    /// For the standard error as it is.
    pub fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            state: RefCell::default(),
        }
    }

    /// Shows an event. What cannot be written is not: the download matters more.
    pub fn tell(&self, event: &Event<'_>) {
        let state = &mut *self.state.borrow_mut();
        match event {
            Event::Waiting { name } => {
                self.line(
                    state,
                    &format!("waiting for another process that downloads {name}"),
                );
            }
            Event::Started { name, from, bytes } => {
                state.marks = vec![(Instant::now(), *from)];
                state.shown = None;
                let size = bytes.map_or_else(String::new, |bytes| format!(" ({})", size(bytes)));
                let from = match from {
                    0 => String::new(),
                    from => format!(", going on after {}", self::size(*from)),
                };
                if !self.is_terminal {
                    self.line(state, &format!("downloading {name}{size}{from}"));
                }
            }
            Event::Advanced {
                name,
                loaded,
                bytes,
            } if self.is_terminal => self.advance(state, name, *loaded, *bytes),
            Event::Advanced { .. } => {}
            Event::Retrying { name, reason, wait } => {
                let seconds = wait.as_secs_f32();
                let again = format!("{name}: {reason}; trying again in {seconds:.1} s");
                self.line(state, &again);
            }
            Event::Finished { name, bytes } => {
                self.line(state, &format!("downloaded {name} ({})", size(*bytes)));
            }
            Event::InHfCache {
                name,
                commit,
                folder,
            } => {
                let folder = folder.display();
                let found = format!("reading {name} from {folder} (commit {commit})");
                self.line(state, &found);
            }
            Event::Unreachable { name, reason } => {
                self.line(state, &format!("{name} is taken from the cache: {reason}"));
            }
        }
    }

    fn advance(&self, state: &mut State, name: &str, loaded: u64, bytes: Option<u64>) {
        let now = Instant::now();
        if state.shown.is_some_and(|shown| now - shown < BETWEEN) {
            return;
        }
        state.shown = Some(now);
        // A host that cannot go on in the middle starts anew.
        state.marks.retain(|mark| mark.1 <= loaded);
        state.marks.push((now, loaded));
        let in_window = |mark: &&(Instant, u64)| now - mark.0 <= WINDOW;
        let outside = state
            .marks
            .iter()
            .take_while(|mark| !in_window(mark))
            .count();
        // One from before the window stays: without it a slow connection has no rate.
        state.marks.drain(..outside.saturating_sub(1));
        let first = state.marks.first().copied().unwrap_or((now, loaded));
        let line = line(
            name,
            loaded,
            bytes,
            loaded.saturating_sub(first.1),
            now - first.0,
        );
        state.open = true;
        let mut out = io::stderr().lock();
        // To the line's beginning, and what stood there goes.
        let _ = write!(out, "\r\x1b[K{line}").and_then(|()| out.flush());
    }

    fn line(&self, state: &mut State, text: &str) {
        let start = if state.open { "\r\x1b[K" } else { "" };
        state.open = false;
        let _ = writeln!(io::stderr(), "{start}{text}");
    }
}

/// The line of a download of which `recent` bytes came in the last `time`.
fn line(name: &str, loaded: u64, bytes: Option<u64>, recent: u64, time: Duration) -> String {
    let mut line = format!("{name}  {}", size(loaded));
    if let Some(bytes) = bytes {
        let percent = loaded.saturating_mul(100) / bytes.max(1);
        line += &format!(" of {}  {percent}%", size(bytes));
    }
    let rate = recent as f64 / time.as_secs_f64();
    // At first a rate says more of the buffers than of the connection.
    let recent = if time < BETWEEN { 0 } else { recent };
    if recent > 0 {
        line += &format!("  {}/s", size(rate as u64));
    }
    if let Some(bytes) = bytes.filter(|_| recent > 0) {
        let seconds = (bytes.saturating_sub(loaded) as f64 / rate).ceil() as u64;
        line += &match seconds {
            0..60 => format!("  {seconds} s left"),
            60..3600 => format!("  {} min left", seconds.div_ceil(60)),
            _ => format!("  {:.1} h left", seconds as f64 / 3600.0),
        };
    }
    line
}

/// Bytes for people, in powers of ten as hosts give them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = UNITS.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    for next in unit {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        name = next;
    }
    format!("{value:.1} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (548_105_171, "548.1 MB"),
            (999_960_000, "1.0 GB"),
            (3_000_000_000_000, "3.0 TB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(
                "a/b:w",
                250_000_000,
                Some(1_000_000_000),
                10_000_000,
                second
            ),
            "a/b:w  250.0 MB of 1.0 GB  25%  10.0 MB/s  2 min left"
        );
        assert_eq!(
            line("x", 500, Some(1000), 100, second),
            "x  500 B of 1.0 kB  50%  100 B/s  5 s left"
        );
        assert_eq!(line("x", 500, None, 0, second), "x  500 B");
    }
}
