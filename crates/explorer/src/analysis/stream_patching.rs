//! Patching of the residual stream: what one prompt's stream at a layer and a position brings of its answer into another prompt.

use std::collections::VecDeque;

use gpt2::{HookPoint, Sequence};
use wire::StreamPatching;

use crate::analysis::compared::{check_tokens, logit_difference};
use crate::analysis::question::{Question, due};
use crate::analysis::suffixes::{Past, Suffixes, pack, suffix};
use crate::error::Error;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::run::compile::Parts;
use crate::run::executor::Submitted;
use crate::run::input::RunInput;
use crate::run::output::HeadOutput;
use crate::run::spec::{CacheMode, HeadRows, HeadSpec, RunSpec};
use crate::tokens::{Bos, Input, Prompt};

/// Options of [`crate::Session::patch_stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamPatchOptions {
    /// A target and a distractor, whose logits after the last token are compared; `None` for the likeliest token after the
    /// source and that after the prompt.
    pub tokens: Option<(u32, u32)>,
    /// True if a BOS is prepended, to both prompts.
    pub bos: Bos,
}

/// A patch of a layer, at a position.
type UnderWay = (Submitted, usize, Vec<usize>);

/// # Errors
/// As [`crate::Session::patch_stream`].
pub(crate) async fn patch_stream(
    question: &Question<'_>,
    (input, source): (Input<'_>, Input<'_>),
    options: StreamPatchOptions,
) -> Result<StreamPatching, Error> {
    let model = question.model()?;
    let (vocabulary, n_layers) = (&model.vocabulary, model.info.n_layers);
    let prompts = [
        question.prompt(input, options.bos)?,
        question.prompt(source, options.bos)?,
    ];
    let [prompt, source] = &prompts;
    let tokens = prompt.ids.len();
    if source.ids.len() != tokens {
        return Err(Error::BadOption {
            name: "source",
            value: format!("a text of {} tokens", source.ids.len()),
            expected: format!(
                "the prompt has {tokens}: a stream is carried from position to position"
            ),
        });
    }
    let wanted = CleanWanted {
        top: 1,
        logits: false,
    };
    let pass = question.clean(&prompts, wanted).await?;
    let last = last_logits(question, &pass, tokens).await?;
    let tokens_compared = compared(question, &last, options.tokens)?;
    let (target, distractor) = tokens_compared;
    let difference = |head: &HeadOutput, row: usize| -> Result<f64, Error> {
        // Refuses what is no number.
        head.log_sum_exp(row, tokens - 1)?;
        logit_difference(tokens_compared, head.logits(row..row + 1))
    };
    let clean = difference(&last, 0)?;
    let mut found = StreamPatching {
        tokens: prompt.ids.iter().map(|id| vocabulary.token(*id)).collect(),
        source_tokens: source.ids.iter().map(|id| vocabulary.token(*id)).collect(),
        target: vocabulary.token(target),
        distractor: vocabulary.token(distractor),
        clean,
        source: difference(&last, 1)?,
        hooks: (0..=n_layers)
            .map(|layer| hook(layer, n_layers).to_string())
            .collect(),
        // Before the first difference both streams are the same.
        logit_differences: vec![vec![clean; tokens]; n_layers + 1],
        kl: vec![vec![0.0; tokens]; n_layers + 1],
    };
    let pairs = prompt.ids.iter().zip(&source.ids);
    let same = pairs.take_while(|(here, there)| here == there).count();
    let past = Past::new(question, &prompt.ids, RunSpec::new(), None).await?;
    let patches = Patches {
        question,
        prompt,
        pass: &pass,
        past: &past,
    };
    let most = question.batch_rows().max(tokens);
    let batches = pack((same..tokens).collect(), tokens, most, |first| *first);
    let all = (n_layers + 1) * batches.len();
    let of_layer = |layer| batches.iter().map(move |batch| (layer, batch));
    let mut waiting = (0..=n_layers).flat_map(of_layer);
    let mut under_way: VecDeque<UnderWay> = VecDeque::new();
    let mut done = 0;
    loop {
        question.pace.step().await?;
        question.pace.report(done, all);
        let next = waiting.next();
        let ended = next.is_none();
        if let Some((layer, batch)) = next {
            let submitted = patches.submit(layer, batch, most).await?;
            under_way.push_back((submitted, layer, batch.clone()));
        }
        while let Some((submitted, layer, batch)) = due(&mut under_way, ended) {
            let output = submitted.output(|set| question.name(set)).await?;
            let head = output.head()?;
            let kl = head.divergences(0..batch.len())?;
            for (row, (position, kl)) in batch.into_iter().zip(kl).enumerate() {
                found.logit_differences[layer][position] = difference(&head, row)?;
                found.kl[layer][position] = kl.into();
            }
            done += 1;
        }
        if ended {
            break;
        }
    }
    question.pace.report(all, all);
    question.pace.check()?;
    Ok(found)
}

