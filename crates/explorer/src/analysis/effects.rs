//! What each active feature of a prompt causes, by ablation.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use gpt2::{HookPoint, Norm};
use serde::Serialize;
use wire::{Edit, Positions};

use crate::analysis::edit_table::Resolved;
use crate::analysis::edited::{Checked, SetsInUse, Wanted, submit};
use crate::analysis::metrics::{self, counted_mean};
use crate::analysis::question::{Question, Source, UNDER_WAY};
use crate::analysis::set_trace::difference;
use crate::error::Error;
use crate::features::listed::Features;
use crate::features::multiply::multiply;
use crate::features::set::{Decoder, Prepared};
use crate::run::clean::{CleanPass, CleanWanted};
use crate::run::compile::Parts;
use crate::run::executor::{RunOutput, Submitted};
use crate::run::input::RunInput;
use crate::run::output::HeadOutput;
use crate::run::spec::{HeadRows, HeadSpec, RunSpec, SetAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::{Bos, Input, Prompt, Token};

/// The order of effects: by the magnitude of one of them, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RankBy {
    /// The change of the mean loss.
    Loss,
    /// The mean KL divergence.
    #[default]
    Kl,
    /// The change of the target's logit minus the distractor's.
    LogitDifference,
}

/// Options of [`crate::Session::effects`].
#[derive(Debug, Clone, PartialEq)]
pub struct EffectsOptions {
    /// The feature set: its id, or its hook point's name.
    pub sae: String,
    /// The positions at which features are ablated, and at one of which one has to be active; `None` for all that count.
    pub positions: Option<Positions>,
    /// Two tokens, a target and a distractor, whose logits after the last token are compared.
    pub tokens: Option<(u32, u32)>,
    /// The order of the result.
    pub rank_by: RankBy,
    /// Number of tokens to list that a feature's ablation moves up the most, and as many that it moves down.
    pub top: usize,
    /// True if a BOS is prepended.
    pub bos: Bos,
}

impl EffectsOptions {
    /// For a feature set: all positions that count, ten tokens, by KL.
    pub fn new(sae: &str) -> Self {
        Self {
            sae: sae.to_owned(),
            positions: None,
            tokens: None,
            rank_by: RankBy::default(),
            top: 10,
            bos: Bos::Auto,
        }
    }
}

/// A token that an ablation moves after the last position.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenChange {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// Its logit, ablated minus clean.
    pub logit: f32,
    /// Its probability, ablated minus clean.
    pub prob: f32,
}

/// The difference that ablating one feature makes, the error term kept: ablated minus clean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// The feature.
    pub latent: u32,
    /// Its largest activation at the chosen positions; of a neuron the one of the largest magnitude.
    pub activation: f32,
    /// Where that is.
    pub position: usize,
    /// Number of chosen positions at which it is active.
    pub active: usize,
    /// Of the mean loss, nats; None where nothing is predicted.
    pub loss: Option<f64>,
    /// Mean of KL(clean ‖ ablated) over the positions that count, nats; None of none.
    pub kl: Option<f64>,
    /// Of the target's logit minus the distractor's after the last token, where they are named.
    pub logit_difference: Option<f64>,
    /// What the direct path alone would give for that: minus the activation at the last token times the decoder direction,
    /// through the final LayerNorm with the clean run's scale, times the difference of the two rows of W_U. 0 for a feature
    /// that is not active there. None where a feature does not write to the residual stream itself (heads, neurons of an MLP),
    /// and for a set that stays in its file.
    pub direct: Option<f64>,
    /// `[tokens - 1]`: of the loss of token i + 1.
    #[serde(skip)]
    pub token_losses: Vec<f32>,
    /// `[tokens]`: KL(clean ‖ ablated) after every token.
    #[serde(skip)]
    pub token_kl: Vec<f32>,
    /// The tokens whose logits after the last token rise the most, the first the most.
    pub up: Vec<TokenChange>,
    /// Those whose logits fall the most.
    pub down: Vec<TokenChange>,
}

