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
