//! Rules by which a token and a feature are selected, so that the selected feature always means something on screen.

use super::reference::readable;
use super::tray::FeatureId;
use super::{EditState, History, Remote, State};
use crate::data::Neighbour;
use crate::display::hook_label;
use crate::format::fixed;
use crate::ranking;
use crate::state::lists::View;

/// The decoder cosine from which on a feature counts as the counterpart of another SAE's. Of thousands of random directions of
/// 128 dimensions the nearest has about 0.36, and less where there are more dimensions.
pub const COUNTERPART: f32 = 0.5;

/// A search for the counterpart of a feature in another SAE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The feature.
    pub from: FeatureId,
    /// Id of the SAE in which its counterpart is looked for.
    pub to: String,
}

/// What belongs to the selection beside the address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// True from a change of the prompt until its trace: the feature was selected in another prompt.
    pub inherited: bool,
    /// The search under way.
    pub matching: Option<Matching>,
    /// What it found, in a sentence, while that feature stays selected.
    pub matched: Option<String>,
}

impl State {
    /// The selected feature, if its SAE is loaded.
    pub fn selected(&self) -> Option<FeatureId> {
        let sae = self.place.sae.clone()?;
        let latent = self.place.feature?;
        let loaded = self.saes.iter().any(|one| one.id == sae);
        loaded.then_some(FeatureId { sae, latent })
    }

    /// Name of an SAE for people: its layer, or its id where that says more.
    pub fn sae_name(&self, id: &str) -> String {
        let label = |id: &str| {
            let sae = self.saes.iter().find(|sae| sae.id == id)?;
            Some(hook_label(&sae.hook))
        };
        let others = self.saes.iter().filter(|sae| sae.id != id);
        match label(id) {
            Some(name) if others.into_iter().all(|sae| hook_label(&sae.hook) != name) => name,
            _ => readable(id),
        }
    }

    /// A feature's name for people: `feature 903 of layer 3`.
    pub fn feature_name(&self, feature: &FeatureId) -> String {
        format!(
            "feature {} of {}",
            feature.latent,
            self.sae_name(&feature.sae)
        )
    }

    /// A token is selected. The selected feature stays where it is active there; else the token's most specific one is selected.
    pub(super) fn select_token(&mut self, token: usize, history: History) {
        self.place.token = Some(token);
        self.place.view = View::Token;
        self.history = history;
        let (Some(trace), Some(sae)) = (&self.trace, self.sae_trace()) else {
            return;
        };
        let stays = self
            .place
            .feature
            .is_some_and(|latent| ranking::is_active(sae, token, latent));
        if let (false, Some(latent)) = (stays, ranking::most_specific(trace, sae, token)) {
            self.select_feature(Some(latent), history);
        }
    }

    /// A feature of the selected SAE is selected, or none.
    pub(super) fn select_feature(&mut self, latent: Option<u32>, history: History) {
        if latent != self.place.feature {
            self.forget_feature();
        }
        self.selection.matching = None;
        self.place.feature = latent;
        self.history = history;
        self.describe_recorded();
    }

    /// What was asked, typed and found was about another feature.
    pub(super) fn forget_feature(&mut self) {
        self.feature = Remote::Idle;
        self.forgotten = self.forgotten.wrapping_add(1);
        self.selection.matched = None;
        self.edit = EditState {
            reach: self.edit.reach,
            ..EditState::default()
        };
    }

    /// An SAE is selected: the feature's counterpart there is looked for.
    pub(super) fn select_sae(&mut self, sae: String) {
        if self.place.sae.as_ref() == Some(&sae) {
            return;
        }
        let from = self.selected();
        self.place.sae = Some(sae.clone());
        self.select_feature(None, History::Push);
        match from {
            Some(from) => self.selection.matching = Some(Matching { from, to: sae }),
            None => self.choose(),
        }
    }

    /// The search that is to be made: the one under way, once both SAEs are there.
    pub fn search(&self) -> Option<&Matching> {
        let matching = self.selection.matching.as_ref()?;
        let loaded = |id: &str| self.saes.iter().any(|sae| sae.id == id);
        (loaded(&matching.from.sae) && loaded(&matching.to)).then_some(matching)
    }

    /// The answer to a search. One that the person no longer waits for changes nothing.
    pub(super) fn matched(&mut self, request: &Matching, result: Result<Vec<Neighbour>, String>) {
        if self.selection.matching.as_ref() != Some(request) {
            return;
        }
        self.selection.matching = None;
        let Matching { from, to } = request;
        let (from, to) = (self.feature_name(from), self.sae_name(to));
        let none = |why: String| {
            format!(
                "No counterpart of {from} in {to}: {why} The most specific feature of the token is shown instead."
            )
        };
        let nearest = result.map(|found| found.first().cloned());
        let (latent, said) = match nearest {
            Ok(Some(Neighbour { latent, cosine })) if cosine >= COUNTERPART => {
                let cosine = fixed(cosine.into(), 2);
                let from = from.replacen('f', "F", 1);
                (
                    Some(latent),
                    format!("{from} → {latent} of {to}, decoder cosine {cosine}."),
                )
            }
            Ok(Some(Neighbour { latent, cosine })) => (
                None,
                none(format!(
                    "the nearest, {latent}, has decoder cosine {}, below {}.",
                    fixed(cosine.into(), 2),
                    fixed(COUNTERPART.into(), 1)
                )),
            ),
            Ok(None) => (
                None,
                none("no feature there has a similar direction.".to_owned()),
            ),
            Err(why) => (None, none(why)),
        };
        self.history = History::Replace;
        match latent {
            Some(latent) => self.select_feature(Some(latent), History::Replace),
            None => self.choose(),
        }
        self.selection.matched = Some(said);
    }

    /// A sentence about the search for a counterpart: what is looked for, or what was found.
    pub fn about_match(&self) -> Option<String> {
        match &self.selection.matching {
            Some(Matching { from, to }) => Some(format!(
                "Looking for the counterpart of {} in {}…",
                self.feature_name(from),
                self.sae_name(to)
            )),
            None => self.selection.matched.clone(),
        }
    }

    /// A trace of another prompt came: a feature from before that is nowhere active in it is not kept.
    pub(super) fn drop_stale_feature(&mut self) {
        let inherited = std::mem::take(&mut self.selection.inherited);
        let (Some(trace), Some(sae), Some(latent)) =
            (&self.trace, self.sae_trace(), self.place.feature)
        else {
            return;
        };
        let at_selected = self
            .place
            .token
            .is_some_and(|token| ranking::is_active(sae, token, latent));
        let own = trace.first_own()..trace.tokens.len();
        let active = at_selected
            || own
                .into_iter()
                .any(|token| ranking::is_active(sae, token, latent));
        if inherited && !active {
            self.select_feature(None, self.history);
        }
    }

    /// Selects what nobody has selected: a token, and one of its features.
    pub(super) fn choose(&mut self) {
        if self.selection.matching.is_some() {
            return;
        }
        let (Some(trace), Some(sae)) = (self.trace.clone(), self.sae_trace()) else {
            return;
        };
        let (token, latent) = ranking::choose(&trace, sae, self.place.token, self.place.feature);
        self.place.token = Some(token);
        if latent != self.place.feature {
            // Why there is no counterpart is still to be read beside the feature that is shown instead.
            let matched = self.selection.matched.take();
            self.select_feature(latent, self.history);
            self.selection.matched = matched;
        }
    }
}
