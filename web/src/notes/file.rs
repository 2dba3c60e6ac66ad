//! Notes as JSON, for files and for the browser's store.

use serde::{Deserialize, Serialize};

use super::model::{Notes, OwnNote, SetKey, SetNotes};

/// Largest file of notes that is read.
pub const MOST_BYTES: usize = 20 << 20;

const FORMAT: &str = "sae-explorer-notes";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    sets: Vec<FileSet>,
}

#[derive(Serialize, Deserialize)]
struct FileSet {
    sha256: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    hook: String,
    features: Vec<FileNote>,
}

#[derive(Serialize, Deserialize)]
struct FileNote {
    latent: u32,
    #[serde(default)]
    favourite: bool,
    #[serde(default)]
    label: String,
    #[serde(default)]
    note: String,
    /// Milliseconds since 1970.
    #[serde(default)]
    changed: u64,
}

fn file_set(set: &SetNotes) -> FileSet {
    let SetKey {
        sha256,
        name,
        model,
        hook,
    } = set.key.clone();
    let features = set.features.iter().map(|(latent, note)| FileNote {
        latent: *latent,
        favourite: note.favourite,
        label: note.label.clone(),
        note: note.note.clone(),
        changed: note.changed,
    });
    FileSet {
        sha256,
        name,
        model,
        hook,
        features: features.collect(),
    }
}

fn file(sets: Vec<FileSet>) -> File {
    File {
        format: FORMAT.to_owned(),
        version: VERSION,
        sets,
    }
}

/// All notes as a file. Sets without any are left out.
pub fn write(notes: &Notes) -> String {
    let sets = notes.sets.values().filter(|set| !set.features.is_empty());
    // Texts, numbers and truth values can always be written.
    serde_json::to_string_pretty(&file(sets.map(file_set).collect())).unwrap_or_default() + "\n"
}

/// The notes of one set, for the browser's store.
pub fn write_set(set: &SetNotes) -> String {
    serde_json::to_string(&file(vec![file_set(set)])).unwrap_or_default()
}

/// The notes in a file.
///
/// # Errors
/// Why it has none, as a sentence.
pub fn read(text: &str) -> Result<Notes, String> {
    if text.len() > MOST_BYTES {
        return Err(format!(
            "This file has {} MB; a file of notes has at most {}. Choose one that this page has written.",
            text.len() / 1_000_000,
            MOST_BYTES >> 20
        ));
    }
    let file: File = serde_json::from_str(text).map_err(|error| {
        format!("This is no file of notes ({error}). Choose one that this page has written.")
    })?;
    if file.format != FORMAT {
        return Err(format!(
            "This is a file of {}, not of notes. Choose one that this page has written.",
            file.format
        ));
    }
    if file.version != VERSION {
        return Err(format!(
            "This file is in version {} of the format, and this page reads version {VERSION}. Open it in a newer page.",
            file.version
        ));
    }
    let mut notes = Notes::default();
    for set in file.sets {
        let FileSet {
            sha256,
            name,
            model,
            hook,
            features,
        } = set;
        let is_hash = sha256.len() == 64
            && sha256
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_hash {
            return Err(format!(
                "The notes of {name} name no SHA-256 of their features ({sha256}), so it is not known which features they are about."
            ));
        }
        let key = SetKey {
            sha256,
            name,
            model,
            hook,
        };
        for FileNote {
            latent,
            favourite,
            label,
            note,
            changed,
        } in features
        {
            notes.put(
                &key,
                latent,
                OwnNote {
                    favourite,
                    label,
                    note,
                    changed,
                },
            );
        }
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn notes() -> impl Strategy<Value = Notes> {
        let note = (
            any::<bool>(),
            "[a-z<>&\"é]{0,20}",
            any::<String>(),
            any::<u64>(),
        );
        let feature = ("[0-9a-f]{64}", any::<u32>(), note);
        prop::collection::vec(feature, 0..8).prop_map(|features| {
            let mut notes = Notes::default();
            for (sha256, latent, (favourite, label, note, changed)) in features {
                let key = SetKey {
                    sha256,
                    name: "layer-3".to_owned(),
                    model: "tiny".to_owned(),
                    hook: "blocks.3.hook_resid_post".to_owned(),
                };
                notes.put(
                    &key,
                    latent,
                    OwnNote {
                        favourite,
                        label,
                        note,
                        changed,
                    },
                );
            }
            notes.sets.retain(|_, set| !set.features.is_empty());
            notes
        })
    }

    proptest! {
        #[test]
        fn a_file_gives_its_notes_back(notes in notes()) {
            prop_assert_eq!(read(&write(&notes)).unwrap(), notes.clone());
            for (sha256, set) in &notes.sets {
                prop_assert_eq!(&read(&write_set(set)).unwrap().sets[sha256], set);
            }
        }

        #[test]
        fn any_text_is_notes_or_an_error(text: String) {
            let _ = read(&text);
        }
    }

    #[test]
    fn what_is_no_file_of_notes_says_so() {
        let hash = "0".repeat(64);
        let file = |format: &str, version: u32, sha256: &str| {
            format!(
                r#"{{"format":"{format}","version":{version},"sets":[{{"sha256":"{sha256}","features":[{{"latent":3,"label":"a"}}]}}]}}"#
            )
        };
        assert_eq!(read(&file(FORMAT, 1, &hash)).unwrap().count(), 1);
        for (text, why) in [
            ("hello".to_owned(), "no file of notes"),
            (file("other", 1, &hash), "a file of other"),
            (file(FORMAT, 2, &hash), "version 2"),
            (file(FORMAT, 1, "../x"), "no SHA-256"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
