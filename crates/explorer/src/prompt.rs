//! From text to checked tokens.

use crate::Error;
use crate::load::wants_bos;
use crate::options::Bos;
use crate::report::{NextToken, Token, Tokenization};
use crate::session::{LoadedModel, LoadedSae, Session};

/// A prompt as the model sees it.
pub(crate) struct Prompt {
    pub(crate) ids: Vec<u32>,
    pub(crate) starts_with_bos: bool,
}

impl Prompt {
    /// Position from which autoencoders are scored and predictions count: a BOS is left out.
    pub(crate) fn first_scored(&self) -> usize {
        usize::from(self.starts_with_bos)
    }

    /// The token after each, or none.
    pub(crate) fn targets(&self) -> Vec<u32> {
        let mut targets = self.ids[1..].to_vec();
        targets.push(u32::MAX);
        targets
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

    fn encode(&self, text: &str, bos: Bos, saes: &[&LoadedSae]) -> Result<Prompt, Error> {
        if text.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let mut ids = self.tokenizer.encode(text);
        let Some(bos_id) = self.info.bos else {
            return match bos {
                Bos::Yes => Err(Error::BadOption {
                    name: "bos",
                    value: "yes".to_owned(),
                    expected: "this model's tokenizer has no BOS token".to_owned(),
                }),
                Bos::No | Bos::Auto => Ok(Prompt {
                    ids,
                    starts_with_bos: false,
                }),
            };
        };
        let starts_already = ids.first() == Some(&bos_id);
        if wants_bos(bos, saes, self) && !(bos == Bos::Auto && starts_already) {
            ids.insert(0, bos_id);
        }
        Ok(Prompt {
            starts_with_bos: ids.first() == Some(&bos_id),
            ids,
        })
    }

    /// As [`LoadedModel::encode`], a text that is longer than the context in several windows, each with the BOS if the
    /// text begins with one.
    pub(crate) fn windows(
        &self,
        text: &str,
        bos: Bos,
        saes: &[&LoadedSae],
    ) -> Result<Vec<Prompt>, Error> {
        let whole = self.encode(text, bos, saes)?;
        if whole.ids.len() <= self.info.n_ctx {
            return Ok(vec![self.checked(whole)?]);
        }
        let first = whole.first_scored();
        let (head, rest) = whole.ids.split_at(first);
        let room = self.info.n_ctx.saturating_sub(first).max(1);
        let windows = rest.chunks(room).map(|part| Prompt {
            ids: [head, part].concat(),
            starts_with_bos: whole.starts_with_bos,
        });
        Ok(windows.collect())
    }

    /// As [`LoadedModel::encode`], refused where it is longer than the context.
    pub(crate) fn prompt(
        &self,
        text: &str,
        bos: Bos,
        saes: &[&LoadedSae],
    ) -> Result<Prompt, Error> {
        self.checked(self.encode(text, bos, saes)?)
    }

    /// Refuses what the model cannot run at once.
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

impl Session {
    /// A text as tokens, of any length.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::BadOption`].
    pub fn tokenize(&self, text: &str, bos: Bos) -> Result<Tokenization, Error> {
        let model = self.model()?;
        let saes: Vec<&LoadedSae> = self.saes.iter().collect();
        let prompt = match model.encode(text, bos, &saes) {
            Err(Error::EmptyPrompt) => Prompt {
                ids: Vec::new(),
                starts_with_bos: false,
            },
            other => other?,
        };
        Ok(Tokenization {
            tokens: prompt.ids.iter().map(|id| model.token(*id)).collect(),
            bos_prepended: prompt.starts_with_bos,
            n_ctx: model.info.n_ctx,
        })
    }
}
