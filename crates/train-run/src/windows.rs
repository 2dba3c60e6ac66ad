//! The windows of a corpus: its tokens in memory, cut where a model's context ends.

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Tokens of the shortest window; the end of a document that is shorter is left out, as in a scan.
pub const SHORTEST: usize = 8;

/// Tokens of a window where nothing else is said.
const CONTEXT: usize = 256;

/// Tokens of a window, a BOS included: those that are wanted, or else a model's context `most`, at most 256. `has_bos` is true if a window
/// has room for a BOS.
///
/// # Errors
/// [`Error::Context`].
pub fn context(wanted: Option<usize>, most: usize, has_bos: bool) -> Result<usize, Error> {
    let context = wanted.unwrap_or(CONTEXT.min(most));
    let least = SHORTEST + usize::from(has_bos);
    if context < least || context > most {
        return Err(Error::Context {
            context,
            least,
            most,
        });
    }
    Ok(context)
}

/// A document's tokens without the BOS at its beginning, which goes before every window.
pub fn without_bos(mut tokens: Vec<u32>, bos: Option<u32>) -> Vec<u32> {
    let own = tokens.iter().take_while(|token| Some(**token) == bos);
    let own = own.count();
    tokens.drain(..own);
    tokens
}

/// Tokens of a corpus in windows, without BOS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Tokens of all windows, one after the other.
    tokens: Vec<u32>,
    /// First token of each window, and the end.
    starts: Vec<usize>,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            starts: vec![0],
        }
    }
}

impl Windows {
    /// Adds a document's tokens in windows of at most `room`.
    pub fn add(&mut self, document: &[u32], room: usize) {
        let windows = document.chunks(room.max(1));
        for window in windows.filter(|window| window.len() >= SHORTEST) {
            self.tokens.extend_from_slice(window);
            self.starts.push(self.tokens.len());
        }
    }

    /// Tokens of all windows.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// The first `count` tokens of a window.
    pub fn beginning(&self, window: usize, count: usize) -> &[u32] {
        &self.tokens[self.starts[window]..][..count]
    }

    /// Tokens of each window.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.starts.windows(2).map(|bounds| bounds[1] - bounds[0])
    }

    /// Bytes that they take.
    pub fn memory(&self) -> u64 {
        (4 * self.tokens.len() + size_of::<usize>() * self.starts.len()) as u64
    }

    /// SHA-256 of the windows' bounds and tokens, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for start in &self.starts {
            hash.update((*start as u64).to_le_bytes());
        }
        for token in &self.tokens {
            hash.update(token.to_le_bytes());
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Bytes from which [`Windows::decode`] makes them again: the number of windows, their lengths and all tokens, as little-endian u32.
    pub fn encode(&self) -> Vec<u8> {
        // A window is at most a context.
        let lengths = self.lengths().map(|length| length as u32);
        let count = (self.starts.len() - 1) as u32;
        let numbers = std::iter::once(count).chain(lengths);
        let numbers = numbers.chain(self.tokens.iter().copied());
        numbers.flat_map(u32::to_le_bytes).collect()
    }

    /// From the bytes of [`Windows::encode`].
    ///
    /// # Errors
    /// [`Error::Tokens`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |why: &str| Error::Tokens {
            why: why.to_owned(),
        };
        let (numbers, rest) = bytes.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes));
        let count = numbers.next().filter(|_| rest.is_empty());
        let count = count.ok_or_else(|| damaged("they are cut off"))? as usize;
        let lengths: Vec<u32> = numbers.by_ref().take(count).collect();
        let tokens: Vec<u32> = numbers.collect();
        let mut starts = vec![0_usize];
        let mut end = 0_usize;
        for length in &lengths {
            end = end.saturating_add(*length as usize);
            starts.push(end);
        }
        let is_whole = lengths.len() == count && end == tokens.len();
        if !is_whole || lengths.iter().any(|length| (*length as usize) < SHORTEST) {
            return Err(damaged("their number is not what they say"));
        }
        Ok(Self { tokens, starts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        let mut windows = Windows::default();
        let tokens: Vec<u32> = (0..53).collect();
        windows.add(&tokens, 20);
        windows.add(&tokens[..4], 20);
        windows.add(&tokens[..9], 20);
        windows
    }

    #[test]
    fn documents_are_cut_and_short_ends_left_out() {
        let windows = windows();
        assert_eq!(windows.lengths().collect::<Vec<_>>(), [20, 20, 13, 9]);
        assert_eq!(
            (windows.tokens(), windows.beginning(2, 2)),
            (62, &[40, 41][..])
        );
    }

    #[test]
    fn they_come_back_from_their_bytes_and_what_is_cut_off_is_refused() {
        let windows = windows();
        let bytes = windows.encode();
        assert_eq!(Windows::decode(&bytes).unwrap(), windows);
        assert_eq!(
            Windows::decode(&Windows::default().encode()).unwrap(),
            Windows::default()
        );
        for length in 0..bytes.len() {
            assert!(Windows::decode(&bytes[..length]).is_err(), "{length}");
        }
        assert_ne!(windows.sha256(), Windows::default().sha256());
    }
}
