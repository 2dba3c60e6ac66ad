//! Tests of steering.

use wire::{Edit, Operation};

use super::State;
use super::steer::{Setting, Side, SteerAction, slider};
use super::tests::ready;
use super::url::Place;
use crate::data::{Generation, SaeInfo, Token};
use crate::shared::Shared;
use crate::state::Action;

fn page() -> State {
    let mut state = ready(Place::default());
    let sae = |layer: u32| SaeInfo {
        id: format!("openai.layer_{layer}"),
        hook: format!("blocks.{layer}.hook_resid_post"),
        n_latents: 4096,
        ..SaeInfo::default()
    };
    state.saes = Shared::new(vec![sae(1), sae(3)]);
    state.place.sae = Some("openai.layer_3".to_owned());
    state
}

fn steered(state: State, action: SteerAction) -> State {
    state.after(Action::Steer(action))
}

fn added(text: &str) -> State {
    let state = steered(page(), SteerAction::Adding(text.to_owned()));
    steered(state, SteerAction::Add)
}

fn token(id: u32) -> Token {
    Token {
        id,
        text: format!(" {id}"),
    }
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
        assert_eq!(state.steer.refused, None, "{text}");
        assert_eq!(state.steering(), expected);
        assert_eq!(state.steer.adding, "");
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
        let refused = state.steer.refused.as_deref().unwrap_or_default();
        assert!(
            refused.replace([',', '_'], "").contains(why),
            "{text}: {refused}"
        );
        assert_eq!(state.steer.adding, text);
        assert!(state.place.steer.is_empty());
    }
}

#[test]
fn edits_stand_in_the_address() {
    let mut place = page().place;
    place.steer = [
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
        hash.contains("steer=openai.layer_3:903=%2B6.5x@3.."),
        "{hash}"
    );
    assert_eq!(Place::from_hash(&hash).steer, place.steer);
    // What cannot be read is passed over.
    let cut = Place::from_hash("#/steer?steer=openai.layer_3:903=&steer=openai.layer_3:7=0");
    assert_eq!(cut.steer.len(), 1);
}

#[test]
fn rows_are_moved_written_switched_and_removed() {
    let state = added("openai.layer_3:903=+6x@3..");
    let state = steered(state, SteerAction::Slide(0, -2.5));
    assert_eq!(state.steering(), "openai.layer_3:903=+-2.5x@3..");
    let state = steered(state, SteerAction::Switch(0));
    assert_eq!(state.steering(), "!openai.layer_3:903=+-2.5x@3..");
    let state = steered(state, SteerAction::Write(0, "openai.layer_3:4=".to_owned()));
    let (row, typed, why) = state.steer.unread.clone().unwrap();
    assert_eq!((row, typed.as_str()), (0, "openai.layer_3:4="));
    assert!(why.contains("expected"), "{why}");
    assert_eq!(state.steering(), "!openai.layer_3:903=+-2.5x@3..");
    let state = steered(
        state,
        SteerAction::Write(0, "openai.layer_3:4=1".to_owned()),
    );
    assert_eq!(state.steer.unread, None);
    assert_eq!(slider(state.place.steer[0].operation, None).0, 0.0);
    let state = steered(state, SteerAction::Remove(0));
    assert_eq!(state.steering(), "");
    assert_eq!(steered(state, SteerAction::Remove(0)).steering(), "");
}

#[test]
fn saes_that_are_not_loaded_are_named_unless_their_edits_are_off() {
    let text = "openai.layer_3:1=0; gone:2=0; !off:3=0; blocks.1.hook_resid_post:4=0?where:5>1";
    let mut state = page();
    state.place.steer = text.parse::<wire::Edits>().unwrap().0;
    assert_eq!(state.steering_lacks(), ["gone", "where"]);
}

#[test]
fn settings_are_checked() {
    let state = page();
    assert!(state.steer.settings().is_ok());
    for (setting, bad) in [
        (Setting::MaxTokens, "0"),
        (Setting::Temperature, "-1"),
        (Setting::TopK, "1.5"),
        (Setting::TopP, "0"),
        (Setting::TopP, "1.01"),
        (Setting::RepetitionPenalty, "0"),
        (Setting::RepetitionPenalty, "NaN"),
        (Setting::Seed, "x"),
    ] {
        let state = steered(state.clone(), SteerAction::Set(setting, bad.to_owned()));
        assert!(state.steer.settings().is_err(), "{setting:?} {bad}");
    }
    let state = steered(state, SteerAction::Set(Setting::TopP, "0.9".to_owned()));
    assert_eq!(state.steer.settings().unwrap().top_p, 0.9);
}

#[test]
fn a_run_fills_both_columns_and_tells_where_they_part() {
    let started = SteerAction::Started(1, "Once".to_owned(), String::new());
    let mut state = steered(page(), started);
    assert!(state.steer.running);
    for (side, ids) in [(Side::Clean, [5, 6, 7]), (Side::Steered, [5, 9, 7])] {
        for id in ids {
            state = steered(state, SteerAction::Came(1, side, token(id)));
        }
        let ended = Generation {
            text: "text".to_owned(),
            cancelled: false,
            ..Generation::default()
        };
        state = steered(state, SteerAction::Ended(1, side, ended));
    }
    let state = steered(state, SteerAction::Finished(1, Ok(vec![0.0, 1.0, 2.0])));
    assert_eq!(state.steer.first_difference(), Some(1));
    assert_eq!(state.steer.kl, [0.0, 1.0, 2.0]);
    assert!(!state.steer.running && state.steer.ended.is_none());
    // What comes for a run before this one is not shown.
    let state = steered(
        state,
        SteerAction::Started(2, "Once".to_owned(), String::new()),
    );
    let state = steered(state, SteerAction::Came(1, Side::Clean, token(1)));
    assert!(state.steer.clean.tokens.is_empty());
}

#[test]
fn another_prompt_stops_a_run_and_keeps_its_text() {
    let state = steered(
        page(),
        SteerAction::Started(1, "Once".to_owned(), String::new()),
    );
    let state = steered(state, SteerAction::Came(1, Side::Clean, token(1)));
    let state = state.after(Action::UsePrompt("Another".to_owned()));
    assert!(!state.steer.running);
    assert_eq!(state.steer.clean.tokens.len(), 1);
    assert!(state.steer.ended.as_deref().unwrap().contains("prompt"));
    let state = steered(state, SteerAction::Came(1, Side::Clean, token(2)));
    assert_eq!(state.steer.clean.tokens.len(), 1);
}

#[test]
fn a_slider_reaches_twice_what_the_feature_does_by_itself_and_always_its_own_number() {
    assert_eq!(slider(Operation::Set(1.0), Some(6.2)), (0.0, 13.0));
    assert_eq!(slider(Operation::Add(1.0), Some(6.2)), (-13.0, 13.0));
    assert_eq!(slider(Operation::Scale(1.0), Some(6.2)), (0.0, 4.0));
    assert_eq!(slider(Operation::Set(50.0), Some(6.2)), (0.0, 50.0));
    assert_eq!(slider(Operation::Scale(-3.0), None), (-3.0, 4.0));
}
