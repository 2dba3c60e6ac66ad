//! Sums that do not depend on the order of their terms.

use serde::{Deserialize, Serialize};

/// Bits behind the binary point of the lower word.
const FRACTION: u32 = 100;

/// A sum of f64 as a fixed-point number of 228 bits: multiples of 2⁻¹⁰⁰ up to 2¹²⁷. Addition is exact and associative, so parts
/// of a corpus give the sum of the whole bit for bit. A term is rounded down to a multiple of 2⁻¹⁰⁰.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExactSum {
    /// Integer part, rounded down.
    whole: i128,
    /// The rest in units of 2⁻¹⁰⁰, at least 0 and below 2¹⁰⁰.
    rest: i128,
}

impl ExactSum {
    /// Adds a finite term of a magnitude below 2¹²⁰; what is larger saturates.
    pub fn add(&mut self, term: f64) {
        let whole = term.floor();
        let rest = ((term - whole) * f64::from(FRACTION).exp2()) as i128;
        self.carry(whole as i128, rest);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.carry(other.whole, other.rest);
    }

    fn carry(&mut self, whole: i128, rest: i128) {
        let rest = self.rest + rest;
        self.whole = self
            .whole
            .saturating_add(whole)
            .saturating_add(rest >> FRACTION);
        self.rest = rest & ((1 << FRACTION) - 1);
    }

    /// The sum, rounded once; None where it saturated.
    pub fn value(&self) -> Option<f64> {
        let inside = self.whole != i128::MAX && self.whole != i128::MIN;
        inside.then(|| self.whole as f64 + self.rest as f64 * (-f64::from(FRACTION)).exp2())
    }
}

/// Sums of an activation's first four powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PowerSums([ExactSum; 4]);

impl PowerSums {
    /// Adds the values of one window. They are summed in their order in f64 first, since a window is never divided.
    pub fn add(&mut self, values: impl Iterator<Item = f32>) {
        let mut sums = [0.0f64; 4];
        for value in values {
            let value = f64::from(value);
            let square = value * value;
            for (sum, power) in
                sums.iter_mut()
                    .zip([value, square, square * value, square * square])
            {
                *sum += power;
            }
        }
        for (total, sum) in self.0.iter_mut().zip(sums) {
            total.add(sum);
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        for (one, other) in self.0.iter_mut().zip(&other.0) {
            one.merge(other);
        }
    }

    /// Σa, Σa², Σa³, Σa⁴; None for one that saturated.
    pub fn values(&self) -> [Option<f64>; 4] {
        [0, 1, 2, 3].map(|power| self.0[power].value())
    }
}