/// The effects of every active feature of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effects {
    /// The feature set's id.
    pub sae: String,
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// Mean loss of the clean run, nats.
    pub loss: Option<f64>,
    /// The target, where it is named.
    pub target: Option<Token>,
    /// The distractor, where it is named.
    pub distractor: Option<Token>,
    /// The target's logit minus the distractor's after the last token of the clean run.
    pub logit_difference: Option<f64>,
    /// One entry per feature that is active at a chosen position, the largest effect first. None: there is nothing to ablate.
    pub effects: Vec<Effect>,
}

/// The clean run, as effects are measured against it.
struct Clean {
    token_losses: Vec<f32>,
    loss: Option<f64>,
    /// `[vocabulary]`: after the last token.
    logits: Vec<f32>,
    /// Their log Σ exp.
    log_sum: f32,
    /// Scale of the final LayerNorm at the last token.
    scale: f32,
    /// The target's logit minus the distractor's, where they are named.
    logit_difference: Option<f64>,
}

/// A feature that is active at a chosen position.
#[derive(Clone, Copy)]
struct Active {
    activation: f32,
    position: usize,
    count: usize,
    /// Its activation at the last token, with the deviation by which the feature set scales it back.
    last: f32,
}

/// A batch that was submitted: its run, its lists of edits, and the features that they ablate.
type UnderWay<'a> = (Submitted, &'a [Checked<'a>], &'a [(u32, Active)]);

/// # Errors
/// As [`crate::Session::effects`].
pub(crate) async fn effects(
    question: &Question<'_>,
    input: Input<'_>,
    options: &EffectsOptions,
    mut on_effects: impl FnMut(&[Effect]) -> ControlFlow<()>,
) -> Result<Effects, Error> {
    let model = question.model()?;
    check(question, options)?;
    let prompt = question.prompt(input, options.bos)?;
    let set = question.store.set_or_hook(&options.sae)?;
    let wanted = CleanWanted {
        top: 1,
        logits: false,
    };
    let pass = question
        .clean(std::slice::from_ref(&prompt), wanted)
        .await?;
    let clean = clean(question, &prompt, &pass, options.tokens).await?;
    let chosen = Resolved {
        edit: &Edit {
            positions: options.positions.clone(),
            ..Edit::set(&options.sae, 0, 0.0)
        },
        set,
        when: None,
    }
    .chosen(&set.counted(&model.vocabulary, &prompt), "the prompt")?;
    let active = active(question, set, &pass, &chosen).await?;
    let direct = direct_weights(question, set, options.tokens).await?;
    let at = (0_u32..).zip(&chosen).filter(|(_, chosen)| **chosen);
    let at: Positions = at.map(|(position, _)| position).collect();
    let lists: Vec<Vec<Edit>> = active
        .keys()
        .map(|latent| {
            vec![Edit {
                positions: Some(at.clone()),
                ..Edit::set(&set.info.id, *latent, 0.0)
            }]
        })
        .collect();
    let checked = lists
        .iter()
        .map(|edits| Checked::new(question, &prompt, edits))
        .collect::<Result<Vec<_>, _>>()?;
    let sets = SetsInUse::prepare(question, &checked, &pass).await?;
    let known: Vec<(u32, Active)> = active.into_iter().collect();
    let measure = Measure {
        question,
        prompt: &prompt,
        options,
        clean: &clean,
        direct: direct.as_deref(),
    };
    let at_once = (question.batch_rows() / prompt.ids.len()).max(1);
    let wanted = Wanted {
        top: 0,
        dump: false,
        last: true,
    };
    let mut batches = checked.chunks(at_once).zip(known.chunks(at_once));
    let mut under_way: VecDeque<UnderWay<'_>> = VecDeque::new();
    let mut found: Vec<Effect> = Vec::new();
    loop {
        question.pace.step().await?;
        question.pace.report(found.len(), known.len());
        let next = batches.next();
        let ended = next.is_none();
        if let Some((lists, known)) = next {
            let submitted = submit(question, &prompt, &pass, &sets, lists, wanted).await?;
            under_way.push_back((submitted, lists, known));
        }
        while under_way.len() >= if ended { 1 } else { UNDER_WAY }
            && let Some((submitted, lists, known)) = under_way.pop_front()
        {
            let output = submitted.output(|set| question.name(set)).await?;
            let effects = measure.batch(&output.head()?, lists, known)?;
            let stop = on_effects(&effects).is_break();
            found.extend(effects);
            if stop {
                return Err(Error::Cancelled);
            }
        }
        if ended {
            break;
        }
    }
    question.pace.report(found.len(), known.len());
    question.pace.check()?;
    rank(&mut found, options.rank_by);
    let vocabulary = &model.vocabulary;
    let token = |id: u32| vocabulary.token(id);
    Ok(Effects {
        sae: set.info.id.clone(),
        tokens: prompt.ids.iter().map(|id| token(*id)).collect(),
        loss: clean.loss,
        target: options.tokens.map(|(target, _)| token(target)),
        distractor: options.tokens.map(|(_, distractor)| token(distractor)),
        logit_difference: clean.logit_difference,
        effects: found,
    })
}

