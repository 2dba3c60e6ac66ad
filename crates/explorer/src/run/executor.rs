//! Execution of runs: a cache of plans, and submission without waiting.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use gpt2::Cache;
use kernels::{BackendKind, Buffer, Device, Readings, Recorder, Ticket, Workspace};
use wire::Matrix;

use crate::error::Error;
use crate::features::listed::{FeatureValues, Features};
use crate::pace::Pace;
use crate::run::compile::{Compiled, Parts, compile};
use crate::run::input::RunInput;
use crate::run::output::HeadOutput;
use crate::run::spec::RunSpec;
use crate::run::stage::Coders;
use crate::run::taps::LatentSums;
use crate::store::feature_set::SetId;
use crate::store::model::LoadedModel;

/// Operations of the longest part of a run that a GPU is given at once. Browsers and drivers give a submission up after two
/// seconds or more; this takes a software adapter less than one.
const GPU_OPERATIONS: u64 = 16_000_000_000;
/// The same of the CPU device, where nothing else runs in a worker meanwhile and a cancellation has to wait.
const CPU_OPERATIONS: u64 = 1_000_000_000;
/// Plans that are kept, and how much memory of their own they may hold together.
const MOST_PLANS: usize = 48;
const MOST_BYTES: u64 = 256 << 20;

/// Compiles runs and submits them.
pub(crate) struct Executor {
    device: Device,
    workspace: Workspace,
    /// The last used at the end.
    plans: RefCell<VecDeque<Kept>>,
}

struct Kept {
    key: Key,
    run: Rc<Compiled>,
    bytes: u64,
}

#[derive(PartialEq, Eq)]
struct Key {
    spec: RunSpec,
    rows: usize,
    /// The addresses of the run and the cache that it is bound to, which the kept plan keeps alive.
    base: Option<*const Compiled>,
    cache: Option<*const Cache>,
}

impl Executor {
    pub(crate) fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            workspace: Workspace::default(),
            plans: RefCell::default(),
        }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// A recorder whose scratch memory is that of all plans.
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::sharing(&self.device, &self.workspace)
    }

    /// `gpu` or `cpu`.
    pub(crate) fn backend_name(&self) -> &'static str {
        match self.device.kind() {
            BackendKind::Gpu => "gpu",
            BackendKind::Cpu => "cpu",
        }
    }

    /// Reads whole buffers back, each a matrix with rows of `cols`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) async fn read(&self, buffers: &[Buffer], cols: usize) -> Result<Vec<Matrix>, Error> {
        let mut recorder = Recorder::new(&self.device);
        let reads = buffers
            .iter()
            .map(|buffer| recorder.read_back(buffer, buffer.words()))
            .collect::<Result<Vec<_>, _>>()?;
        let readings = recorder.finish().run().await?;
        let matrices = reads.into_iter().zip(buffers).map(|(read, buffer)| Matrix {
            rows: buffer.words() / cols.max(1),
            cols,
            data: readings.f32(read).to_vec(),
        });
        Ok(matrices.collect())
    }

    /// Forgets all plans and gives their memory back: the model or the feature sets that they read are no more.
    pub(crate) fn forget(&self) {
        self.plans.borrow_mut().clear();
        self.workspace.forget();
        self.device.trim();
    }

    /// Forgets the plans that run on a cache.
    pub(crate) fn forget_cache(&self, cache: &Rc<Cache>) {
        let cache = Some(Rc::as_ptr(cache));
        self.plans
            .borrow_mut()
            .retain(|kept| kept.key.cache != cache);
    }

    /// The plan of a run of `rows` rows. With `keep` it is made once and kept for the next run of the same kind; a coder that
    /// serves one activation alone makes a plan that is not worth it.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::Model`], [`Error::BadOption`].
    pub(crate) fn plan(
        &self,
        spec: &RunSpec,
        rows: usize,
        parts: &Parts<'_>,
        keep: bool,
    ) -> Result<Rc<Compiled>, Error> {
        let key = Key {
            spec: spec.clone(),
            rows,
            base: parts.base.map(Rc::as_ptr),
            cache: parts.cache.map(Rc::as_ptr),
        };
        let mut plans = self.plans.borrow_mut();
        if keep && let Some(at) = plans.iter().position(|kept| kept.key == key) {
            let found = plans.remove(at);
            if let Some(found) = found {
                let run = found.run.clone();
                plans.push_back(found);
                return Ok(run);
            }
        }
        let before = self.device.bytes();
        let recorder = self.recorder();
        let operations = match self.device.kind() {
            BackendKind::Gpu => GPU_OPERATIONS,
            BackendKind::Cpu => CPU_OPERATIONS,
        };
        let run = Rc::new(compile(recorder, spec, rows, parts, operations)?);
        if keep {
            plans.push_back(Kept {
                key,
                run: run.clone(),
                bytes: self.device.bytes().saturating_sub(before),
            });
            let held = |plans: &VecDeque<Kept>| plans.iter().map(|kept| kept.bytes).sum::<u64>();
            while plans.len() > MOST_PLANS || (plans.len() > 1 && held(&plans) > MOST_BYTES) {
                plans.pop_front();
            }
        }
        Ok(run)
    }

    /// Starts a run of the input's rows; with `keep` its plan is kept.
    ///
    /// # Errors
    /// As [`Executor::plan`] and [`Executor::submit`].
    pub(crate) async fn start(
        &self,
        pace: &Pace,
        spec: &RunSpec,
        parts: &Parts<'_>,
        keep: bool,
        input: &RunInput<'_>,
    ) -> Result<Submitted, Error> {
        let rows = input.sequences.iter().map(|sequence| sequence.tokens.len());
        let run = self.plan(spec, rows.sum(), parts, keep)?;
        self.submit(pace, parts.model, &run, input).await
    }

    /// Starts a run. A long one is submitted in parts; between them the call yields and can be cancelled, and no more than
    /// two of them wait in the device's queue.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`], and what is wrong with the input.
    pub(crate) async fn submit(
        &self,
        pace: &Pace,
        model: &LoadedModel,
        run: &Rc<Compiled>,
        input: &RunInput<'_>,
    ) -> Result<Submitted, Error> {
        run.inputs.write(model, run.cache_use(), input)?;
        let (last, others) = run.parts.split_last().ok_or(Error::EmptyPrompt)?;
        for (number, part) in others.iter().enumerate() {
            drop(run.plan.submit_part(part.clone())?);
            if number % 2 == 1 {
                self.device.drain().await?;
            }
            pace.step().await?;
        }
        Ok(Submitted {
            ticket: run.plan.submit_part(last.clone())?,
            run: run.clone(),
        })
    }
}

