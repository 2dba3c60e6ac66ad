//! The loaded model and feature sets, by id.

use std::cell::Cell;
use wire::Tokenization;

use crate::error::Error;
use crate::store::feature_set::{LoadedSet, SetId};
use crate::store::model::LoadedModel;
use crate::tokens::{Bos, BosDecision, Input, Prompt, Training, decide};

/// Everything that is loaded.
#[derive(Default)]
pub(crate) struct Store {
    model: Option<LoadedModel>,
    sets: Vec<LoadedSet>,
    /// Ids of the feature sets that questions are about; `None`: all.
    view: Option<Vec<String>>,
    next_id: Cell<u32>,
}

impl Store {
    /// # Errors
    /// [`Error::NoModel`].
    pub(crate) fn model(&self) -> Result<&LoadedModel, Error> {
        self.model.as_ref().ok_or(Error::NoModel)
    }

    /// Puts a model in the place of the one there was, whose feature sets go with it.
    pub(crate) fn keep_model(&mut self, model: LoadedModel) {
        self.sets.clear();
        self.model = Some(model);
    }

    /// A name for a feature set that is about to be loaded.
    pub(crate) fn new_id(&self) -> SetId {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        SetId(id)
    }

    /// Limits everything that is asked, decisions about the BOS included, to the feature sets with these ids; `None` limits nothing.
    pub(crate) fn look_at(&mut self, view: Option<Vec<String>>) {
        self.view = view;
    }

    /// The feature sets in view, in the order of their loading.
    pub(crate) fn sets(&self) -> impl Iterator<Item = &LoadedSet> {
        let seen = |set: &&LoadedSet| match &self.view {
            Some(view) => view.contains(&set.info.id),
            None => true,
        };
        self.sets.iter().filter(seen)
    }

    /// # Errors
    /// [`Error::UnknownSae`].
    pub(crate) fn set(&self, id: &str) -> Result<&LoadedSet, Error> {
        self.sets()
            .find(|set| set.info.id == id)
            .ok_or_else(|| Error::UnknownSae {
                id: id.to_owned(),
                loaded: self.sets().map(|set| set.info.id.clone()).collect(),
            })
    }

    /// The feature set with this id, or the only one at the hook point of this name.
    ///
    /// # Errors
    /// [`Error::UnknownSae`]; [`Error::BadOption`] for a hook point at which there are several.
    pub(crate) fn set_or_hook(&self, name: &str) -> Result<&LoadedSet, Error> {
        let unknown = match self.set(name) {
            Ok(set) => return Ok(set),
            Err(unknown) => unknown,
        };
        let at_hook = self.sets().filter(|set| set.info.hook == name);
        let at_hook: Vec<&LoadedSet> = at_hook.collect();
        match at_hook[..] {
            [] => Err(unknown),
            [set] => Ok(set),
            _ => {
                let ids = at_hook.iter().map(|set| set.info.id.as_str());
                Err(Error::BadOption {
                    name: "sae",
                    value: name.to_owned(),
                    expected: format!(
                        "several feature sets are at this hook; name one by its id: {}",
                        ids.collect::<Vec<_>>().join(", ")
                    ),
                })
            }
        }
    }

    /// The feature sets with these ids, or all.
    ///
    /// # Errors
    /// [`Error::UnknownSae`].
    pub(crate) fn chosen(&self, ids: Option<&[String]>) -> Result<Vec<&LoadedSet>, Error> {
        match ids {
            None => Ok(self.sets().collect()),
            Some(ids) => ids.iter().map(|id| self.set(id)).collect(),
        }
    }

    /// Puts a feature set beside the others, in the place of one with the same id.
    pub(crate) fn keep_set(&mut self, loaded: LoadedSet) {
        let mut sets = self.sets.iter_mut();
        match sets.find(|set| set.info.id == loaded.info.id) {
            Some(place) => *place = loaded,
            None => self.sets.push(loaded),
        }
    }

    /// Takes a feature set off the device.
    ///
    /// # Errors
    /// [`Error::UnknownSae`].
    pub(crate) fn remove_set(&mut self, id: &str) -> Result<(), Error> {
        self.set(id)?;
        self.sets.retain(|set| set.info.id != id);
        Ok(())
    }

    fn trainings(&self) -> Vec<Training<'_>> {
        self.sets().map(LoadedSet::training).collect()
    }

    /// # Errors
    /// [`Error::NoModel`].
    pub(crate) fn bos_decision(&self, bos: Bos) -> Result<BosDecision, Error> {
        Ok(decide(bos, &self.model()?.vocabulary, &self.trainings()))
    }

    /// # Errors
    /// [`Error::NoModel`], [`Error::BadOption`].
    pub(crate) fn tokenize(&self, input: Input<'_>, bos: Bos) -> Result<Tokenization, Error> {
        let vocabulary = &self.model()?.vocabulary;
        vocabulary.tokenize(input, bos, &self.trainings())
    }

    /// An input's tokens, refused where the model cannot run them at once.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::BadOption`].
    pub(crate) fn prompt(&self, input: Input<'_>, bos: Bos) -> Result<Prompt, Error> {
        let vocabulary = &self.model()?.vocabulary;
        vocabulary.prompt(input, bos, &self.trainings())
    }

    /// An input in windows of at most the context.
    ///
    /// # Errors
    /// As [`Store::prompt`], without [`Error::PromptTooLong`].
    pub(crate) fn windows(&self, input: Input<'_>, bos: Bos) -> Result<Vec<Prompt>, Error> {
        let vocabulary = &self.model()?.vocabulary;
        vocabulary.windows(input, bos, &self.trainings())
    }
}