fn check(question: &Question<'_>, options: &EffectsOptions) -> Result<(), Error> {
    let vocabulary = question.model()?.info.vocab;
    let tokens = options.tokens.map_or([None; 2], |(target, distractor)| {
        [Some(("target", target)), Some(("distractor", distractor))]
    });
    for (name, id) in tokens.into_iter().flatten() {
        if id as usize >= vocabulary {
            return Err(Error::BadOption {
                name,
                value: id.to_string(),
                expected: format!("the vocabulary has {vocabulary} tokens"),
            });
        }
    }
    if options.rank_by == RankBy::LogitDifference && options.tokens.is_none() {
        return Err(Error::BadOption {
            name: "rank_by",
            value: "the logit difference".to_owned(),
            expected: "it takes a target and a distractor".to_owned(),
        });
    }
    Ok(())
}

/// The clean run's losses, its logits after the last token, and the scale of the final LayerNorm there.
async fn clean(
    question: &Question<'_>,
    prompt: &Prompt,
    pass: &CleanPass,
    tokens: Option<(u32, u32)>,
) -> Result<Clean, Error> {
    let model = question.model()?;
    let token_losses = pass.head().await?.token_losses(0..prompt.ids.len())?;
    let spec = RunSpec {
        taps: vec![Tap::NormScale(Norm::Final)],
        head: Some(HeadSpec {
            rows: HeadRows::Chosen(1),
            top: 0,
            compare: false,
            keep: false,
            read: true,
            shown: 0,
        }),
        ..RunSpec::from_hook(HookPoint::LnFinalOut, model.info.n_layers, false)
    };
    let last = prompt.ids.len() - 1;
    let input = RunInput {
        sequences: &pass.sequences(),
        wanted: &[last],
        ..RunInput::default()
    };
    let parts = Parts {
        base: Some(&pass.run),
        ..Parts::of_model(model)
    };
    let submitted = question.start(&spec, &parts, true, &input).await?;
    let output = submitted.output(|set| question.name(set)).await?;
    let head = output.head()?;
    let scale = output.matrix(0)?.data.get(last).copied();
    let logits = head.logits(0..1).to_vec();
    Ok(Clean {
        logit_difference: logit_difference(tokens, &logits)?,
        loss: metrics::mean(&token_losses),
        token_losses,
        log_sum: head.log_sum_exp(0, last)?,
        logits,
        scale: scale.ok_or_else(|| Error::missing("the scale of the final LayerNorm"))?,
    })
}

