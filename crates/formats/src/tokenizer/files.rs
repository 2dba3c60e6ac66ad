//! The files that a tokenizer comes in.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::bpe::Bpe;
use super::{END_OF_TEXT, Tokenizer, bytes};
use crate::error::{Error, Result, shortened};

const JSON: &str = "tokenizer.json";
const VOCAB: &str = "vocab.json";
const MERGES: &str = "merges.txt";

/// The files that a vocabulary and its merges come from, for messages.
struct Sources {
    vocab: &'static str,
    merges: &'static str,
}

pub(super) fn from_vocab_merges(vocab: &[u8], merges: &[u8]) -> Result<Tokenizer> {
    let vocab: Map<String, Value> = serde_json::from_slice(vocab)
        .map_err(|e| Error::bad(VOCAB, format!("not a JSON object: {e}")))?;
    let text =
        std::str::from_utf8(merges).map_err(|e| Error::bad(MERGES, format!("not UTF-8: {e}")))?;
    let pairs = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"))
        .map(|(number, line)| pair(line).ok_or_else(|| bad_merge(MERGES, number, line)))
        .collect::<Result<Vec<_>>>()?;
    let added: Vec<(String, u32)> = match vocab.get(END_OF_TEXT) {
        Some(value) => vec![(END_OF_TEXT.to_owned(), id(VOCAB, END_OF_TEXT, value)?)],
        None => Vec::new(),
    };
    build(
        &Sources {
            vocab: VOCAB,
            merges: MERGES,
        },
        &vocab,
        &pairs,
        added,
    )
}

pub(super) fn from_tokenizer_json(json: &[u8]) -> Result<Tokenizer> {
    let root: Map<String, Value> = serde_json::from_slice(json)
        .map_err(|e| Error::bad(JSON, format!("not a JSON object: {e}")))?;
    let Some(model) = root.get("model").and_then(Value::as_object) else {
        return Err(Error::field(
            JSON,
            "model",
            "missing",
            "a tokenizer needs one",
        ));
    };
    check_model(model)?;
    check_pipeline(&root)?;
    let Some(vocab) = model.get("vocab").and_then(Value::as_object) else {
        return Err(Error::field(
            JSON,
            "model.vocab",
            "missing",
            "it must be an object of tokens and ids",
        ));
    };
    let Some(merges) = model.get("merges").and_then(Value::as_array) else {
        return Err(Error::field(
            JSON,
            "model.merges",
            "missing",
            "it must be a list of pairs",
        ));
    };
    let pairs = merges
        .iter()
        .enumerate()
        .map(|(number, merge)| {
            // "a b" in older files, ["a", "b"] in newer ones.
            let both = match merge {
                Value::String(line) => pair(line),
                Value::Array(both) => match both.as_slice() {
                    [Value::String(left), Value::String(right)] => {
                        Some((left.as_str(), right.as_str()))
                    }
                    _ => None,
                },
                _ => None,
            };
            both.ok_or_else(|| bad_merge(JSON, number, &merge.to_string()))
        })
        .collect::<Result<Vec<_>>>()?;
    let added = added_tokens(&root)?;
    let sources = Sources {
        vocab: JSON,
        merges: JSON,
    };
    let tokenizer = build(&sources, vocab, &pairs, added.tokens)?;
    Ok(Tokenizer {
        special: added.special,
        ..tokenizer
    })
}

/// Refuses every model but plain BPE.
fn check_model(model: &Map<String, Value>) -> Result<()> {
    // Files of old versions of the library do not state the type.
    if let Some(kind) = model.get("type").filter(|kind| *kind != "BPE") {
        return Err(Error::unsupported(
            JSON,
            "the tokenizer model",
            name(kind),
            "BPE",
        ));
    }
    for option in [
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "dropout",
    ] {
        match model.get(option) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::Number(rate)) if rate.as_f64() == Some(0.0) => {}
            Some(other) => {
                return Err(Error::unsupported(
                    JSON,
                    &format!("the BPE option {option} ="),
                    name(other),
                    "none",
                ));
            }
        }
    }
    for option in ["byte_fallback", "ignore_merges"] {
        if let Some(other) = model
            .get(option)
            .filter(|value| **value != Value::Bool(false) && !value.is_null())
        {
            return Err(Error::unsupported(
                JSON,
                &format!("the BPE option {option} ="),
                name(other),
                "false",
            ));
        }
    }
    Ok(())
}

/// Refuses what would change the text before merging. The post-processor and the decoder are not read: the first
/// adjusts offsets only (a BOS is prepended by the caller), and bytes are decoded as they are.
fn check_pipeline(root: &Map<String, Value>) -> Result<()> {
    if let Some(other) = root.get("normalizer").filter(|value| !value.is_null()) {
        return Err(Error::unsupported(
            JSON,
            "the normalizer",
            kind(other),
            "none",
        ));
    }
    let supported = "ByteLevel with GPT-2's expression and without a prefix space";
    let Some(splitter) = root.get("pre_tokenizer").filter(|value| !value.is_null()) else {
        return Err(Error::unsupported(
            JSON,
            "the pre-tokenizer",
            "none",
            supported,
        ));
    };
    if splitter.get("type").and_then(Value::as_str) != Some("ByteLevel") {
        return Err(Error::unsupported(
            JSON,
            "the pre-tokenizer",
            kind(splitter),
            supported,
        ));
    }
    // Both default to true in the library.
    for (option, needed) in [("add_prefix_space", false), ("use_regex", true)] {
        let value = splitter
            .get(option)
            .and_then(Value::as_bool)
            .unwrap_or(true);
        if value != needed {
            let what = format!("the pre-tokenizer's {option} =");
            return Err(Error::unsupported(
                JSON,
                &what,
                value,
                if needed { "true" } else { "false" },
            ));
        }
    }
    Ok(())
}

