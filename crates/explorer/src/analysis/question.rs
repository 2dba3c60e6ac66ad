//! The context of a question: what is loaded, where it runs, and the steps of the call.

use std::rc::Rc;

use gpt2::HookPoint;
use kernels::{BackendKind, Buffer, MAX_K};

use crate::error::Error;
use crate::pace::Pace;
use crate::run::clean::{CleanPass, CleanWanted, LastPass};
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::Executor;
use crate::run::input::RunInput;
use crate::run::spec::{RunSpec, Tap};
use crate::store::feature_set::SetId;
use crate::store::model::LoadedModel;
use crate::store::shelf::Store;
use crate::tokens::{Bos, Input, Prompt};

/// Rows that are run at once on a GPU where there are many.
const GPU_ROWS: usize = 1024;
/// The same on the CPU device, whose caches more rows do not fit: a product of a few hundred is as fast per row as one of
/// thousands.
const CPU_ROWS: usize = 256;

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
        let mut sets = self.store.sets().iter();
        let found = sets.find(|loaded| loaded.id == set);
        found.map_or_else(String::new, |loaded| loaded.info.id.clone())
    }

    /// A clean pass's activation at a hook point, on the device: `[rows, width]`. The run keeps its memory.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn activation(
        &self,
        pass: &CleanPass,
        hook: HookPoint,
    ) -> Result<(Rc<Compiled>, Buffer), Error> {
        let n_layers = self.model()?.info.n_layers;
        let stream = match hook {
            HookPoint::ResidPre(layer) => pass.run.resid.get(layer),
            HookPoint::ResidPost(layer) => pass.run.resid.get(layer + 1),
            _ => None,
        };
        if let Some(stream) = stream {
            return Ok((pass.run.clone(), stream.clone()));
        }
        let spec = RunSpec {
            taps: vec![Tap::Keep(hook)],
            stop_at: Some(hook),
            ..RunSpec::from_hook(hook, n_layers, false)
        };
        let parts = Parts {
            base: Some(&pass.run),
            ..Parts::of_model(self.model()?)
        };
        let run = self.executor.plan(&spec, pass.rows(), &parts, false)?;
        let sequences = pass.sequences();
        let input = RunInput {
            sequences: &sequences,
            ..RunInput::default()
        };
        let model = self.model()?;
        self.executor
            .submit(&self.pace, model, &run, &input)
            .await?;
        let activation = run.kept(0)?.clone();
        Ok((run, activation))
    }
}
