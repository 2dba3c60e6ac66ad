//! Tokens as texts and back.

use std::collections::HashMap;

use crate::error::Error;
use crate::json::At;

/// Number of a token that a file may name. No vocabulary is as large.
const MOST_TOKENS: usize = 1 << 20;

/// The alphabet of byte-level BPE: printable characters of Latin-1 stand for themselves, the other 68 bytes are characters
/// from U+0100 on, in order.
fn alphabet() -> [char; 256] {
    let mut other = 0x100;
    std::array::from_fn(|byte| {
        let plain = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if plain {
            byte as u32
        } else {
            other += 1;
            other - 1
        };
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    })
}

/// A token's text. Bytes that are a part of a character are written in the alphabet of byte-level BPE.
pub fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let alphabet = alphabet();
            bytes
                .iter()
                .filter_map(|byte| alphabet.get(usize::from(*byte)))
                .collect()
        }
    }
}

/// Ids of tokens while files are read: those of a vocabulary that is known, or those that the files suggest.
#[derive(Debug)]
pub struct Texts {
    known: bool,
    tokens: Vec<Vec<u8>>,
    ids: HashMap<Vec<u8>, u32>,
    bytes: HashMap<char, u8>,
}

impl Texts {
    pub fn new(vocabulary: Option<Vec<Vec<u8>>>) -> Self {
        let known = vocabulary.is_some();
        let tokens = vocabulary.unwrap_or_default();
        let mut ids = HashMap::new();
        for (id, token) in (0u32..).zip(&tokens) {
            // Of tokens with equal bytes the first.
            ids.entry(token.clone()).or_insert(id);
        }
        let bytes = (0u8..=255)
            .zip(alphabet())
            .map(|(byte, character)| (character, byte));
        Self {
            known,
            tokens,
            ids,
            bytes: bytes.collect(),
        }
    }

    /// The vocabulary at the end.
    pub fn into_vocabulary(self) -> Vec<Vec<u8>> {
        self.tokens
    }

    /// The id of a text: in a known vocabulary the token with these bytes, else with those that the text means in the alphabet
    /// of byte-level BPE; without one a new id for each new text.
    pub fn id(&mut self, at: &At<'_>, text: &str) -> Result<u32, Error> {
        let plain = text.as_bytes();
        if let Some(id) = self.ids.get(plain) {
            return Ok(*id);
        }
        let bytes = self.decoded(text);
        if self.known {
            let id = self.ids.get(&bytes).copied();
            return id.ok_or_else(|| {
                at.error(format!("is {text:?}, which the vocabulary does not have"))
            });
        }
        // Without a vocabulary only whole characters tell that the text was in that alphabet.
        let bytes = if str::from_utf8(&bytes).is_ok() {
            bytes
        } else {
            plain.to_vec()
        };
        if let Some(id) = self.ids.get(&bytes) {
            return Ok(*id);
        }
        let id = self.tokens.len();
        if id >= MOST_TOKENS {
            return Err(at.error(format!(
                "is one of more than {MOST_TOKENS} different tokens"
            )));
        }
        self.tokens.push(bytes.clone());
        self.ids.insert(bytes, id as u32);
        Ok(id as u32)
    }

    /// Notes the text of a token whose id a file states. Where the vocabulary is known, it has to have the id.
    pub fn learn(&mut self, at: &At<'_>, id: u64, text: &str) -> Result<u32, Error> {
        let most = if self.known {
            self.tokens.len()
        } else {
            MOST_TOKENS
        };
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        if index >= most {
            return Err(at.error(format!("is {id}, and the vocabulary has {most}")));
        }
        if !self.known {
            if index >= self.tokens.len() {
                self.tokens.resize(index + 1, Vec::new());
            }
            let token = self.tokens.get_mut(index).filter(|token| token.is_empty());
            // Bytes that are a part of a character were lost where the file was written.
            if let Some(token) = token.filter(|_| !text.contains(char::REPLACEMENT_CHARACTER)) {
                token.extend_from_slice(text.as_bytes());
            }
        }
        Ok(index as u32)
    }

    /// The bytes that a text stands for in the alphabet of byte-level BPE. Characters outside of it, such as the spaces that
    /// writers put in the place of `Ġ`, stand for themselves.
    fn decoded(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            match self.bytes.get(&character) {
                Some(byte) => bytes.push(*byte),
                None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }
}
