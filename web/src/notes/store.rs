//! Notes in the browser's store, and the components that show them.
//!
//! What is on screen is never lost to a store that is full or forbidden: it stays in the page, which says that it is not kept.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gloo::events::EventListener;
use web_sys::Storage;
use yew::prelude::*;

use super::{Notes, OwnNote, SetKey, SetNotes, combine, read, write_set};
use crate::browser;
use crate::shared::Shared;

/// Beginning of the keys under which the notes of a set are stored; the SHA-256 of the set stands behind it.
const PREFIX: &str = "sae-explorer.notes.";

/// What a full or forbidden store means.
const UNKEPT: &str = "This browser does not keep your notes: its store is full or switched off for this page. They stay on this page until you leave it. Export them as a file, or free some space and try again.";

#[derive(Default)]
struct Inner {
    notes: RefCell<Notes>,
    /// Features that were changed and are not stored, by set.
    unsaved: RefCell<BTreeMap<String, BTreeSet<u32>>>,
    problem: RefCell<Option<String>>,
    changed: RefCell<Option<Callback<()>>>,
    loaded: Cell<bool>,
}

/// The notes with their store. Two are equal if they are the same.
#[derive(Clone, Default)]
pub struct Store(Rc<Inner>);

impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The store of the browser; nothing where it is switched off.
fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// The stored notes of a set: none where nothing is stored, or why they cannot be read.
fn stored(storage: &Storage, sha256: &str) -> Result<SetNotes, String> {
    let Ok(Some(text)) = storage.get_item(&format!("{PREFIX}{sha256}")) else {
        return Ok(SetNotes::default());
    };
    let unreadable = |why: String| {
        format!(
            "The notes that this browser has stored for a set of features cannot be read, and are left as they are: {why}"
        )
    };
    let mut notes = read(&text).map_err(unreadable)?;
    Ok(notes.sets.remove(sha256).unwrap_or_default())
}

impl Store {
    /// Reads what is stored, for the first time or because another window wrote it.
    fn load(&self) {
        if let Some(storage) = storage() {
            // Removed keys are not listed, so what is on screen begins anew, but for what could not be stored.
            let mut notes = Notes::default();
            let mut problem = None;
            let keys = (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok()?);
            let names: Vec<_> = keys
                .filter_map(|key| key.strip_prefix(PREFIX).map(str::to_owned))
                .collect();
            for sha256 in names {
                match stored(&storage, &sha256) {
                    Ok(set) => {
                        notes.sets.insert(sha256, set);
                    }
                    Err(why) => problem = Some(why),
                }
            }
            let screen = self.0.notes.take();
            for (sha256, unsaved) in self.0.unsaved.borrow().iter() {
                if let Some(set) = screen.sets.get(sha256) {
                    let stored = notes.sets.remove(sha256).unwrap_or_default();
                    notes
                        .sets
                        .insert(sha256.clone(), combine(stored, set, unsaved));
                }
            }
            self.0.notes.replace(notes);
            if problem.is_some() {
                self.0.problem.replace(problem);
            }
        }
        self.0.loaded.set(true);
        self.tell();
    }

    fn tell(&self) {
        if let Some(changed) = &*self.0.changed.borrow() {
            changed.emit(());
        }
    }

    /// Keeps something about a feature; what is empty is no longer kept.
    pub fn put(&self, key: &SetKey, latent: u32, note: OwnNote) {
        self.put_all([(key.clone(), latent, note)]);
    }

    /// Keeps something about several features.
    pub fn put_all(&self, notes: impl IntoIterator<Item = (SetKey, u32, OwnNote)>) {
        for (key, latent, note) in notes {
            self.0.notes.borrow_mut().put(&key, latent, note);
            let mut unsaved = self.0.unsaved.borrow_mut();
            unsaved
                .entry(key.sha256.clone())
                .or_default()
                .insert(latent);
        }
        self.save();
    }

    /// Keeps nothing about any feature.
    pub fn clear(&self) {
        let all: Vec<_> = {
            let notes = self.0.notes.borrow();
            let of_set = |set: &SetNotes| {
                let key = set.key.clone();
                set.features
                    .keys()
                    .map(|latent| (key.clone(), *latent, OwnNote::default()))
                    .collect::<Vec<_>>()
            };
            notes.sets.values().flat_map(of_set).collect()
        };
        self.put_all(all);
    }

    /// Stores what is not stored yet.
    pub fn save(&self) {
        let sets: Vec<String> = self.0.unsaved.borrow().keys().cloned().collect();
        let mut problem = None;
        for sha256 in sets {
            if let Err(why) = self.save_set(&sha256) {
                problem = Some(why);
            }
        }
        self.0.problem.replace(problem);
        self.tell();
    }

    fn save_set(&self, sha256: &str) -> Result<(), String> {
        let storage = storage().ok_or(UNKEPT)?;
        let before = stored(&storage, sha256)?;
        let combined = {
            let (notes, unsaved) = (self.0.notes.borrow(), self.0.unsaved.borrow());
            match (notes.sets.get(sha256), unsaved.get(sha256)) {
                (Some(set), Some(unsaved)) => combine(before, set, unsaved),
                _ => return Ok(()),
            }
        };
        let key = format!("{PREFIX}{sha256}");
        let kept = if combined.features.is_empty() {
            storage.remove_item(&key)
        } else {
            storage.set_item(&key, &write_set(&combined))
        };
        kept.map_err(|_| UNKEPT.to_owned())?;
        self.0
            .notes
            .borrow_mut()
            .sets
            .insert(sha256.to_owned(), combined);
        self.0.unsaved.borrow_mut().remove(sha256);
        Ok(())
    }

    /// The time for a note that is written now.
    pub fn now() -> u64 {
        browser::now() as u64
    }
}

/// Notes for every component.
#[derive(Clone, PartialEq)]
pub struct NotesContext {
    /// The notes.
    pub notes: Shared<Notes>,
    /// Why they are not kept; a sentence.
    pub problem: Option<AttrValue>,
    /// Their store.
    pub store: Store,
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The components that can reach the notes.
    pub children: Children,
}

/// Gives the notes to all components inside.
#[component]
pub fn NotesProvider(props: &Props) -> Html {
    let store = (*use_memo((), |()| Store::default())).clone();
    let shown = use_state(|| (Shared::new(Notes::default()), None));
    {
        let (store, shown) = (store.clone(), shown.setter());
        use_effect_with((), move |()| {
            let told = store.clone();
            let tell = Callback::from(move |()| {
                let problem = told.0.problem.borrow().clone().map(AttrValue::from);
                shown.set((Shared::new(told.0.notes.borrow().clone()), problem));
            });
            *store.0.changed.borrow_mut() = Some(tell);
            store.load();
            // Another window of this browser wrote something.
            let listener = web_sys::window().map(|window| {
                let store = store.clone();
                EventListener::new(&window, "storage", move |_| store.load())
            });
            move || drop(listener)
        });
    }
    let (notes, problem) = (*shown).clone();
    html! {
        <ContextProvider<NotesContext> context={NotesContext { notes, problem, store }}>
            { props.children.clone() }
        </ContextProvider<NotesContext>>
    }
}

/// The notes.
///
/// # Panics
///
/// Outside of [`NotesProvider`], which is a mistake in the page's own code.
#[hook]
pub fn use_notes() -> NotesContext {
    use_context::<NotesContext>().expect("components are drawn inside of the application")
}
