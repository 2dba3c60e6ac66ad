//! Random numbers that depend on their index alone: element `i` of tensor `t` is the same whoever computes it, in any order.
//!
//! `tests/reference/random_model.py` computes the same numbers bit for bit. So no operation may be fused or reordered:
//! integers are exact, then there is one product and one sum in f32.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The odd integer nearest to 2⁶⁴ divided by the golden ratio, by which splitmix64 counts.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
/// Of the sum of four uniform 16-bit integers: √(4·(2³² − 1)/12).
const DEVIATION: f64 = 37837.2;

/// Number `index` of those that SplitMix64 gives from a seed.
fn nth(seed: u64, index: u64) -> u64 {
    SplitMix64::seed_from_u64(seed.wrapping_add(STEP.wrapping_mul(index))).next_u64()
}

/// Distribution of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f64,
}

/// Elements by their index, about normally spread (the sum of four uniform numbers).
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    key: u64,
    scale: f32,
    mean: f32,
}

impl Numbers {
    /// The elements of tensor number `tensor`.
    pub fn new(seed: u64, tensor: u64, spread: Spread) -> Self {
        Self {
            key: nth(seed, tensor),
            scale: (spread.deviation / DEVIATION) as f32,
            mean: spread.mean,
        }
    }

    /// True if all elements are zero.
    pub(crate) fn are_zeros(&self) -> bool {
        self.scale == 0.0 && self.mean == 0.0
    }

    /// Element `index`.
    pub fn at(&self, index: u64) -> f32 {
        let bits = nth(self.key, index);
        let lane = |shift: u32| (bits >> shift & 0xFFFF) as i32;
        let sum = lane(0) + lane(16) + lane(32) + lane(48) - 131_070;
        // Below 2²⁴, so that the conversion is exact.
        sum as f32 * self.scale + self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that `random_model.py` gives.
    #[test]
    fn numbers_are_those_of_the_reference() {
        let spread = Spread {
            mean: 1.0,
            deviation: 0.1,
        };
        let numbers = Numbers::new(20_260_101, 7, spread);
        let found: Vec<u32> = [0, 1, 2, 1 << 33].map(|i| numbers.at(i).to_bits()).into();
        assert_eq!(found, [0x3f6a_a1a9, 0x3f59_2d7c, 0x3f94_f9b5, 0x3f7e_8d57]);
    }

    #[test]
    fn mean_and_deviation_are_as_asked_for() {
        let spread = Spread {
            mean: -0.5,
            deviation: 2.0,
        };
        let numbers = Numbers::new(1, 2, spread);
        let count = 100_000;
        let values = || (0..count).map(|i| f64::from(numbers.at(i)));
        let mean = values().sum::<f64>() / count as f64;
        let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count as f64;
        assert!((mean + 0.5).abs() < 0.02, "{mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.02, "{variance}");
    }
}
