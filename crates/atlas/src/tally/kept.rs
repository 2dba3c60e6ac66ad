//! The windows that are kept of each latent: the strongest, and samples that any division of the corpus gives alike.

use serde::{Deserialize, Serialize};

use crate::record::Example;

/// Tokens up to the peak by which windows are told apart: where they are the same, one is a copy of the other.
const COPY: usize = 6;

/// A window with its place in the orders of [`Strongest`] and [`Sample`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Largest activation of the window.
    peak: f32,
    /// Random number of the window, equal wherever it is met.
    draw: u64,
    /// Hash of the tokens up to the peak.
    copy: u64,
    /// The window.
    pub example: Example,
}

/// A window that may be kept, before its tokens are copied.
pub struct Candidate<'a> {
    /// Largest activation.
    pub peak: f32,
    /// Number of the document.
    pub document: u64,
    /// First token of the window in the document.
    pub start: u32,
    /// The window's tokens up to and with the peak.
    pub up_to_peak: &'a [u32],
    /// Mixed into every draw of this latent.
    pub seed: u64,
}

impl Candidate<'_> {
    fn draw(&self, salt: u64) -> u64 {
        mix(mix(mix(self.seed ^ salt) ^ self.document) ^ u64::from(self.start))
    }

    fn copy(&self) -> u64 {
        let tokens = &self.up_to_peak[self.up_to_peak.len().saturating_sub(COPY)..];
        tokens.iter().fold(tokens.len() as u64, |hash, token| {
            mix(hash ^ u64::from(*token))
        })
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), behind its increment.
pub fn mix(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The strongest windows, the strongest first; ties go to the earlier one in the corpus. Of copies the strongest is kept.
///
/// Whatever is dropped has as many stronger windows that are not copies of each other as are kept, and it still has them in any
/// union: so merging is associative.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Strongest(Vec<Kept>);

type Rank = (std::cmp::Reverse<u32>, u64, u32);

fn rank(peak: f32, document: u64, start: u32) -> Rank {
    // Peaks are above 0, so their bits have their order.
    (std::cmp::Reverse(peak.to_bits()), document, start)
}

impl Kept {
    fn rank(&self) -> Rank {
        rank(self.peak, self.example.document, self.example.start)
    }
}

impl Strongest {
    /// Keeps a window if it is among the `most` strongest; only then is it copied.
    pub fn offer(
        &mut self,
        candidate: &Candidate<'_>,
        most: usize,
        copied: impl FnOnce() -> Example,
    ) {
        let place = rank(candidate.peak, candidate.document, candidate.start);
        if self.0.len() >= most && self.0.last().is_none_or(|last| last.rank() < place) {
            return;
        }
        let kept = Kept {
            peak: candidate.peak,
            draw: 0,
            copy: candidate.copy(),
            example: copied(),
        };
        self.insert(kept, most);
    }

    fn insert(&mut self, kept: Kept, most: usize) {
        if let Some(at) = self.0.iter().position(|other| other.copy == kept.copy) {
            if self.0[at].rank() <= kept.rank() {
                return;
            }
            self.0.remove(at);
        }
        let place = kept.rank();
        let at = self.0.partition_point(|other| other.rank() < place);
        self.0.insert(at, kept);
        self.0.truncate(most);
    }

    /// Adds another part's.
    pub fn merge(&mut self, other: Self, most: usize) {
        for kept in other.0 {
            self.insert(kept, most);
        }
    }

    /// Keeps the first few alone: what would have been kept, had fewer been wanted from the beginning.
    pub fn truncate(&mut self, most: usize) {
        self.0.truncate(most);
    }

    /// The windows, the strongest first.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.0.iter().map(|kept| &kept.example)
    }
}

/// A sample of windows: those with the smallest random numbers, which depend on nothing but seed, latent and place in the
/// corpus. So it is drawn evenly, and the same from any division of the corpus.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample(Vec<Kept>);

impl Sample {
    /// Keeps a window if its number is among the `most` smallest; only then is it copied.
    pub fn offer(
        &mut self,
        candidate: &Candidate<'_>,
        salt: u64,
        most: usize,
        copied: impl FnOnce() -> Example,
    ) {
        let draw = candidate.draw(salt);
        if self.0.len() >= most && self.0.last().is_none_or(|last| last.draw <= draw) {
            return;
        }
        let kept = Kept {
            peak: candidate.peak,
            draw,
            copy: 0,
            example: copied(),
        };
        self.insert(kept, most);
    }

    fn insert(&mut self, kept: Kept, most: usize) {
        let place = |kept: &Kept| (kept.draw, kept.example.document, kept.example.start);
        let at = self.0.partition_point(|other| place(other) < place(&kept));
        self.0.insert(at, kept);
        self.0.truncate(most);
    }

    /// Adds another part's, or that of another set of windows.
    pub fn merge(&mut self, other: Self, most: usize) {
        for kept in other.0 {
            self.insert(kept, most);
        }
    }

    /// Keeps the first few alone: what would have been drawn, had fewer been wanted from the beginning.
    pub fn truncate(&mut self, most: usize) {
        self.0.truncate(most);
    }

    /// The windows, in the order in which they were drawn.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.0.iter().map(|kept| &kept.example)
    }
}
