//! What the page of a feature asks of the loaded model: activations on a text of one's own, and ablations.

use super::atlas::AtlasFeature;
use super::route::Route;
use super::tray::FeatureId;
use super::{Phase, Remote, State};
use crate::atlas::Effect;
use crate::data::Trace;
use crate::shared::Shared;

/// A run of the person's own text with one SAE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnText {
    /// The text.
    pub text: String,
    /// Id of the SAE.
    pub sae: String,
}

/// Ablations of a feature in its strongest contexts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ablations {
    /// The feature.
    pub feature: AtlasFeature,
    /// Contexts to be run.
    pub total: usize,
    /// Effects in the first of them.
    pub effects: Vec<Effect>,
    /// True while they are run.
    pub running: bool,
    /// Why not all of them were run.
    pub ended: Option<String>,
    /// Tells it from those before it, whose last results may still be on their way.
    pub run: u32,
}

/// Results of the loaded model on the page of a feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// The text as typed.
    pub typed: String,
    /// The last run of it, and what came of it.
    pub traced: Option<(OwnText, Remote<Shared<Trace>>)>,
    /// The last ablations.
    pub ablations: Ablations,
}

/// Something about them.
#[derive(Clone, Debug)]
pub enum LiveAction {
    /// A text was typed.
    Type(String),
    /// A run of it is requested.
    Requested(OwnText),
    /// A run came, or why it did not.
    Received(OwnText, Result<Trace, String>),
    /// A run that failed is wanted again.
    Retry,
    /// So many ablations of a feature begin.
    Ablating(u32, AtlasFeature, usize),
    /// The next context's effect came.
    Ablated(u32, Effect),
    /// They ended; with the reason where not all were run.
    AblationsEnded(u32, Option<String>),
}

impl State {
    pub(super) fn live_action(&mut self, action: LiveAction) {
        let live = &mut self.live;
        let ablations = &mut live.ablations;
        match action {
            LiveAction::Type(text) => live.typed = text,
            LiveAction::Requested(own) => live.traced = Some((own, Remote::Waiting)),
            LiveAction::Received(own, result) => {
                if let Some((wanted, traced)) = &mut live.traced
                    && *wanted == own
                {
                    *traced = result
                        .map_or_else(Remote::Failed, |trace| Remote::Here(Shared::new(trace)));
                }
            }
            LiveAction::Retry => live.traced = None,
            LiveAction::Ablating(run, feature, total) => {
                *ablations = Ablations {
                    feature,
                    total,
                    running: true,
                    run,
                    ..Ablations::default()
                };
            }
            LiveAction::Ablated(run, effect) if ablations.run == run && ablations.running => {
                ablations.effects.push(effect);
            }
            LiveAction::AblationsEnded(run, why) if ablations.run == run => {
                ablations.running = false;
                ablations.ended = why;
            }
            // Of ablations that were given up.
            LiveAction::Ablated(..) | LiveAction::AblationsEnded(..) => {}
        }
    }

    /// Id of the loaded SAE of the feature whose page is shown.
    pub fn page_sae(&self) -> Option<&str> {
        let page = self.place.page.as_ref()?;
        let (_, set) = self.atlas.set(&page.set)?;
        Some(&self.sae_of_set(set)?.id)
    }

    /// The feature whose page is shown, as the tray names it.
    pub fn page_feature(&self) -> Option<FeatureId> {
        let page = self.place.page.as_ref()?;
        let (_, set) = self.atlas.set(&page.set)?;
        Some(FeatureId {
            sae: self.sae_id_of_set(set)?,
            latent: page.latent,
        })
    }

