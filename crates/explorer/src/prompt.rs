//! From a text or tokens to the checked tokens of a question, with one decision about the BOS.

use serde::Serialize;

use crate::Error;
use crate::options::{Bos, Input};
use crate::report::{NextToken, Token, Tokenization};
use crate::session::{LoadedModel, LoadedSae, Session};

/// A prompt as the model sees it.
pub(crate) struct Prompt {
    pub(crate) ids: Vec<u32>,
    pub(crate) starts_with_bos: bool,
    /// Why it does or does not.
    pub(crate) bos_reason: String,
}

impl Prompt {
    /// The token after each, or none.
    pub(crate) fn targets(&self) -> Vec<u32> {
        let mut targets = self.ids.get(1..).unwrap_or_default().to_vec();
        targets.push(u32::MAX);
        targets
    }
}

/// Whether a BOS goes before a text, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BosDecision {
    /// Whether one does.
    pub prepended: bool,
    /// A sentence for people.
    pub reason: String,
}

/// Decides once for everything that is loaded, so that every question about a text is about the same tokens.
fn decide(choice: Bos, model: &LoadedModel, saes: &[LoadedSae]) -> BosDecision {
    let decision = |prepended, reason: String| BosDecision { prepended, reason };
    let trained = |with: bool| {
        let ids: Vec<&str> = saes
            .iter()
            .filter(|sae| sae.info.prepend_bos == Some(with))
            .map(|sae| sae.info.id.as_str())
            .collect();
        (!ids.is_empty()).then(|| (ids.join(", "), if ids.len() == 1 { "was" } else { "were" }))
    };
    match (choice, trained(true), trained(false)) {
        (Bos::Yes, ..) => decision(true, "A BOS was asked for.".to_owned()),
        (Bos::No, ..) => decision(false, "No BOS was asked for.".to_owned()),
        (Bos::Auto, Some((with, were)), None) => {
            decision(true, format!("{with} {were} trained with a BOS."))
        }
        (Bos::Auto, Some((with, were)), Some((without, others))) => decision(
            true,
            format!(
                "{with} {were} trained with a BOS; {without} {others} trained without one, and sees one here."
            ),
        ),
        (Bos::Auto, None, Some((without, were))) => {
            decision(false, format!("{without} {were} trained without a BOS."))
        }
        (Bos::Auto, None, None) if model.prepend_bos => decision(
            true,
            "No loaded SAE says how it was trained, and the model is used with a BOS.".to_owned(),
        ),
        (Bos::Auto, None, None) => decision(
            false,
            "No loaded SAE says how it was trained, and the model is used without a BOS."
                .to_owned(),
        ),
    }
}

impl LoadedModel {
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

    fn starts_with_bos(&self, ids: &[u32]) -> bool {
        ids.first()
            .is_some_and(|first| self.info.bos == Some(*first))
    }

    fn encode(&self, text: &str, bos: Bos, saes: &[LoadedSae]) -> Result<Prompt, Error> {
        if text.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let mut ids = self.tokenizer.encode(text);
        let starts_already = self.starts_with_bos(&ids);
        let mut decision = decide(bos, self, saes);
        if decision.prepended {
            match self.info.bos {
                Some(_) if bos == Bos::Auto && starts_already => {
                    decision.reason = "The text begins with a BOS.".to_owned();
                }
                Some(bos_id) => ids.insert(0, bos_id),
                None if bos == Bos::Yes => {
                    return Err(Error::BadOption {
                        name: "bos",
                        value: "yes".to_owned(),
                        expected: "this model's tokenizer has no BOS token".to_owned(),
                    });
                }
                None => decision.reason = "This model's tokenizer has no BOS token.".to_owned(),
            }
        } else if starts_already {
            decision.reason = "The text begins with a BOS.".to_owned();
        }
        Ok(Prompt {
            starts_with_bos: self.starts_with_bos(&ids),
            bos_reason: decision.reason,
            ids,
        })
    }

