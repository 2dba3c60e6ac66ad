//! Counts of pairs of latents that fire on one token.

use serde::{Deserialize, Serialize};

use super::kept::mix;
use crate::error::Error;

/// Latents up to which every pair has its own counter: 512 MiB at this number.
const MOST_EXACT: u32 = 16_384;

/// Rows and counters per row (a power of two) of the sketch: 512 MiB.
const ROWS: u64 = 4;
const WIDTH: u64 = 1 << 25;

/// Counters of pairs. With more than 16,384 latents they are a count-min sketch (Cormode, Muthukrishnan 2005): a count is never too
/// small, and by more than [`Pairs::error`] too large with a probability of at most e⁻⁴.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    latents: u32,
    /// Counters by pair, or row after row; empty until the first pair.
    counts: Vec<u32>,
    /// Pairs counted in all.
    total: u64,
}

impl Pairs {
    /// No pair of so many latents.
    pub fn new(latents: u32) -> Self {
        Self {
            latents,
            counts: Vec::new(),
            total: 0,
        }
    }

    fn is_exact(&self) -> bool {
        self.latents <= MOST_EXACT
    }

    fn counters(&self) -> usize {
        if self.is_exact() {
            let latents = self.latents as usize;
            latents * latents.saturating_sub(1) / 2
        } else {
            (ROWS * WIDTH) as usize
        }
    }

    /// True if the lengths are those of a state that this program wrote.
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty() || self.counts.len() == self.counters()
    }

    /// Counts all pairs of the latents of one token; they are different and below the number of latents.
    pub fn add(&mut self, latents: &[u32]) {
        if self.counts.is_empty() && latents.len() > 1 {
            self.counts = vec![0; self.counters()];
        }
        self.total += (latents.len() * latents.len().saturating_sub(1) / 2) as u64;
        let (exact, width) = (self.is_exact(), self.width());
        for (number, one) in latents.iter().enumerate() {
            for other in &latents[..number] {
                if exact {
                    let counter = &mut self.counts[triangle(*one, *other)];
                    *counter = counter.saturating_add(1);
                } else {
                    for row in 0..ROWS {
                        let counter = &mut self.counts[cell(row, width, *one, *other)];
                        *counter = counter.saturating_add(1);
                    }
                }
            }
        }
    }

    /// Adds another part's.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn merge(&mut self, other: Self) -> Result<(), Error> {
        if self.latents != other.latents {
            return Err(Error::Shape {
                what: "latents of counted pairs",
                got: other.latents as usize,
                expected: self.latents as usize,
            });
        }
        self.total += other.total;
        if self.counts.is_empty() {
            self.counts = other.counts;
            return Ok(());
        }
        for (one, other) in self.counts.iter_mut().zip(other.counts) {
            *one = one.saturating_add(other);
        }
        Ok(())
    }

    /// Number of tokens on which both fire; of a sketch, an upper bound.
    pub fn count(&self, one: u32, other: u32) -> u64 {
        if self.counts.is_empty() || one == other {
            return 0;
        }
        let count = if self.is_exact() {
            self.counts[triangle(one, other)]
        } else {
            let width = self.width();
            let counts = (0..ROWS).map(|row| self.counts[cell(row, width, one, other)]);
            counts.min().unwrap_or(0)
        };
        u64::from(count)
    }

    /// Bound of a count's error: e · pairs ÷ width of the sketch; 0 where counts are exact.
    pub fn error(&self) -> u64 {
        if self.is_exact() {
            return 0;
        }
        (std::f64::consts::E * self.total as f64 / self.width() as f64).ceil() as u64
    }

    /// Counters of a row of the sketch.
    fn width(&self) -> u64 {
        match self.counts.len() as u64 / ROWS {
            0 => WIDTH,
            width => width,
        }
    }
}

/// Index of a pair of different latents.
fn triangle(one: u32, other: u32) -> usize {
    let (low, high) = (one.min(other) as usize, one.max(other) as usize);
    high * (high - 1) / 2 + low
}

/// Index of a pair's counter in a row of the sketch.
fn cell(row: u64, width: u64, one: u32, other: u32) -> usize {
    let (low, high) = (one.min(other), one.max(other));
    let hash = mix(mix(row) ^ (u64::from(high) << 32 | u64::from(low)));
    (row * width + (hash & (width - 1))) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A sketch so narrow that pairs share counters.
    fn narrow() -> Pairs {
        let mut pairs = Pairs::new(MOST_EXACT + 1);
        pairs.counts = vec![0; ROWS as usize * 1024];
        pairs
    }

    /// Latents of some tokens: a few that fire together often, others anywhere.
    fn tokens(seed: u64) -> Vec<Vec<u32>> {
        let draw = |at: u64| (mix(mix(seed) ^ at) % u64::from(MOST_EXACT + 1)) as u32;
        let token = |token: u64| {
            let mut latents: Vec<u32> = (0..4).map(|at| draw(token * 8 + at)).collect();
            latents.extend([5, 9, 700].iter().take((token % 4) as usize));
            latents.sort_unstable();
            latents.dedup();
            latents
        };
        (0..500).map(token).collect()
    }

    #[test]
    fn a_sketch_is_never_below_the_truth_and_rarely_above_its_bound() {
        let (mut pairs, mut other) = (narrow(), narrow());
        let mut truth: HashMap<(u32, u32), u64> = HashMap::new();
        for (seed, into) in [(1, &mut pairs), (2, &mut other)] {
            for latents in tokens(seed) {
                into.add(&latents);
                for (at, one) in latents.iter().enumerate() {
                    for other in &latents[..at] {
                        *truth.entry((*other, *one)).or_default() += 1;
                    }
                }
            }
        }
        pairs.merge(other).unwrap();
        let total: u64 = truth.values().sum();
        assert_eq!(pairs.total, total);
        let bound = (std::f64::consts::E * total as f64 / 1024.0).ceil() as u64;
        assert_eq!(pairs.error(), bound);
        assert!(bound > 10, "{bound}: pairs share counters");
        let over = |(pair, count): (&(u32, u32), &u64)| {
            let found = pairs.count(pair.0, pair.1);
            assert!(found >= *count, "{pair:?}: {found} of {count}");
            assert_eq!(found, pairs.count(pair.1, pair.0));
            found - count > bound
        };
        let above = truth.iter().map(over).filter(|above| *above).count();
        // e⁻⁴ of them are expected at most, which is 1.8 %.
        assert!(above * 50 < truth.len(), "{above} of {}", truth.len());
        assert!(truth[&(5, 9)] > 400, "a pair that fires together often");
    }

    #[test]
    fn counts_are_exact_up_to_a_number_of_latents() {
        let mut pairs = Pairs::new(40);
        pairs.add(&[1, 7, 39]);
        pairs.add(&[7, 39]);
        assert_eq!(
            (pairs.count(39, 7), pairs.count(1, 7), pairs.count(0, 1)),
            (2, 1, 0)
        );
        assert_eq!((pairs.error(), pairs.total), (0, 4));
        assert!(pairs.is_sound());
        assert!(Pairs::new(3).merge(Pairs::new(4)).is_err());
    }
}
