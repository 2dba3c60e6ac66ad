//! Notes by set and feature.

use std::collections::{BTreeMap, BTreeSet};

use crate::browse::filter::Own;

/// Most characters of a label of one's own.
pub const LABEL_LENGTH: usize = 200;

/// What a person keeps about a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNote {
    /// True for a favourite.
    pub favourite: bool,
    /// A label of one's own; may be empty.
    pub label: String,
    /// A note; may be empty.
    pub note: String,
    /// When it was written, in milliseconds since 1970.
    pub changed: u64,
}

impl OwnNote {
    /// True if nothing is kept.
    pub fn is_empty(&self) -> bool {
        !self.favourite && self.label.is_empty() && self.note.is_empty()
    }

    /// True if another says the same, whenever it was written.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.favourite, &self.label, &self.note) == (other.favourite, &other.label, &other.note)
    }
}

/// What a set of features is known by, and its name for people who read a file of notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetKey {
    /// SHA-256 of its tensors, lower-case hexadecimal.
    pub sha256: String,
    /// Its id in the atlas.
    pub name: String,
    /// Name of the model.
    pub model: String,
    /// Its hook point.
    pub hook: String,
}

/// Notes about the features of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetNotes {
    /// The set.
    pub key: SetKey,
    /// By latent; none of them is empty.
    pub features: BTreeMap<u32, OwnNote>,
}

impl Own for SetNotes {
    fn label(&self, latent: u32) -> Option<&str> {
        let note = self.features.get(&latent)?;
        (!note.label.is_empty()).then_some(note.label.as_str())
    }

    fn is_favourite(&self, latent: u32) -> bool {
        self.features
            .get(&latent)
            .is_some_and(|note| note.favourite)
    }
}

/// What is stored of a set, with the features of `unsaved` as they are on screen: what another window of the browser has written
/// meanwhile stays.
pub fn combine(stored: SetNotes, screen: &SetNotes, unsaved: &BTreeSet<u32>) -> SetNotes {
    let mut features = stored.features;
    for latent in unsaved {
        match screen.features.get(latent) {
            Some(note) => features.insert(*latent, note.clone()),
            None => features.remove(latent),
        };
    }
    SetNotes {
        key: screen.key.clone(),
        features,
    }
}

/// Notes about the features of all sets, by the SHA-256 of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The notes.
    pub sets: BTreeMap<String, SetNotes>,
}

/// The choice where a file and this browser say different things about a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// What is here stays.
    Keep,
    /// What the file says takes its place.
    Replace,
}

/// A comparison of a file's notes with those here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Features about which nothing is kept here.
    pub new: usize,
    /// Features about which both say the same.
    pub same: usize,
    /// Features about which they say different things.
    pub different: usize,
}

impl Notes {
    /// Those about a set.
    pub fn of_set(&self, sha256: &str) -> Option<&SetNotes> {
        self.sets.get(sha256)
    }

    /// That about a feature.
    pub fn get(&self, sha256: &str, latent: u32) -> Option<&OwnNote> {
        self.sets.get(sha256)?.features.get(&latent)
    }

    /// Number of features about which something is kept.
    pub fn count(&self) -> usize {
        self.sets.values().map(|set| set.features.len()).sum()
    }

    /// Keeps something about a feature; what is empty is no longer kept.
    pub fn put(&mut self, key: &SetKey, latent: u32, mut note: OwnNote) {
        if note.label.chars().count() > LABEL_LENGTH {
            note.label = note.label.chars().take(LABEL_LENGTH).collect();
        }
        let set = self.sets.entry(key.sha256.clone()).or_default();
        set.key = key.clone();
        if note.is_empty() {
            set.features.remove(&latent);
        } else {
            set.features.insert(latent, note);
        }
    }

