//! Byte-pair merging of one word.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Merge of two neighbouring tokens.
#[derive(Debug, Clone, Copy)]
struct Merge {
    /// Lower ranks merge first.
    rank: u32,
    /// The token that the two become.
    token: u32,
}

/// The merges of a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Bpe {
    /// The token of each single byte.
    bytes: [u32; 256],
    merges: HashMap<(u32, u32), Merge>,
}

/// No neighbour.
const NONE: u32 = u32::MAX;

/// A token of the word so far; neighbours are linked by index.
#[derive(Clone, Copy)]
struct Symbol {
    token: u32,
    previous: u32,
    next: u32,
    /// True if it was merged into the symbol before it.
    gone: bool,
}

impl Bpe {
    /// Takes the token of each byte, and the merges (left, right, result) in order of rank. Of a pair that occurs
    /// twice the later one counts, as in Hugging Face's `tokenizers`.
    pub(super) fn new(bytes: [u32; 256], merges: impl Iterator<Item = (u32, u32, u32)>) -> Self {
        let merges = (0..)
            .zip(merges)
            .map(|(rank, (left, right, token))| ((left, right), Merge { rank, token }));
        Self {
            bytes,
            merges: merges.collect(),
        }
    }

    /// Appends the word's tokens to `out`.
    ///
    /// The lowest rank merges first, among equals the leftmost. A heap of candidates and a linked list of symbols
    /// make this n·log n, so that a word of a megabyte is no trouble.
    pub(super) fn encode(&self, word: &[u8], out: &mut Vec<u32>) {
        let token = |byte: &u8| self.bytes.get(usize::from(*byte)).copied().unwrap_or(0);
        if let [byte] = word {
            out.push(token(byte));
            return;
        }
        let count = word.len() as u32;
        let mut symbols: Vec<Symbol> = (0..count)
            .zip(word)
            .map(|(i, byte)| Symbol {
                token: token(byte),
                previous: i.checked_sub(1).unwrap_or(NONE),
                next: if i + 1 < count { i + 1 } else { NONE },
                gone: false,
            })
            .collect();
        let mut candidates = BinaryHeap::new();
        for left in 0..count {
            candidates.extend(self.candidate(&symbols, left));
        }
        while let Some(Reverse((rank, left))) = candidates.pop() {
            // The candidate is stale if either side has changed since.
            let Some(merge) = self
                .merge_at(&symbols, left)
                .filter(|merge| merge.rank == rank)
            else {
                continue;
            };
            let right = symbols[left as usize].next;
            let after = symbols[right as usize].next;
            symbols[right as usize].gone = true;
            symbols[left as usize].token = merge.token;
            symbols[left as usize].next = after;
            if let Some(symbol) = symbols.get_mut(after as usize) {
                symbol.previous = left;
            }
            let previous = symbols[left as usize].previous;
            candidates.extend(self.candidate(&symbols, previous));
            candidates.extend(self.candidate(&symbols, left));
        }
        out.extend(
            symbols
                .iter()
                .filter(|symbol| !symbol.gone)
                .map(|symbol| symbol.token),
        );
    }

    /// The merge of the symbol at `left` with its right neighbour, if both are there and the vocabulary has one.
    fn merge_at(&self, symbols: &[Symbol], left: u32) -> Option<Merge> {
        let symbol = symbols.get(left as usize).filter(|symbol| !symbol.gone)?;
        let right = symbols.get(symbol.next as usize)?;
        self.merges.get(&(symbol.token, right.token)).copied()
    }

    fn candidate(&self, symbols: &[Symbol], left: u32) -> Option<Reverse<(u32, u32)>> {
        self.merge_at(symbols, left)
            .map(|merge| Reverse((merge.rank, left)))
    }
}
