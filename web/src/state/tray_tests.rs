//! Tests of pinned features and edits: what is on, what is run, and when it ends.

use super::tests::{ready, trace};
use super::tray::{Edit, FeatureId, Standing, TrayAction};
use super::url::Place;
use super::*;
use crate::data::{Edited, Token};

fn feature(sae: &str, latent: u32) -> FeatureId {
    FeatureId {
        sae: sae.to_owned(),
        latent,
    }
}

fn edit(sae: &str, latent: u32, positions: &[usize]) -> Edit {
    Edit {
        feature: feature(sae, latent),
        value: 0.0,
        positions: positions.to_vec(),
    }
}

fn with_edit() -> State {
    ready(Place::default()).after(Action::Tray(TrayAction::Edit(edit("b", 12, &[1]))))
}

/// The state after the run that it wants, if it wants one.
fn run(state: State) -> State {
    let spec = state.edits_to_run().expect("there is something to run");
    let state = state.after(Action::Tray(TrayAction::Requested(spec.clone())));
    assert_eq!(state.edits_to_run(), None, "once");
    let answer = TrayAction::Received(spec, Ok(Edited::default()));
    state.after(Action::Tray(answer))
}

#[test]
fn a_feature_is_pinned_once_shown_from_anywhere_and_unpinned() {
    let pin = |state: State, id: &str, latent| {
        state.after(Action::Tray(TrayAction::Pin(feature(id, latent))))
    };
    let state = pin(pin(ready(Place::default()), "b", 12), "a", 3);
    assert_eq!(state.history, History::Push);
    assert!(state.address().to_hash().contains("&pin=b/12&pin=a/3"));
    let shown = state
        .clone()
        .after(Action::Tray(TrayAction::Show(feature("a", 3))));
    assert_eq!(
        (shown.place.sae.as_deref(), shown.place.feature),
        (Some("a"), Some(3))
    );
    assert_eq!(shown.selection.matching, None);
    let state = pin(state, "b", 12);
    assert_eq!(state.place.pins, [feature("a", 3)]);
    // One of an SAE that is not loaded stays, and is not shown as another's.
    let state = pin(state, "gone", 5);
    let same = state
        .clone()
        .after(Action::Tray(TrayAction::Show(feature("gone", 5))));
    assert_eq!(same.place, state.place);
}

#[test]
fn an_edit_is_run_once_and_stays_while_other_features_are_selected() {
    let state = run(with_edit());
    assert!(state.address().to_hash().contains("&edit=b/12=0@1"));
    let state = state
        .after(Action::SelectFeature(13, History::Push))
        .after(Action::SelectToken(3, History::Push))
        .after(Action::SelectSae("a".to_owned()));
    assert!(matches!(state.edited(), Some((_, Remote::Here(_)))));
    assert_eq!(state.edits_to_run(), None);
    // What is loaded changed: it is run again with the next trace, not before.
    let state = state.after(Action::Load(load::LoadAction::Sae(SaeInfo {
        id: "d".to_owned(),
        ..SaeInfo::default()
    })));
    assert_eq!((state.edited(), state.edits_to_run()), (None, None));
    let mut again = trace("one");
    again.saes.push(super::tests::sae_trace("d", 30));
    run(state.after(Action::Traced(again)));
}

#[test]
fn an_edit_that_is_taken_off_ends_and_back_restores_it() {
    let state = run(with_edit());
    let before = state.address();
    let state = state.after(Action::Tray(TrayAction::TakeOff(0)));
    assert_eq!((state.edited(), state.history), (None, History::Push));
    assert!(!state.address().to_hash().contains("edit="));
    let state = run(state.after(Action::Restore(before)));
    assert!(state.edited().is_some());
}

#[test]
fn another_edit_takes_its_place_and_a_late_answer_is_passed_over() {
    let state = with_edit();
    let first = state.edits_to_run().unwrap();
    let state = state
        .after(Action::Tray(TrayAction::Requested(first.clone())))
        .after(Action::Tray(TrayAction::Edit(edit("b", 13, &[2]))));
    let second = state.edits_to_run().unwrap();
    let state = state
        .after(Action::Tray(TrayAction::Requested(second.clone())))
        .after(Action::Tray(TrayAction::Received(
            first,
            Ok(Edited::default()),
        )));
    assert_eq!(state.edited(), Some(&(second, Remote::Waiting)));
}

#[test]
fn another_prompt_takes_an_edit_off_and_says_so() {
    for change in [
        Action::Type("two".to_owned()),
        Action::UsePrompt("two".to_owned()),
    ] {
        let state = run(with_edit());
        let before = state.address();
        let state = state.after(change);
        assert!(state.place.edits.is_empty());
        // A step of its own, however it came: back leads to the prompt with its edit.
        assert_eq!(state.history, History::Push);
        let note = state.note.clone().map(|note| note.text).unwrap_or_default();
        assert!(note.contains("taken off"), "{note}");
        let state = state.after(Action::Traced(trace("two")));
        assert_eq!(state.edits_to_run(), None);
        let state = state
            .after(Action::Restore(before))
            .after(Action::Traced(trace("one")));
        run(state);
    }
    let same = run(with_edit()).after(Action::UsePrompt("one".to_owned()));
    assert!(same.edited().is_some(), "the same prompt changes nothing");
}

#[test]
fn with_a_bos_more_or_less_an_edit_stays_at_its_tokens() {
    let without = Trace {
        bos: Some(false),
        bos_prepended: false,
        tokens: vec![Token::default(); 3],
        ..trace("one")
    };
    let at = |positions: &[usize]| {
        ready(Place::default())
            .after(Action::Tray(TrayAction::Edit(edit("b", 12, positions))))
            .after(Action::SelectBos(Some(false)))
            .after(Action::Traced(without.clone()))
    };
    assert_eq!(at(&[0, 2, 3]).place.edits, [edit("b", 12, &[1, 2])]);
    let gone = at(&[0]);
    assert!(gone.place.edits.is_empty());
    assert!(gone.note.is_some_and(|note| note.text.contains("BOS")));
}

#[test]
fn a_link_with_edits_runs_those_that_it_can_and_keeps_the_others() {
    let edits = vec![
        edit("b", 12, &[1]),
        edit("gone", 5, &[1]),
        edit("b", 13, &[2, 9]),
    ];
    let place = Place {
        prompt: Some("one".to_owned()),
        edits: edits.clone(),
        ..Place::default()
    };
    let state = ready(place);
    let standings: Vec<_> = edits.iter().map(|edit| state.standing(edit)).collect();
    assert_eq!(
        standings,
        [Standing::On, Standing::Missing, Standing::Beyond(4)]
    );
    assert_eq!(state.edits_to_run().unwrap().edits, edits[..1]);
    assert_eq!(state.address().edits, edits);
    // With another model nothing of it means anything.
    let other = state.after(Action::Load(load::LoadAction::Model(ModelInfo::default())));
    assert!(other.place.edits.is_empty());
}
