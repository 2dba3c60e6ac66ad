//! The model's tokens: their texts, the context, and the choice of a BOS.

use std::cell::Cell;
use wire::{NextToken, Token};

use formats::tokenizer::Tokenizer;

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
