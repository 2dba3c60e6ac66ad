//! The context of a question: what is loaded, where it runs, and the steps of the call.

use std::collections::VecDeque;
use std::rc::Rc;

use gpt2::HookPoint;
use kernels::{BackendKind, Buffer, MAX_K};

use crate::error::Error;
use crate::features::set::Prepared;
use crate::pace::Pace;
use crate::run::clean::{CleanPass, CleanWanted, LastPass};
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::{Executor, Submitted};
use crate::run::input::{self, RunInput};
use crate::run::spec::{RunSpec, Tap};
use crate::store::feature_set::{LoadedSet, SetId};
use crate::store::model::LoadedModel;
use crate::store::shelf::Store;
use crate::tokens::{Bos, Input, Prompt};

/// Rows that are run at once on a GPU where there are many.
const GPU_ROWS: usize = 1024;
/// The same on the CPU device, whose caches more rows do not fit: a product of a few hundred is as fast per row as one of
/// thousands.
const CPU_ROWS: usize = 256;

/// Runs that are under way at a time: while one is computed, the next is recorded and the one before is read.
pub(crate) const UNDER_WAY: usize = 2;

/// The run whose results are to be read next: where as many are under way as there should be, or where no more begin.
pub(crate) fn due<T>(under_way: &mut VecDeque<T>, ended: bool) -> Option<T> {
    match under_way.len() >= if ended { 1 } else { UNDER_WAY } {
        true => under_way.pop_front(),
        false => None,
    }
}

/// The run of which an activation is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A clean pass, which has run.
    Pass(&'a CleanPass),
    /// A prompt, which is run as far as the hook point.
    Prompt(&'a Prompt),
}

impl Source<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Pass(pass) => pass.rows(),
            Self::Prompt(prompt) => prompt.ids.len(),
        }
    }
}

/// The means to answer a question.
pub(crate) struct Question<'a> {
    pub(crate) store: &'a Store,
    pub(crate) executor: &'a Executor,
    pub(crate) last: &'a LastPass,
    pub(crate) pace: Pace,
}

impl Question<'_> {
    /// Rows that are run at once where there are many.
    pub(crate) fn batch_rows(&self) -> usize {
        match self.executor.device().kind() {
            BackendKind::Gpu => GPU_ROWS,
            BackendKind::Cpu => CPU_ROWS,
        }
    }

    /// # Errors
    /// [`Error::NoModel`].
    pub(crate) fn model(&self) -> Result<&LoadedModel, Error> {
        self.store.model()
    }

    /// # Errors
    /// As [`Store::prompt`].
    pub(crate) fn prompt(&self, input: Input<'_>, bos: Bos) -> Result<Prompt, Error> {
        self.store.prompt(input, bos)
    }

    /// The clean pass of some prompts.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a number of next tokens out of range, and as [`LastPass::of`].
    pub(crate) async fn clean(
        &self,
        prompts: &[Prompt],
        wanted: CleanWanted,
    ) -> Result<Rc<CleanPass>, Error> {
        let model = self.model()?;
        if wanted.top == 0 || wanted.top > MAX_K {
            return Err(Error::BadOption {
                name: "top_logits",
                value: wanted.top.to_string(),
                expected: format!("it must be from 1 to {MAX_K}"),
            });
        }
        let wanted = CleanWanted {
            top: wanted.top.min(model.info.vocab),
            ..wanted
        };
        self.last
            .of(self.executor, &self.pace, model, prompts, wanted)
            .await
    }

    /// The name of a feature set, for messages.
    pub(crate) fn name(&self, set: SetId) -> String {
        let mut sets = self.store.sets();
        let found = sets.find(|loaded| loaded.id == set);
        found.map_or_else(String::new, |loaded| loaded.info.id.clone())
    }

    /// Starts a run; with `keep` its plan is kept.
    ///
    /// # Errors
    /// As [`Executor::start`].
    pub(crate) async fn start(
        &self,
        spec: &RunSpec,
        parts: &Parts<'_>,
        keep: bool,
        input: &RunInput<'_>,
    ) -> Result<Submitted, Error> {
        let (executor, pace) = (self.executor, &self.pace);
        executor.start(pace, spec, parts, keep, input).await
    }

    /// The coder of a feature set for an activation. `also` are latents that it has to have even where no row selects them.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn prepared<'s>(
        &'s self,
        set: &'s LoadedSet,
        source: Source<'_>,
        also: Vec<u32>,
    ) -> Result<Prepared<'s>, Error> {
        if let Some(coder) = set.features.resident() {
            return Ok(Prepared::Resident(coder));
        }
        let (_run, activation) = self.activation(source, set.hook).await?;
        let (pace, rows) = (&self.pace, source.rows());
        set.features.prepare(pace, activation, rows, also).await
    }

    /// The coder of a feature set that lists every active latent of an activation.
    ///
    /// # Errors
    /// As [`Question::prepared`].
    pub(crate) async fn listed<'s>(
        &'s self,
        set: &'s LoadedSet,
        source: Source<'_>,
    ) -> Result<Prepared<'s>, Error> {
        let (_run, activation) = self.activation(source, set.hook).await?;
        let (pace, rows) = (&self.pace, source.rows());
        set.features.list_all(pace, activation, rows).await
    }

    /// An activation on the device, `[rows, width]`. The run keeps its memory.
    async fn activation(
        &self,
        source: Source<'_>,
        hook: HookPoint,
    ) -> Result<(Rc<Compiled>, Buffer), Error> {
        let model = self.model()?;
        let parts = Parts::of_model(model);
        let (started, base, sequences) = match source {
            Source::Prompt(prompt) => {
                let sequences = input::sequences(std::slice::from_ref(prompt));
                (RunSpec::new(), None, sequences)
            }
            Source::Pass(pass) => {
                if let Some(stream) = pass.stream(hook) {
                    return Ok((pass.run.clone(), stream.clone()));
                }
                let started = RunSpec::from_hook(hook, model.info.n_layers, false);
                (started, Some(&pass.run), pass.sequences())
            }
        };
        let spec = RunSpec {
            taps: vec![Tap::Keep(hook)],
            stop_at: Some(hook),
            ..started
        };
        let input = RunInput {
            sequences: &sequences,
            ..RunInput::default()
        };
        let parts = Parts { base, ..parts };
        let submitted = self.start(&spec, &parts, false, &input).await?;
        let run = submitted.run().clone();
        let activation = run.tap(0)?.kept()?.clone();
        Ok((run, activation))
    }
}
