//! Scans: windows of tokens through the model, the values of several feature sets handed on batch by batch.

use std::collections::VecDeque;
use std::rc::Rc;

use gpt2::Sequence;
use kernels::BackendKind;

use crate::analysis::question::{Question, due};
use crate::analysis::scan_batch::{Read, Ready, ScanBatch};
use crate::error::Error;
use crate::features::coder::Coder;
use crate::run::compile::Parts;
use crate::run::executor::Submitted;
use crate::run::input::{self, RunInput};
use crate::run::spec::{RunSpec, SetAt, Tap};
use crate::store::feature_set::{LoadedSet, SetId};
use crate::store::model::LoadedModel;
use crate::tokens::{Bos, Prompt};

/// Rows of a run on a GPU are a multiple of this.
const GPU_MULTIPLE: usize = 64;

/// A clock in seconds from any beginning.
pub type Clock = Rc<dyn Fn() -> f64>;

/// Options of [`crate::Session::scan`].
#[derive(Clone)]
pub struct ScanOptions<'a> {
    /// Ids of the feature sets. All are taken in one pass, which ends behind the last of their hook points.
    pub sets: &'a [String],
    /// The choice whether a BOS goes before each window.
    pub bos: Bos,
    /// Measures the parts of the time; without one they are 0.
    pub clock: Option<Clock>,
}

/// A window of a scan.
#[derive(Debug, Clone)]
pub struct ScanWindow<T> {
    /// Its tokens, without BOS.
    pub tokens: Vec<u32>,
    /// Whatever the visitor wants to know of it.
    pub origin: T,
}

/// Seconds that the parts of a scan took.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct ScanSeconds {
    /// Reading and dividing texts: getting the windows.
    pub windows: f64,
    /// Running the model and the feature sets. On a GPU: submitting the runs, which go on while the rest is done.
    pub run: f64,
    /// Reading the values back; on a GPU waiting for them as well.
    pub read_back: f64,
    /// What the visitor did with them.
    pub visit: f64,
}

/// Runs windows through the model, as many at once as make a batch of rows, and hands their values to `visit`, in order. While
/// a batch is computed on a GPU, the one before is read back and visited.
///
/// # Errors
/// [`Error::NoModel`], [`Error::UnknownSae`], [`Error::BadOption`] for no set, a BOS that the tokenizer lacks and tokens that
/// the model lacks; [`Error::EmptyPrompt`] and [`Error::PromptTooLong`] for a window; [`Error::Unsupported`] for a set that
/// stays in its file, and where a token has more active latents than a selection lists; [`Error::NotANumber`],
/// [`Error::Cancelled`] between two batches, [`Error::Device`]; whatever `next` and `visit` return.
pub(crate) async fn scan<T, E: From<Error>>(
    question: &Question<'_>,
    options: &ScanOptions<'_>,
    next: impl FnMut() -> Result<Option<ScanWindow<T>>, E>,
    mut visit: impl FnMut(&ScanBatch<'_, T>) -> Result<(), E>,
) -> Result<ScanSeconds, E> {
    let model = question.model()?;
    let sets = question.store.chosen(Some(options.sets))?;
    let coders = coders(&sets)?;
    let mut windows = Windows::new(question, options.bos, next)?;
    let spec = spec(&sets, model.info.n_layers)?;
    let mut watch = Watch::new(options.clock.clone());
    let mut seconds = ScanSeconds::default();
    let mut read = Read::new(&sets);
    let mut under_way = VecDeque::new();
    loop {
        question.pace.step().await?;
        let batch = windows.batch(model)?;
        watch.add(&mut seconds.windows);
        let ended = batch.is_empty();
        if !ended {
            let submitted = submit(question, &spec, &coders, &batch).await?;
            under_way.push_back((batch, submitted));
            watch.add(&mut seconds.run);
        }
        while let Some((batch, submitted)) = due(&mut under_way, ended) {
            let output = submitted.output(|set| question.name(set)).await?;
            let batch = read.batch(model, &sets, &batch, &output)?;
            watch.add(&mut seconds.read_back);
            visit(&batch)?;
            watch.add(&mut seconds.visit);
        }
        if ended {
            question.pace.check()?;
            return Ok(seconds);
        }
    }
}

fn coders<'a>(sets: &[&'a LoadedSet]) -> Result<Vec<(SetId, &'a dyn Coder)>, Error> {
    let coder = |set: &&'a LoadedSet| match set.features.resident() {
        Some(coder) => Ok((set.id, coder)),
        None => Err(Error::Unsupported {
            what: format!("a scan with {}, which stays in its file,", set.info.id),
        }),
    };
    sets.iter().map(coder).collect()
}

fn spec(sets: &[&LoadedSet], n_layers: usize) -> Result<RunSpec, Error> {
    let last = sets.iter().max_by_key(|set| set.hook.order(n_layers));
    let last = last.ok_or_else(|| Error::BadOption {
        name: "sets",
        value: "an empty list".to_owned(),
        expected: "name at least one feature set".to_owned(),
    })?;
    Ok(RunSpec {
        taps: sets
            .iter()
            .map(|set| Tap::Features(SetAt::of(set)))
            .collect(),
        stop_at: Some(last.hook),
        ..RunSpec::new()
    })
}

