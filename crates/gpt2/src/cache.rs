//! The KV cache, and its use by a run.

use std::ops::Range;

use kernels::{AttentionCache, Buffer, Copy, Recorder, copy};

use crate::Error;
use crate::sequence::{CacheSlot, Sequence};
use crate::weights::Gpt2;

/// Keys and values of past tokens, side by side: a buffer `[capacity, 2 * d_model]` per block. It may hold several
/// sequences, each in rows of its own ([`CacheSlot`]).
pub struct Cache {
    blocks: Vec<Buffer>,
    capacity: usize,
    width: usize,
}

impl Cache {
    /// A cache for `capacity` tokens in all.
    ///
    /// # Errors
    /// [`Error::Empty`] for no tokens, and as [`kernels::Device::buffer`].
    pub fn new(model: &Gpt2, capacity: usize) -> Result<Self, Error> {
        if capacity == 0 {
            return Err(Error::Empty);
        }
        let config = &model.config;
        let words = capacity * 2 * config.n_embd;
        Ok(Self {
            blocks: (0..config.n_layer)
                .map(|layer| model.device.buffer(&format!("kv cache {layer}"), words))
                .collect::<Result<_, _>>()?,
            capacity,
            width: config.n_embd,
        })
    }

    /// Rows.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Records a copy of some rows of every block into another cache, from its row `first` on. A dispatch per block.
    ///
    /// # Errors
    /// [`Error::Device`] where the rows are not in this cache or do not fit the other one, or both are the same cache.
    pub fn record_copy(
        &self,
        recorder: &mut Recorder,
        rows: Range<usize>,
        to: &Self,
        first: usize,
    ) -> Result<(), Error> {
        let row_words = 2 * self.width;
        for (input, output) in self.blocks.iter().zip(&to.blocks) {
            copy(
                recorder,
                &Copy {
                    input,
                    input_offset: rows.start * row_words,
                    output,
                    output_offset: first * row_words,
                    words: rows.len() * row_words,
                },
            )?;
        }
        Ok(())
    }

    /// Checks that it was made for such a model.
    fn check(&self, model: &Gpt2) -> Result<(), Error> {
        let (layers, width) = (model.config.n_layer, model.config.n_embd);
        if self.blocks.len() == layers && self.width == width {
            return Ok(());
        }
        Err(Error::Config(format!(
            "the cache is for {} blocks of width {}; the model has {layers} of width {width}",
            self.blocks.len(),
            self.width
        )))
    }
}

/// Use of a cache by a run.
#[derive(Clone, Copy)]
pub enum CacheUse<'a> {
    /// Not at all: every sequence begins with this run.
    None,
    /// Each sequence sees its past and appends the keys and values of its rows to it.
    Append(&'a Cache),
    /// Each sequence sees its past, which may be shared; nothing is written.
    Read(&'a Cache),
}

/// Rows that a sequence appends, and its number.
pub(crate) type Appended = (Range<usize>, usize);

impl CacheUse<'_> {
    fn cache(&self) -> Option<&Cache> {
        match self {
            Self::None => None,
            Self::Append(cache) | Self::Read(cache) => Some(cache),
        }
    }

    /// Checks that the cache was made for such a model.
    pub(crate) fn check(&self, model: &Gpt2) -> Result<(), Error> {
        self.cache().map_or(Ok(()), |cache| cache.check(model))
    }

    /// A block's part of it.
    pub(crate) fn block(&self, layer: usize) -> AttentionCache<'_> {
        match self {
            Self::None => AttentionCache::None,
            Self::Append(cache) => AttentionCache::Append(&cache.blocks[layer]),
            Self::Read(cache) => AttentionCache::Read(&cache.blocks[layer]),
        }
    }

    /// A sequence's rows, checked; empty ones where it has none.
    pub(crate) fn check_slot(
        &self,
        number: usize,
        sequence: &Sequence<'_>,
    ) -> Result<CacheSlot, Error> {
        let slot = sequence.cache.unwrap_or(CacheSlot { first: 0, past: 0 });
        let appended = match self {
            Self::None if slot.past > 0 => {
                return Err(Error::NoCache {
                    sequence: number,
                    past: slot.past,
                });
            }
            Self::Append(_) if sequence.cache.is_none() => {
                return Err(Error::NoCacheSlot { sequence: number });
            }
            Self::None => return Ok(CacheSlot { first: 0, past: 0 }),
            Self::Append(_) => sequence.tokens.len(),
            Self::Read(_) => 0,
        };
        let needed = slot.first.saturating_add(slot.past);
        let needed = needed.saturating_add(appended);
        match self.cache() {
            Some(cache) if needed > cache.capacity => Err(Error::CacheTooShort {
                sequence: number,
                needed,
                capacity: cache.capacity,
            }),
            _ => Ok(slot),
        }
    }

    /// Checks that no sequence appends where another one reads or appends: a dispatch has no order.
    pub(crate) fn check_overlaps(
        &self,
        sequences: &[Sequence<'_>],
        appended: &mut Vec<Appended>,
    ) -> Result<(), Error> {
        if !matches!(self, Self::Append(_)) || sequences.len() < 2 {
            return Ok(());
        }
        let slots = || {
            let numbered = sequences.iter().enumerate();
            numbered.filter_map(|(number, sequence)| Some((number, sequence, sequence.cache?)))
        };
        appended.clear();
        appended.extend(slots().map(|(number, sequence, slot)| {
            let first = slot.first + slot.past;
            (first..first + sequence.tokens.len(), number)
        }));
        appended.sort_unstable_by_key(|(rows, _)| rows.start);
        for pair in appended.windows(2) {
            if pair[1].0.start < pair[0].0.end {
                return Err(overlap(pair[0].1, pair[1].1));
            }
        }
        for (number, _, slot) in slots() {
            let next = appended.partition_point(|(rows, _)| rows.end <= slot.first);
            if let Some((rows, other)) = appended.get(next)
                && rows.start < slot.first + slot.past
            {
                return Err(overlap(number, *other));
            }
        }
        Ok(())
    }
}

fn overlap(one: usize, other: usize) -> Error {
    Error::CacheOverlap {
        sequence: one.max(other),
        other: one.min(other),
    }
}