/// The stream into a block; behind the last one, out of it.
fn hook(layer: usize, n_layers: usize) -> HookPoint {
    match layer.checked_sub(1) {
        Some(before) if layer == n_layers => HookPoint::ResidPost(before),
        _ => HookPoint::ResidPre(layer),
    }
}

/// The logits after the last tokens of both prompts: row 0 of the prompt, row 1 of the source.
async fn last_logits(
    question: &Question<'_>,
    pass: &CleanPass,
    tokens: usize,
) -> Result<HeadOutput, Error> {
    let model = question.model()?;
    let spec = RunSpec {
        head: Some(HeadSpec {
            rows: HeadRows::Chosen(2),
            top: 1,
            compare: false,
            keep: false,
            read: true,
            shown: 0,
        }),
        ..RunSpec::from_hook(HookPoint::LnFinalOut, model.info.n_layers, false)
    };
    let parts = Parts {
        base: Some(&pass.run),
        ..Parts::of_model(model)
    };
    let input = RunInput {
        sequences: &pass.sequences(),
        wanted: &[tokens - 1, 2 * tokens - 1],
        ..RunInput::default()
    };
    let submitted = question.start(&spec, &parts, true, &input).await?;
    submitted.output(|set| question.name(set)).await?.head()
}

/// Target and distractor: as asked, else the likeliest tokens after the source and after the prompt.
fn compared(
    question: &Question<'_>,
    last: &HeadOutput,
    asked: Option<(u32, u32)>,
) -> Result<(u32, u32), Error> {
    let likeliest = |row: usize| {
        let first = last.likeliest(row).next().map(|(id, _)| id);
        first.ok_or_else(|| Error::missing("the likeliest token after a prompt"))
    };
    let (target, distractor) = match asked {
        Some(tokens) => tokens,
        None => (likeliest(1)?, likeliest(0)?),
    };
    check_tokens(question, [("target", target), ("distractor", distractor)])?;
    if target == distractor {
        return Err(Error::BadOption {
            name: "target",
            value: target.to_string(),
            expected: match asked {
                Some(_) => "target and distractor have to be two tokens".to_owned(),
                None => "the same token is the likeliest after both prompts: name a target and a distractor".to_owned(),
            },
        });
    }
    Ok((target, distractor))
}

/// The means to run patches.
struct Patches<'a> {
    question: &'a Question<'a>,
    prompt: &'a Prompt,
    /// Of the prompt, and behind it of the source.
    pass: &'a CleanPass,
    past: &'a Past<'a>,
}

impl Patches<'_> {
    /// Starts the runs with the stream into a block replaced, each at one of the positions.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    async fn submit(
        &self,
        layer: usize,
        positions: &[usize],
        most: usize,
    ) -> Result<Submitted, Error> {
        let model = self.question.model()?;
        let tokens = self.prompt.ids.len();
        // Behind the last block no row sees another one.
        let past = (layer < model.info.n_layers).then_some(self.past);
        let from = |first: usize| suffix(&self.prompt.ids, first, past);
        let runs = positions.iter().map(|&position| Sequence {
            replaced: Some((0, tokens + position)),
            ..from(position)
        });
        let suffixes = Suffixes::new(runs.collect(), tokens, most, from);
        let spec = RunSpec {
            cache: match past {
                Some(_) => CacheMode::Read,
                None => CacheMode::None,
            },
            head: Some(HeadSpec {
                rows: HeadRows::Chosen(suffixes.last.len()),
                top: 0,
                compare: true,
                keep: false,
                read: true,
                shown: 0,
            }),
            ..RunSpec::from_hook(hook(layer, model.info.n_layers), model.info.n_layers, true)
        };
        let parts = Parts {
            base: Some(&self.pass.run),
            cache: past.map(Past::cache),
            ..Parts::of_model(model)
        };
        let input = RunInput {
            sequences: &suffixes.sequences,
            wanted: &suffixes.last,
            ..RunInput::default()
        };
        self.question.start(&spec, &parts, true, &input).await
    }
}
