//! Histograms whose bins follow from the values alone, whatever their order.

use serde::{Deserialize, Serialize};

use crate::record::{Histogram, Octaves};

/// Bins on each side of zero.
const SIDE: i32 = 64;

/// The exponent of the power of two at or below a magnitude, subnormal numbers included. `value` is finite and not 0.
pub fn octave(value: f32) -> i16 {
    // As f64 every f32 is a normal number.
    let bits = f64::from(value).to_bits();
    ((bits >> 52) & 0x7ff) as i16 - 1023
}

/// 2^exponent for an exponent that octaves have: far inside the range of f64.
fn power(exponent: i16) -> f64 {
    f64::from_bits(((1023 + i64::from(exponent)) as u64) << 52)
}

/// Counts in at most 64 bins per side of zero. Their width is the power of two for which the largest magnitude lies in bins
/// 32 to 63: where a larger value comes, neighbouring bins are joined.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Bins {
    exponent: i16,
    /// Count per bin, from −64 on; empty while nothing but zeros was counted.
    counts: Vec<u64>,
    /// Values that are 0.
    zeros: u64,
}

impl Bins {
    /// Counts finite values.
    pub fn add(&mut self, values: impl Iterator<Item = f32>) {
        let (mut limit, mut scale) = self.bounds();
        for value in values {
            if value == 0.0 {
                self.zeros += 1;
                continue;
            }
            if f64::from(value.abs()) >= limit {
                let needed = octave(value) - 5;
                if self.counts.is_empty() {
                    self.counts = vec![0; 2 * SIDE as usize];
                    self.exponent = needed;
                }
                self.coarsen(needed);
                (limit, scale) = self.bounds();
            }
            // Rounded down; `floor` is a call where the processor is not known to have an instruction for it.
            let scaled = f64::from(value) * scale;
            let truncated = scaled as i32;
            let bin = truncated - i32::from(f64::from(truncated) > scaled);
            self.counts[(bin + SIDE) as usize] += 1;
        }
    }

    /// The magnitude from which on values need wider bins, and 1 ÷ the width of a bin: what is inside costs one product.
    fn bounds(&self) -> (f64, f64) {
        match self.counts.is_empty() {
            true => (0.0, 0.0),
            false => (power(self.exponent + 6), power(-self.exponent)),
        }
    }

    /// Joins bins until their width is at least 2^exponent.
    fn coarsen(&mut self, exponent: i16) {
        while self.exponent < exponent {
            let mut joined = vec![0; self.counts.len()];
            for (bin, count) in (-SIDE..).zip(&self.counts) {
                joined[(bin.div_euclid(2) + SIDE) as usize] += count;
            }
            self.counts = joined;
            self.exponent += 1;
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, mut other: Self) {
        self.zeros += other.zeros;
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            (self.exponent, self.counts) = (other.exponent, other.counts);
            return;
        }
        self.coarsen(other.exponent);
        other.coarsen(self.exponent);
        for (one, other) in self.counts.iter_mut().zip(&other.counts) {
            *one += other;
        }
    }

    /// True if the lengths are those of a state that this program wrote.
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty() || self.counts.len() == 2 * SIDE as usize
    }

    /// The counts from the first to the last that is not 0. Zeros are in the bin that begins at 0.
    pub fn histogram(&self) -> Histogram {
        let mut counts = self.counts.clone();
        let mut exponent = self.exponent;
        if self.zeros > 0 {
            if counts.is_empty() {
                counts = vec![0; 2 * SIDE as usize];
                exponent = 0;
            }
            counts[SIDE as usize] += self.zeros;
        }
        let filled = |count: &u64| *count > 0;
        let Some((first, last)) = counts
            .iter()
            .position(filled)
            .zip(counts.iter().rposition(filled))
        else {
            return Histogram::default();
        };
        Histogram {
            origin: 0.0,
            width: power(exponent) as f32,
            first: first as i32 - SIDE,
            counts: counts[first..=last].to_vec(),
        }
    }
}

/// Counts by octave, sorted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OctaveCounts(Vec<(i16, u64)>);

impl OctaveCounts {
    /// Counts a value above 0.
    pub fn add(&mut self, value: f32) {
        self.add_count(octave(value), 1);
    }

    fn add_count(&mut self, octave: i16, count: u64) {
        match self.0.binary_search_by_key(&octave, |(octave, _)| *octave) {
            Ok(at) => self.0[at].1 += count,
            Err(at) => self.0.insert(at, (octave, count)),
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (octave, count) in &other.0 {
            self.add_count(*octave, *count);
        }
    }

    /// Octaves and their counts, the lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i16, u64)> + '_ {
        self.0.iter().copied()
    }

    /// As it stands in a record.
    pub fn octaves(&self) -> Octaves {
        let Some((&(first, _), &(last, _))) = self.0.first().zip(self.0.last()) else {
            return Octaves::default();
        };
        let mut counts = vec![0; (last - first) as usize + 1];
        for (octave, count) in &self.0 {
            counts[(octave - first) as usize] = *count;
        }
        Octaves { first, counts }
    }
}
