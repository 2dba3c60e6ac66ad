//! Progress of a scan on the standard error.

use std::cell::Cell;
use std::time::Instant;

use corpus::{Corpus, Document};

use crate::progress::size;
use crate::status_line::{StatusLine, duration};

/// Shows how far a scan is.
pub struct Progress {
    line: StatusLine,
    /// Bytes of the corpus, and those that were read.
    bytes: u64,
    read: Cell<u64>,
    /// Bytes and tokens where this run began.
    first: Cell<Option<u64>>,
    before: u64,
    limit: Option<u64>,
    begun: Instant,
}

impl Progress {
    /// Of a scan of a corpus that ends after `limit` tokens, of which `before` are read already.
    pub fn new(corpus: &Corpus, limit: Option<u64>, before: u64) -> Self {
        Self {
            line: StatusLine::new(),
            bytes: corpus.bytes(),
            read: Cell::new(0),
            first: Cell::new(None),
            before,
            limit,
            begun: Instant::now(),
        }
    }

    /// The corpus's documents, with a note of how much of its files was read.
    pub fn bytes_of<'a>(
        &'a self,
        corpus: &'a mut Corpus,
    ) -> impl Iterator<Item = Result<Document, corpus::Error>> + 'a {
        std::iter::from_fn(move || {
            let document = corpus.next();
            self.read.set(corpus.bytes_read());
            document
        })
    }

    /// Shows how far it is.
    pub fn tell(&self, scan: &scan_folder::Scan) {
        // Until here a scan that goes on only looked for its place.
        if self.first.get().is_none() {
            self.first.set(Some(self.read.get()));
        }
        if !self.line.is_due() {
            return;
        }
        let tokens = scan.info.progress.tokens;
        self.line.show(&line(&Place {
            tokens,
            recent: tokens.saturating_sub(self.before),
            seconds: self.begun.elapsed().as_secs_f64(),
            read: self.read.get(),
            first: self.first.get().unwrap_or(0),
            bytes: self.bytes,
            limit: self.limit,
        }));
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.line.end();
    }
}

/// How far a scan is.
struct Place {
    tokens: u64,
    /// Tokens of this run, and its seconds.
    recent: u64,
    seconds: f64,
    /// Bytes that were read, at the beginning of this run, and in all.
    read: u64,
    first: u64,
    bytes: u64,
    limit: Option<u64>,
}

fn line(place: &Place) -> String {
    let rate = place.recent as f64 / place.seconds.max(1e-9);
    let mut line = format!("{} tokens", place.tokens);
    let left = match place.limit {
        Some(limit) => {
            line += &format!(" of at most {limit}");
            Some(limit.saturating_sub(place.tokens) as f64 / rate.max(1e-9))
        }
        None => None,
    };
    line += &format!("  {} of {}", size(place.read), size(place.bytes));
    line += &format!("  {rate:.0} tokens/s");
    let recent = place.read.saturating_sub(place.first) as f64;
    let by_bytes = place.seconds * place.bytes.saturating_sub(place.read) as f64 / recent;
    let left = left.unwrap_or(f64::INFINITY).min(if recent > 0.0 {
        by_bytes
    } else {
        f64::INFINITY
    });
    if left.is_finite() {
        line += &format!("  {} left", duration(left));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_many_how_fast_and_how_long() {
        let place = Place {
            tokens: 30_000,
            recent: 10_000,
            seconds: 10.0,
            read: 3_000_000,
            first: 2_000_000,
            bytes: 10_000_000,
            limit: None,
        };
        assert_eq!(
            line(&place),
            "30000 tokens  3.0 MB of 10.0 MB  1000 tokens/s  2 min left"
        );
        let limited = Place {
            limit: Some(35_000),
            ..place
        };
        assert_eq!(
            line(&limited),
            "30000 tokens of at most 35000  3.0 MB of 10.0 MB  1000 tokens/s  5 s left"
        );
    }
}
