//! A prompt's tokens, checked.

use wire::Tokenization;

use crate::Error;
use crate::tokens::bos::{Training, decide};
use crate::tokens::input::{Bos, Input};
use crate::tokens::vocabulary::Vocabulary;

/// A prompt as the model sees it.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    pub(crate) ids: Vec<u32>,
    pub(crate) starts_with_bos: bool,
    /// The reason why it does or does not.
    pub(crate) bos_reason: String,
}

impl Vocabulary {
    fn starts_with_bos(&self, ids: &[u32]) -> bool {
        ids.first().is_some_and(|first| self.bos == Some(*first))
    }

    fn encode(&self, text: &str, bos: Bos, trainings: &[Training<'_>]) -> Result<Prompt, Error> {
        if text.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let mut ids = self.tokenizer.encode(text);
        let starts_already = self.starts_with_bos(&ids);
        let mut decision = decide(bos, self, trainings);
        if decision.prepended {
            match self.bos {
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
        let vocab = self.size;
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

    fn read(
        &self,
        input: Input<'_>,
        bos: Bos,
        trainings: &[Training<'_>],
    ) -> Result<Prompt, Error> {
        match input {
            Input::Text(text) => self.encode(text, bos, trainings),
            Input::Tokens(ids) => self.given(ids, bos),
        }
    }

    /// An input in several windows where it is longer than the context, each with the BOS if the input begins with one.
    pub(crate) fn windows(
        &self,
        input: Input<'_>,
        bos: Bos,
        trainings: &[Training<'_>],
    ) -> Result<Vec<Prompt>, Error> {
        let whole = self.read(input, bos, trainings)?;
        if whole.ids.len() <= self.n_ctx {
            return Ok(vec![self.checked(whole)?]);
        }
        let first = usize::from(whole.starts_with_bos);
        let (head, rest) = whole.ids.split_at(first);
        let room = self.n_ctx.saturating_sub(first).max(1);
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
        trainings: &[Training<'_>],
    ) -> Result<Prompt, Error> {
        self.checked(self.read(input, bos, trainings)?)
    }

    fn checked(&self, prompt: Prompt) -> Result<Prompt, Error> {
        if prompt.ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.ids.len() > self.n_ctx {
            return Err(Error::PromptTooLong {
                tokens: prompt.ids.len(),
                limit: self.n_ctx,
            });
        }
        Ok(prompt)
    }

    /// An input as tokens, of any length.
    ///
    /// # Errors
    /// [`Error::BadOption`].
    pub(crate) fn tokenize(
        &self,
        input: Input<'_>,
        bos: Bos,
        trainings: &[Training<'_>],
    ) -> Result<Tokenization, Error> {
        let prompt = match self.read(input, bos, trainings) {
            Err(Error::EmptyPrompt) => Prompt {
                ids: Vec::new(),
                starts_with_bos: false,
                bos_reason: "There is no text.".to_owned(),
            },
            other => other?,
        };
        Ok(Tokenization {
            tokens: prompt.ids.iter().map(|id| self.token(*id)).collect(),
            bos_prepended: prompt.starts_with_bos,
            bos_reason: prompt.bos_reason,
            n_ctx: self.n_ctx,
        })
    }
}
