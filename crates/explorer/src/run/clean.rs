//! Clean passes: prompts run as they are, kept on the device so that later questions start from them.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use gpt2::{HookPoint, Sequence};
use kernels::Buffer;

use crate::error::Error;
use crate::pace::Pace;
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::{Executor, Submitted};
use crate::run::input::{self, RunInput};
use crate::run::output::HeadOutput;
use crate::run::spec::{HeadRows, HeadSpec, RunSpec, Tap};
use crate::store::model::LoadedModel;
use crate::tokens::Prompt;

/// A pass over prompts without any edit. On the device it keeps the residual stream into every block and out of the last
/// one, and the logits where they fit.
pub(crate) struct CleanPass {
    prompts: Vec<Prompt>,
    /// Rows of each prompt.
    pub(crate) ranges: Vec<Range<usize>>,
    pub(crate) run: Rc<Compiled>,
    head: RefCell<Head>,
}

/// The results of the logits.
enum Head {
    UnderWay(Submitted),
    Known(Rc<HeadOutput>),
    /// Taken out to be waited for, and lost with an error or a cancellation.
    Gone,
}

impl CleanPass {
    /// Rows of all prompts.
    pub(crate) fn rows(&self) -> usize {
        self.run.rows
    }

    /// The kept residual stream that is the activation at a hook point, `[rows, d_model]`; None where it is none.
    pub(crate) fn stream(&self, hook: HookPoint) -> Option<&Buffer> {
        match hook {
            HookPoint::ResidPre(layer) => self.run.resid.get(layer),
            HookPoint::ResidPost(layer) => self.run.resid.get(layer + 1),
            _ => None,
        }
    }

    /// The prompts as sequences of a run.
    pub(crate) fn sequences(&self) -> Vec<Sequence<'_>> {
        input::sequences(&self.prompts)
    }

    /// Waits for the results of the logits.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) async fn head(&self) -> Result<Rc<HeadOutput>, Error> {
        let taken = self.head.replace(Head::Gone);
        let output = match taken {
            Head::Known(output) => output,
            Head::UnderWay(submitted) => {
                Rc::new(submitted.output(|_| String::new()).await?.head()?)
            }
            Head::Gone => {
                return Err(Error::missing("the results of a pass that failed"));
            }
        };
        *self.head.borrow_mut() = Head::Known(output.clone());
        Ok(output)
    }

    /// True if it has what a question wants of the same prompts.
    fn serves<'a>(&'a self, prompts: &'a [Prompt], wanted: CleanWanted) -> bool {
        let ids = |prompts: &'a [Prompt]| prompts.iter().map(|prompt| &prompt.ids);
        let same = ids(&self.prompts).eq(ids(prompts));
        // One that is under way belongs to a call that was given up.
        let head = self.head.borrow();
        let Head::Known(head) = &*head else {
            return false;
        };
        same && head.top() >= wanted.top && (!wanted.logits || head.has_logits())
    }
}

/// Results to make of a clean pass's logits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CleanWanted {
    /// Next tokens per row.
    pub(crate) top: usize,
    /// True if the logits are read back.
    pub(crate) logits: bool,
}

/// The clean pass of the last question.
#[derive(Default)]
pub(crate) struct LastPass(RefCell<Option<Rc<CleanPass>>>);

impl LastPass {
    /// Forgets it.
    pub(crate) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }

    /// The clean pass of some prompts: the kept one, or a new one in its place, which is submitted and not waited for.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn of(
        &self,
        executor: &Executor,
        pace: &Pace,
        model: &LoadedModel,
        prompts: &[Prompt],
        wanted: CleanWanted,
    ) -> Result<Rc<CleanPass>, Error> {
        if let Some(kept) = self.0.borrow().as_ref()
            && kept.serves(prompts, wanted)
        {
            return Ok(kept.clone());
        }
        // Its buffers are about to be written.
        self.forget();
        let n_layers = model.info.n_layers;
        let last = n_layers.saturating_sub(1);
        let points = (0..n_layers)
            .map(HookPoint::ResidPre)
            .chain([HookPoint::ResidPost(last)]);
        let spec = RunSpec {
            taps: points.map(Tap::Keep).collect(),
            head: Some(HeadSpec {
                rows: HeadRows::All,
                top: wanted.top,
                compare: false,
                keep: true,
                read: wanted.logits,
                shown: 0,
            }),
            ..RunSpec::new()
        };
        let ranges = prompts.iter().scan(0, |end, prompt| {
            *end += prompt.ids.len();
            Some(*end - prompt.ids.len()..*end)
        });
        let input = RunInput {
            sequences: &input::sequences(prompts),
            ..RunInput::default()
        };
        let parts = Parts::of_model(model);
        let submitted = executor.start(pace, &spec, &parts, true, &input).await?;
        let pass = Rc::new(CleanPass {
            prompts: prompts.to_vec(),
            ranges: ranges.collect(),
            run: submitted.run().clone(),
            head: RefCell::new(Head::UnderWay(submitted)),
        });
        *self.0.borrow_mut() = Some(pass.clone());
        Ok(pass)
    }
}
