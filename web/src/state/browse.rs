//! The list of an atlas's features: which set and which of its features are listed, and the search by text, which the engine
//! answers.

use super::route::Route;
use super::{History, Phase, Remote, State};
use crate::atlas::PartId;
use crate::browse::{Query, Search, SearchKind};
use crate::data::Trace;
use crate::shared::Shared;

/// A text whose features are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRequest {
    /// Id of the loaded SAE.
    pub sae: String,
    /// The text.
    pub text: String,
}

/// What belongs to the list beside the address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrowseState {
    /// The text that was asked about last, and its trace.
    pub text: Option<(TextRequest, Remote<Shared<Trace>>)>,
}

/// Something about the list.
#[derive(Clone, Debug)]
pub enum BrowseAction {
    /// Another set is listed.
    List(String),
    /// Other features are listed, or in another order.
    Ask(Query, History),
    /// The list of a set is opened with a search.
    Open(String, Query),
    /// A text is being traced.
    TextRequested(TextRequest),
    /// Its trace came, or why it did not.
    TextReceived(TextRequest, Result<Shared<Trace>, String>),
    /// A text that failed is traced again.
    TextRetry,
}

impl State {
    pub(super) fn browse_action(&mut self, action: BrowseAction) {
        match action {
            BrowseAction::List(set) => {
                // Coordinates of another set's map mean nothing on this one's.
                self.place.browse.area.clear();
                self.list_set(set);
            }
            BrowseAction::Ask(query, history) => {
                self.place.browse = query;
                self.history = history;
            }
            BrowseAction::Open(set, query) => {
                self.place.browse = query;
                self.list_set(set);
            }
            BrowseAction::TextRequested(request) => {
                self.browse.text = Some((request, Remote::Waiting));
            }
            BrowseAction::TextReceived(request, result) => {
                if let Some((asked, answer)) = &mut self.browse.text
                    && *asked == request
                {
                    *answer = result.map_or_else(Remote::Failed, Remote::Here);
                }
            }
            BrowseAction::TextRetry => self.browse.text = None,
        }
    }

    fn list_set(&mut self, set: String) {
        self.place.route = Route::Features;
        self.place.page = None;
        self.place.listed = Some(set);
        self.history = History::Push;
    }

    /// Index of the set whose features are listed: the one that the address names, that of the selected SAE, or the first.
    /// Nothing where the atlas is not there, or has no set of the address's name.
    pub fn listed_set(&self) -> Option<usize> {
        let info = self.atlas.info()?;
        if let Some(named) = &self.place.listed {
            return self.atlas.set(named).map(|(set, _)| set);
        }
        self.set_of_selected()
            .or((!info.sets.is_empty()).then_some(0))
    }

    /// Index of the atlas's set that is about the selected SAE.
    pub fn set_of_selected(&self) -> Option<usize> {
        self.set_of_sae(self.place.sae.as_deref()?)
    }

    /// Index of the atlas's set that is about a loaded SAE.
    pub fn set_of_sae(&self, sae: &str) -> Option<usize> {
        let sets = self.atlas.info()?.sets.iter();
        let is = |set: &::atlas::SetInfo| self.sae_of_set(set).is_some_and(|one| one.id == sae);
        sets.enumerate()
            .find(|(_, set)| is(set))
            .map(|(index, _)| index)
    }

    /// Parts of the atlas that the list, the dialog that finds things, and the lists of a live trace need.
    pub(super) fn browsed_parts(&self) -> Vec<PartId> {
        let mut parts = Vec::new();
        if self.place.route == Route::Features && self.place.page.is_none() {
            parts.extend([PartId::Index, PartId::Vocabulary]);
            if let Some(set) = self.listed_set() {
                parts.push(PartId::Table(set));
                let kind = self.place.browse.search.as_ref().map(Search::kind);
                if kind == Some(SearchKind::On) {
                    parts.push(PartId::TokenIndex(set));
                }
                if self.place.browse.map || !self.place.browse.area.is_empty() {
                    parts.push(PartId::Map(set));
                }
            }
        }
        if self.find_open {
            parts.extend([PartId::Index, PartId::Vocabulary]);
            let sets = self.atlas.info().map_or(0, |info| info.sets.len());
            parts.extend((0..sets).map(PartId::Table));
        }
        // Lists of a prompt rank by the atlas, once what they are about is there. A first visit, which begins at the start page,
        // fetches nothing of it.
        let about_prompt = matches!(
            self.place.route,
            Route::Prompt | Route::Steer | Route::Effects | Route::Dose | Route::Patch
        );
        if about_prompt && self.is_current() {
            parts.push(PartId::Index);
            parts.extend(self.set_of_selected().map(PartId::Table));
        }
        // Features that are edited may be another SAE's.
        if self.place.route == Route::Steer || self.editing.open {
            let edited = self.place.edits.iter();
            parts.extend(
                edited
                    .filter_map(|edit| self.set_of_sae(&edit.sae))
                    .map(PartId::Table),
            );
        }
        // The feature that is swept may be another SAE's.
        if self.place.route == Route::Dose
            && let Ok(feature) = self.dosed_feature()
        {
            parts.extend(self.set_of_sae(&feature.sae).map(PartId::Table));
        }
        parts
    }

    /// The text to be traced for the list; nothing where it was asked about already, or cannot be.
    pub fn text_to_trace(&self) -> Option<TextRequest> {
        let on_list = self.place.route == Route::Features && self.place.page.is_none();
        let Some(Search::Text(text)) = &self.place.browse.search else {
            return None;
        };
        if !on_list || text.trim().is_empty() || self.phase != Phase::Ready || self.is_tracing() {
            return None;
        }
        let set = self.atlas.info()?.sets.get(self.listed_set()?)?;
        let request = TextRequest {
            sae: self.sae_of_set(set)?.id.clone(),
            text: text.clone(),
        };
        let asked = self.browse.text.as_ref();
        asked
            .is_none_or(|(asked, _)| *asked != request)
            .then_some(request)
    }
}
