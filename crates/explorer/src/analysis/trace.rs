//! Trace of prompts: the clean pass, then every feature set's encoding, reconstruction and metrics.

use std::collections::VecDeque;
use std::rc::Rc;
use wire::{Dump, Matrix, Trace};

use crate::analysis::metrics;
use crate::analysis::question::{Question, UNDER_WAY};
use crate::analysis::set_trace::{self, SetResult};
use crate::error::Error;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::store::feature_set::LoadedSet;
use crate::tokens::{Bos, Input, Prompt};

/// Options of [`crate::Session::trace`].
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// Ids of the autoencoders to run; `None` for all.
    pub saes: Option<Vec<String>>,
    /// Number of next tokens to list at every position, 1 to 512.
    pub top_logits: usize,
    /// True if a BOS is prepended.
    pub bos: Bos,
    /// True if to read back logits, residual streams and reconstructions.
    pub dump: bool,
    /// Tokens whose logits and probabilities after the last token are wanted of a prompt with features edited.
    pub track: Vec<u32>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            saes: None,
            top_logits: 10,
            bos: Bos::Auto,
            dump: false,
            track: Vec::new(),
        }
    }
}

/// Runs the model and feature sets on a prompt.
///
/// # Errors
/// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::UnknownSae`], [`Error::BadOption`],
/// [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
pub(crate) async fn trace(
    question: &Question<'_>,
    input: Input<'_>,
    options: &TraceOptions,
) -> Result<Trace, Error> {
    let sets = question.store.chosen(options.saes.as_deref())?;
    let prompt = question.prompt(input, options.bos)?;
    let traced = trace_prompts(question, &sets, &[prompt], options).await?;
    traced.into_iter().next().ok_or(Error::EmptyPrompt)
}

/// As [`trace`] for several prompts, as many at once as make a batch of rows. Each is run as it would be alone.
///
/// # Errors
/// As [`trace`], for any of the prompts.
pub(crate) async fn trace_batch(
    question: &Question<'_>,
    inputs: &[Input<'_>],
    options: &TraceOptions,
) -> Result<Vec<Trace>, Error> {
    let sets = question.store.chosen(options.saes.as_deref())?;
    let prompts = inputs
        .iter()
        .map(|input| question.prompt(*input, options.bos))
        .collect::<Result<Vec<_>, _>>()?;
    let mut traces = Vec::new();
    for batch in batches(&prompts, question.batch_rows()) {
        question.pace.report(traces.len(), prompts.len());
        traces.extend(trace_prompts(question, &sets, batch, options).await?);
    }
    question.pace.report(traces.len(), prompts.len());
    Ok(traces)
}

/// Prompts in batches of at most so many rows, one prompt at least.
pub(crate) fn batches(prompts: &[Prompt], most: usize) -> Vec<&[Prompt]> {
    let mut batches = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for (index, prompt) in prompts.iter().enumerate() {
        if rows > 0 && rows + prompt.ids.len() > most {
            batches.push(&prompts[first..index]);
            (first, rows) = (index, 0);
        }
        rows += prompt.ids.len();
    }
    if first < prompts.len() {
        batches.push(&prompts[first..]);
    }
    batches
}

async fn trace_prompts(
    question: &Question<'_>,
    sets: &[&LoadedSet],
    prompts: &[Prompt],
    options: &TraceOptions,
) -> Result<Vec<Trace>, Error> {
    let wanted = CleanWanted {
        top: options.top_logits,
        logits: options.dump,
    };
    let pass = question.clean(prompts, wanted).await?;
    let mut results = Vec::new();
    let mut under_way = VecDeque::new();
    for set in sets {
        question.pace.step().await?;
        under_way.push_back(set_trace::start(question, set, &pass, prompts).await?);
        if under_way.len() == UNDER_WAY
            && let Some(pending) = under_way.pop_front()
        {
            let clean = pass.head().await?;
            results.push(set_trace::finish(question, pending, &clean, prompts).await?);
        }
    }
    let clean = pass.head().await?;
    while let Some(pending) = under_way.pop_front() {
        question.pace.step().await?;
        results.push(set_trace::finish(question, pending, &clean, prompts).await?);
    }
    let streams = match options.dump {
        true => residual_streams(question, &pass).await?,
        false => Vec::new(),
    };
    question.pace.check()?;
    let model = question.model()?;
    let vocabulary = &model.vocabulary;
    let mut results: Vec<_> = results.into_iter().map(Vec::into_iter).collect();
    let mut traces = Vec::new();
    for (prompt, rows) in prompts.iter().zip(&pass.ranges) {
        let of_sets: Vec<SetResult> = results.iter_mut().filter_map(Iterator::next).collect();
        let token_losses = clean.token_losses(rows.clone())?;
        let top = options.top_logits.min(model.info.vocab);
        let next_by_position = clean.next_tokens(rows.clone(), top, vocabulary)?;
        let mut saes = Vec::new();
        let mut reconstructions = Vec::new();
        for result in of_sets {
            saes.push(result.trace);
            reconstructions.push(result.reconstruction);
        }
        traces.push(Trace {
            tokens: prompt.ids.iter().map(|id| vocabulary.token(*id)).collect(),
            bos_prepended: prompt.starts_with_bos,
            bos_reason: prompt.bos_reason.clone(),
            loss: metrics::mean(&token_losses),
            token_losses,
            next: next_by_position.last().cloned().unwrap_or_default(),
            next_by_position,
            saes,
            backend: question.executor.backend_name().to_owned(),
            adapter: question.executor.device().adapter_name(),
            dump: options.dump.then(|| {
                Box::new(Dump {
                    logits: Matrix {
                        rows: rows.len(),
                        cols: model.info.vocab,
                        data: clean.logits(rows.clone()).to_vec(),
                    },
                    resid_post: streams
                        .iter()
                        .map(|stream: &Matrix| stream.of_rows(rows.clone()))
                        .collect(),
                    reconstructions,
                })
            }),
            ..Trace::default()
        });
    }
    Ok(traces)
}

/// `blocks.{L}.hook_resid_post` of every block.
async fn residual_streams(
    question: &Question<'_>,
    pass: &Rc<CleanPass>,
) -> Result<Vec<Matrix>, Error> {
    let streams = pass.run.resid.get(1..).unwrap_or_default();
    question
        .executor
        .read(streams, question.model()?.info.d_model)
        .await
}
