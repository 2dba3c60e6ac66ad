//! Tokenizers: taken from a folder, or made of the text as the demo's was.

use std::fs;
use std::path::Path;

use formats::tokenizer::Tokenizer;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Model as _, TokenizerBuilder};

use crate::data::hex;
use crate::error::Error;

/// The token that begins documents.
const END_OF_TEXT: &str = "<|endoftext|>";

const JSON: &str = "tokenizer.json";
const VOCAB: &str = "vocab.json";
const MERGES: &str = "merges.txt";
const CONFIG: &str = "tokenizer_config.json";

/// Tokens of the smallest vocabulary: the bytes, and the token that begins documents.
const BYTES: usize = 257;

/// The most tokens of a vocabulary.
const MOST: usize = 1 << 20;

/// A tokenizer with its files.
#[derive(Debug, Clone)]
pub struct TokenizerFiles {
    tokenizer: Tokenizer,
    end_of_text: u32,
    files: Vec<(String, Vec<u8>)>,
}

impl TokenizerFiles {
    /// Takes a folder's: `tokenizer.json`, or `vocab.json` with `merges.txt`.
    ///
    /// # Errors
    /// [`Error::NoTokenizer`], [`Error::Training`] with `Read`, [`Error::Format`], [`Error::NoEndOfText`].
    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        for name in [JSON, VOCAB, MERGES, CONFIG, "special_tokens_map.json"] {
            let path = folder.join(name);
            match fs::read(&path) {
                Ok(bytes) => files.push((name.to_owned(), bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(train::Error::Read { path, source }.into()),
            }
        }
        let get = |name: &str| {
            let found = files.iter().find(|(there, _)| there == name);
            found.map(|(_, bytes)| &bytes[..])
        };
        let tokenizer = match (get(JSON), get(VOCAB), get(MERGES)) {
            (Some(json), ..) => Tokenizer::from_tokenizer_json(json)?,
            (None, Some(vocab), Some(merges)) => Tokenizer::from_vocab_merges(vocab, merges)?,
            _ => {
                let path = folder.to_owned();
                return Err(Error::NoTokenizer { path });
            }
        };
        Self::new(tokenizer, files)
    }

    fn new(tokenizer: Tokenizer, files: Vec<(String, Vec<u8>)>) -> Result<Self, Error> {
        let end_of_text = tokenizer.bos().ok_or(Error::NoEndOfText)?;
        Ok(Self {
            tokenizer,
            end_of_text,
            files,
        })
    }

    /// Refuses sizes of a vocabulary that cannot be.
    ///
    /// # Errors
    /// [`Error::Training`] with `Setting`.
    pub fn check(vocabulary: usize) -> Result<(), Error> {
        if !(BYTES..=MOST).contains(&vocabulary) {
            let expected = format!(
                "a vocabulary has from {BYTES} tokens (the bytes and {END_OF_TEXT}) to {MOST}"
            );
            return Err(train::Error::setting("vocabulary", vocabulary, expected).into());
        }
        Ok(())
    }

    /// Makes byte-level BPE of texts: `vocabulary` tokens, the last of which is `<|endoftext|>`, from pairs that occur at least twice.
    /// `context` is written as the longest text.
    ///
    /// # Errors
    /// [`Error::Training`] with `Setting`, [`Error::Vocabulary`] where the texts do not give so many, [`Error::Tokenizer`].
    pub fn train<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        vocabulary: usize,
        context: usize,
    ) -> Result<Self, Error> {
        Self::check(vocabulary)?;
        let failed = |error: &dyn std::fmt::Display| Error::Tokenizer(error.to_string());
        let byte_level = || ByteLevel::new(false, true, true);
        let mut tokenizer = TokenizerBuilder::<
            BPE,
            tokenizers::NormalizerWrapper,
            ByteLevel,
            ByteLevel,
            ByteLevel,
        >::default()
        .with_model(BPE::default())
        .with_normalizer(None)
        .with_pre_tokenizer(Some(byte_level()))
        .with_decoder(Some(byte_level()))
        .with_post_processor(Some(ByteLevel::new(true, false, true)))
        .build()
        .map_err(|error| failed(&error))?;
        let mut trainer = BpeTrainerBuilder::new()
            .vocab_size(vocabulary - 1)
            .min_frequency(2)
            .show_progress(false)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        tokenizer
            .train(&mut trainer, texts)
            .map_err(|error| failed(&error))?;
        let found = tokenizer.get_model().get_vocab_size() + 1;
        if found != vocabulary {
            let wanted = vocabulary;
            return Err(Error::Vocabulary { wanted, found });
        }
        tokenizer.add_special_tokens(&[AddedToken::from(END_OF_TEXT, true)]);
        let whole = tokenizer.to_string(false).map_err(|error| failed(&error))?;
        Self::of_json(whole.into_bytes(), context)
    }

    /// From `tokenizer.json` as it was made, with the other files beside.
    fn of_json(json: Vec<u8>, context: usize) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Tokenizer(error.to_string());
        let tokenizer = Tokenizer::from_tokenizer_json(&json)?;
        let value: Value = serde_json::from_slice(&json).map_err(|error| failed(&error))?;
        let model = &value["model"];
        let mut pairs: Vec<(String, u64)> = match &model["vocab"] {
            Value::Object(vocab) => vocab
                .iter()
                .filter_map(|(token, id)| Some((token.clone(), id.as_u64()?)))
                .collect(),
            _ => Vec::new(),
        };
        let end = tokenizer.bos().ok_or(Error::NoEndOfText)?;
        if pairs.iter().all(|(token, _)| token != END_OF_TEXT) {
            pairs.push((END_OF_TEXT.to_owned(), u64::from(end)));
        }
        let vocab: Map<String, Value> = pairs
            .into_iter()
            .map(|(token, id)| (token, id.into()))
            .collect();
        let mut merges = String::from("#version: 0.2\n");
        for merge in model["merges"].as_array().into_iter().flatten() {
            let words: Vec<&str> = match merge {
                Value::String(line) => vec![line],
                Value::Array(both) => both.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            merges += &words.join(" ");
            merges.push('\n');
        }
        let config = json!({
            "tokenizer_class": "GPT2TokenizerFast",
            "model_max_length": context,
            "add_prefix_space": false,
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "unk_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": false,
        });
        let text = |value: &Value| serde_json::to_vec(value).map_err(|error| failed(&error));
        let files = vec![
            (VOCAB.to_owned(), text(&Value::Object(vocab))?),
            (CONFIG.to_owned(), text(&config)?),
            (MERGES.to_owned(), merges.into_bytes()),
            (JSON.to_owned(), json),
        ];
        Self::new(tokenizer, files)
    }

    /// The text's tokens, without the token that begins a document.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text)
    }

    /// The token that begins documents.
    pub fn end_of_text(&self) -> u32 {
        self.end_of_text
    }

    /// Tokens of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Its files.
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// SHA-256 of the vocabulary's tokens, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for id in 0..self.vocabulary() as u32 {
            let token = self.tokenizer.token_bytes(id).unwrap_or_default();
            hash.update((token.len() as u64).to_le_bytes());
            hash.update(token);
        }
        hex(&hash.finalize())
    }
}
