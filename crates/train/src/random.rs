//! Random numbers by key: the same seed, purpose and number give the same stream, whatever was drawn before.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Uses of random numbers. A use has a stream of its own for each of its numbers.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Decoder directions.
    Directions = 1,
    /// Unit vectors that scale the encoder.
    Probe = 2,
    /// Order of the pieces of an epoch.
    Epoch = 3,
    /// Order of the rows of a block.
    Block = 4,
    /// A language model's weights, tensor by tensor.
    Weights = 5,
    /// Documents of a corpus that are held out.
    HeldOut = 6,
    /// Where the first row of an epoch begins in its first document.
    Phase = 7,
    /// Order of the rows of an epoch.
    Rows = 8,
}

/// A stream of random numbers.
pub struct Random(SplitMix64);

impl Random {
    /// The stream of a use and a number of it.
    pub fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        let mut state = seed;
        for part in [purpose as u64, number] {
            // One draw mixes all bits.
            let mixed = SplitMix64::seed_from_u64(state).next_u64();
            state = mixed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        Self(SplitMix64::seed_from_u64(state))
    }

    /// Uniform from 0 to below `bound`, which is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias is below bound / 2⁶⁴.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal numbers, by Box and Muller.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let radius = (-2.0 * self.uniform().ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
            values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
        }
        values.truncate(count);
        values
    }

    /// A permutation of 0 to `count` - 1 (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count as u32).collect();
        for last in (1..count).rev() {
            let other = self.below(last as u64 + 1) as usize;
            order.swap(last, other);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_the_same_again() {
        let draw = |seed, purpose, number| Random::new(seed, purpose, number).permutation(50);
        assert_eq!(draw(1, Purpose::Epoch, 2), draw(1, Purpose::Epoch, 2));
        assert_ne!(draw(1, Purpose::Epoch, 2), draw(1, Purpose::Epoch, 3));
        assert_ne!(draw(1, Purpose::Epoch, 2), draw(1, Purpose::Block, 2));
        assert_ne!(draw(1, Purpose::Epoch, 2), draw(2, Purpose::Epoch, 2));
        let mut sorted = draw(1, Purpose::Epoch, 2);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<u32>>());
    }

    #[test]
    fn normals_are_normal() {
        let values = Random::new(3, Purpose::Directions, 0).normals(40_001);
        assert_eq!(values.len(), 40_001);
        let moment = |power: i32| {
            let sum: f64 = values.iter().map(|v| f64::from(*v).powi(power)).sum();
            sum / values.len() as f64
        };
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.03);
        assert!((moment(4) - 3.0).abs() < 0.2);
    }
}
