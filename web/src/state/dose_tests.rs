//! Tests of sweeps of one feature's value.

use super::State;
use super::dose::{About, DoseAction, Field, Kind};
use super::tests::ready;
use super::tray::FeatureId;
use super::url::Place;
use crate::data::{Edited, SaeInfo};
use crate::shared::Shared;
use crate::state::Action;

fn after(state: State, action: DoseAction) -> State {
    state.after(Action::Dose(action))
}

fn typed(state: State, field: Field, text: &str) -> State {
    after(state, DoseAction::Type(field, text.to_owned()))
}

fn page() -> State {
    let mut state = ready(Place::default());
    state.saes = Shared::new(vec![SaeInfo {
        id: "openai.layer_3".to_owned(),
        hook: "blocks.3.hook_resid_post".to_owned(),
        n_latents: 4096,
        ..SaeInfo::default()
    }]);
    state.place.sae = Some("openai.layer_3".to_owned());
    state.place.feature = Some(7);
    state
}

#[test]
fn the_selected_feature_is_swept_unless_another_is_typed() {
    let feature = |state: &State| state.dose_plan().map(|plan| plan.feature.latent);
    assert_eq!(feature(&page()), Ok(7));
    assert_eq!(feature(&typed(page(), Field::Feature, "L3/903")), Ok(903));
    let mut none = page();
    none.place.feature = None;
    assert!(none.dose_plan().unwrap_err().contains("Name a feature"));
    assert!(
        typed(page(), Field::Feature, "5000")
            .dose_plan()
            .unwrap_err()
            .contains("5000")
    );
}

#[test]
fn values_are_spread_evenly_and_edits_say_them() {
    let state = typed(typed(page(), Field::From, "-1"), Field::To, "3");
    let state = typed(state, Field::Steps, "5");
    let plan = state.dose_plan().unwrap();
    assert_eq!(plan.values, [-1.0, 0.0, 1.0, 2.0, 3.0]);
    assert_eq!(plan.edit(2.0).to_string(), "openai.layer_3:7=2");
    // Another meaning of the values forgets their range.
    let state = after(state, DoseAction::Kind(Kind::Scale));
    let state = typed(state, Field::Positions, "3..");
    let plan = state.dose_plan().unwrap();
    assert_eq!((plan.values[0], plan.values[4]), (0.0, 4.0));
    assert_eq!(plan.edit(0.5).to_string(), "openai.layer_3:7=*0.5@3..");
}

#[test]
fn what_cannot_be_swept_says_why() {
    for (field, text, why) in [
        (Field::From, "much", "not a value"),
        (Field::To, "1e9", "at most"),
        (Field::To, "-3", "below"),
        (Field::Steps, "1", "from 2 to 64"),
        (Field::Positions, "two", "two"),
        (Field::Written, "-1", "whole number"),
    ] {
        let refused = typed(page(), field, text).dose_plan().unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn the_clean_run_comes_first_and_texts_find_their_values() {
    let plan = page().dose_plan().unwrap();
    let about = About {
        prompt: String::new(),
        watched: Vec::new(),
        plan,
    };
    let dosed = |loss: f64| Edited {
        loss: Some(loss),
        ..Edited::default()
    };
    let state = after(page(), DoseAction::Started(1, about.clone()));
    let state = after(
        state,
        DoseAction::Came(1, vec![dosed(4.0), dosed(5.0), dosed(6.0)]),
    );
    assert_eq!(state.dose.clean.dosed.loss, Some(4.0));
    let losses: Vec<_> = state
        .dose
        .points
        .iter()
        .map(|point| point.dosed.loss)
        .collect();
    assert_eq!(losses, [Some(5.0), Some(6.0)]);
    let wrote = |at, text: &str| DoseAction::Wrote(1, at, text.to_owned(), Some(2.5));
    let state = after(after(state, wrote(Some(1), "b")), wrote(None, "a"));
    assert_eq!(
        state.dose.points[1].written,
        Some(("b".to_owned(), Some(2.5)))
    );
    assert_eq!(state.dose.clean.written, Some(("a".to_owned(), Some(2.5))));
    // Of an earlier sweep.
    let state = after(state, DoseAction::Started(2, about));
    let state = after(state, DoseAction::Came(1, vec![dosed(1.0), dosed(1.0)]));
    assert!(state.dose.points.is_empty());
    assert_eq!(
        state.dose.about.unwrap().plan.feature,
        FeatureId {
            sae: "openai.layer_3".to_owned(),
            latent: 7
        }
    );
}
