//! The order of data: pieces of a corpus (windows of tokens, or stretches of a file) in blocks, by seed and number alone.
//!
//! The rows of all epochs are one sequence: in each epoch the pieces come in an order of its own. Block b is the rows from b·M on,
//! M of them, and is shuffled within. So any block can be made without those before it, and nothing is to be saved of the
//! order; a piece at the border of two blocks is read for both.

use std::ops::Range;

use crate::error::Error;
use crate::random::{Purpose, Random};

/// Rows of a piece that belong to a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The piece's number.
    pub piece: usize,
    /// Its rows.
    pub rows: Range<usize>,
    /// Where in the block each of these rows goes.
    pub places: Vec<u32>,
}

/// The order of the pieces of a corpus.
#[derive(Debug)]
pub struct Order {
    seed: u64,
    /// Rows of each piece.
    lengths: Vec<u32>,
    /// Rows of all.
    total: u64,
    /// The epoch that was last asked for, its pieces in order, and the rows before each of them.
    epoch: Option<(u64, Vec<u32>, Vec<u64>)>,
}

impl Order {
    /// The order of pieces with so many rows each.
    ///
    /// # Errors
    /// [`Error::TooFew`] where all together do not make a batch.
    pub fn new(seed: u64, lengths: Vec<u32>, batch: usize) -> Result<Self, Error> {
        let total = lengths.iter().map(|length| u64::from(*length)).sum();
        if total < batch as u64 {
            return Err(Error::TooFew { rows: total, batch });
        }
        Ok(Self {
            seed,
            lengths,
            total,
            epoch: None,
        })
    }

    /// Rows of an epoch.
    pub fn rows(&self) -> u64 {
        self.total
    }

    /// The pieces of a block of `rows` rows, and where their rows go.
    pub fn block(&mut self, number: u64, rows: usize) -> Vec<Take> {
        let places = Random::new(self.seed, Purpose::Block, number).permutation(rows);
        let mut places = places.into_iter();
        let mut next = number * rows as u64;
        let end = next + rows as u64;
        let mut takes = Vec::new();
        while next < end {
            let (epoch, inside) = (next / self.total, next % self.total);
            let (order, before) = self.epoch(epoch);
            // The last piece that begins at or before the row; pieces without rows are passed over.
            let at = before.partition_point(|before| *before <= inside) - 1;
            let piece = order[at] as usize;
            let first = inside - before[at];
            let left = u64::from(self.lengths[piece]) - first;
            let count = left.min(end - next) as usize;
            takes.push(Take {
                piece,
                rows: first as usize..first as usize + count,
                places: places.by_ref().take(count).collect(),
            });
            next += count as u64;
        }
        takes
    }

    fn epoch(&mut self, number: u64) -> (&[u32], &[u64]) {
        if self
            .epoch
            .as_ref()
            .is_none_or(|(there, ..)| *there != number)
        {
            let mut random = Random::new(self.seed, Purpose::Epoch, number);
            let order = random.permutation(self.lengths.len());
            let mut sum = 0;
            let before = order.iter().map(|piece| {
                let before = sum;
                sum += u64::from(self.lengths[*piece as usize]);
                before
            });
            let before = before.collect();
            self.epoch = Some((number, order, before));
        }
        match &self.epoch {
            Some((_, order, before)) => (order, before),
            None => (&[], &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_epoch_has_every_row_once_and_blocks_do_not_depend_on_each_other(
            lengths in prop::collection::vec(0u32..7, 1..12),
            rows in 1usize..30,
            seed in 0u64..5,
        ) {
            let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
            prop_assume!(total > 0);
            let mut order = Order::new(seed, lengths.clone(), 1).unwrap();
            let blocks = (3 * total).div_ceil(rows as u64);
            let mut sequence = Vec::new();
            for number in 0..blocks {
                let takes = order.block(number, rows);
                let mut fresh = Order::new(seed, lengths.clone(), 1).unwrap();
                prop_assert_eq!(&fresh.block(number, rows), &takes);
                let mut places: Vec<u32> = takes.iter().flat_map(|take| take.places.clone()).collect();
                places.sort_unstable();
                prop_assert_eq!(places, (0..rows as u32).collect::<Vec<_>>());
                for take in takes {
                    prop_assert_eq!(take.places.len(), take.rows.len());
                    prop_assert!(take.rows.end <= lengths[take.piece] as usize);
                    sequence.extend(take.rows.map(|row| (take.piece, row)));
                }
            }
            for epoch in sequence.chunks_exact(total as usize) {
                let mut rows = epoch.to_vec();
                rows.sort_unstable();
                rows.dedup();
                prop_assert_eq!(rows.len() as u64, total);
            }
        }
    }

    #[test]
    fn fewer_rows_than_a_batch_are_refused() {
        let error = Order::new(0, vec![3, 4], 8).unwrap_err();
        assert!(error.to_string().contains("7 activations"), "{error}");
    }
}