    /// Tokens as they are: whether they begin with a BOS was decided when they were made.
    fn given(&self, ids: &[u32], bos: Bos) -> Result<Prompt, Error> {
        let vocab = self.info.vocab;
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocab) {
            return Err(Error::BadOption {
                name: "prompt",
                value: id.to_string(),
                expected: format!("a token of this model is a number from 0 to {}", vocab - 1),
            });
        }
        let starts_with_bos = self.starts_with_bos(ids);
        if bos == Bos::Yes && !starts_with_bos {
            return Err(Error::BadOption {
                name: "bos",
                value: "yes".to_owned(),
                expected: "tokens are run as they are; put the BOS before them, or give the text"
                    .to_owned(),
            });
        }
        Ok(Prompt {
            ids: ids.to_vec(),
            starts_with_bos,
            bos_reason: "Tokens are run as they are given.".to_owned(),
        })
    }

    fn read(&self, input: Input<'_>, bos: Bos, saes: &[LoadedSae]) -> Result<Prompt, Error> {
        match input {
            Input::Text(text) => self.encode(text, bos, saes),
            Input::Tokens(ids) => self.given(ids, bos),
        }
    }

    /// An input in several windows where it is longer than the context, each with the BOS if the input begins with one.
    pub(crate) fn windows(
        &self,
        input: Input<'_>,
        bos: Bos,
        saes: &[LoadedSae],
    ) -> Result<Vec<Prompt>, Error> {
        let whole = self.read(input, bos, saes)?;
        if whole.ids.len() <= self.info.n_ctx {
            return Ok(vec![self.checked(whole)?]);
        }
        let first = usize::from(whole.starts_with_bos);
        let (head, rest) = whole.ids.split_at(first);
        let room = self.info.n_ctx.saturating_sub(first).max(1);
        let windows = rest.chunks(room).map(|part| Prompt {
            ids: [head, part].concat(),
            starts_with_bos: whole.starts_with_bos,
            bos_reason: whole.bos_reason.clone(),
        });
        Ok(windows.collect())
    }

    /// An input's tokens, refused where the model cannot run them at once.
    pub(crate) fn prompt(
        &self,
        input: Input<'_>,
        bos: Bos,
        saes: &[LoadedSae],
    ) -> Result<Prompt, Error> {
        self.checked(self.read(input, bos, saes)?)
    }

    fn checked(&self, prompt: Prompt) -> Result<Prompt, Error> {
        if prompt.ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.ids.len() > self.info.n_ctx {
            return Err(Error::PromptTooLong {
                tokens: prompt.ids.len(),
                limit: self.info.n_ctx,
            });
        }
        Ok(prompt)
    }
}

impl LoadedSae {
    /// Positions at which this feature set was trained, and that therefore count in its metrics and are replaced by its
    /// reconstruction: all but a BOS at 0, and but those that its file excludes.
    pub(crate) fn counted(&self, model: &LoadedModel, prompt: &Prompt) -> Vec<bool> {
        let length = prompt.ids.len();
        let special = |id| model.tokenizer.is_special(id);
        prompt
            .ids
            .iter()
            .enumerate()
            .map(|(position, id)| {
                let is_bos = position == 0 && prompt.starts_with_bos;
                !is_bos && self.positions.counts(position, length, *id, special)
            })
            .collect()
    }
}

impl Session {
    /// Whether a BOS goes before a text that does not begin with one, for everything that is loaded.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn bos_decision(&self, bos: Bos) -> Result<BosDecision, Error> {
        Ok(decide(bos, self.model()?, &self.saes))
    }

    /// A text as tokens, of any length.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::BadOption`].
    pub fn tokenize<'a>(
        &self,
        input: impl Into<Input<'a>>,
        bos: Bos,
    ) -> Result<Tokenization, Error> {
        let model = self.model()?;
        let prompt = match model.read(input.into(), bos, &self.saes) {
            Err(Error::EmptyPrompt) => Prompt {
                ids: Vec::new(),
                starts_with_bos: false,
                bos_reason: "There is no text.".to_owned(),
            },
            other => other?,
        };
        Ok(Tokenization {
            tokens: prompt.ids.iter().map(|id| model.token(*id)).collect(),
            bos_prepended: prompt.starts_with_bos,
            bos_reason: prompt.bos_reason,
            n_ctx: model.info.n_ctx,
        })
    }
}