/// The features that are active at chosen positions.
async fn active(
    question: &Question<'_>,
    set: &LoadedSet,
    pass: &CleanPass,
    chosen: &[bool],
) -> Result<BTreeMap<u32, Active>, Error> {
    let source = Source::Pass(pass);
    let mut prepared = question.prepared(set, source, Vec::new()).await?;
    let mut features = encoded(question, set, &prepared, pass).await?;
    if prepared.coder().may_overflow() && features.is_full(set.info.n_latents) {
        prepared = question.listed(set, source).await?;
        features = encoded(question, set, &prepared, pass).await?;
    }
    let features = prepared.remapped(features)?;
    let deviation = features.statistics.chunks_exact(2).next_back();
    // Neurons have none: they are not scaled.
    let deviation = deviation.map_or(1.0, |statistics| statistics[1]);
    let (slots, latents, activations) = features.trimmed();
    let mut active: BTreeMap<u32, Active> = BTreeMap::new();
    let rows = latents
        .chunks(slots.max(1))
        .zip(activations.chunks(slots.max(1)));
    for (position, (latents, activations)) in rows.enumerate() {
        if !chosen.get(position).copied().unwrap_or(false) {
            continue;
        }
        let is_last = position + 1 == chosen.len();
        for (latent, activation) in latents.iter().zip(activations) {
            let (Ok(latent), true) = (u32::try_from(*latent), *activation != 0.0) else {
                continue;
            };
            let entry = active.entry(latent).or_insert(Active {
                activation: 0.0,
                position,
                count: 0,
                last: 0.0,
            });
            entry.count += 1;
            if activation.abs() > entry.activation.abs() {
                entry.activation = *activation;
                entry.position = position;
            }
            if is_last {
                entry.last = activation * deviation;
            }
        }
    }
    Ok(active)
}

async fn encoded(
    question: &Question<'_>,
    set: &LoadedSet,
    prepared: &Prepared<'_>,
    pass: &CleanPass,
) -> Result<Features, Error> {
    let model = question.model()?;
    let spec = RunSpec {
        taps: vec![Tap::Features(SetAt::of(set))],
        stop_at: Some(set.hook),
        ..RunSpec::from_hook(set.hook, model.info.n_layers, false)
    };
    let parts = Parts {
        model,
        coders: &[(set.id, prepared.coder())],
        base: Some(&pass.run),
        cache: None,
    };
    let input = RunInput {
        sequences: &pass.sequences(),
        ..RunInput::default()
    };
    let keep = prepared.is_resident();
    let submitted = question.start(&spec, &parts, keep, &input).await?;
    let output: RunOutput = submitted.output(|id| question.name(id)).await?;
    output.features(0, &set.info.id)
}

/// `[latents]`: what one unit that a latent writes to the residual stream gives for the difference of two tokens' logits, before
/// the final LayerNorm's scale; None where it is not known.
async fn direct_weights(
    question: &Question<'_>,
    set: &LoadedSet,
    tokens: Option<(u32, u32)>,
) -> Result<Option<Vec<f32>>, Error> {
    let Some((target, distractor)) = tokens else {
        return Ok(None);
    };
    let writes_to_stream = matches!(
        set.hook,
        HookPoint::ResidPre(_)
            | HookPoint::ResidMid(_)
            | HookPoint::ResidPost(_)
            | HookPoint::AttnOut(_)
            | HookPoint::MlpOut(_)
    );
    if !writes_to_stream {
        return Ok(None);
    }
    let model = question.model()?;
    let device = question.executor.device();
    let row = async |id: u32| {
        let id = id as usize;
        let embedding = model.model.token_embedding();
        embedding.read_rows(device, id..id + 1).await
    };
    let (target, distractor) = (row(target).await?, row(distractor).await?);
    let weights = target
        .iter()
        .zip(&distractor)
        .zip(model.model.ln_final_weight());
    let weights: Vec<f64> = weights
        .map(|((target, distractor), weight)| {
            (f64::from(*target) - f64::from(*distractor)) * f64::from(*weight)
        })
        .collect();
    // LayerNorm takes the mean off what is written; taken off the weights it is the same product.
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    let centred: Vec<f32> = weights
        .iter()
        .map(|weight| (weight - mean) as f32)
        .collect();
    Ok(match set.features.decoder() {
        Decoder::OnDevice(w_dec, _) => Some(multiply(device, w_dec, &centred).await?),
        Decoder::Dimensions => Some(centred),
        Decoder::InFile => None,
    })
}

/// The target's logit minus the distractor's.
fn logit_difference(tokens: Option<(u32, u32)>, logits: &[f32]) -> Result<Option<f64>, Error> {
    let Some((target, distractor)) = tokens else {
        return Ok(None);
    };
    let logit = |id| crate::error::index(logits, "the logit of token", id).map(f64::from);
    Ok(Some(logit(target)? - logit(distractor)?))
}

