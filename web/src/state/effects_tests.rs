//! Tests of effects.

use super::State;
use super::effects::{About, By, Clean, EffectsAction, Field, active_at};
use super::tests::ready;
use super::url::Place;
use crate::data::{Effect, SaeTrace, Token};
use crate::state::Action;

fn after(state: State, action: EffectsAction) -> State {
    state.after(Action::Effects(action))
}

fn effect(latent: u32, kl: f64, loss: Option<f64>) -> Effect {
    Effect {
        latent,
        kl: Some(kl),
        loss,
        ..Effect::default()
    }
}

fn about(compared: bool) -> About {
    let token = |id| Token {
        id,
        ..Token::default()
    };
    About {
        compared: compared.then(|| (token(1), token(2))),
        expected: 3,
        ..About::default()
    }
}

fn measured() -> State {
    let state = after(
        ready(Place::default()),
        EffectsAction::Started(1, about(false)),
    );
    let came = vec![effect(7, 0.1, Some(-0.5)), effect(3, 0.4, None)];
    after(state, EffectsAction::Came(1, came))
}

fn order(state: &State) -> Vec<u32> {
    let ranked = state.effects.ranked();
    ranked.iter().map(|effect| effect.latent).collect()
}

#[test]
fn effects_are_ranked_as_they_come_by_what_is_chosen() {
    let state = after(
        measured(),
        EffectsAction::Came(1, vec![effect(5, 0.4, Some(0.1))]),
    );
    assert_eq!(order(&state), [3, 5, 7]);
    let state = after(state, EffectsAction::Rank(By::Loss));
    assert_eq!(order(&state), [7, 5, 3], "by size, what is missing last");
    let state = after(state, EffectsAction::Finished(1, Ok(Clean::default())));
    assert!(!state.effects.running);
    assert_eq!(state.effects.effects.len(), 3);
}

#[test]
fn what_comes_for_an_earlier_measurement_is_not_shown() {
    let state = after(measured(), EffectsAction::Started(2, about(true)));
    assert!(state.effects.effects.is_empty());
    let state = after(state, EffectsAction::Came(1, vec![effect(9, 1.0, None)]));
    let state = after(state, EffectsAction::Finished(1, Err("late".to_owned())));
    assert!(state.effects.running && state.effects.effects.is_empty());
    assert_eq!(state.effects.ended, None);
}

#[test]
fn a_failure_keeps_what_was_measured_and_another_prompt_stops_it() {
    let state = after(
        measured(),
        EffectsAction::Finished(1, Err("lost".to_owned())),
    );
    assert_eq!(state.effects.ended.as_deref(), Some("lost"));
    assert_eq!(order(&state), [3, 7]);
    let state = measured().after(Action::UsePrompt("another".to_owned()));
    assert!(!state.effects.running);
    assert_eq!(order(&state), [3, 7]);
    assert!(state.effects.ended.is_some());
}

#[test]
fn without_two_tokens_nothing_is_ranked_by_them() {
    let state = after(measured(), EffectsAction::Rank(By::Target));
    let both = after(state.clone(), EffectsAction::Started(2, about(true)));
    assert_eq!(both.effects.by, By::Target);
    let none = after(state, EffectsAction::Started(2, about(false)));
    assert_eq!(none.effects.by, By::Kl);
    let typed = after(none, EffectsAction::Type(Field::Target, " king".to_owned()));
    assert_eq!(typed.place.asked.get(Field::Target.name()), " king");
    assert!(typed.address().to_hash().contains("effects-target=+king"));
}

#[test]
fn active_features_are_counted_once_at_the_positions_that_are_meant() {
    let sae = SaeTrace {
        k: 2,
        latents: vec![4, 9, 1, 2, 2, -1, 1, 8],
        activations: vec![9.0, 9.0, 0.5, 0.25, 1.0, 0.0, 1.0, 0.0],
        skipped: vec![0],
        ..SaeTrace::default()
    };
    assert_eq!(active_at(&sae, ""), Ok(2));
    assert_eq!(active_at(&sae, " 0, 3 "), Ok(3));
    assert_eq!(active_at(&sae, "1.."), Ok(2));
    assert!(active_at(&sae, "two").is_err());
}
