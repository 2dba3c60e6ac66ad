//! Tests of the state: actions of a person, one after the other.

use super::asked::Asked;
use super::lists::{Ranking, View};
use super::route::Route;
use super::tray::FeatureId;
use super::url::Place;
use super::views::{PromptView, Shown};
use super::*;
use crate::browse::Query;
use crate::data::Token;

pub(super) fn sae_trace(id: &str, shift: i32) -> SaeTrace {
    SaeTrace {
        id: id.to_owned(),
        n_latents: 100,
        k: 2,
        latents: vec![
            90,
            -1,
            1 + shift,
            2 + shift,
            3 + shift,
            1 + shift,
            3 + shift,
            -1,
        ],
        activations: vec![99.0, 0.0, 5.0, 4.0, 8.0, 1.0, 2.0, 0.0],
        ..SaeTrace::default()
    }
}

pub(super) fn trace(prompt: &str) -> Trace {
    Trace {
        prompt: prompt.to_owned(),
        tokens: vec![Token::default(); 4],
        bos_prepended: true,
        saes: vec![sae_trace("a", 0), sae_trace("b", 10), sae_trace("c", 20)],
        ..Trace::default()
    }
}

/// As [`ready`], with SAEs of two layers, the later one selected.
pub(super) fn with_layers() -> State {
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

pub(super) fn ready(place: Place) -> State {
    let model = ModelInfo {
        id: "demo".to_owned(),
        ..ModelInfo::default()
    };
    let saes = ["a", "b", "c"].map(|id| SaeInfo {
        id: id.to_owned(),
        ..SaeInfo::default()
    });
    let examples = ["one", "two"].map(|text| Example {
        name: text.to_owned(),
        text: text.to_owned(),
    });
    let state = State::new(place)
        .after(Action::Examples(examples.to_vec(), Vec::new()))
        .after(Action::EngineReady(model, saes.to_vec()));
    let prompt = state.prompt().to_owned();
    state.after(Action::Traced(trace(&prompt)))
}

#[test]
fn starts_with_a_traced_example_and_something_selected() {
    let state = ready(Place::default());
    assert_eq!(state.word(), "ready");
    assert_eq!(state.prompt(), "one");
    assert_eq!(state.place.sae.as_deref(), Some("b"));
    // Not latent 90, which is strongest on the BOS.
    assert_eq!(
        (state.place.token, state.place.feature),
        (Some(1), Some(12))
    );
}

#[test]
fn an_address_is_restored_as_it_was() {
    let place = Place {
        listed: None,
        figure: None,
        hidden: Vec::new(),
        theme: None,
        browse: Query::default(),
        atlas: None,
        route: Route::Prompt,
        page: None,
        model: Some("demo".to_owned()),
        sae: Some("c".to_owned()),
        token: Some(2),
        feature: Some(77),
        view: View::Prompt,
        ranking: Ranking::Count,
        prompt: Some("mine".to_owned()),
        beside: Vec::new(),
        bos: None,
        shown: Shown {
            view: PromptView::Attention,
            layer: Some(4),
            head: Some(1),
            ..Shown::default()
        },
        pins: vec![FeatureId {
            sae: "a".to_owned(),
            latent: 3,
        }],
        edits: ["c:22=2.5@1..3", "!c:22=+4x@3.."]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        graph: crate::circuits::Controls {
            nodes: 40,
            ..Default::default()
        },
        asked: {
            let mut asked = Asked::default();
            asked.set("sweep", "903".to_owned());
            asked
        },
    };
    let state = ready(place.clone());
    assert_eq!(state.place, place);
    let moved = state
        .after(Action::SelectToken(3, History::Push))
        .after(Action::SelectSae("a".to_owned()));
    assert_ne!(moved.place, place);
    assert_eq!(moved.after(Action::Restore(place.clone())).place, place);
}

#[test]
fn what_an_address_cannot_mean_is_mended() {
    let place = Place {
        sae: Some("b".to_owned()),
        token: Some(999),
        feature: Some(9999),
        ..Place::default()
    };
    let state = ready(place);
    assert_eq!(state.place.token, Some(3));
    assert_eq!(state.place.feature, Some(13));
    let note = state.note.map(|note| note.text).unwrap_or_default();
    assert!(note.contains("no feature 9999"), "{note}");
}

#[test]
fn a_feature_of_an_sae_that_is_missing_is_not_shown_of_another() {
    for id in ["zzz", "file:mine@blocks.3.hook_resid_post"] {
        let place = Place {
            sae: Some(id.to_owned()),
            token: Some(2),
            feature: Some(12),
            prompt: Some("one".to_owned()),
            ..Place::default()
        };
        for state in [
            ready(place.clone()),
            ready(place.clone()).after(Action::Restore(place.clone())),
            ready(Place::default()).after(Action::Restore(place.clone())),
        ] {
            assert_eq!(state.missing_sae(), Some(id));
            assert_eq!((state.word(), state.sae_trace()), ("ready", None));
            // What the address says stays, for when the SAE comes.
            assert_eq!(
                (state.place.token, state.place.feature),
                (Some(2), Some(12))
            );
            assert!(state.address().to_hash().contains("feature=12"));
            let chosen = state.after(Action::SelectSae("c".to_owned()));
            assert_eq!(chosen.missing_sae(), None);
            assert_eq!(chosen.place.feature, Some(23), "one of its own");
        }
        let state = ready(place).after(Action::Load(load::LoadAction::Sae(SaeInfo {
            id: id.to_owned(),
            ..SaeInfo::default()
        })));
        assert_eq!((state.missing_sae(), state.place.feature), (None, Some(12)));
    }
}

#[test]
fn a_feature_without_its_sae_means_nothing() {
    let place = Place {
        token: Some(2),
        feature: Some(77),
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    let state = ready(place.clone());
    assert_eq!(
        (state.place.token, state.place.feature),
        (Some(2), Some(13))
    );
    let moved = state
        .after(Action::SelectSae("c".to_owned()))
        .after(Action::Restore(place));
    assert_eq!(moved.place.sae.as_deref(), Some("c"));
    assert_eq!(moved.place.feature, Some(23));
}

#[test]
fn a_continuation_does_not_outlive_its_prompt() {
    let running = |prompt: &str| {
        ready(Place::default())
            .after(Action::GenerateStarted(7, prompt.to_owned()))
            .after(Action::Generated(7, " and".to_owned()))
    };
    let whole = || {
        Ok(crate::data::Generation {
            text: " and so".to_owned(),
            cancelled: true,
            ..crate::data::Generation::default()
        })
    };
    let state = running("one");
    assert_eq!(
        (state.generate.text.as_str(), state.generate.tokens),
        (" and", 1)
    );
    let other = Place {
        prompt: Some("two".to_owned()),
        ..Place::default()
    };
    for change in [
        Action::UsePrompt("two".to_owned()),
        Action::Type("two".to_owned()),
        Action::Restore(other),
    ] {
        let state = running("one")
            .after(change)
            .after(Action::Generated(7, " so".to_owned()))
            .after(Action::GenerateEnded(7, whole()));
        assert!(!state.generate.running);
        assert_eq!(state.generate.text, "", "tokens of the prompt before");
        assert!(
            state
                .generate
                .ended
                .as_ref()
                .is_some_and(|why| why.contains("prompt"))
        );
        // The next one begins afresh, whatever still comes of the one before.
        let next = state
            .after(Action::GenerateStarted(8, "two".to_owned()))
            .after(Action::Generated(7, " late".to_owned()))
            .after(Action::GenerateEnded(7, whole()))
            .after(Action::Generated(8, " now".to_owned()));
        assert!(next.generate.running);
        assert_eq!(next.generate.text, " now");
    }
    // The same prompt again changes nothing; another model does.
    let same = running("one").after(Action::UsePrompt("one".to_owned()));
    assert!(same.generate.running);
    let model = load::LoadAction::Model(ModelInfo::default());
    let other = running("one").after(Action::Load(model));
    assert_eq!(
        (other.generate.running, other.generate.text.as_str()),
        (false, "")
    );
}

#[test]
fn a_choice_of_a_bos_is_traced_stands_in_the_address_and_keeps_the_token() {
    let with = |bos: Option<bool>, bos_prepended: bool| Trace {
        bos,
        bos_prepended,
        tokens: vec![Token::default(); 3 + usize::from(bos_prepended)],
        ..trace("one")
    };
    let state = ready(Place::default()).after(Action::SelectToken(2, History::Push));
    let asked = state.after(Action::SelectBos(Some(false)));
    assert_eq!((asked.word(), asked.history), ("tracing", History::Push));
    assert!(asked.address().to_hash().contains("bos=no"));
    // What comes for the choice before is not shown under this one.
    let late = asked.clone().after(Action::Traced(with(None, true)));
    assert_eq!(late.word(), "tracing");
    let without = asked.after(Action::Traced(with(Some(false), false)));
    assert_eq!((without.word(), without.place.token), ("ready", Some(1)));
    // To and fro before a trace comes: the token is that of the trace on screen.
    let back = without
        .clone()
        .after(Action::SelectBos(Some(true)))
        .after(Action::SelectBos(None))
        .after(Action::Traced(with(None, true)));
    assert_eq!(back.place.token, Some(2));
    // An address counts by itself.
    let place = Place {
        token: Some(2),
        prompt: Some("one".to_owned()),
        ..without.place.clone()
    };
    let restored = without.after(Action::Restore(Place { bos: None, ..place }));
    assert_eq!(restored.word(), "tracing");
    let restored = restored.after(Action::Traced(with(None, true)));
    assert_eq!((restored.word(), restored.place.token), ("ready", Some(2)));
}

#[test]
fn a_late_trace_does_not_replace_a_later_prompt() {
    let state = ready(Place::default()).after(Action::Type("later".to_owned()));
    assert_eq!(state.word(), "tracing");
    let state = state.after(Action::Traced(trace("earlier")));
    assert_eq!(state.word(), "tracing");
    assert_eq!(
        state.trace.as_ref().map(|trace| trace.prompt.as_str()),
        Some("one")
    );
    let state = state.after(Action::Traced(trace("later")));
    assert_eq!(state.word(), "ready");
}

#[test]
fn typing_keeps_the_selection_and_a_failure_keeps_the_prompt() {
    let state = ready(Place::default()).after(Action::SelectFeature(13, History::Push));
    let state = state.after(Action::Type("longer".to_owned()));
    assert_eq!(state.history, History::ReplaceSoon);
    let problem = Problem {
        code: "device-lost".to_owned(),
        message: String::new(),
        during: During::Tracing,
        too_long: None,
    };
    let state = state.after(Action::Failed(problem));
    assert_eq!((state.word(), state.prompt()), ("error", "longer"));
    assert!(state.trace.is_some());
    let state = state.after(Action::Retry);
    assert_eq!(state.word(), "tracing");
    let state = state.after(Action::Traced(trace("longer")));
    assert_eq!(state.place.feature, Some(13));
}

#[test]
fn answers_about_another_feature_are_passed_over() {
    let state = ready(Place::default())
        .after(Action::SelectFeature(11, History::Push))
        .after(Action::FeatureRequested);
    let state = state.after(Action::FeatureReceived(
        "b".to_owned(),
        12,
        Ok(Feature::default()),
    ));
    assert_eq!(state.feature, Remote::Waiting);
    let state = state.after(Action::FeatureReceived(
        "b".to_owned(),
        11,
        Ok(Feature::default()),
    ));
    assert!(matches!(state.feature, Remote::Here(_)));
    let state = state.after(Action::SelectFeature(12, History::Push));
    assert_eq!(state.feature, Remote::Idle);
}

#[test]
fn another_prompt_keeps_a_feature_that_it_has_and_no_other() {
    let other = |latent| {
        let state = ready(Place::default()).after(Action::SelectFeature(latent, History::Push));
        state
            .after(Action::UsePrompt("two".to_owned()))
            .after(Action::Traced(trace("two")))
    };
    assert_eq!(
        (other(13).place.token, other(13).place.feature),
        (Some(2), Some(13))
    );
    assert_eq!(
        (other(55).place.token, other(55).place.feature),
        (Some(1), Some(12))
    );
    assert_eq!(
        other(55).history,
        History::Replace,
        "the prompt itself was the step"
    );
}

#[test]
fn another_route_keeps_everything_else() {
    let state = ready(Place::default());
    let before = state.place.clone();
    let state = state.after(Action::Go(Route::Library));
    assert_eq!(state.history, History::Push);
    assert_eq!(state.place, before.clone().on(Route::Library));
    // A link to a route alone, such as a tab before anything is loaded.
    let state = state.after(Action::Restore(Place::from_hash("#/prompt")));
    assert_eq!(state.place.route, Route::Prompt);
    assert_eq!(
        (&state.place.prompt, &state.place.sae),
        (&before.prompt, &before.sae)
    );
}
