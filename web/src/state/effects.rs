//! Effects: what ablating each active feature of the prompt changes, measured on the prompt.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use super::{History, State};
use crate::data::{Effect, SaeTrace, Token, from_js};
use crate::ranking::at_token;

/// The number by which features are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Mean KL(clean ‖ ablated).
    #[default]
    Kl,
    /// Change of the mean loss.
    Loss,
    /// Change of the target's logit minus the distractor's.
    Target,
}

impl By {
    /// All, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Kl, Self::Loss, Self::Target];

    /// The number of an effect.
    pub fn of(self, effect: &Effect) -> Option<f64> {
        match self {
            Self::Kl => effect.kl,
            Self::Loss => effect.loss,
            Self::Target => effect.logit_difference,
        }
    }
}

/// What is typed before a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Positions at which features are ablated.
    Positions,
    /// The token whose logit counts.
    Target,
    /// The token that it is compared with.
    Distractor,
}

impl Field {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positions => "effects-at",
            Self::Target => "effects-target",
            Self::Distractor => "effects-against",
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The prompt.
    pub prompt: String,
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// Id of the SAE.
    pub sae: String,
    /// Positions at which features are ablated; empty for all that count.
    pub positions: String,
    /// Target and distractor, where they were named.
    pub compared: Option<(Token, Token)>,
    /// Features that are active at these positions.
    pub expected: usize,
}

/// The settings, and what came of the last measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// What they are ranked by.
    pub by: By,
    /// True if tokens are listed with changes of their probability, and not of their logit.
    pub probabilities: bool,
    /// True if everything is to be measured, and nothing bounded.
    pub exact: bool,
    /// The feature whose effect along the prompt is shown.
    pub open: Option<u32>,
    /// True if all are listed, and not only the largest.
    pub all: bool,
    /// True while features are ablated.
    pub running: bool,
    /// Tells a measurement from those before it.
    pub run: u32,
    /// What is on screen; nothing before the first measurement.
    pub about: Option<About>,
    /// Measured effects, in the order in which they came.
    pub effects: Vec<Effect>,
    /// The clean run, once everything is measured.
    pub clean: Option<Clean>,
    /// Why it ended early, or did not begin.
    pub ended: Option<String>,
}

from_js! {
    /// What is read of a result when its effects have come one by one: the clean run that they are taken from.
    Clean {
        /// Mean loss, nats.
        loss: Option<f64> = "loss",
        /// The target's logit minus the distractor's.
        logit_difference: Option<f64> = "logitDifference",
    }
}

/// Something about effects.
#[derive(Clone, Debug)]
pub enum EffectsAction {
    /// A field, as typed.
    Type(Field, String),
    /// Another order.
    Rank(By),
    /// Tokens by probability, or by logit.
    Probabilities(bool),
    /// The feature whose effect along the prompt is shown; the same again closes it.
    Open(u32),
    /// All features are listed, or the largest only.
    All(bool),
    /// Everything is to be measured, or some of it bounded.
    Exact(bool),
    /// What is typed cannot be measured, and why.
    Refused(String),
    /// A measurement begins.
    Started(u32, About),
    /// Effects came.
    Came(u32, Vec<Effect>),
    /// It ended: the clean run, or why not.
    Finished(u32, Result<Clean, String>),
}

impl Effects {
    /// True while what comes for this run belongs on the page.
    fn awaits(&self, run: u32) -> bool {
        self.running && self.run == run
    }

    /// Without a measurement that is under way; what was measured stays.
    pub(super) fn stop(&mut self, why: &str) {
        if self.running {
            self.running = false;
            self.ended = Some(why.to_owned());
        }
    }

    /// What was measured, the largest effect first; one whose number is missing comes last.
    pub fn ranked(&self) -> Vec<&Effect> {
        let size = |effect: &Effect| self.by.of(effect).map_or(-1.0, f64::abs);
        let mut ranked: Vec<&Effect> = self.effects.iter().collect();
        ranked.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.latent.cmp(&b.latent)));
        ranked
    }
}

/// Number of features that are active at the chosen positions of a trace: all that count where the text names none.
///
/// # Errors
/// What is wrong with the text.
pub fn active_at(sae: &SaeTrace, positions: &str) -> Result<usize, String> {
    let chosen = match positions.trim() {
        "" => None,
        text => Some(wire::Positions::from_str(text).map_err(|error| error.to_string())?),
    };
    let counts = |position: u32| match &chosen {
        None => !sae.skipped.contains(&position),
        Some(chosen) => chosen.contains(position),
    };
    let positions = (0..).take(sae.latents.len() / sae.k.max(1));
    let active = positions
        .filter(|position| counts(*position))
        .flat_map(|position| at_token(sae, position as usize))
        .filter(|active| active.activation != 0.0);
    let latents: BTreeSet<u32> = active.map(|active| active.latent).collect();
    Ok(latents.len())
}

impl State {
    /// A field of the address says something else.
    pub(super) fn ask(&mut self, name: &'static str, text: String) {
        self.place.asked.set(name, text);
        self.history = History::ReplaceSoon;
    }

    pub(super) fn effects(&mut self, action: EffectsAction) {
        let effects = &mut self.effects;
        match action {
            EffectsAction::Type(field, text) => {
                if !effects.running {
                    effects.ended = None;
                }
                self.ask(field.name(), text);
            }
            EffectsAction::Rank(by) => effects.by = by,
            EffectsAction::Probabilities(probabilities) => effects.probabilities = probabilities,
            EffectsAction::Open(latent) => {
                effects.open = (effects.open != Some(latent)).then_some(latent);
            }
            EffectsAction::All(all) => effects.all = all,
            EffectsAction::Exact(exact) => effects.exact = exact,
            EffectsAction::Refused(why) => effects.ended = Some(why),
            EffectsAction::Started(run, about) => {
                // Without two tokens there is nothing else to rank by.
                let by = match (&about.compared, effects.by) {
                    (None, By::Target) => By::Kl,
                    (_, by) => by,
                };
                *effects = Effects {
                    by,
                    probabilities: effects.probabilities,
                    exact: effects.exact,
                    running: true,
                    run,
                    about: Some(about),
                    ..Effects::default()
                };
            }
            EffectsAction::Came(run, found) if effects.awaits(run) => effects.effects.extend(found),
            EffectsAction::Finished(run, result) if effects.awaits(run) => {
                effects.running = false;
                match result {
                    Ok(clean) => effects.clean = Some(clean),
                    Err(why) => effects.ended = Some(why),
                }
            }
            // Of a measurement that the page has given up.
            EffectsAction::Came(..) | EffectsAction::Finished(..) => {}
        }
    }
}
