//! Continuations of a prompt, token by token.

use std::ops::ControlFlow;
use std::rc::Rc;

use kernels::{Edit as TableRow, EditCondition, MAX_K};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;
use wire::{Edit, Generation, Stop, TokenFeatures};

use crate::analysis::question::Question;
use crate::analysis::sample::{self, Sampling};
use crate::analysis::steering::Steering;
use crate::analysis::watched::{Watched, Written};
use crate::error::Error;
use crate::run::decoder::{Decoder, Decoding, NextWanted};
use crate::run::output::HeadOutput;
use crate::run::spec::SetAt;
use crate::store::model::LoadedModel;
use crate::tokens::{Bos, Input, Prompt};

/// Options of [`crate::Session::generate`].
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// The most tokens to add.
    pub max_tokens: usize,
    /// 0 takes the likeliest token; otherwise logits are divided by it.
    pub temperature: f32,
    /// Same seed, same settings: same text.
    pub seed: u64,
    /// Samples among this many likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Samples among the likeliest tokens that together have this probability; 1 for all.
    pub top_p: f32,
    /// Logits of tokens that stand in the text already, prompt and BOS included, are divided by it where they are positive
    /// and multiplied by it where not (Keskar et al., CTRL, 2019); 1 for no change.
    pub repetition_penalty: f32,
    /// Edits of features, in the prompt and in every new token that they reach.
    pub edits: Vec<Edit>,
    /// Ids or hook points of sets whose features are reported for every token; only [`crate::Session::generate_watched`] does so.
    pub features: Vec<String>,
    /// True if a BOS is prepended.
    pub bos: Bos,
}

impl GenerateOptions {
    fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            repetition_penalty: self.repetition_penalty,
        }
    }
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_tokens: 40,
            temperature: 0.0,
            seed: 0,
            top_k: 0,
            top_p: 1.0,
            repetition_penalty: 1.0,
            edits: Vec::new(),
            features: Vec::new(),
            bos: Bos::Auto,
        }
    }
}

/// A prompt that has been read: its cached keys and values, and the logits after it. A prompt that comes again is not read
/// again.
pub(crate) struct ReadPrompt {
    ids: Vec<u32>,
    /// The edits under which it was read, and their conditions.
    edits: Vec<TableRow>,
    conditions: Vec<EditCondition>,
    wanted: NextWanted,
    watched: Vec<SetAt>,
    decoder: Decoder,
    head: Rc<HeadOutput>,
    /// Of the sets that were watched, per token.
    features: Vec<TokenFeatures>,
}

