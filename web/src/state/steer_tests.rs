//! Tests of steering.

use super::State;
use super::steer::{Setting, Side, SteerAction};
use super::tests::with_layers;
use crate::data::{Generation, Token};
use crate::state::Action;

fn steered(state: State, action: SteerAction) -> State {
    state.after(Action::Steer(action))
}

fn token(id: u32) -> Token {
    Token {
        id,
        text: format!(" {id}"),
    }
}

#[test]
fn settings_are_checked() {
    let state = with_layers();
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
    let mut state = steered(with_layers(), started);
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
        with_layers(),
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
