//! Tokens of an atlas as text for a terminal, and tokenizers that are named on the command line.

use std::path::Path;

use atlas::ModelKey;
use atlas::SetInfo;
use atlas_folder::Folder;

use super::args::Set;
use super::error::AtlasError;
use crate::demo::Demo;
use crate::error::Error;
use crate::load;
use crate::place::Place;

/// The word that stands for the built-in demo.
const DEMO: &str = "demo";

/// The bytes of each token of a tokenizer, `demo` or a folder's; they have to be those of the model, where it is given.
pub fn tokenizer(given: &str, model: Option<&ModelKey>) -> Result<Vec<Vec<u8>>, Error> {
    let tokenizer = if given == DEMO {
        Demo::manifest()?.model()?.1
    } else {
        load::tokenizer(&Place::Local(Path::new(given).to_owned()))?
    };
    let ids = 0..tokenizer.vocab_size() as u32;
    let vocabulary: Vec<Vec<u8>> = ids
        .map(|id| tokenizer.token_bytes(id).unwrap_or_default().to_vec())
        .collect();
    let Some(model) = model else {
        return Ok(vocabulary);
    };
    let why = if vocabulary.len() != model.vocabulary as usize {
        Some(format!(
            "it has {} tokens in the place of {}",
            vocabulary.len(),
            model.vocabulary
        ))
    } else if ModelKey::tokenizer_hash(&vocabulary) != model.tokenizer_sha256 {
        Some("its tokens are others".to_owned())
    } else {
        None
    };
    match why {
        None => Ok(vocabulary),
        Some(why) => Err(AtlasError::Tokenizer {
            given: given.to_owned(),
            why,
        }
        .into()),
    }
}

/// The set that is named, or the only one.
pub fn chosen<'a>(folder: &'a Folder, given: &Set) -> Result<&'a SetInfo, AtlasError> {
    match (&given.sae, folder.info().sets.as_slice()) {
        (Some(id), _) => Ok(folder.set(id)?),
        (None, [only]) => Ok(only),
        (None, sets) => Err(AtlasError::WhichSet {
            known: sets
                .iter()
                .map(|set| set.id.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// Texts of tokens.
pub struct Words(pub Option<Vec<Vec<u8>>>);

impl Words {
    /// The bytes of some tokens together as text, so that characters whose bytes lie in several tokens are whole. What could
    /// change how a terminal shows the rest is written out.
    pub fn text(&self, tokens: &[u32]) -> String {
        let Some(vocabulary) = &self.0 else {
            return tokens.iter().map(|token| format!("[{token}]")).collect();
        };
        let mut bytes = Vec::new();
        for token in tokens {
            match vocabulary.get(*token as usize) {
                Some(token) if !token.is_empty() => bytes.extend_from_slice(token),
                _ => bytes.extend(format!("[{token}]").into_bytes()),
            }
        }
        harmless(&String::from_utf8_lossy(&bytes))
    }

    /// A token by itself, with its spaces visible.
    pub fn token(&self, token: u32) -> String {
        self.text(&[token]).replace(' ', "·")
    }
}

/// A text on one line, without characters that move the cursor or turn what follows around.
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            c if c.is_control() || turns(c) || (c != ' ' && c.is_whitespace()) => {
                out.extend(c.escape_unicode())
            }
            c => out.push(c),
        }
    }
    out
}

/// Marks of the direction of text, and characters without width.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
