use super::offline::{Files, Offline, OfflineAction};
use super::url::Place;
use super::{Action, State};
use crate::data::{DemoFile, DemoModel, DemoSae, Manifest};
use crate::offers::{Storage, Stored};

fn file(path: &str) -> DemoFile {
    DemoFile {
        path: path.to_owned(),
        ..DemoFile::default()
    }
}

fn manifest() -> Manifest {
    let sae = |id: &str| DemoSae {
        id: id.to_owned(),
        cfg: file(&format!("{id}/cfg.json")),
        weights: file(&format!("{id}/weights")),
        ..DemoSae::default()
    };
    Manifest {
        saes: vec![sae("a"), sae("b")],
        model: DemoModel {
            config: file("config.json"),
            weights: file("weights"),
            tokenizer: file("tokenizer.json"),
        },
        ..Manifest::default()
    }
}

fn stored(paths: &[&str]) -> Storage {
    let entries = paths.iter().map(|path| Stored {
        url: format!("https://example.org/site/demo/{path}"),
        complete: true,
        ..Stored::default()
    });
    Storage {
        available: true,
        entries: entries.collect(),
        ..Storage::default()
    }
}

const MODEL: [&str; 3] = ["config.json", "weights", "tokenizer.json"];

fn told(files: Files) -> Offline {
    let parts = manifest().parts(|path| format!("demo/{path}"));
    State::new(Place::default())
        .after(Action::Offline(OfflineAction::Demo(parts)))
        .after(Action::Offline(OfflineAction::Told(files, false)))
        .offline
}

#[test]
fn what_is_missing_of_the_demo_is_said() {
    let offline = told(Files::Stored);
    let nothing = stored(&[]);
    assert_eq!(offline.missing(&nothing), ["the model", "a", "b"]);
    let mut paths = [&MODEL[..], &["a/cfg.json", "a/weights", "b/weights"]].concat();
    assert_eq!(offline.missing(&stored(&paths)), ["b"]);
    assert_eq!(offline.word(Some(&stored(&paths))), "parts");
    assert!(offline.sentence(Some(&stored(&paths))).contains(": b."));
    paths.push("b/cfg.json");
    let mut whole = stored(&paths);
    assert_eq!(offline.word(Some(&whole)), "whole");
    assert!(offline.sentence(Some(&whole)).starts_with("Works offline"));
    // Half of a file is none.
    whole.entries[1].complete = false;
    assert_eq!(offline.missing(&whole), ["the model"]);
}

#[test]
fn a_page_in_one_file_says_what_it_lacks() {
    let offline = told(Files::Inside("It lacks neurons.".to_owned()));
    for storage in [None, Some(&stored(&[]))] {
        assert_eq!(offline.word(storage), "inside");
        let said = offline.sentence(storage);
        assert!(said.contains("one file") && said.ends_with("It lacks neurons."));
    }
}

#[test]
fn nothing_is_promised_before_it_is_known() {
    let whole = stored(&[&MODEL[..], &["a/cfg.json", "a/weights"]].concat());
    assert_eq!(told(Files::Stored).word(None), "coming");
    assert_eq!(told(Files::Coming).word(Some(&whole)), "coming");
    let unknown = Offline {
        files: Files::Stored,
        ..Offline::default()
    };
    assert_eq!(unknown.word(Some(&whole)), "parts");
    let denied = told(Files::Denied("it is switched off.".to_owned()));
    assert_eq!(denied.word(Some(&whole)), "denied");
    assert!(denied.sentence(None).ends_with("(it is switched off)."));
}

#[test]
fn a_new_version_is_told_until_the_person_has_heard() {
    let state = State::new(Place::default());
    assert!(!state.offline.shows_update());
    let told = |update| Action::Offline(OfflineAction::Told(Files::Stored, update));
    let state = state.after(told(true));
    assert!(state.offline.shows_update());
    let state = state
        .after(Action::Offline(OfflineAction::Later))
        .after(told(true));
    assert!(state.offline.update && !state.offline.shows_update());
}
