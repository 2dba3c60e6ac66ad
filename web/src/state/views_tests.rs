//! Tests of the state of the views beside the list of features.

use super::lists::View;
use super::tests::{ready, trace};
use super::url::Place;
use super::views::{PromptView, Shown, Tap, TapsAnswer, ViewsAction};
use super::*;
use crate::data::{Lens, Tapped};
use crate::views::layers::{Counterpart, Mode};
use crate::views::pattern::Pattern;

fn showing(view: PromptView) -> State {
    let mut state = ready(Place::default());
    state.model = Some(Shared::new(ModelInfo {
        id: "demo".to_owned(),
        n_layers: 6,
        ..ModelInfo::default()
    }));
    state.after(Action::Views(ViewsAction::Show(view)))
}

fn lens(layer: u32) -> TapsAnswer {
    TapsAnswer::Lens(vec![Lens {
        layer: Some(layer as usize),
        ..Lens::default()
    }])
}

fn on(state: State, action: ViewsAction) -> State {
    state.after(Action::Views(action))
}

#[test]
fn nothing_is_requested_before_a_view_needs_it() {
    for view in [PromptView::Features, PromptView::Layers] {
        assert_eq!(showing(view).wanted_taps(), None);
    }
    let state = showing(PromptView::Lens);
    assert_eq!(state.history, History::Push);
    assert_eq!(
        state.wanted_taps().map(|wanted| wanted.tap),
        Some(Tap::Lens)
    );
}

#[test]
fn an_answer_is_shown_under_the_trace_that_it_is_of_alone() {
    let state = showing(PromptView::Lens);
    let wanted = state.wanted_taps().unwrap();
    let state = on(state, ViewsAction::Requested(wanted.clone()));
    assert_eq!(
        state.wanted_taps(),
        Some(wanted.clone()),
        "it is still wanted while it is under way"
    );
    let state = on(state, ViewsAction::Received(wanted.clone(), Ok(lens(3))));
    assert_eq!(state.wanted_taps(), None);
    let shown = state.views.lens(&wanted.trace);
    assert!(matches!(shown, Remote::Here(lenses) if lenses[0].layer == Some(3)));

    // While the next prompt is on its way, nothing is wanted for the one before; then its own lens is.
    let typed = state.after(Action::Type("other".to_owned()));
    assert_eq!(typed.wanted_taps(), None);
    let traced = typed.after(Action::Traced(trace("other")));
    let next = traced.wanted_taps().unwrap();
    assert_ne!(next, wanted);
    assert_eq!(traced.views.lens(&next.trace), Remote::Idle);
    let late = on(
        on(traced, ViewsAction::Requested(next.clone())),
        ViewsAction::Received(wanted, Ok(lens(4))),
    );
    assert_eq!(late.views.lens(&next.trace), Remote::Waiting);
}

#[test]
fn what_failed_is_said_and_requested_again_when_the_person_says_so() {
    let state = showing(PromptView::Attention);
    let wanted = state.wanted_taps().unwrap();
    assert_eq!(wanted.tap, Tap::Pattern(0));
    let state = on(state, ViewsAction::Requested(wanted.clone()));
    let failed = on(
        state,
        ViewsAction::Received(wanted.clone(), Err("No memory.".to_owned())),
    );
    assert_eq!(
        failed.wanted_taps(),
        None,
        "it does not try again and again"
    );
    assert_eq!(
        failed.views.pattern(&wanted.trace, 0),
        Remote::Failed("No memory.".to_owned())
    );
    assert_eq!(failed.word(), "ready");
    assert_eq!(on(failed, ViewsAction::Retry).wanted_taps(), Some(wanted));
}

#[test]
fn one_layer_is_there_at_a_time() {
    let state = showing(PromptView::Attention);
    let first = state.wanted_taps().unwrap();
    let pattern = |layer| {
        let tapped = Tapped {
            shape: vec![1, 1, 1],
            data: vec![1.0],
            ..Tapped::default()
        };
        TapsAnswer::Pattern(Pattern::new(layer, tapped).unwrap())
    };
    let state = on(state, ViewsAction::Requested(first.clone()));
    let state = on(state, ViewsAction::Received(first.clone(), Ok(pattern(0))));
    let state = on(state, ViewsAction::SelectLayer(5));
    let next = state.wanted_taps().unwrap();
    assert_eq!(next.tap, Tap::Pattern(5));
    let state = on(state, ViewsAction::Requested(next.clone()));
    assert_eq!(state.views.pattern(&first.trace, 0), Remote::Idle);
    let state = on(state, ViewsAction::Received(next.clone(), Ok(pattern(5))));
    assert!(matches!(
        state.views.pattern(&next.trace, 5),
        Remote::Here(_)
    ));
}

