//! The loaded model and SAEs: what changes with them, and what an address means by their ids.

use super::reference::Reference;
use super::url::Place;
use super::{History, Phase, Remote, State};
use crate::data::{Info, ModelInfo, SaeInfo, Trace};
use crate::shared::Shared;

impl State {
    pub(super) fn model_loaded(&mut self, model: ModelInfo) {
        self.keep_earlier(&model.id);
        self.place.model = Some(model.id.clone());
        self.select_feature(None, History::Push);
        self.place.sae = None;
        self.place.token = None;
        self.empty_tray();
        self.generate.forget();
        self.model = Some(Shared::new(model));
        self.saes = Shared::default();
        self.numbers.clear();
        self.identities.forget(None);
        self.sample_loss = Remote::Idle;
        // The tokens may be others, and all that was computed is of the model before.
        self.trace = None;
        self.recorded = None;
        self.expected = Shared::default();
        self.problem = None;
        self.phase = Phase::Ready;
        self.at_once = true;
    }

    pub(super) fn sae_loaded(&mut self, sae: SaeInfo) {
        let id = sae.id.clone();
        let back = self.take_back(&id);
        let mut saes = (*self.saes).clone();
        saes.retain(|one| one.id != id);
        saes.insert(back.unwrap_or(saes.len()).min(saes.len()), sae);
        self.saes = Shared::new(saes);
        self.identities.forget(Some(&id));
        self.numbers.retain(|one| one.0 != id);
        self.select_sae(id);
        self.outdated();
    }

    /// An SAE comes after the one in view, which stays selected; `before` are ids of those that go behind it.
    pub(super) fn sae_beside(&mut self, sae: SaeInfo, before: &[String]) {
        let mut saes = (*self.saes).clone();
        saes.retain(|one| one.id != sae.id);
        self.identities.forget(Some(&sae.id));
        // What is known of the others stays true.
        self.stale |= saes.len() != self.saes.len();
        let at = saes.iter().position(|one| before.contains(&one.id));
        if self.place.sae.is_none() {
            self.place.sae = Some(sae.id.clone());
        }
        saes.insert(at.unwrap_or(saes.len()), sae);
        self.saes = Shared::new(saes);
        self.at_once = true;
    }

    /// The SAEs that are to be traced, where the trace on screen has the others already; nothing where the whole prompt is.
    pub fn only_new(&self) -> Option<Vec<String>> {
        let trace = self.trace.as_ref().filter(|_| self.recorded.is_none())?;
        let same = !self.stale
            && self.place.prompt.as_ref() == Some(&trace.prompt)
            && self.place.bos == trace.bos;
        let new = self.saes.iter().filter(|sae| trace.sae(&sae.id).is_none());
        let new: Vec<_> = new.map(|sae| sae.id.clone()).collect();
        (same && !new.is_empty() && new.len() < self.saes.len()).then_some(new)
    }

    /// Completes a trace of SAEs that came later with the SAEs of the one on screen; gives it back where the two are not of the same
    /// tokens, as after another decision about the BOS.
    pub(super) fn completed(&self, mut new: Trace) -> Result<Trace, Box<Trace>> {
        let old = self.trace.as_ref().filter(|_| self.only_new().is_some());
        let Some(old) = old.filter(|old| old.ids() == new.ids()) else {
            return Err(Box::new(new));
        };
        let rest = old.saes.iter().filter(|sae| new.sae(&sae.id).is_none());
        let loaded = |id: &str| self.saes.iter().any(|sae| sae.id == id);
        let rest: Vec<_> = rest.filter(|sae| loaded(&sae.id)).cloned().collect();
        new.saes.extend(rest);
        new.milliseconds = old.milliseconds;
        Ok(new)
    }

    pub(super) fn sae_unloaded(&mut self, id: &str) {
        let mut saes = (*self.saes).clone();
        saes.retain(|one| one.id != id);
        self.numbers.retain(|one| one.0 != id);
        if self.place.sae.as_deref() == Some(id) {
            self.place.sae = saes.last().map(|sae| sae.id.clone());
            self.select_feature(None, History::Replace);
        }
        self.saes = Shared::new(saes);
        self.at_once = true;
    }

    /// Something else is loaded now: results from before may be of weights that had the same id.
    pub(super) fn outdated(&mut self) {
        self.stale = true;
        self.feature = Remote::Idle;
        self.editing.answer = None;
        self.at_once = true;
        self.attempt = self.attempt.wrapping_add(1);
    }

