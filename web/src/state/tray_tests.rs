//! Tests of pinned features and edits: what is on, what is run, and when it ends.

use super::tests::{ready, trace};
use wire::Edit;

use super::edits::{EditAction, Standing};
use super::tray::{FeatureId, TrayAction};
use super::url::Place;
use super::*;
use crate::data::{Edited, Token};

fn feature(sae: &str, latent: u32) -> FeatureId {
    FeatureId {
        sae: sae.to_owned(),
        latent,
    }
}

fn edit(sae: &str, latent: u32, positions: &[u32]) -> Edit {
    Edit {
        positions: Some(positions.iter().copied().collect()),
        ..Edit::set(sae, latent, 0.0)
    }
}

fn with_edit() -> State {
    ready(Place::default()).after(Action::Edit(EditAction::Put(edit("b", 12, &[1]))))
}

/// The state after the run that it wants, if it wants one.
fn run(state: State) -> State {
    let spec = state.edits_to_run().expect("there is something to run");
    let state = state.after(Action::Edit(EditAction::Requested(spec.clone())));
    assert_eq!(state.edits_to_run(), None, "once");
    let answer = EditAction::Received(spec, Ok(Edited::default()));
    state.after(Action::Edit(answer))
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
    assert!(state.address().to_hash().contains("&edit=b:12=0@1"));
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
    let state = state.after(Action::Edit(EditAction::Remove(0)));
    assert_eq!((state.edited(), state.history), (None, History::Push));
    assert!(!state.address().to_hash().contains("edit="));
    // What came of it is still known.
    let state = state.after(Action::Restore(before));
    assert!(state.edited().is_some() && state.edits_to_run().is_none());
}

#[test]
fn edits_run_together_and_one_of_the_same_feature_and_tokens_takes_the_place_of_the_other() {
    let put = |state: State, edit| state.after(Action::Edit(EditAction::Put(edit)));
    let state = put(put(with_edit(), edit("b", 12, &[2])), edit("b", 13, &[1]));
    let [one, two, three] =
        [(12, 1), (12, 2), (13, 1)].map(|(latent, at)| edit("b", latent, &[at]));
    assert_eq!(
        state.edits_to_run().unwrap().edits,
        [one.clone(), two, three.clone()]
    );
    let everywhere = Edit::set("b", 12, 1.5);
    let state = put(state, everywhere.clone());
    assert_eq!(state.place.edits, [three.clone(), everywhere.clone()]);
    // One that was written into the list, or came with a link, waits for the one before it.
    let mut state = state;
    state.place.edits.push(one);
    assert_eq!(state.standings()[2], Standing::Twice);
    assert_eq!(state.edits_to_run().unwrap().edits, [three, everywhere]);
    let state = state.after(Action::Edit(EditAction::Switch(1)));
    assert_eq!(
        state.standings(),
        [Standing::On, Standing::Off, Standing::On]
    );
}

#[test]
fn one_run_at_a_time_and_the_last_numbers_stay_until_the_next_ones() {
    let state = run(with_edit());
    let slid = |state: State, value| state.after(Action::Edit(EditAction::Slide(0, value)));
    let state = slid(state, 1.0);
    assert_eq!(state.history, History::Replace);
    let first = state.edits_to_run().unwrap();
    let state = state.after(Action::Edit(EditAction::Requested(first.clone())));
    let state = slid(slid(state, 2.0), 3.0);
    assert_eq!(state.edits_to_run(), None, "one is under way");
    assert!(state.edited().is_none() && state.edited_before().is_some());
    let came = EditAction::Received(first, Ok(Edited::default()));
    let state = state.after(Action::Edit(came));
    let last = state.edits_to_run().unwrap();
    assert_eq!(last.edits[0].operation.value(), 3.0);
    run(state);
    // An answer that nobody waits for any more changes nothing.
    let late = EditAction::Received(last, Ok(Edited::default()));
    let gone = with_edit().after(Action::Edit(late));
    assert_eq!(gone.edited(), None);
}

#[test]
fn another_prompt_switches_edits_at_its_tokens_off_and_says_so() {
    for change in [
        Action::Type("two".to_owned()),
        Action::UsePrompt("two".to_owned()),
    ] {
        let everywhere = Edit::set("b", 13, 0.0);
        let state = with_edit().after(Action::Edit(EditAction::Put(everywhere.clone())));
        let state = run(state);
        let before = state.address();
        let state = state.after(change);
        assert_eq!(state.standings(), [Standing::Off, Standing::On]);
        // A step of its own, however it came: back leads to the prompt with its edit.
        assert_eq!(state.history, History::Push);
        let note = state.note.clone().map(|note| note.text).unwrap_or_default();
        assert!(note.contains("switched off"), "{note}");
        let state = state.after(Action::Traced(trace("two")));
        assert_eq!(state.edits_to_run().unwrap().edits, [everywhere]);
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
    let at = |positions: &[u32]| {
        ready(Place::default())
            .after(Action::Edit(EditAction::Put(edit("b", 12, positions))))
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
    assert_eq!(
        state.standings(),
        [Standing::On, Standing::Missing, Standing::Beyond(4)]
    );
    assert_eq!(state.edits_to_run().unwrap().edits, edits[..1]);
    assert_eq!(state.address().edits, edits);
    // With another model nothing of it means anything.
    let other = state.after(Action::Load(load::LoadAction::Model(ModelInfo::default())));
    assert!(other.place.edits.is_empty());
}
