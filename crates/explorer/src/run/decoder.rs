//! Decoding: one sequence continued with a KV cache, cut back, and forked.

use std::rc::Rc;

use gpt2::{Cache, CacheSlot, Sequence};
use kernels::Recorder;

use crate::error::Error;
use crate::pace::Pace;
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::{Executor, RunOutput};
use crate::run::input::RunInput;
use crate::run::spec::{CacheMode, HeadRows, HeadSpec, RunSpec};
use crate::store::model::LoadedModel;

/// A sequence that is being continued. A decoded token is one kept plan: one submit, one read-back, and no new buffer, bind
/// group or pipeline.
pub(crate) struct Decoder {
    cache: Rc<Cache>,
    position: usize,
}

/// Results to make of the logits after the last token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NextWanted {
    /// Number of the likeliest tokens, found on the device.
    pub(crate) top: usize,
    /// True if all logits are read back.
    pub(crate) logits: bool,
}

impl Decoder {
    /// An empty sequence with room for the model's context.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn new(model: &LoadedModel) -> Result<Self, Error> {
        Ok(Self {
            cache: Rc::new(Cache::new(&model.model, model.info.n_ctx)?),
            position: 0,
        })
    }

    /// Tokens of the sequence so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Cuts the sequence back to its first `position` tokens; a later position changes nothing.
    pub(crate) fn cut_back(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// Another decoder with the same sequence, which goes on by itself: the cached keys and values are copied on the device.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) async fn fork(&self, model: &LoadedModel) -> Result<Self, Error> {
        let forked = Self {
            position: self.position,
            ..Self::new(model)?
        };
        let mut recorder = Recorder::new(model.model.device());
        let rows = 0..self.position;
        self.cache
            .record_copy(&mut recorder, rows, &forked.cache, 0)?;
        recorder.finish().run().await?;
        Ok(forked)
    }

    fn plan(
        &self,
        executor: &Executor,
        model: &LoadedModel,
        tokens: usize,
        wanted: NextWanted,
    ) -> Result<Rc<Compiled>, Error> {
        let spec = RunSpec {
            cache: CacheMode::Append {
                one_row: tokens == 1,
            },
            head: Some(HeadSpec {
                rows: HeadRows::Chosen(1),
                top: wanted.top,
                compare: false,
                keep: false,
                read: wanted.logits,
            }),
            ..RunSpec::new()
        };
        let parts = Parts {
            cache: Some(&self.cache),
            ..Parts::of_model(model)
        };
        // A prompt's length seldom comes again; a token's does.
        executor.plan(&spec, tokens, &parts, tokens == 1)
    }

    /// Makes the plan of a decoded token, so that none has to wait for it.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn make_ready(
        &self,
        executor: &Executor,
        model: &LoadedModel,
        wanted: NextWanted,
    ) -> Result<(), Error> {
        self.plan(executor, model, 1, wanted).map(|_| ())
    }

    /// Lets the executor forget the plans that run on this sequence's cache, and with them its memory.
    pub(crate) fn release(&self, executor: &Executor) {
        executor.forget_cache(&self.cache);
    }

    /// Appends tokens; the results of the logits after the last of them.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] where the context has no room, [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn append(
        &mut self,
        executor: &Executor,
        pace: &Pace,
        model: &LoadedModel,
        tokens: &[u32],
        wanted: NextWanted,
    ) -> Result<RunOutput, Error> {
        let run = self.plan(executor, model, tokens.len(), wanted)?;
        let input = RunInput {
            sequences: &[Sequence {
                first_position: self.position,
                cache: Some(CacheSlot {
                    first: 0,
                    past: self.position,
                }),
                ..Sequence::new(tokens)
            }],
            wanted: &[tokens.len().saturating_sub(1)],
            ..RunInput::default()
        };
        let submitted = executor.submit(pace, model, &run, &input).await?;
        let output = submitted.output(|_| String::new()).await?;
        self.position += tokens.len();
        Ok(output)
    }
}