/// Tokens beside the vocabulary.
#[derive(Default)]
struct Added {
    tokens: Vec<(String, u32)>,
    /// The ids of those that are special.
    special: BTreeSet<u32>,
}

fn added_tokens(root: &Map<String, Value>) -> Result<Added> {
    let list = match root.get("added_tokens") {
        None | Some(Value::Null) => return Ok(Added::default()),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return Err(Error::field(
                JSON,
                "added_tokens",
                other,
                "it must be a list",
            ));
        }
    };
    let mut special = BTreeSet::new();
    let tokens = list
        .iter()
        .map(|token| {
            let content = token
                .get("content")
                .and_then(Value::as_str)
                .filter(|content| !content.is_empty());
            let (Some(content), Some(value)) = (content, token.get("id")) else {
                return Err(Error::field(
                    JSON,
                    "added_tokens",
                    token,
                    "each needs a content and an id",
                ));
            };
            for option in ["single_word", "lstrip", "rstrip"] {
                if token
                    .get(option)
                    .is_some_and(|value| *value == Value::Bool(true))
                {
                    let what = format!("the added token `{}` with {option} =", shortened(content));
                    return Err(Error::unsupported(JSON, &what, true, "false"));
                }
            }
            let id = id(JSON, content, value)?;
            if token.get("special") == Some(&Value::Bool(true)) {
                special.insert(id);
            }
            Ok((content.to_owned(), id))
        })
        .collect::<Result<_>>()?;
    Ok(Added { tokens, special })
}

fn build(
    sources: &Sources,
    vocab: &Map<String, Value>,
    pairs: &[(&str, &str)],
    added: Vec<(String, u32)>,
) -> Result<Tokenizer> {
    let mut ids = HashMap::with_capacity(vocab.len());
    for (token, value) in vocab {
        ids.insert(token.as_str(), id(sources.vocab, token, value)?);
    }
    let mut tokens = Vec::new();
    // A vocabulary may have a few holes; one that is mostly holes is damaged, and would take memory for each.
    let largest = 1024 + 8 * (vocab.len() + added.len());
    let mut add = |token: &str, id: u32, bytes: Vec<u8>| {
        let index = id as usize;
        if index > largest {
            let expected = format!("a vocabulary of {} tokens has no such id", vocab.len());
            return Err(Error::field(sources.vocab, &shortened(token), id, expected));
        }
        if tokens.len() <= index {
            tokens.resize(index + 1, None);
        }
        match tokens.get_mut(index) {
            Some(slot @ None) => *slot = Some(bytes.into_boxed_slice()),
            // An added token usually stands in the vocabulary as well.
            Some(Some(there)) if **there == *bytes => {}
            _ => {
                return Err(Error::field(
                    sources.vocab,
                    &shortened(token),
                    id,
                    "another token has that id",
                ));
            }
        }
        Ok(())
    };
    let contents: HashMap<&str, u32> = added
        .iter()
        .map(|(content, id)| (content.as_str(), *id))
        .collect();
    for (&token, &id) in &ids {
        let is_added = contents.get(token) == Some(&id);
        add(
            token,
            id,
            if is_added {
                token.as_bytes().to_vec()
            } else {
                bytes::spelled(token)
            },
        )?;
    }
    for (content, id) in &added {
        add(content, *id, content.as_bytes().to_vec())?;
    }

    let mut byte_ids = [0; 256];
    for ((id, c), byte) in byte_ids.iter_mut().zip(bytes::alphabet()).zip(0..=u8::MAX) {
        let spelling = c.to_string();
        *id = *ids.get(spelling.as_str()).ok_or_else(|| {
            let reason =
                format!("no token for the byte 0x{byte:02X} (`{spelling}`), so not byte-level BPE");
            Error::bad(sources.vocab, reason)
        })?;
    }
    let mut merges = Vec::with_capacity(pairs.len());
    let mut joined = String::new();
    for &(left, right) in pairs {
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        let id_of = |token: &str| {
            ids.get(token).copied().ok_or_else(|| {
                let (left, right, token) = (shortened(left), shortened(right), shortened(token));
                Error::bad(sources.merges, format!("the merge `{left} {right}` needs the token `{token}`, which the vocabulary lacks"))
            })
        };
        merges.push((id_of(left)?, id_of(right)?, id_of(&joined)?));
    }
    let bos = ids.get(END_OF_TEXT).copied();
    let bos = bos.or_else(|| {
        added
            .iter()
            .find(|(content, _)| content == END_OF_TEXT)
            .map(|&(_, id)| id)
    });
    Ok(Tokenizer {
        bpe: Bpe::new(byte_ids, merges.into_iter()),
        tokens,
        added,
        special: BTreeSet::new(),
        bos,
    })
}

fn pair(line: &str) -> Option<(&str, &str)> {
    line.split_once(' ')
        .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '))
}

fn bad_merge(file: &str, number: usize, line: &str) -> Error {
    Error::bad(
        file,
        format!(
            "merge {number} is `{}`, but must be two tokens",
            shortened(line)
        ),
    )
}

fn id(file: &str, token: &str, value: &Value) -> Result<u32> {
    value
        .as_u64()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| {
            Error::field(
                file,
                &shortened(token),
                value,
                "its id must be a whole number below 2^32",
            )
        })
}

fn name(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The type of a tokenizer's component, for a message.
fn kind(value: &Value) -> String {
    value.get("type").map_or_else(|| value.to_string(), name)
}
