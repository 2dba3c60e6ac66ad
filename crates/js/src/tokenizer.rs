//! A tokenizer on its way into a model.

use formats::tokenizer;
use wasm_bindgen::prelude::*;

use crate::error::unreadable;

/// A tokenizer, read from a model's files.
#[wasm_bindgen]
pub struct Tokenizer {
    pub(crate) inner: tokenizer::Tokenizer,
}

#[wasm_bindgen]
impl Tokenizer {
    /// From `tokenizer.json`.
    ///
    /// # Errors
    /// `bad-file` and `unsupported-architecture`.
    #[wasm_bindgen(js_name = fromJson)]
    pub fn from_json(json: &[u8]) -> Result<Tokenizer, JsValue> {
        let inner = tokenizer::Tokenizer::from_tokenizer_json(json).map_err(unreadable)?;
        Ok(Self { inner })
    }

    /// From `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// `bad-file`.
    #[wasm_bindgen(js_name = fromVocabMerges)]
    pub fn from_vocab_merges(vocab: &[u8], merges: &[u8]) -> Result<Tokenizer, JsValue> {
        let inner = tokenizer::Tokenizer::from_vocab_merges(vocab, merges).map_err(unreadable)?;
        Ok(Self { inner })
    }
}
