//! What each active feature of a prompt causes, by ablation.

mod batches;
mod bounded;
mod bounds;
mod clean;
mod direct;
mod measure;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use kernels::BackendKind;
use wire::{Edit, Effect, Effects, Positions};

use self::batches::{Ablation, Ablations, End};
use self::bounded::Bounded;
use self::measure::Measure;
use crate::analysis::compared::check_tokens;
use crate::analysis::edit_table::Resolved;
use crate::analysis::question::{Question, due};
use crate::analysis::suffixes::pack;
use crate::error::Error;
use crate::run::clean::CleanWanted;
use crate::run::executor::Submitted;
use crate::tokens::{Bos, Input};

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
    /// The share of a mean KL, from 0 to 1, by which it may be off: logits are computed of as few rows as prove that. 0 measures all.
    /// On the CPU device alone; a GPU, for which logits are little work, always measures all.
    pub within: f64,
    /// True if a BOS is prepended.
    pub bos: Bos,
}

impl EffectsOptions {
    /// For a feature set: all positions that count, ten tokens, by KL, all measured.
    pub fn new(sae: &str) -> Self {
        Self {
            sae: sae.to_owned(),
            positions: None,
            tokens: None,
            rank_by: RankBy::default(),
            top: 10,
            within: 0.0,
            bos: Bos::Auto,
        }
    }
}

/// A batch that was submitted: its run, and the features that it ablates.
type UnderWay<'a> = (Submitted, &'a [Ablation]);

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
    let bounded = options.within > 0.0 && question.executor.device().kind() == BackendKind::Cpu;
    let wanted = CleanWanted {
        top: 1,
        logits: bounded,
    };
    let pass = question
        .clean(std::slice::from_ref(&prompt), wanted)
        .await?;
    let clean = clean::clean(question, &prompt, &pass, options.tokens).await?;
    let counted = set.counted(&model.vocabulary, &prompt);
    let chosen = Resolved {
        edit: &Edit {
            positions: options.positions.clone(),
            ..Edit::set(&options.sae, 0, 0.0)
        },
        set,
        when: None,
    }
    .chosen(&counted, "the prompt")?;
    let active = clean::active(question, set, &pass, &chosen).await?;
    let direct = direct::direct_weights(question, set, options.tokens).await?;
    let measure = Measure {
        question,
        options,
        clean: &clean,
        direct: direct.as_deref(),
        counted: &counted,
    };
    let latents = active.keys().copied().collect();
    let known = active.into_iter();
    let known: Vec<Ablation> = known
        .map(|(latent, active)| Ablation { latent, active })
        .collect();
    let all = known.len();
    let of_prompt = (&prompt, &*pass);
    let ablations = Ablations::new(question, of_prompt, set, &chosen, latents).await?;
    let batches = pack(known, prompt.ids.len(), ablations.rows(), |one| {
        one.active.first
    });
    let mut found: Vec<Effect> = Vec::new();
    let mut came = |effects: Vec<Effect>| {
        let stop = on_effects(&effects).is_break();
        found.extend(effects);
        question.pace.report(found.len(), all);
        match stop {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    };
    question.pace.report(0, all);
    if bounded {
        let bounded = Bounded::new(question, of_prompt, &measure).await?;
        for batch in &batches {
            question.pace.step().await?;
            let submitted = ablations.submit(batch, End::Stream).await?;
            let output = submitted.output(|set| question.name(set)).await?;
            came(bounded.effects(&output.matrix(0)?, batch).await?)?;
        }
    } else {
        let mut batches = batches.iter();
        let mut under_way: VecDeque<UnderWay<'_>> = VecDeque::new();
        loop {
            question.pace.step().await?;
            let next = batches.next();
            let ended = next.is_none();
            if let Some(batch) = next {
                under_way.push_back((ablations.submit(batch, End::Logits).await?, batch));
            }
            while let Some((submitted, batch)) = due(&mut under_way, ended) {
                let output = submitted.output(|set| question.name(set)).await?;
                came(measure.batch(&output.head()?, batch)?)?;
            }
            if ended {
                break;
            }
        }
    }
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
    let tokens = options.tokens.into_iter();
    let named =
        tokens.flat_map(|(target, distractor)| [("target", target), ("distractor", distractor)]);
    check_tokens(question, named)?;
    if !(0.0..=1.0).contains(&options.within) {
        return Err(Error::BadOption {
            name: "within",
            value: options.within.to_string(),
            expected: "it is a share from 0 to 1".to_owned(),
        });
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