    /// The run of the person's own text that is to be requested. The prompt's own trace goes before it.
    pub fn own_text_to_run(&self) -> Option<OwnText> {
        let ready = self.phase == Phase::Ready && !self.is_tracing() && self.recorded.is_none();
        if self.place.route != Route::Features || !ready || self.live.typed.trim().is_empty() {
            return None;
        }
        let own = OwnText {
            text: self.live.typed.clone(),
            sae: self.page_sae()?.to_owned(),
        };
        let requested = self.live.traced.as_ref().map(|(own, _)| own);
        (requested != Some(&own)).then_some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::super::atlas_tests::{named, served};
    use super::super::*;
    use super::*;
    use crate::data::{ModelInfo, SaeInfo, SaeTrace};

    /// The page of a feature, with its model and SAE loaded and the prompt traced.
    fn page() -> State {
        let (state, _) = served(named("#/features/layer-3/130?prompt=once"), &[]);
        let model = ModelInfo {
            id: "demo".to_owned(),
            name: "tiny".to_owned(),
            vocab: 2,
            ..ModelInfo::default()
        };
        let sae = SaeInfo {
            id: "a".to_owned(),
            hook: "blocks.3.hook_resid_post".to_owned(),
            n_latents: 200,
            ..SaeInfo::default()
        };
        state.after(Action::EngineReady(model, vec![sae]))
    }

    fn traced(state: State, prompt: &str) -> State {
        state.after(Action::Traced(Trace {
            prompt: prompt.to_owned(),
            saes: vec![SaeTrace {
                id: "a".to_owned(),
                n_latents: 200,
                ..SaeTrace::default()
            }],
            ..Trace::default()
        }))
    }

    fn after(state: State, action: LiveAction) -> State {
        state.after(Action::Live(action))
    }

    #[test]
    fn a_text_of_ones_own_runs_behind_the_prompt_and_once() {
        let state = after(page(), LiveAction::Type("king".to_owned()));
        assert_eq!(
            state.own_text_to_run(),
            None,
            "the prompt's trace is awaited"
        );
        let state = traced(state, "once");
        let own = state.own_text_to_run().unwrap();
        assert_eq!((own.text.as_str(), own.sae.as_str()), ("king", "a"));
        let state = after(state, LiveAction::Requested(own.clone()));
        assert_eq!(state.own_text_to_run(), None);
        // Another text comes before the answer: that is not shown under it.
        let state = after(state, LiveAction::Type("queen".to_owned()));
        let next = state.own_text_to_run().unwrap();
        let state = after(state, LiveAction::Requested(next.clone()));
        let state = after(state, LiveAction::Received(own, Ok(Trace::default())));
        assert!(matches!(&state.live.traced, Some((_, Remote::Waiting))));
        let state = after(
            state,
            LiveAction::Received(next, Err("cancelled".to_owned())),
        );
        assert!(matches!(&state.live.traced, Some((_, Remote::Failed(_)))));
        assert!(state.own_text_to_run().is_none(), "not again by itself");
        assert!(
            after(state.clone(), LiveAction::Retry)
                .own_text_to_run()
                .is_some()
        );
        let away = state.after(Action::Go(Route::Prompt));
        assert_eq!(after(away, LiveAction::Retry).own_text_to_run(), None);
    }

    #[test]
    fn effects_of_ablations_that_were_given_up_are_not_shown() {
        let feature = |latent| AtlasFeature {
            set: "layer-3".to_owned(),
            latent,
        };
        let state = after(page(), LiveAction::Ablating(1, feature(130), 3));
        let state = after(state, LiveAction::Ablated(1, Effect::default()));
        let state = after(state, LiveAction::Ablating(2, feature(131), 2));
        let state = after(state, LiveAction::Ablated(1, Effect::default()));
        let state = after(state, LiveAction::AblationsEnded(1, None));
        let ablations = &state.live.ablations;
        assert!(ablations.running && ablations.effects.is_empty());
        let state = after(state, LiveAction::Ablated(2, Effect::default()));
        let state = after(
            state,
            LiveAction::AblationsEnded(2, Some("Cancelled.".to_owned())),
        );
        let ablations = &state.live.ablations;
        assert!(!ablations.running && ablations.effects.len() == 1);
        assert_eq!(ablations.ended.as_deref(), Some("Cancelled."));
    }
}