impl<'a> Parts<'a> {
    /// Of a run that starts at the tokens and needs no feature set.
    pub(crate) fn of_model(model: &'a LoadedModel) -> Self {
        const NONE: &Coders<'static> = &[];
        Self {
            model,
            coders: NONE,
            base: None,
            cache: None,
        }
    }
}

/// A run that was submitted.
pub(crate) struct Submitted {
    run: Rc<Compiled>,
    ticket: Ticket,
}

impl Submitted {
    /// The run, with what it keeps on the device.
    pub(crate) fn run(&self) -> &Rc<Compiled> {
        &self.run
    }

    /// Waits for the run. `name` says what a feature set is called in an error.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::NotANumber`] where edits read a pre-activation that is none.
    pub(crate) async fn output(self, name: impl Fn(SetId) -> String) -> Result<RunOutput, Error> {
        let readings = self.ticket.readings().await?;
        for (set, nans) in &self.run.nans {
            nans.check(&readings, &name(*set))?;
        }
        Ok(RunOutput {
            run: self.run,
            readings,
        })
    }
}

/// The read-backs of a run.
pub(crate) struct RunOutput {
    run: Rc<Compiled>,
    readings: Readings,
}

impl RunOutput {
    /// The matrix of a tap.
    pub(crate) fn matrix(&self, tap: usize) -> Result<Matrix, Error> {
        self.run.tap(tap)?.take_matrix(&self.readings)
    }

    /// The features of a tap; `what` is their set in an error.
    pub(crate) fn features(&self, tap: usize, what: &str) -> Result<Features, Error> {
        self.run.tap(tap)?.take_features(&self.readings, what)
    }

    /// The features of a tap as they were read, without a copy; `what` is their set in an error.
    pub(crate) fn feature_values(
        &self,
        tap: usize,
        what: &str,
    ) -> Result<FeatureValues<'_>, Error> {
        self.run.tap(tap)?.feature_values(&self.readings, what)
    }

    /// The latents' statistics of a tap; `what` is their set in an error.
    pub(crate) fn statistics(&self, tap: usize, what: &str) -> Result<LatentSums, Error> {
        self.run.tap(tap)?.take_statistics(&self.readings, what)
    }

    /// The results of a tap's logits.
    pub(crate) fn lens(&self, tap: usize) -> Result<HeadOutput, Error> {
        self.run.tap(tap)?.take_head(&self.readings)
    }

    /// The results of the run's logits.
    pub(crate) fn head(&self) -> Result<HeadOutput, Error> {
        let reads = self
            .run
            .head
            .as_ref()
            .ok_or_else(|| Error::missing("the logits of a run"))?;
        Ok(reads.take(&self.readings))
    }
}