    /// Of several layers the middle one has the most to see.
    pub(super) fn middle_sae(&self) -> Option<String> {
        self.saes.get(self.saes.len() / 2).map(|sae| sae.id.clone())
    }

    /// The SAE that the address names and that is not loaded. Nothing of another one is shown in its place.
    pub fn missing_sae(&self) -> Option<&str> {
        let id = self.place.sae.as_deref()?;
        let loaded = self.saes.iter().any(|sae| sae.id == id);
        (self.model.is_some() && !loaded).then_some(id)
    }

    /// Takes over what is loaded, as the engine reports it: a script on the page may have changed it. `changed` says that
    /// one certainly did. What the page loads itself it knows already.
    pub(super) fn synchronise(&mut self, info: &Info, changed: bool) {
        if self.job.is_some() || self.phase == Phase::Loading {
            return;
        }
        let Some(model) = &info.model else { return };
        if self.model.as_deref() != Some(model) {
            self.model_loaded(model.clone());
        }
        let here = self.saes.clone();
        for sae in here.iter() {
            if !info.saes.iter().any(|one| one.id == sae.id) {
                self.sae_unloaded(&sae.id);
            }
        }
        for sae in &info.saes {
            if !here.contains(sae) {
                self.sae_loaded(sae.clone());
            }
        }
        if changed {
            // Another file may have come under the same id.
            self.identities.forget(None);
            self.outdated();
        }
    }

    /// The place with the ids of everything that is loaded, for the address.
    pub fn address(&self) -> Place {
        let mut place = self.place.clone();
        let beside = self
            .saes
            .iter()
            .map(|sae| &sae.id)
            .filter(|&id| place.sae.as_ref() != Some(id) && loads_by_itself(id));
        place.beside = beside.map(|id| self.pinned_sae(id)).collect();
        place.sae = place.sae.map(|id| self.pinned_sae(&id));
        for id in place.tray_saes() {
            *id = self.pinned_sae(id);
        }
        place.model = place.model.map(|id| match &self.model {
            Some(model) if model.id == id => pinned_model(model),
            _ => id,
        });
        place
    }

    /// An SAE's id for others: with the commit that was loaded.
    fn pinned_sae(&self, id: &str) -> String {
        let sae = self.saes.iter().find(|sae| sae.id == id);
        Reference::of(id).pinned(id, sae.and_then(|sae| sae.origin.as_ref()))
    }

    /// The place with the ids by which what it names is loaded here: an address may name the same at its commit.
    pub(super) fn as_loaded(&self, mut place: Place) -> Place {
        if let Some(model) = &self.model
            && place.model.as_ref() == Some(&pinned_model(model))
        {
            place.model = Some(model.id.clone());
        }
        let localise = |id: &mut String| {
            let here = self.saes.iter().any(|sae| sae.id == *id);
            let same = self
                .saes
                .iter()
                .find(|sae| !here && self.pinned_sae(&sae.id) == *id);
            if let Some(sae) = same {
                id.clone_from(&sae.id);
            }
        };
        let shown = place.sae.iter_mut().chain(&mut place.beside);
        shown.for_each(localise);
        place.tray_saes().for_each(localise);
        place
    }

    /// The parts of an address that are not loaded: the model, and those SAEs for it that the page could load.
    pub fn missing(&self, place: &Place) -> (Option<String>, Vec<String>) {
        let place = self.as_loaded(place.clone());
        let here = self.model.as_ref().map_or("demo", |model| &model.id);
        let model = place.model.clone().filter(|asked| asked != here);
        let loaded = |id: &String| model.is_none() && self.saes.iter().any(|sae| sae.id == *id);
        let saes = place
            .sae
            .iter()
            .chain(&place.beside)
            .filter(|id| loads_by_itself(id) && !loaded(id));
        (model.clone(), saes.cloned().collect())
    }
}

/// A model's id for others: with the commit that was loaded.
fn pinned_model(model: &ModelInfo) -> String {
    Reference::of_model(&model.id).pinned(&model.id, model.origin.as_ref())
}

/// True where an SAE's id says where it is loaded from, for a page that does not have it.
fn loads_by_itself(id: &str) -> bool {
    !matches!(Reference::of(id), Reference::Part | Reference::File(..))
}
