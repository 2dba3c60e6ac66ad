//! Tests of the list of edits.

use wire::{Edit, Operation};

use super::State;
use super::edits::{EditAction, slider};
use super::tests::with_layers;
use super::url::Place;
use crate::state::Action;

fn changed(state: State, action: EditAction) -> State {
    state.after(Action::Edit(action))
}

/// The edits as text.
fn text_of(state: &State) -> String {
    wire::Edits(state.place.edits.clone()).to_string()
}

fn added(text: &str) -> State {
    let state = changed(with_layers(), EditAction::Adding(text.to_owned()));
    changed(state, EditAction::Add)
}

#[test]
fn features_are_added_by_number_layer_id_and_as_edits() {
    for (text, expected) in [
        ("903", "openai.layer_3:903=+6x"),
        ("L1/7", "openai.layer_1:7=+6x"),
        (" openai.layer_1 / 7 ", "openai.layer_1:7=+6x"),
        ("openai.layer_1:7=*2@5..", "openai.layer_1:7=*2@5.."),
        ("!any.other:7=0", "!any.other:7=0"),
    ] {
        let state = added(text);
        assert_eq!(state.editing.refused, None, "{text}");
        assert_eq!(text_of(&state), expected);
        assert_eq!(state.editing.adding, "");
    }
}

#[test]
fn what_cannot_be_added_stays_typed_and_says_why() {
    for (text, why) in [
        ("L2/7", "No SAE “L2” is loaded."),
        ("4096", "there is no 4096"),
        ("king", "Name a feature by its number"),
        ("openai.layer_3:9=z", "expected a number"),
        ("openai.layer_3:9=NaN", "number"),
        ("openai.layer_3:9=1e9", "1000000"),
    ] {
        let state = added(text);
        let refused = state.editing.refused.as_deref().unwrap_or_default();
        assert!(
            refused.replace([',', '_'], "").contains(why),
            "{text}: {refused}"
        );
        assert_eq!(state.editing.adding, text);
        assert!(state.place.edits.is_empty());
    }
}

#[test]
fn edits_stand_in_the_address() {
    let mut place = with_layers().place;
    place.edits = [
        "openai.layer_3:903=+6.5x@3..",
        "!a&b/c%:1=0?openai.layer_1:4>0.5",
    ]
    .into_iter()
    .map(|text| match text.starts_with('!') {
        // A name with other characters stands in quotation marks.
        true => Edit {
            on: false,
            ..Edit::new("a&b/c% ü", 1, Operation::Set(0.0))
        },
        false => text.parse().unwrap(),
    })
    .collect();
    let hash = place.to_hash();
    assert!(
        hash.contains("edit=openai.layer_3:903=%2B6.5x@3.."),
        "{hash}"
    );
    assert_eq!(Place::from_hash(&hash).edits, place.edits);
    // What cannot be read is passed over.
    let cut = Place::from_hash("#/steer?edit=openai.layer_3:903=&edit=openai.layer_3:7=0");
    assert_eq!(cut.edits.len(), 1);
}

#[test]
fn rows_are_moved_written_switched_and_removed() {
    let state = added("openai.layer_3:903=+6x@3..");
    let state = changed(state, EditAction::Slide(0, -2.5));
    assert_eq!(text_of(&state), "openai.layer_3:903=+-2.5x@3..");
    let state = changed(state, EditAction::Switch(0));
    assert_eq!(text_of(&state), "!openai.layer_3:903=+-2.5x@3..");
    let state = changed(state, EditAction::Write(0, "openai.layer_3:4=".to_owned()));
    let (row, typed, why) = state.editing.unread.clone().unwrap();
    assert_eq!((row, typed.as_str()), (0, "openai.layer_3:4="));
    assert!(why.contains("expected"), "{why}");
    assert_eq!(text_of(&state), "!openai.layer_3:903=+-2.5x@3..");
    let state = changed(state, EditAction::Write(0, "openai.layer_3:4=1".to_owned()));
    assert_eq!(state.editing.unread, None);
    assert_eq!(slider(state.place.edits[0].operation, None).0, 0.0);
    let state = changed(state, EditAction::Remove(0));
    assert_eq!(text_of(&state), "");
    assert_eq!(text_of(&changed(state, EditAction::Remove(0))), "");
}

#[test]
fn saes_that_are_not_loaded_are_named_unless_their_edits_are_off() {
    let text = "openai.layer_3:1=0; gone:2=0; !off:3=0; blocks.1.hook_resid_post:4=0?where:5>1";
    let mut state = with_layers();
    state.place.edits = text.parse::<wire::Edits>().unwrap().0;
    assert_eq!(state.edits_lack(), ["gone", "where"]);
}

#[test]
fn a_slider_reaches_twice_what_the_feature_does_by_itself_and_always_its_own_number() {
    assert_eq!(slider(Operation::Set(1.0), Some(6.2)), (0.0, 13.0));
    assert_eq!(slider(Operation::Add(1.0), Some(6.2)), (-13.0, 13.0));
    assert_eq!(slider(Operation::Scale(1.0), Some(6.2)), (0.0, 4.0));
    assert_eq!(slider(Operation::Set(50.0), Some(6.2)), (0.0, 50.0));
    assert_eq!(slider(Operation::Scale(-3.0), None), (-3.0, 4.0));
}
