//! Continuations of a prompt, token by token.

use std::ops::ControlFlow;
use std::rc::Rc;

use kernels::MAX_K;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;
use wire::{GenerateOptions, Generation, Stop, Token};

use crate::analysis::question::Question;
use crate::analysis::sample::{self, Sampling};
use crate::error::Error;
use crate::run::decoder::{Decoder, NextWanted};
use crate::run::output::HeadOutput;
use crate::store::model::LoadedModel;
use crate::tokens::Input;

fn sampling(options: &GenerateOptions) -> Sampling {
    Sampling {
        temperature: options.temperature,
        top_k: options.top_k,
        top_p: options.top_p,
    }
}

/// A prompt that has been read: its cached keys and values, and the logits after it. A prompt that comes again is not read
/// again.
pub(crate) struct ReadPrompt {
    ids: Vec<u32>,
    wanted: NextWanted,
    decoder: Decoder,
    head: Rc<HeadOutput>,
}

/// Continues a prompt once per seed. `on_token` is given the number of the continuation and every new token, and may end that
/// continuation. The prompt is read once; from the second continuation on a copy of its cache is continued. A cancelled
/// generation returns what there is.
///
/// `kept` is the prompt of the last generation, if it went well.
///
/// # Errors
/// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::BadOption`], [`Error::NotANumber`],
/// [`Error::Device`].
pub(crate) async fn generate(
    question: &Question<'_>,
    kept: Option<ReadPrompt>,
    input: Input<'_>,
    (options, seeds): (&GenerateOptions, &[u64]),
    mut on_token: impl FnMut(usize, &Token) -> ControlFlow<()>,
) -> Result<(Vec<Generation>, Option<ReadPrompt>), Error> {
    sample::check(&sampling(options))?;
    let model = question.model()?;
    let prompt = question.prompt(input, options.bos)?;
    if options.max_tokens == 0 {
        let nothing = generation(Vec::new(), Stop::MaxTokens, model);
        return Ok((vec![nothing; seeds.len()], kept));
    }
    let mut generations = Vec::new();
    let mut read = match read(question, kept, prompt.ids, wanted(options)).await {
        // A long prompt is read in parts, between which it can be cancelled.
        Err(Error::Cancelled) => {
            let nothing = || generation(Vec::new(), Stop::Cancelled, model);
            generations.extend(seeds.first().map(|_| nothing()));
            return Ok((generations, None));
        }
        read => read?,
    };
    for (number, seed) in seeds.iter().enumerate() {
        read.decoder.cut_back(read.ids.len());
        // The last continuation goes on in the prompt's own cache, which is cut back when it comes again.
        let mut forked = match number + 1 < seeds.len() {
            true => Some(read.decoder.fork(model).await?),
            false => None,
        };
        let decoder = forked.as_mut().unwrap_or(&mut read.decoder);
        decoder.make_ready(question.executor, model, read.wanted)?;
        let start = Start {
            head: &read.head,
            options,
            seed: *seed,
        };
        let on_token = |token: &Token| on_token(number, token);
        let continuation = continued(question, decoder, start, on_token).await;
        if let Some(forked) = &forked {
            forked.release(question.executor);
        }
        let continuation = continuation?;
        let cancelled = continuation.cancelled;
        generations.push(continuation);
        if cancelled {
            break;
        }
    }
    Ok((generations, Some(read)))
}

/// The results of logits that sampling needs: those of the likeliest tokens alone where it is cut to them.
fn wanted(options: &GenerateOptions) -> NextWanted {
    let top = match (options.temperature, options.top_k) {
        (0.0, _) => 1,
        (_, k) => k,
    };
    match top {
        1..=MAX_K => NextWanted { top, logits: false },
        _ => NextWanted {
            top: 0,
            logits: true,
        },
    }
}

/// The prompt in a cache, read only where it is not there already.
async fn read(
    question: &Question<'_>,
    kept: Option<ReadPrompt>,
    ids: Vec<u32>,
    wanted: NextWanted,
) -> Result<ReadPrompt, Error> {
    let model = question.model()?;
    let mut decoder = match kept {
        Some(kept) if kept.ids == ids && kept.wanted == wanted => return Ok(kept),
        Some(kept) => kept.decoder,
        None => Decoder::new(model)?,
    };
    decoder.cut_back(0);
    let output = decoder
        .append(question.executor, &question.pace, model, &ids, wanted)
        .await?;
    Ok(ReadPrompt {
        head: Rc::new(output.head()?),
        ids,
        wanted,
        decoder,
    })
}

/// The beginning of a continuation.
struct Start<'a> {
    /// The results of the logits after the prompt.
    head: &'a Rc<HeadOutput>,
    options: &'a GenerateOptions,
    seed: u64,
}

async fn continued(
    question: &Question<'_>,
    decoder: &mut Decoder,
    start: Start<'_>,
    mut on_token: impl FnMut(&Token) -> ControlFlow<()>,
) -> Result<Generation, Error> {
    let model = question.model()?;
    let (options, pace) = (start.options, &question.pace);
    let mut random = SplitMix64::seed_from_u64(start.seed);
    let mut ids = Vec::new();
    let mut next = choose(start.head, options, &mut random, decoder.position())?;
    let stop = loop {
        if pace.is_cancelled() {
            break Stop::Cancelled;
        }
        if model.info.eos.contains(&next) {
            break Stop::EndOfText;
        }
        ids.push(next);
        if on_token(&model.vocabulary.token(next)).is_break() {
            break Stop::Cancelled;
        }
        if ids.len() == options.max_tokens {
            break Stop::MaxTokens;
        }
        if decoder.position() == model.info.n_ctx {
            break Stop::ContextFull;
        }
        let position = decoder.position();
        let appended = decoder
            .append(question.executor, pace, model, &[next], wanted(options))
            .await;
        let output = match appended {
            Err(Error::Cancelled) => break Stop::Cancelled,
            output => output?,
        };
        next = choose(&output.head()?, options, &mut random, position)?;
        match pace.step().await {
            Ok(()) => {}
            Err(Error::Cancelled) => break Stop::Cancelled,
            // A fault of the device is no wish of the person's.
            Err(fault) => return Err(fault),
        }
    };
    Ok(generation(ids, stop, model))
}

fn generation(ids: Vec<u32>, stop: Stop, model: &LoadedModel) -> Generation {
    Generation {
        text: model.vocabulary.tokenizer.decode(&ids),
        ids,
        cancelled: stop == Stop::Cancelled,
        stop,
    }
}

fn choose(
    head: &HeadOutput,
    options: &GenerateOptions,
    random: &mut SplitMix64,
    position: usize,
) -> Result<u32, Error> {
    // A NaN among the logits makes their sum one.
    head.log_sum_exp(0, position)?;
    let listed: Vec<(u32, f32)> = match head.has_logits() {
        true => (0..).zip(head.logits(0..1).iter().copied()).collect(),
        false => head.likeliest(0).collect(),
    };
    sample::choose(listed, &sampling(options), random).ok_or_else(|| Error::NotANumber {
        what: "every logit".to_owned(),
        position,
    })
}
