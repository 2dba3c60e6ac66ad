use super::circuits::{CircuitsAction, Setting};
use super::route::Route;
use super::url::Place;
use super::{Action, State};
use crate::circuits::{Controls, Feature, Frame, Run, RunSet};
use crate::data::Token;
use crate::shared::Shared;

fn frame(text: &str) -> Frame {
    Frame {
        token: Token {
            text: text.to_owned(),
            ..Token::default()
        },
        counts: true,
        active: vec![vec![(3, 1.0)]],
    }
}

fn run(frames: usize, recorded: bool) -> Run {
    Run {
        recorded,
        prompt: "Once".to_owned(),
        prompt_tokens: 2,
        sets: Shared::new(vec![RunSet {
            sae: "a".to_owned(),
            hook: "blocks.1.hook_resid_post".to_owned(),
            n_latents: 10,
            relations: None,
        }]),
        frames: (0..frames)
            .map(|at| Shared::new(frame(&format!("{at}"))))
            .collect(),
        ..Run::default()
    }
}

fn state() -> State {
    State::new(Place::from_hash("#/circuits/live"))
}

fn after(state: State, actions: impl IntoIterator<Item = CircuitsAction>) -> State {
    actions
        .into_iter()
        .fold(state, |state, action| state.after(Action::Circuits(action)))
}

fn recorded(play: bool) -> CircuitsAction {
    CircuitsAction::Recorded(Box::new(Ok(run(5, true))), play)
}

#[test]
fn a_recording_plays_to_its_end_and_again() {
    let state = after(state(), [recorded(true)]);
    assert_eq!(state.place.route, Route::Circuits);
    assert_eq!(
        (state.circuits.cursor, state.circuits.playing),
        (1, true),
        "it begins where the prompt ends"
    );
    let state = after(state, [CircuitsAction::Tick, CircuitsAction::Tick]);
    assert_eq!((state.circuits.cursor, state.circuits.playing), (3, true));
    let state = after(state, [CircuitsAction::Tick, CircuitsAction::Tick]);
    assert_eq!((state.circuits.cursor, state.circuits.playing), (4, false));
    let state = after(state, [CircuitsAction::Step(-1)]);
    assert_eq!(state.circuits.cursor, 3);
    let state = after(
        state,
        [CircuitsAction::Seek(99), CircuitsAction::Play(true)],
    );
    assert_eq!(
        (state.circuits.cursor, state.circuits.playing),
        (0, true),
        "from the beginning"
    );
    let state = after(
        state,
        [
            CircuitsAction::Play(false),
            CircuitsAction::Tick,
            CircuitsAction::Step(-3),
        ],
    );
    assert_eq!((state.circuits.cursor, state.circuits.playing), (0, false));
}

#[test]
fn where_nothing_moves_a_recording_is_shown_at_its_end() {
    let state = after(state(), [recorded(false)]);
    assert_eq!((state.circuits.cursor, state.circuits.playing), (4, false));
}

fn came(number: u32) -> CircuitsAction {
    CircuitsAction::Came(number, Box::new(frame("x")))
}

fn started(number: u32, at_once: bool) -> CircuitsAction {
    CircuitsAction::Started(number, Box::new(run(0, false)), at_once)
}

#[test]
fn a_live_run_takes_the_place_of_the_recording_and_is_followed_at_once() {
    let feature = Feature { set: 0, latent: 3 };
    let state = after(
        state(),
        [recorded(true), CircuitsAction::Select(Some(feature))],
    );
    let state = after(
        state,
        [started(7, true), came(7), came(7), came(7), came(6)],
    );
    let frames = |state: &State| state.circuits.run.as_ref().unwrap().frames.len();
    assert_eq!(frames(&state), 3, "what comes for another run is not shown");
    assert_eq!((state.circuits.cursor, state.circuits.selected), (2, None));
    // A person looks back while the model goes on, and then follows again.
    let state = after(state, [CircuitsAction::Step(-1), came(7)]);
    assert_eq!((state.circuits.cursor, state.circuits.last()), (1, 3));
    let state = after(state, [CircuitsAction::Play(true), came(7)]);
    assert_eq!(state.circuits.cursor, 4);
    let state = after(state, [recorded(true)]);
    assert!(
        !state.circuits.run.as_ref().unwrap().recorded,
        "the recording comes too late"
    );
    let stopped = state.clone().after(Action::Type("Twice".to_owned()));
    assert!(!stopped.circuits.running && stopped.circuits.ended.is_some());
    let stopped = after(stopped, [came(7), CircuitsAction::Ended(7, None)]);
    assert_eq!(frames(&stopped), 5);
    assert!(stopped.circuits.ended.is_some(), "the reason stays");
    let ended = after(state, [CircuitsAction::Ended(7, None)]);
    assert!(!ended.circuits.running && !ended.circuits.playing && ended.circuits.ended.is_none());
}

#[test]
fn a_live_run_is_shown_at_a_pace_that_can_be_read() {
    let state = after(state(), [started(7, false), came(7), came(7)]);
    assert_eq!(state.circuits.cursor, 1, "the prompt is shown at once");
    let state = after(state, [came(7), came(7), CircuitsAction::Tick]);
    assert_eq!((state.circuits.cursor, state.circuits.last()), (2, 3));
    let state = after(state, [CircuitsAction::Ended(7, None)]);
    assert!(
        state.circuits.playing,
        "the view has not come to the end yet"
    );
    let state = after(state, [CircuitsAction::Tick]);
    assert_eq!((state.circuits.cursor, state.circuits.playing), (3, false));
    // A view that has caught up waits for the model.
    let waits = after(
        self::state(),
        [started(8, false), came(8), came(8), CircuitsAction::Tick],
    );
    assert!(waits.circuits.playing && waits.circuits.cursor == 1);
}

#[test]
fn settings_are_read_as_they_are_typed() {
    let set = |setting, value: &str| {
        after(state(), [CircuitsAction::Set(setting, value.to_owned())])
            .circuits
            .settings()
    };
    let settings = state().circuits.settings().unwrap();
    assert_eq!(
        (settings.max_tokens, settings.temperature, settings.seed),
        (60, 0.8, 0)
    );
    assert!(
        set(Setting::MaxTokens, "0")
            .unwrap_err()
            .contains("whole number from 1")
    );
    assert!(
        set(Setting::Temperature, "-1")
            .unwrap_err()
            .contains("from 0 on")
    );
    assert!(set(Setting::Seed, "x").unwrap_err().contains("seed"));
}

#[test]
fn layers_are_hidden_and_pins_found() {
    let state = after(
        state(),
        [
            recorded(false),
            CircuitsAction::Hide("a".to_owned(), true),
            CircuitsAction::Hide("a".to_owned(), true),
        ],
    );
    assert_eq!(state.place.graph.hidden, ["a"]);
    let mut state = after(state, [CircuitsAction::Hide("a".to_owned(), false)]);
    assert_eq!(state.place.graph, Controls::default());
    state.place.pins = Place::from_hash("#/?pin=a/3&pin=b/3&pin=a/10").pins;
    assert_eq!(state.pins_in_run(), [Feature { set: 0, latent: 3 }]);
    assert_eq!(
        state
            .id_in_run(Feature { set: 0, latent: 3 })
            .unwrap()
            .to_text(),
        "a/3"
    );
}