    /// Compares a file's notes with these.
    pub fn compare(&self, file: &Self) -> Import {
        let mut import = Import::default();
        for (sha256, set) in &file.sets {
            for (latent, note) in &set.features {
                match self.get(sha256, *latent) {
                    None => import.new += 1,
                    Some(own) if own.says_the_same(note) => import.same += 1,
                    Some(_) => import.different += 1,
                }
            }
        }
        import
    }

    /// The features of a file that would be written here, by set: those about which nothing is kept, and where the choice is so,
    /// those about which something else is.
    pub fn changes<'a>(
        &self,
        file: &'a Self,
        writing: Writing,
    ) -> Vec<(&'a SetKey, u32, &'a OwnNote)> {
        let mut changes = Vec::new();
        for (sha256, set) in &file.sets {
            for (latent, note) in &set.features {
                let write = match self.get(sha256, *latent) {
                    None => true,
                    Some(own) => writing == Writing::Replace && !own.says_the_same(note),
                };
                if write {
                    changes.push((&set.key, *latent, note));
                }
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sha256: &str) -> SetKey {
        SetKey {
            sha256: sha256.to_owned(),
            name: "layer-3".to_owned(),
            ..SetKey::default()
        }
    }

    fn note(label: &str, changed: u64) -> OwnNote {
        OwnNote {
            label: label.to_owned(),
            changed,
            ..OwnNote::default()
        }
    }

    #[test]
    fn what_is_empty_is_not_kept() {
        let mut notes = Notes::default();
        notes.put(&key("aa"), 3, note("kings", 1));
        notes.put(
            &key("bb"),
            3,
            OwnNote {
                favourite: true,
                ..OwnNote::default()
            },
        );
        assert_eq!(
            (
                notes.count(),
                notes.get("aa", 3).map(|note| note.label.as_str())
            ),
            (2, Some("kings"))
        );
        let set = notes.of_set("bb").unwrap();
        assert!(set.is_favourite(3) && set.label(3).is_none() && !set.is_favourite(4));
        notes.put(&key("aa"), 3, note("", 2));
        assert_eq!((notes.count(), notes.get("aa", 3)), (1, None));
        notes.put(&key("aa"), 3, note(&"é".repeat(500), 2));
        assert_eq!(
            notes.get("aa", 3).unwrap().label.chars().count(),
            LABEL_LENGTH
        );
    }

    #[test]
    fn what_another_window_wrote_stays() {
        let mut stored = Notes::default();
        stored.put(&key("aa"), 1, note("theirs", 1));
        stored.put(&key("aa"), 2, note("theirs", 1));
        stored.put(&key("aa"), 3, note("theirs", 1));
        let mut screen = Notes::default();
        screen.put(&key("aa"), 2, note("mine", 2));
        screen.put(&key("aa"), 3, note("", 2));
        let stored = stored.sets["aa"].clone();
        let combined = combine(stored, &screen.sets["aa"], &BTreeSet::from([2, 3]));
        let labels: Vec<_> = combined
            .features
            .iter()
            .map(|(latent, note)| (*latent, note.label.as_str()))
            .collect();
        assert_eq!(labels, [(1, "theirs"), (2, "mine")]);
    }

    #[test]
    fn a_file_adds_and_replaces_only_where_that_is_chosen() {
        let mut mine = Notes::default();
        mine.put(&key("aa"), 1, note("same", 1));
        mine.put(&key("aa"), 2, note("mine", 1));
        let mut file = Notes::default();
        file.put(&key("aa"), 1, note("same", 9));
        file.put(&key("aa"), 2, note("theirs", 9));
        file.put(&key("bb"), 2, note("new", 9));
        assert_eq!(
            mine.compare(&file),
            Import {
                new: 1,
                same: 1,
                different: 1
            }
        );
        let latents = |writing| {
            let changes = mine.changes(&file, writing);
            changes
                .into_iter()
                .map(|(key, latent, note)| (key.sha256.clone(), latent, note.label.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            latents(Writing::Keep),
            [("bb".to_owned(), 2, "new".to_owned())]
        );
        assert_eq!(latents(Writing::Replace).len(), 2);
    }
}
