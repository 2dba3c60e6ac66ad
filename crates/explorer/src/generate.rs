//! Continuing a prompt, token by token.

use std::ops::ControlFlow;

use gpt2::{Decoder, NoHooks};

use crate::Error;
use crate::options::{GenerateOptions, Input};
use crate::report::{Generation, Stop, Token};
use crate::sample::{self, SplitMix64};
use crate::session::Session;

impl Session {
    /// Continues a prompt. `on_token` is told every new token and may end it. A cancelled generation returns what there is.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::BadOption`],
    /// [`Error::NotANumber`], [`Error::Device`].
    pub async fn generate(
        &mut self,
        prompt: impl Into<Input<'_>>,
        options: &GenerateOptions,
        mut on_token: impl FnMut(&Token) -> ControlFlow<()>,
    ) -> Result<Generation, Error> {
        sample::check(options)?;
        let running = self.start();
        let prompt = self
            .model()?
            .prompt(prompt.into(), options.bos, &self.saes)?;
        // The decoder is taken out, and put back when all went well: after an error a new one is made.
        let kept = match &mut self.model {
            Some(model) => model.decoder.take(),
            None => return Err(Error::NoModel),
        };
        let model = self.model()?;
        let mut decoder = match kept {
            Some(decoder) => decoder,
            None => Decoder::new(&model.model, &mut NoHooks)?,
        };
        decoder.reset();
        let mut random = SplitMix64::new(options.seed);
        let mut ids = Vec::new();
        let mut stop = Stop::MaxTokens;
        if options.max_tokens > 0 {
            let logits = decoder
                .prefill(&model.model, &prompt.ids, &mut NoHooks)
                .await?;
            let mut next = choose(logits, options, &mut random, prompt.ids.len())?;
            loop {
                if running.is_cancelled() {
                    stop = Stop::Cancelled;
                    break;
                }
                if model.info.eos.contains(&next) {
                    stop = Stop::EndOfText;
                    break;
                }
                ids.push(next);
                if on_token(&model.token(next)).is_break() {
                    stop = Stop::Cancelled;
                    break;
                }
                if ids.len() == options.max_tokens {
                    break;
                }
                if decoder.position() == model.info.n_ctx {
                    stop = Stop::ContextFull;
                    break;
                }
                let position = decoder.position();
                let logits = decoder.next(&model.model, next).await?;
                next = choose(logits, options, &mut random, position)?;
                match self.step(&running).await {
                    Ok(()) => {}
                    Err(Error::Cancelled) => {
                        stop = Stop::Cancelled;
                        break;
                    }
                    // A fault of the device is no wish of the person's.
                    Err(fault) => return Err(fault),
                }
            }
        }
        let text = model.tokenizer.decode(&ids);
        if let Some(model) = &mut self.model {
            model.decoder = Some(decoder);
        }
        Ok(Generation {
            ids,
            text,
            cancelled: stop == Stop::Cancelled,
            stop,
        })
    }
}

fn choose(
    logits: &[f32],
    options: &GenerateOptions,
    random: &mut SplitMix64,
    position: usize,
) -> Result<u32, Error> {
    if logits.iter().any(|logit| logit.is_nan()) {
        return Err(Error::NotANumber {
            what: "a logit".to_owned(),
            position,
        });
    }
    Ok(sample::choose(logits, options, random))
}