#[test]
fn a_layer_that_the_model_does_not_have_is_passed_over() {
    let state = on(showing(PromptView::Attention), ViewsAction::SelectLayer(6));
    assert_eq!(state.attention_layer(), 0);
    let mut saes = (*state.saes).clone();
    saes[1].hook = "blocks.3.hook_resid_post".to_owned();
    let mut state = state;
    state.saes = Shared::new(saes);
    assert_eq!(state.attention_layer(), 3, "that of the selected SAE");
    assert_eq!(on(state, ViewsAction::SelectLayer(2)).attention_layer(), 2);
}

#[test]
fn a_cell_selects_its_sae_token_and_feature() {
    let state = showing(PromptView::Layers).after(Action::SelectView(View::Prompt));
    let state = on(state, ViewsAction::SelectFeature("c".to_owned(), 2, 23));
    assert_eq!(state.place.sae.as_deref(), Some("c"));
    assert_eq!(
        (state.place.token, state.place.feature),
        (Some(2), Some(23))
    );
    assert_eq!(state.place.view, View::Token);
    assert_eq!(state.history, History::Push);
    // The same number in another SAE is another feature: nothing that is known of the one is shown for the other.
    let known = state.after(Action::FeatureReceived(
        "c".to_owned(),
        23,
        Ok(Feature::default()),
    ));
    assert!(matches!(known.feature, Remote::Here(_)));
    let other = on(known, ViewsAction::SelectFeature("a".to_owned(), 2, 23));
    assert_eq!(other.feature, Remote::Idle);
}

#[test]
fn an_address_brings_the_view_back() {
    let place = Place::from_hash("#show=attention&layer=4&head=1&prompt=one");
    let expected = Shown {
        view: PromptView::Attention,
        layer: Some(4),
        head: Some(1),
        ..Shown::default()
    };
    assert_eq!(place.shown, expected);
    assert!(place.to_hash().contains("show=attention&layer=4&head=1"));
    // Of the other views a layer says nothing, and the list of features goes without saying.
    assert_eq!(Place::from_hash("#layer=4&head=1").shown, Shown::default());
    assert!(!Place::default().to_hash().contains("show"));
    assert_eq!(
        Place::from_hash("#show=everything").shown.view,
        PromptView::Features
    );
    let state = ready(Place::from_hash("#show=lens&prompt=one"));
    let features = on(state, ViewsAction::Show(PromptView::Features));
    let back = features.after(Action::Restore(Place::from_hash("#show=lens&prompt=one")));
    assert_eq!(back.place.shown.view, PromptView::Lens);
}

#[test]
fn counterparts_are_looked_for_while_they_are_shown_and_belong_to_their_feature() {
    let state = on(
        showing(PromptView::Layers),
        ViewsAction::SelectMode(Mode::Matches),
    );
    let mut state = state;
    state.place.sae = Some("c".to_owned());
    state.place.feature = Some(23);
    let wanted = state.wanted_counterparts().unwrap();
    assert_eq!(
        (wanted.feature.sae.as_str(), wanted.feature.latent),
        ("c", 23)
    );
    assert!(!wanted.saes.contains(&"c".to_owned()) && !wanted.saes.is_empty());
    let state = on(state, ViewsAction::CounterpartsRequested(wanted.clone()));
    assert_eq!(state.views.counterparts(&wanted), Remote::Waiting);
    let found = vec![Counterpart {
        sae: wanted.saes[0].clone(),
        nearest: Err("another width".to_owned()),
    }];
    let state = on(
        state,
        ViewsAction::CounterpartsReceived(wanted.clone(), found),
    );
    assert_eq!(state.wanted_counterparts(), None);
    // An answer about another feature is not this one's.
    let other = state.after(Action::SelectFeature(24, History::Push));
    let next = other.wanted_counterparts().unwrap();
    assert_eq!(other.views.counterparts(&next), Remote::Idle);
    let elsewhere = on(other, ViewsAction::Show(PromptView::Features));
    assert_eq!(elsewhere.wanted_counterparts(), None);
    assert!(elsewhere.place.to_hash().find("by=").is_none());
    let back = on(elsewhere, ViewsAction::Show(PromptView::Layers));
    assert!(back.place.to_hash().contains("show=layers&by=matches"));
}
