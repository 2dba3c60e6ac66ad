use super::about::{IdentityAction, IdentityRequest};
use super::atlas_tests::{named, served_of};
use super::tray::FeatureId;
use super::*;
use crate::data::DemoSae;

const HOOK: &str = "blocks.3.hook_resid_post";
const OF_ATLAS: &str = "5cf0";

fn sae(id: &str) -> SaeInfo {
    SaeInfo {
        id: id.to_owned(),
        hook: HOOK.to_owned(),
        n_latents: 200,
        ..SaeInfo::default()
    }
}

/// The page of a feature with the site's atlas, of an SAE of the identity `OF_ATLAS`, and these SAEs; the demo has `layer_3`.
fn with(saes: &[&str]) -> State {
    let (mut state, _) = served_of(OF_ATLAS, named("#/features/layer-3/130"), &[]);
    state.expected = Shared::new(vec![DemoSae {
        id: "layer_3".to_owned(),
        hook: HOOK.to_owned(),
        ..DemoSae::default()
    }]);
    let model = ModelInfo {
        id: "demo".to_owned(),
        name: "tiny".to_owned(),
        vocab: 2,
        ..ModelInfo::default()
    };
    let saes = saes.iter().map(|id| sae(id)).collect();
    state.after(Action::EngineReady(model, saes))
}

/// Ids of the SAEs whose identities are wanted.
fn wanted(state: &State) -> Vec<String> {
    let wanted = state.wanted_identities().into_iter();
    wanted.map(|(id, _)| id).collect()
}

fn answered(state: State, request: &IdentityRequest, result: Result<&str, &str>) -> State {
    let result = result.map(str::to_owned).map_err(str::to_owned);
    let received = IdentityAction::Received(request.clone(), result);
    state.after(Action::Identity(received))
}

/// The state after the answer to the one request that it wants.
fn identified(state: State, result: Result<&str, &str>) -> State {
    let [request] = state.wanted_identities().try_into().unwrap();
    let state = state.after(Action::Identity(IdentityAction::Requested(request.clone())));
    assert_eq!(wanted(&state), [""; 0], "it is asked for once");
    answered(state, &request, result)
}

fn label(state: &State, id: &str) -> Option<String> {
    let feature = FeatureId {
        sae: id.to_owned(),
        latent: 7,
    };
    state.label(&feature).map(str::to_owned)
}

#[test]
fn the_demos_sae_and_the_sites_atlas_belong_together() {
    let state = with(&["layer_3"]);
    assert_eq!(wanted(&state), [""; 0]);
    assert_eq!(label(&state, "layer_3").as_deref(), Some("label 7"));
    assert_eq!(state.page_sae(), Some("layer_3"));
}

#[test]
fn another_sae_of_the_same_hook_and_width_gets_no_statistics_of_the_atlas() {
    let mut state = with(&["mine"]);
    state.place.sae = Some("mine".to_owned());
    assert_eq!(wanted(&state), ["mine"]);
    assert_eq!(label(&state, "mine"), None, "before it is known");
    assert_eq!(state.sae_misfit(), None, "before it is known");

    let other = identified(state.clone(), Ok("0d49"));
    assert_eq!(label(&other, "mine"), None);
    assert_eq!((other.page_sae(), other.set_of_sae("mine")), (None, None));
    let why = other.sae_misfit().unwrap();
    assert!(why.contains("layer-3; mine has other numbers"), "{why}");

    let unknown = identified(state.clone(), Err("The file is gone."));
    assert_eq!(label(&unknown, "mine"), None);
    let why = unknown.sae_misfit().unwrap();
    assert!(
        why.contains("could not be found out: The file is gone."),
        "{why}"
    );

    let same = identified(state, Ok(OF_ATLAS));
    assert_eq!(label(&same, "mine").as_deref(), Some("label 7"));
    assert_eq!((same.page_sae(), same.sae_misfit()), (Some("mine"), None));
}

#[test]
fn an_sae_that_is_loaded_again_is_identified_again() {
    let state = identified(with(&["mine"]), Ok(OF_ATLAS));
    let mut again = state;
    again.sae_loaded(sae("mine"));
    assert_eq!(label(&again, "mine"), None);
    assert_eq!(wanted(&again), ["mine"]);
    // The answer about one that was loaded meanwhile under its id.
    let [request] = again.wanted_identities().try_into().unwrap();
    let asked = again.after(Action::Identity(IdentityAction::Requested(request.clone())));
    let mut another = asked;
    another.sae_loaded(sae("mine"));
    let late = answered(another, &request, Ok(OF_ATLAS));
    assert_eq!(
        (label(&late, "mine"), wanted(&late)),
        (None, vec!["mine".to_owned()])
    );
}

#[test]
fn beside_the_demos_sae_another_one_is_not_taken_for_it() {
    let state = with(&["layer_3", "mine"]);
    assert_eq!(wanted(&state), ["mine"]);
    let state = identified(state, Ok("0d49"));
    assert_eq!(label(&state, "layer_3").as_deref(), Some("label 7"));
    assert_eq!(label(&state, "mine"), None);
}
