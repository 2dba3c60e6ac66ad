//! GPT-2's tokenizer: byte-level byte-pair encoding.

mod bpe;
mod bytes;
mod files;
mod split;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use bpe::Bpe;

use crate::error::Result;

/// The token that begins and separates documents.
const END_OF_TEXT: &str = "<|endoftext|>";

/// A vocabulary and its merges. Encoding is exact on any text, and decoding gives the text back.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    bpe: Bpe,
    /// Each token's bytes; None for ids that no token has.
    tokens: Vec<Option<Box<[u8]>>>,
    /// Tokens that are found in a text before anything else: spelling and id.
    added: Vec<(String, u32)>,
    /// Ids of the added tokens that are no text: separators, padding and the like.
    special: BTreeSet<u32>,
    bos: Option<u32>,
}

impl Tokenizer {
    /// Reads Hugging Face's `tokenizer.json`.
    ///
    /// # Errors
    /// `bad-file` where it is damaged or a token is missing, `unsupported-architecture` where it describes another
    /// tokenizer than byte-level BPE with GPT-2's expression.
    pub fn from_tokenizer_json(json: &[u8]) -> Result<Self> {
        files::from_tokenizer_json(json)
    }

    /// Reads `vocab.json` and `merges.txt`. `<|endoftext|>`, where the vocabulary has it, is found in texts as one
    /// token.
    ///
    /// # Errors
    /// `bad-file` where one is damaged or a token is missing.
    pub fn from_vocab_merges(vocab: &[u8], merges: &[u8]) -> Result<Self> {
        files::from_vocab_merges(vocab, merges)
    }

    /// The text's tokens. Added tokens such as `<|endoftext|>` that the text spells out become their id; nothing is
    /// prepended.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        // Words recur: a word's tokens are copied from where it was first seen.
        let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
        let mut plain = |piece, out: &mut Vec<u32>| {
            for word in split::words(piece) {
                if let Some(range) = seen.get(word) {
                    out.extend_from_within(range.clone());
                } else {
                    let start = out.len();
                    self.bpe.encode(word.as_bytes(), out);
                    seen.insert(word, start..out.len());
                }
            }
        };
        let mut at = 0;
        for (range, id) in self.added_in(text) {
            plain(text.get(at..range.start).unwrap_or_default(), &mut out);
            out.push(id);
            at = range.end;
        }
        plain(text.get(at..).unwrap_or_default(), &mut out);
        out
    }

    /// The tokens' text. Bytes that are not UTF-8 become U+FFFD; an id that no token has is shown as
    /// [`Tokenizer::display`] does.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::new();
        for &id in ids {
            match self.token_bytes(id) {
                Some(token) => bytes.extend_from_slice(token),
                None => bytes.extend_from_slice(self.display(id).as_bytes()),
            }
        }
        String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }

    /// A token's bytes, which may be a part of a character.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(usize::try_from(id).ok()?)?.as_deref()
    }

    /// A token's text as it can be shown by itself: bytes that are no whole character are written `<0xF0>`, and an id
    /// that no token has `<token 60000>`.
    pub fn display(&self, id: u32) -> String {
        let Some(bytes) = self.token_bytes(id) else {
            return format!("<token {id}>");
        };
        let mut out = String::new();
        for chunk in bytes.utf8_chunks() {
            out.push_str(chunk.valid());
            for byte in chunk.invalid() {
                let _ = write!(out, "<0x{byte:02X}>");
            }
        }
        out
    }

    /// The token `<|endoftext|>`, which also begins documents, if the vocabulary has it.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// True for a token that stands for no text: those that `tokenizer.json` lists under `added_tokens` with `special`,
    /// and `<|endoftext|>`, of whichever files the tokenizer came.
    pub fn is_special(&self, id: u32) -> bool {
        self.bos == Some(id) || self.special.contains(&id)
    }

    /// One more than the largest id.
    pub fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    /// Ranges of added tokens in a text, in order: always the leftmost, and the longest of those that begin there.
    fn added_in(&self, text: &str) -> Vec<(Range<usize>, u32)> {
        let find = |spelling: &str, from: usize| {
            text.get(from..)
                .and_then(|rest| rest.find(spelling))
                .map(|at| from + at..from + at + spelling.len())
        };
        // The next occurrence of each, looked for again only when the text behind it is used up.
        let mut next: Vec<_> = self
            .added
            .iter()
            .map(|(spelling, id)| (spelling, *id, find(spelling, 0)))
            .collect();
        let mut out = Vec::new();
        loop {
            next.retain(|(_, _, range)| range.is_some());
            let first = next
                .iter()
                .filter_map(|(_, id, range)| range.clone().map(|range| (range, *id)))
                .min_by_key(|(range, _)| (range.start, usize::MAX - range.end));
            let Some((range, id)) = first else { return out };
            for (spelling, _, candidate) in &mut next {
                if candidate.as_ref().is_some_and(|c| c.start < range.end) {
                    *candidate = find(spelling, range.end);
                }
            }
            out.push((range, id));
        }
    }
}
