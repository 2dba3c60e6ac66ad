//! Tests of the rules of selection: tokens, prompts and SAEs, one after the other.

use super::selection::Matching;
use super::tests::{ready, sae_trace, trace};
use super::tray::FeatureId;
use super::url::Place;
use super::*;
use crate::data::Neighbour;

/// A trace in which latent 7 is strong on every token, and others on one each.
fn with_background(prompt: &str) -> Trace {
    let saes = ["a", "b", "c"].map(|id| SaeTrace {
        latents: vec![7, -1, 7, 1, 7, 2, 7, 3],
        activations: vec![9.0, 0.0, 9.0, 5.0, 9.0, 4.0, 9.0, 6.0],
        ..sae_trace(id, 0)
    });
    Trace {
        saes: saes.to_vec(),
        ..trace(prompt)
    }
}

fn background() -> State {
    let state = ready(Place::default()).after(Action::UsePrompt("two".to_owned()));
    state.after(Action::Traced(with_background("two")))
}

fn neighbours(found: &[(u32, f32)]) -> Result<Vec<Neighbour>, String> {
    Ok(found
        .iter()
        .map(|&(latent, cosine)| Neighbour { latent, cosine })
        .collect())
}

#[test]
fn a_token_selects_its_most_specific_feature_unless_the_selected_one_is_active_there() {
    let state = background();
    // Not 7, which is stronger and everywhere.
    assert_eq!((state.place.token, state.place.feature), (Some(3), Some(3)));
    let state = state.after(Action::SelectToken(1, History::Push));
    assert_eq!((state.place.token, state.place.feature), (Some(1), Some(1)));
    let state = state.after(Action::SelectToken(2, History::Replace));
    assert_eq!(
        (state.place.feature, state.history),
        (Some(2), History::Replace)
    );
    let state = state
        .after(Action::SelectFeature(7, History::Push))
        .after(Action::SelectToken(1, History::Push));
    assert_eq!(state.place.feature, Some(7), "active there as well");
}

#[test]
fn typing_another_prompt_leaves_no_feature_that_is_nowhere_in_it() {
    let typed = |latent| {
        let state = ready(Place::default()).after(Action::SelectFeature(latent, History::Push));
        state
            .after(Action::Type("two".to_owned()))
            .after(Action::Traced(with_background("two")))
    };
    // The token stays while typing: its most specific feature.
    assert_eq!(typed(12).place.token, Some(1));
    assert_eq!(typed(12).place.feature, Some(1));
    assert_eq!(typed(3).place.feature, Some(3), "active at another token");
    // Chosen from the old list while the new prompt was on its way: the same.
    let late = ready(Place::default())
        .after(Action::Type("two".to_owned()))
        .after(Action::SelectFeature(12, History::Push))
        .after(Action::Traced(with_background("two")));
    assert_eq!(late.place.feature, Some(1));
}

#[test]
fn a_feature_that_was_asked_for_stays_though_it_is_not_active() {
    let place = Place {
        sae: Some("b".to_owned()),
        token: Some(1),
        feature: Some(77),
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    assert_eq!(ready(place.clone()).place.feature, Some(77));
    // As a step back leads to it.
    let state = ready(Place::default()).after(Action::UsePrompt("two".to_owned()));
    let state = state
        .after(Action::Traced(trace("two")))
        .after(Action::Restore(place))
        .after(Action::Traced(trace("one")));
    assert_eq!(state.place.feature, Some(77));
}

#[test]
fn another_sae_selects_the_counterpart_and_says_so() {
    let state = ready(Place::default()).after(Action::SelectToken(2, History::Push));
    let state = state.after(Action::SelectSae("c".to_owned()));
    // Nothing of the SAE before is shown as a feature of this one.
    assert_eq!(
        (state.place.feature, state.history),
        (None, History::Push),
        "one step"
    );
    let request = state.selection.matching.clone().unwrap();
    assert_eq!(
        request,
        Matching {
            from: FeatureId {
                sae: "b".to_owned(),
                latent: 13
            },
            to: "c".to_owned()
        }
    );
    assert_eq!(state.search(), Some(&request));
    let found = state.clone().after(Action::Matched(
        request.clone(),
        neighbours(&[(55, 0.83), (21, 0.6)]),
    ));
    assert_eq!(
        (found.place.token, found.place.feature, found.history),
        (Some(2), Some(55), History::Replace)
    );
    assert_eq!(
        found.about_match().as_deref(),
        Some("Feature 13 of b → 55 of c, decoder cosine 0.83.")
    );
    // What is said of one feature is not said of the next.
    let other = found.after(Action::SelectFeature(21, History::Push));
    assert_eq!(other.about_match(), None);

    for (answer, says) in [
        (neighbours(&[(55, 0.42)]), "0.42, below 0.5"),
        (neighbours(&[]), "no feature there"),
        (Err("Their bases differ.".to_owned()), "Their bases differ."),
    ] {
        let none = state
            .clone()
            .after(Action::Matched(request.clone(), answer));
        assert_eq!(none.place.feature, Some(23), "the most specific one");
        let said = none.about_match().unwrap();
        assert!(
            said.contains("No counterpart") && said.contains(says),
            "{said}"
        );
    }
}

#[test]
fn an_answer_that_comes_late_is_dropped() {
    let state = ready(Place::default())
        .after(Action::SelectToken(2, History::Push))
        .after(Action::SelectSae("c".to_owned()));
    let request = state.selection.matching.clone().unwrap();
    let before = ready(Place::default()).place;
    for meanwhile in [
        Action::SelectFeature(21, History::Push),
        Action::SelectToken(1, History::Push),
        Action::SelectSae("a".to_owned()),
        Action::Restore(before),
    ] {
        let state = state.clone().after(meanwhile);
        let late = state
            .clone()
            .after(Action::Matched(request.clone(), neighbours(&[(55, 0.9)])));
        assert_eq!(late, state);
        assert_ne!(late.place.feature, Some(55));
    }
    // A trace that comes in between chooses nothing in its place.
    let traced = state.after(Action::Traced(trace("one")));
    assert_eq!(traced.place.feature, None);
    let found = traced.after(Action::Matched(request, neighbours(&[(55, 0.9)])));
    assert_eq!(found.place.feature, Some(55));
}

#[test]
fn back_after_another_sae_restores_the_feature_that_was_selected() {
    let state = ready(Place::default()).after(Action::SelectFeature(13, History::Push));
    let before = state.address();
    let state = state.after(Action::SelectSae("c".to_owned()));
    let request = state.selection.matching.clone().unwrap();
    let state = state
        .after(Action::Matched(request, neighbours(&[(55, 0.9)])))
        .after(Action::Restore(before));
    assert_eq!(
        (state.place.sae.as_deref(), state.place.feature),
        (Some("b"), Some(13))
    );
    assert_eq!(state.about_match(), None);
}
