//! The model's tokens: their texts, the context, and the choice of a BOS.

use std::cell::Cell;

use formats::tokenizer::Tokenizer;
use serde::Serialize;

/// A token of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text; bytes that are not whole characters show as `<0xF0>`.
    pub text: String,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tokenization {
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// True if the first token is a BOS.
    pub bos_prepended: bool,
    /// The reason, as a sentence.
    pub bos_reason: String,
    /// Positions of the model's context.
    pub n_ctx: usize,
}

/// A candidate for the next token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextToken {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub prob: f32,
}

/// A model's tokens.
pub(crate) struct Vocabulary {
    pub(crate) tokenizer: Tokenizer,
    /// Tokens of the model's vocabulary, which may be more than the tokenizer has.
    pub(crate) size: usize,
    /// Positions of the model's context.
    pub(crate) n_ctx: usize,
    pub(crate) bos: Option<u32>,
    /// True if a BOS goes first where no loaded feature set says so.
    pub(crate) prepend_bos: Cell<bool>,
}

impl Vocabulary {
    pub(crate) fn token(&self, id: u32) -> Token {
        Token {
            id,
            text: self.tokenizer.display(id),
        }
    }

    pub(crate) fn next_token(&self, id: u32, logit: f32, log_sum_exp: f32) -> NextToken {
        NextToken {
            id,
            text: self.tokenizer.display(id),
            logit,
            prob: (logit - log_sum_exp).exp(),
        }
    }
}
