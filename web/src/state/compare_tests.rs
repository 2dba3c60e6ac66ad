//! Comparisons: what can begin, and how far one is.

use super::compare::{CompareAction, Extra, Found, Stage};
use super::scan::Text;
use super::texts::Source;
use super::train::TrainAction;
use super::{Action, Place, State};
use crate::shared::Shared;
use wire::{SaeInfo, TrainRecord, TrainingInfo};

fn after(state: State, actions: impl IntoIterator<Item = CompareAction>) -> State {
    let actions = actions.into_iter().map(Action::Compare);
    actions.fold(state, State::after)
}

fn sae(id: &str, architecture: &str) -> SaeInfo {
    SaeInfo {
        id: id.to_owned(),
        architecture: architecture.to_owned(),
        ..SaeInfo::default()
    }
}

fn training(id: &str, model: &str) -> TrainingInfo {
    TrainingInfo {
        id: id.to_owned(),
        name: "a.txt".to_owned(),
        model: model.to_owned(),
        hook: "blocks.2.hook_resid_post".to_owned(),
        latents: 64,
        k: 4,
        activation: "topk".to_owned(),
        step: 10,
        steps: 10,
        tokens: 1000,
        fvu: Some(0.5),
        saved_at: 0.0,
        bytes: 1,
    }
}

fn with_model() -> State {
    let model = crate::data::ModelInfo {
        name: "tale".to_owned(),
        ..Default::default()
    };
    let mut state = State::new(Place::default()).after(Action::EngineReady(model, Vec::new()));
    state.saes = Shared::new(vec![
        sae("one", "topk"),
        sae("cells", "neurons"),
        sae("two", "topk"),
    ]);
    let stored = ["a", "b"].map(|id| training(id, "tale"));
    let stored = stored.into_iter().chain([training("c", "other")]);
    state.after(Action::Train(TrainAction::Listed(stored.collect())))
}

#[test]
fn a_comparison_says_what_it_lacks() {
    let why = |state: &State| state.wanted_comparison().unwrap_err();
    assert!(why(&State::new(Place::default())).contains("model"));
    let wanted = with_model().wanted_comparison().unwrap();
    assert_eq!((wanted.source, wanted.tokens), (Source::Sample, 20_000));
    // Neurons have no reconstruction.
    assert_eq!(wanted.saes, ["one", "two"]);
    assert!(wanted.trainings.is_empty() && wanted.extras.is_empty());
    let without = |id: &str| CompareAction::Sae(id.to_owned(), false);
    let state = after(with_model(), [without("one"), without("two")]);
    assert!(why(&state).contains("SAE"));
    // Two of one name are told apart, and those of another model cannot be evaluated on this one.
    let with = |id: &str| CompareAction::Training(id.to_owned(), true);
    let state = after(state, [with("a"), with("b"), with("c")]);
    let name = |number: &str| format!("a.txt, n = 64, k = 4{number}");
    let expected = [("a", name("")), ("b", name(" (2)"))];
    let expected = expected.map(|(id, name)| (id.to_owned(), name));
    assert_eq!(state.wanted_comparison().unwrap().trainings, expected);
    let state = after(state, [CompareAction::Source(Source::Files)]);
    assert!(why(&state).contains("Choose a text"));
    let text = Text {
        name: "b.txt".to_owned(),
        bytes: 5,
    };
    let state = after(state, [CompareAction::Choose(vec![text])]);
    for (typed, tokens) in [("7", None), ("much", None), ("1,000", Some(1000))] {
        let state = after(state.clone(), [CompareAction::Tokens(typed.to_owned())]);
        let wanted = state.wanted_comparison();
        assert_eq!(wanted.map(|wanted| wanted.tokens).ok(), tokens, "{typed}");
    }
    let extra = |on| CompareAction::Extra(Extra::Probes, on);
    let state = after(state, [extra(true), extra(true)]);
    assert_eq!(state.wanted_comparison().unwrap().extras, [Extra::Probes]);
    let state = after(state, [extra(false)]);
    assert!(state.wanted_comparison().unwrap().extras.is_empty());
}

#[test]
fn results_come_while_it_runs_and_stay_when_it_ends() {
    let found = |head: &str| Found {
        head: head.to_owned(),
        ..Found::default()
    };
    let head = |state: &State| state.compare.found.as_ref().map(|found| found.head.clone());
    let part = Stage::Part("one".to_owned(), 1, 4, "windows".to_owned());
    assert_eq!((part.share(), Stage::Read(5).share()), (Some(0.25), None));
    let state = after(
        with_model(),
        [
            CompareAction::Started,
            CompareAction::Progress(part),
            CompareAction::Found(found("a part")),
        ],
    );
    assert_eq!(head(&state).as_deref(), Some("a part"));
    let state = after(state, [CompareAction::Stopping]);
    assert!(state.compare.running.as_ref().unwrap().stopping);
    // Stopped before there was more: what came stays.
    let state = after(state, [CompareAction::Ended(Ok(None))]);
    assert!(state.compare.running.is_none());
    assert_eq!(head(&state).as_deref(), Some("a part"));
    // Late words of one that is over.
    let state = after(state, [CompareAction::Found(found("late"))]);
    assert_eq!(head(&state).as_deref(), Some("a part"));
    let state = after(
        state,
        [
            CompareAction::Started,
            CompareAction::Ended(Err("why".to_owned())),
        ],
    );
    assert_eq!(
        (head(&state), state.compare.failed.as_deref()),
        (None, Some("why"))
    );
    let log = |records: Vec<TrainRecord>| CompareAction::Log("a".to_owned(), records);
    let state = after(
        state,
        [
            CompareAction::Curve("a".to_owned(), true),
            log(Vec::new()),
            log(Vec::new()),
        ],
    );
    assert_eq!(
        (state.compare.curves.len(), state.compare.logs.len()),
        (1, 1)
    );
    assert!(state.compare.log("a").is_some() && state.compare.log("b").is_none());
}