/// Continues a prompt once per seed. `on_written` is given the number of the continuation and everything that comes of it, and may
/// end that continuation. The prompt is read once; from the second continuation on a copy of its cache is continued. A cancelled
/// generation returns what there is.
///
/// `kept` is the prompt of the last generation, if it went well.
///
/// # Errors
/// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::UnknownSae`], [`Error::BadOption`],
/// [`Error::Unsupported`], [`Error::NotANumber`], [`Error::Device`].
pub(crate) async fn generate(
    question: &Question<'_>,
    kept: Option<ReadPrompt>,
    input: Input<'_>,
    (options, seeds): (&GenerateOptions, &[u64]),
    mut on_written: impl FnMut(usize, Written) -> ControlFlow<()>,
) -> Result<(Vec<Generation>, Option<ReadPrompt>), Error> {
    sample::check(&options.sampling())?;
    let model = question.model()?;
    let prompt = question.prompt(input, options.bos)?;
    let mut steering = Steering::new(question, &prompt, &options.edits)?;
    let watched = Watched::new(question, &options.features, &mut steering)?;
    if options.max_tokens == 0 {
        let nothing = ended(Vec::new(), Stop::MaxTokens, model);
        return Ok((vec![nothing; seeds.len()], kept));
    }
    let name = |set| question.name(set);
    let decoding = Decoding {
        executor: question.executor,
        pace: &question.pace,
        model,
        wanted: wanted(options),
        used: steering.sets(),
        name: &name,
    };
    let mut generations = Vec::new();
    let mut read = match read(&decoding, kept, prompt, (steering.of_prompt(), &watched)).await {
        // A long prompt is read in parts, between which it can be cancelled.
        Err(Error::Cancelled) => {
            let nothing = || ended(Vec::new(), Stop::Cancelled, model);
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
        decoder.make_ready(&decoding)?;
        let start = Start {
            prompt: &read.ids,
            head: &read.head,
            options,
            steering: &steering,
            watched: &watched,
            features: &read.features,
            seed: *seed,
        };
        let on_written = |written| on_written(number, written);
        let generation = continued(&decoding, decoder, start, on_written).await;
        if let Some(forked) = &forked {
            forked.release(question.executor);
        }
        let generation = generation?;
        let cancelled = generation.cancelled;
        generations.push(generation);
        if cancelled {
            break;
        }
    }
    Ok((generations, Some(read)))
}

/// The results of logits that sampling needs: those of the likeliest tokens alone where it is cut to them.
fn wanted(options: &GenerateOptions) -> NextWanted {
    let top = match (options.temperature, options.top_k) {
        // It may bring any token to the top.
        _ if options.repetition_penalty != 1.0 => 0,
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
    decoding: &Decoding<'_>,
    kept: Option<ReadPrompt>,
    prompt: Prompt,
    (edits, watched): (&[TableRow], &Watched<'_>),
) -> Result<ReadPrompt, Error> {
    let (wanted, used) = (decoding.wanted, &decoding.used);
    let conditions = used.conditions;
    let is_same = |kept: &ReadPrompt| {
        kept.ids == prompt.ids
            && kept.watched == used.watched
            && kept.edits == edits
            && kept.conditions == conditions
            && kept.wanted == wanted
    };
    let mut decoder = match kept {
        Some(kept) if is_same(&kept) => return Ok(kept),
        Some(kept) => kept.decoder,
        None => Decoder::new(decoding.model)?,
    };
    decoder.cut_back(0);
    let output = decoder.append(decoding, &prompt.ids, edits).await?;
    Ok(ReadPrompt {
        head: Rc::new(output.head()?),
        features: watched.of_prompt(&output, &decoding.model.vocabulary, &prompt)?,
        ids: prompt.ids,
        edits: edits.to_vec(),
        conditions: conditions.to_vec(),
        wanted,
        watched: used.watched.to_vec(),
        decoder,
    })
}

/// The beginning of a continuation.
struct Start<'a> {
    prompt: &'a [u32],
    /// The results of the logits after the prompt.
    head: &'a Rc<HeadOutput>,
    options: &'a GenerateOptions,
    steering: &'a Steering<'a>,
    watched: &'a Watched<'a>,
    /// Of the prompt's tokens.
    features: &'a [TokenFeatures],
    seed: u64,
}

async fn continued(
    decoding: &Decoding<'_>,
    decoder: &mut Decoder,
    start: Start<'_>,
    mut on_written: impl FnMut(Written) -> ControlFlow<()>,
) -> Result<Generation, Error> {
    let Decoding { model, pace, .. } = *decoding;
    let options = start.options;
    let mut random = SplitMix64::seed_from_u64(start.seed);
    let mut ids = Vec::new();
    let mut seen = Seen::new(options, model, start.prompt);
    let mut edits = Vec::new();
    for features in start.features {
        if on_written(Written::Features(features.clone())).is_break() {
            return Ok(ended(ids, Stop::Cancelled, model));
        }
    }
    let mut next = choose(start.head, &seen, &mut random, decoder.position())?;
    let stop = loop {
        if pace.is_cancelled() {
            break Stop::Cancelled;
        }
        if model.info.eos.contains(&next) {
            break Stop::EndOfText;
        }
        ids.push(next);
        seen.note(next);
        if on_written(Written::Token(model.vocabulary.token(next))).is_break() {
            break Stop::Cancelled;
        }
        let is_last = ids.len() == options.max_tokens;
        // Nobody needs the run of the last token but for its features.
        if is_last && start.watched.is_empty() {
            break Stop::MaxTokens;
        }
        if decoder.position() == model.info.n_ctx {
            break match is_last {
                true => Stop::MaxTokens,
                false => Stop::ContextFull,
            };
        }
        let position = decoder.position();
        let vocabulary = &model.vocabulary;
        start.steering.at(&mut edits, vocabulary, (position, next));
        let output = match decoder.append(decoding, &[next], &edits).await {
            Err(Error::Cancelled) => break Stop::Cancelled,
            output => output?,
        };
        if !start.watched.is_empty() {
            let features = start
                .watched
                .of_token(&output, vocabulary, (position, next))?;
            if on_written(Written::Features(features)).is_break() {
                break Stop::Cancelled;
            }
        }
        if is_last {
            break Stop::MaxTokens;
        }
        next = choose(&output.head()?, &seen, &mut random, position)?;
        match pace.step().await {
            Ok(()) => {}
            Err(Error::Cancelled) => break Stop::Cancelled,
            // A fault of the device is no wish of the person's.
            Err(fault) => return Err(fault),
        }
    };
    Ok(ended(ids, stop, model))
}

/// The settings of sampling, and the tokens that stand in the text.
struct Seen {
    sampling: Sampling,
    /// `[vocabulary]`, empty where it makes no difference.
    tokens: Vec<bool>,
}

impl Seen {
    fn new(options: &GenerateOptions, model: &LoadedModel, prompt: &[u32]) -> Self {
        let mut seen = Self {
            sampling: options.sampling(),
            tokens: match options.repetition_penalty {
                1.0 => Vec::new(),
                _ => vec![false; model.info.vocab],
            },
        };
        prompt.iter().for_each(|id| seen.note(*id));
        seen
    }

    fn note(&mut self, id: u32) {
        if let Some(seen) = self.tokens.get_mut(id as usize) {
            *seen = true;
        }
    }
}

fn ended(ids: Vec<u32>, stop: Stop, model: &LoadedModel) -> Generation {
    Generation {
        text: model.vocabulary.tokenizer.decode(&ids),
        ids,
        cancelled: stop == Stop::Cancelled,
        stop,
    }
}

fn choose(
    head: &HeadOutput,
    seen: &Seen,
    random: &mut SplitMix64,
    position: usize,
) -> Result<u32, Error> {
    // A NaN among the logits makes their sum one.
    head.log_sum_exp(0, position)?;
    let mut listed: Vec<(u32, f32)> = match head.has_logits() {
        true => (0..).zip(head.logits(0..1).iter().copied()).collect(),
        false => head.likeliest(0).collect(),
    };
    sample::penalise(&mut listed, &seen.tokens, seen.sampling.repetition_penalty);
    sample::choose(listed, &seen.sampling, random).ok_or_else(|| Error::NotANumber {
        what: "every logit".to_owned(),
        position,
    })
}