/// The means to measure effects.
struct Measure<'a> {
    question: &'a Question<'a>,
    prompt: &'a Prompt,
    options: &'a EffectsOptions,
    clean: &'a Clean,
    direct: Option<&'a [f32]>,
}

impl Measure<'_> {
    fn batch(
        &self,
        head: &HeadOutput,
        lists: &[Checked<'_>],
        known: &[(u32, Active)],
    ) -> Result<Vec<Effect>, Error> {
        let tokens = self.prompt.ids.len();
        let mut effects = Vec::new();
        for (place, (list, (latent, active))) in lists.iter().zip(known).enumerate() {
            let rows = place * tokens..(place + 1) * tokens;
            let losses = head.token_losses(rows.clone())?;
            let token_kl = head.divergences(rows.clone())?;
            let last = rows.end - 1;
            let log_sum = head.log_sum_exp(last, tokens - 1)?;
            let logits = head.shown(place)?;
            let ablated = logit_difference(self.options.tokens, logits)?;
            let (up, down) = self.moved(logits, log_sum)?;
            let direct = self.direct.and_then(|direct| direct.get(*latent as usize));
            let direct = direct.map(|weight| {
                -f64::from(active.last) * f64::from(*weight) / f64::from(self.clean.scale)
            });
            let clean_losses = &self.clean.token_losses;
            effects.push(Effect {
                latent: *latent,
                activation: active.activation,
                position: active.position,
                active: active.count,
                loss: difference(metrics::mean(&losses), self.clean.loss),
                kl: counted_mean(&token_kl, &list.counted),
                logit_difference: difference(ablated, self.clean.logit_difference),
                direct,
                token_losses: losses
                    .iter()
                    .zip(clean_losses)
                    .map(|(a, b)| a - b)
                    .collect(),
                token_kl,
                up,
                down,
            });
        }
        Ok(effects)
    }

    /// The tokens whose logits rise and fall the most.
    fn moved(
        &self,
        logits: &[f32],
        log_sum: f32,
    ) -> Result<(Vec<TokenChange>, Vec<TokenChange>), Error> {
        let top = self.options.top.min(logits.len());
        let vocabulary = &self.question.model()?.vocabulary;
        let clean = &self.clean.logits;
        let changes = logits
            .iter()
            .zip(clean)
            .map(|(ablated, clean)| ablated - clean);
        let mut order: Vec<(u32, f32)> = (0..).zip(changes).collect();
        let probability = |logit: f32, log_sum: f32| (f64::from(logit) - f64::from(log_sum)).exp();
        let token = |(id, logit): &(u32, f32)| {
            let at = |logits| crate::error::index(logits, "the logit of token", *id);
            let ablated = probability(at(logits)?, log_sum);
            let before = probability(at(clean)?, self.clean.log_sum);
            Ok(TokenChange {
                token: vocabulary.token(*id),
                logit: *logit,
                prob: (ablated - before) as f32,
            })
        };
        let mut ends = [Vec::new(), Vec::new()];
        for (end, sign) in ends.iter_mut().zip([-1.0_f32, 1.0]) {
            let compare = |a: &(u32, f32), b: &(u32, f32)| {
                (sign * a.1).total_cmp(&(sign * b.1)).then(a.0.cmp(&b.0))
            };
            if top > 0 && top < order.len() {
                order.select_nth_unstable_by(top - 1, compare);
            }
            let mut most: Vec<(u32, f32)> = order.iter().take(top).copied().collect();
            most.sort_by(compare);
            // What does not move is none of them.
            let moved = most.iter().filter(|(_, change)| sign * change < 0.0);
            *end = moved.map(token).collect::<Result<_, Error>>()?;
        }
        let [up, down] = ends;
        Ok((up, down))
    }
}

/// Puts the largest effect first; what has none comes last, and of equals the lower latent first.
fn rank(effects: &mut [Effect], by: RankBy) {
    let size = |effect: &Effect| {
        let value = match by {
            RankBy::Loss => effect.loss,
            RankBy::Kl => effect.kl,
            RankBy::LogitDifference => effect.logit_difference,
        };
        value.map_or(-1.0, f64::abs)
    };
    effects.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.latent.cmp(&b.latent)));
}
