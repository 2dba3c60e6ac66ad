//! Removed SAEs and models, which can be had back.

use super::State;
use super::reference::{FILE, NEURONS, Reference};
use super::task::{Kind, Task};
use crate::data::{Origin, SaeInfo};

/// An SAE that was taken off the device, in its place among those that are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// Its index among the loaded SAEs and the removed ones before it.
    pub at: usize,
    /// Description from when it was loaded.
    pub sae: SaeInfo,
    /// Argument that loads it again, where the page loaded it.
    pub task: Option<Task>,
}

impl Removed {
    /// True if the page can load it again by itself.
    pub fn comes_back(&self) -> bool {
        let pinned = |origin: &Origin| origin.commit.is_some();
        self.task.is_some()
            || self.sae.origin.as_ref().is_some_and(pinned)
            || self.sae.id.starts_with(NEURONS)
    }
}

/// The model that was loaded before, with its SAEs.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// Name of the model.
    pub name: String,
    /// Tasks that load the model and its SAEs again.
    pub tasks: Vec<Task>,
}

/// A row of the list of SAEs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row<'a> {
    /// One that is loaded.
    Loaded(&'a SaeInfo),
    /// One that was.
    Removed(&'a Removed),
}

/// The loaded SAEs with the removed ones in their places.
pub fn rows<'a>(saes: &'a [SaeInfo], removed: &'a [Removed]) -> Vec<Row<'a>> {
    let mut rows: Vec<_> = saes.iter().map(Row::Loaded).collect();
    for one in removed {
        rows.insert(one.at.min(rows.len()), Row::Removed(one));
    }
    rows
}

impl State {
    /// Remembers how things are loaded, for when they are wanted again.
    pub(super) fn remember(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            self.library.tasks.retain(|one| one.id != task.id);
            self.library.tasks.push(task);
        }
    }

    fn task_of(&self, id: &str) -> Option<&Task> {
        self.library.tasks.iter().find(|task| task.id == id)
    }

    /// Keeps an SAE in the list of removed ones, before it leaves that of loaded ones.
    pub(super) fn keep_removed(&mut self, id: &str) {
        let rows = rows(&self.saes, &self.library.removed);
        let found = rows.iter().enumerate().find_map(|(at, row)| match row {
            Row::Loaded(sae) if sae.id == id => Some((at, (*sae).clone())),
            _ => None,
        });
        let Some((at, sae)) = found else { return };
        let task = self.task_of(id).cloned();
        self.library.removed.push(Removed { at, sae, task });
        // Rows are put in one after the other, the first one first.
        self.library.removed.sort_by_key(|one| one.at);
    }

    /// The index at which an SAE that was removed comes back; it is no longer among the removed ones then.
    pub(super) fn take_back(&mut self, id: &str) -> Option<usize> {
        let removed = self
            .library
            .removed
            .iter()
            .position(|one| one.sae.id == id)?;
        let at = self.library.removed.remove(removed).at;
        // Those that stay away stand before it in the list, but not among the loaded ones.
        let away = self
            .library
            .removed
            .iter()
            .filter(|one| one.at < at)
            .count();
        Some(at - away)
    }

    /// Keeps the model and its SAEs, before the model `next` takes their place.
    pub(super) fn keep_earlier(&mut self, next: &str) {
        self.library.removed.clear();
        let Some(model) = self.model.as_ref().filter(|model| model.id != next) else {
            return;
        };
        let Some(task) = self.task_of(&model.id) else {
            self.library.earlier = None;
            return;
        };
        let parts = task.kind == Kind::Demo;
        let saes = self
            .saes
            .iter()
            // The demo brings its own.
            .filter(|sae| !(parts && Reference::of(&sae.id) == Reference::Part))
            .filter_map(|sae| self.task_of(&sae.id));
        self.library.earlier = Some(Earlier {
            // The address's mark for what came from a person's files is not for people.
            name: model
                .name
                .strip_prefix(FILE)
                .unwrap_or(&model.name)
                .to_owned(),
            tasks: std::iter::once(task).chain(saes).cloned().collect(),
        });
    }
}
