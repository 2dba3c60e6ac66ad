//! Decoding: one sequence continued with a KV cache, cut back, and forked.

use std::rc::Rc;

use gpt2::{Cache, CacheSlot, Sequence};
use kernels::{Edit, EditCondition, Recorder};

use crate::error::Error;
use crate::pace::Pace;
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::{Executor, RunOutput};
use crate::run::input::RunInput;
use crate::run::spec::{CacheMode, HeadRows, HeadSpec, RunSpec, SetAt, Tap};
use crate::run::stage::Coders;
use crate::store::feature_set::SetId;
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

/// The feature sets that edits change, and those that are read, while a sequence is continued.
#[derive(Clone, Copy)]
pub(crate) struct UsedSets<'a> {
    pub(crate) sets: &'a [SetAt],
    /// One per set; they serve all rows.
    pub(crate) coders: &'a Coders<'a>,
    /// Edits that the table has room for.
    pub(crate) capacity: usize,
    /// The feature sets of the conditions; their coders are among the others.
    pub(crate) conditional: &'a [SetAt],
    pub(crate) conditions: &'a [EditCondition],
    /// The feature sets whose features are read; their coders are among the others. Tap i of a run is the i-th of them.
    pub(crate) watched: &'a [SetAt],
}

/// The means to run the tokens of a sequence.
#[derive(Clone, Copy)]
pub(crate) struct Decoding<'a> {
    pub(crate) executor: &'a Executor,
    pub(crate) pace: &'a Pace,
    pub(crate) model: &'a LoadedModel,
    pub(crate) wanted: NextWanted,
    pub(crate) used: UsedSets<'a>,
    /// The name of a feature set, for messages.
    pub(crate) name: &'a dyn Fn(SetId) -> String,
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

    fn plan(&self, decoding: &Decoding<'_>, tokens: usize) -> Result<Rc<Compiled>, Error> {
        let Decoding { wanted, used, .. } = decoding;
        let spec = RunSpec {
            cache: CacheMode::Append {
                one_row: tokens == 1,
            },
            taps: used.watched.iter().copied().map(Tap::Features).collect(),
            edits: used.sets.to_vec(),
            edit_capacity: match used.sets {
                [] => 0,
                _ => used.capacity,
            },
            conditions: used.conditional.to_vec(),
            condition_capacity: used.conditions.len(),
            head: Some(HeadSpec {
                rows: HeadRows::Chosen(1),
                top: wanted.top,
                compare: false,
                keep: false,
                read: wanted.logits,
                shown: 0,
            }),
            ..RunSpec::new()
        };
        let parts = Parts {
            cache: Some(&self.cache),
            coders: used.coders,
            ..Parts::of_model(decoding.model)
        };
        // A prompt's length seldom comes again; a token's does.
        decoding.executor.plan(&spec, tokens, &parts, tokens == 1)
    }

    /// Makes the plan of a decoded token, so that none has to wait for it.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn make_ready(&self, decoding: &Decoding<'_>) -> Result<(), Error> {
        self.plan(decoding, 1).map(|_| ())
    }

    /// Lets the executor forget the plans that run on this sequence's cache, and with them its memory.
    pub(crate) fn release(&self, executor: &Executor) {
        executor.forget_cache(&self.cache);
    }

    /// Appends tokens, with the edits of their positions; the results of the logits after the last of them.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] where the context has no room, [`Error::NotANumber`] where edits read a pre-activation that
    /// is none, [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn append(
        &mut self,
        decoding: &Decoding<'_>,
        tokens: &[u32],
        edits: &[Edit],
    ) -> Result<RunOutput, Error> {
        let run = self.plan(decoding, tokens.len())?;
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
            edits,
            conditions: decoding.used.conditions,
            ..RunInput::default()
        };
        let Decoding {
            executor,
            pace,
            model,
            ..
        } = *decoding;
        let submitted = executor.submit(pace, model, &run, &input).await?;
        let output = submitted.output(decoding.name).await?;
        self.position += tokens.len();
        Ok(output)
    }
}
