//! Random choices by a seed: the same seed gives the same choice on every machine.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(SplitMix64);

impl Random {
    /// The stream of a seed and a purpose; streams of other purposes are independent.
    pub fn new(seed: u64, purpose: u64) -> Self {
        // One draw mixes all bits.
        let mixed = SplitMix64::seed_from_u64(seed).next_u64();
        let state = mixed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(SplitMix64::seed_from_u64(state))
    }

    /// Uniform from 0 to below `bound`; 0 where `bound` is 0. The bias is below bound / 2⁶⁴.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// At most `count` of the items without repetition, each set equally likely, in the order in which they stand.
    pub fn choose(&mut self, items: &[usize], count: usize) -> Vec<usize> {
        if count >= items.len() {
            return items.to_vec();
        }
        let mut order: Vec<usize> = (0..items.len()).collect();
        for place in 0..count {
            let other = place + self.below(items.len() - place);
            order.swap(place, other);
        }
        order.truncate(count);
        order.sort_unstable();
        order.into_iter().map(|place| items[place]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_has_no_repetition_and_depends_on_the_seed_alone() {
        let items: Vec<usize> = (10..60).collect();
        let chosen = Random::new(3, 1).choose(&items, 20);
        assert_eq!(chosen.len(), 20);
        assert!(
            chosen.is_sorted_by(|a, b| a < b) && chosen.iter().all(|item| items.contains(item))
        );
        assert_eq!(chosen, Random::new(3, 1).choose(&items, 20));
        assert_ne!(chosen, Random::new(4, 1).choose(&items, 20));
        assert_ne!(chosen, Random::new(3, 2).choose(&items, 20));
        assert_eq!(Random::new(3, 1).choose(&items, 50), items);
        // Every item is chosen about equally often.
        let mut random = Random::new(0, 0);
        let mut counts = [0; 50];
        for _ in 0..2000 {
            for item in random.choose(&items, 20) {
                counts[item - 10] += 1;
            }
        }
        assert!(
            counts.iter().all(|count| (680..920).contains(count)),
            "{counts:?}"
        );
    }
}