/// The token to put before each window, by the one decision about it.
fn bos(question: &Question<'_>, model: &LoadedModel, bos: Bos) -> Result<Option<u32>, Error> {
    if !question.store.bos_decision(bos)?.prepended {
        return Ok(None);
    }
    match model.vocabulary.bos {
        None if bos == Bos::Yes => Err(Error::BadOption {
            name: "bos",
            value: "yes".to_owned(),
            expected: "this model's tokenizer has no BOS token".to_owned(),
        }),
        found => Ok(found),
    }
}

async fn submit<T>(
    question: &Question<'_>,
    spec: &RunSpec,
    coders: &[(SetId, &dyn Coder)],
    batch: &[Ready<T>],
) -> Result<Submitted, Error> {
    let parts = Parts {
        coders,
        ..Parts::of_model(question.model()?)
    };
    let mut sequences = input::sequences(batch.iter().map(|ready| &ready.prompt));
    // Windows at the ends of documents have any length, and every number of rows has a plan of its own: on a GPU, where making
    // one takes longer than some rows, the beginning of a window is run once more, which gives what it gave.
    if question.executor.device().kind() == BackendKind::Gpu {
        let rows: usize = batch.iter().map(|ready| ready.prompt.ids.len()).sum();
        let missing = rows.next_multiple_of(GPU_MULTIPLE) - rows;
        let beginning = batch
            .first()
            .and_then(|ready| ready.prompt.ids.get(..missing));
        sequences.extend(beginning.filter(|ids| !ids.is_empty()).map(Sequence::new));
    }
    let input = RunInput {
        sequences: &sequences,
        ..RunInput::default()
    };
    question.start(spec, &parts, true, &input).await
}

/// Windows in batches.
pub(crate) struct Windows<F, T> {
    next: F,
    bos: Option<u32>,
    /// Rows of a batch.
    most: usize,
    /// A window that did not fit the last batch.
    held: Option<Ready<T>>,
    ended: bool,
}

impl<F, T> Windows<F, T> {
    /// Windows that `next` gives, with a BOS before each where one goes first.
    ///
    /// # Errors
    /// [`Error::NoModel`]; [`Error::BadOption`] for a BOS that the tokenizer lacks.
    pub(crate) fn new(question: &Question<'_>, choice: Bos, next: F) -> Result<Self, Error> {
        Ok(Self {
            next,
            bos: bos(question, question.model()?, choice)?,
            most: question.batch_rows(),
            held: None,
            ended: false,
        })
    }

    /// The next windows, one at least unless there are no more.
    pub(crate) fn batch<E: From<Error>>(&mut self, model: &LoadedModel) -> Result<Vec<Ready<T>>, E>
    where
        F: FnMut() -> Result<Option<ScanWindow<T>>, E>,
    {
        let mut batch = Vec::new();
        let mut rows = 0;
        loop {
            let ready = match self.held.take() {
                Some(ready) => ready,
                None if self.ended => return Ok(batch),
                None => match (self.next)()? {
                    Some(window) => self.ready(model, window)?,
                    None => {
                        self.ended = true;
                        return Ok(batch);
                    }
                },
            };
            let length = ready.prompt.ids.len();
            if rows > 0 && rows + length > self.most {
                self.held = Some(ready);
                return Ok(batch);
            }
            rows += length;
            batch.push(ready);
        }
    }

    fn ready(&self, model: &LoadedModel, window: ScanWindow<T>) -> Result<Ready<T>, Error> {
        let ScanWindow { mut tokens, origin } = window;
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let vocab = model.info.vocab;
        if let Some(id) = tokens.iter().find(|id| **id as usize >= vocab) {
            return Err(Error::BadOption {
                name: "tokens",
                value: id.to_string(),
                expected: format!("a token of this model is a number from 0 to {}", vocab - 1),
            });
        }
        let bos = match self.bos {
            Some(bos) => {
                tokens.insert(0, bos);
                1
            }
            None => 0,
        };
        if tokens.len() > model.info.n_ctx {
            return Err(Error::PromptTooLong {
                tokens: tokens.len(),
                limit: model.info.n_ctx,
            });
        }
        Ok(Ready {
            prompt: Prompt {
                starts_with_bos: tokens.first().copied() == model.vocabulary.bos,
                ids: tokens,
                bos_reason: String::new(),
            },
            bos,
            origin,
        })
    }
}

/// Adds the time since the last look to a part.
struct Watch {
    clock: Option<Clock>,
    last: f64,
}

impl Watch {
    fn new(clock: Option<Clock>) -> Self {
        let last = clock.as_ref().map_or(0.0, |clock| clock());
        Self { clock, last }
    }

    fn add(&mut self, part: &mut f64) {
        if let Some(clock) = &self.clock {
            let now = clock();
            *part += now - self.last;
            self.last = now;
        }
    }
}
