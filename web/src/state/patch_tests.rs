//! Tests of patching.

use std::collections::BTreeMap;

use super::State;
use super::patch::{About, Active, Cell, PatchAction, Patched, cells};
use super::tests::ready;
use super::url::Place;
use crate::data::Token;
use crate::state::Action;

fn active(rows: &[Option<&[(u32, f32)]>]) -> Active {
    let row = |row: &Option<&[(u32, f32)]>| {
        row.map(|row| row.iter().copied().collect::<BTreeMap<_, _>>())
    };
    rows.iter().map(row).collect()
}

fn cell(latent: Option<u32>, position: usize, from: f32, to: f32) -> Cell {
    Cell {
        latent,
        position,
        from,
        to,
    }
}

fn about() -> About {
    About {
        tokens: [vec![Token::default(); 3], vec![Token::default(); 3]],
        differences: [2.0, -2.0],
        cells: vec![
            cell(None, 1, 0.0, 0.0),
            cell(Some(4), 1, 1.0, 0.0),
            cell(Some(4), 2, 1.0, 3.0),
            cell(Some(9), 1, 0.0, 5.0),
        ],
        ..About::default()
    }
}

fn after(state: State, action: PatchAction) -> State {
    state.after(Action::Patch(action))
}

fn patched(difference: f64) -> Patched {
    Patched {
        difference: Some(difference),
        kl: Some(0.0),
    }
}

#[test]
fn what_differs_is_an_experiment_and_what_does_not_count_is_none() {
    let prompt = active(&[
        None,
        Some(&[(4, 1.0), (7, 2.0)]),
        Some(&[(4, 1.0)]),
        Some(&[(1, 1.0)]),
    ]);
    let source = active(&[
        Some(&[(1, 1.0)]),
        Some(&[(7, 2.0), (9, 5.0)]),
        Some(&[(4, 3.0)]),
        Some(&[(1, 1.0)]),
    ]);
    assert_eq!(
        cells(&prompt, &source),
        [
            cell(None, 1, 0.0, 0.0),
            cell(None, 2, 0.0, 0.0),
            cell(Some(4), 1, 1.0, 0.0),
            cell(Some(9), 1, 0.0, 5.0),
            cell(Some(4), 2, 1.0, 3.0),
        ]
    );
    assert!(cells(&prompt, &prompt).is_empty());
}

#[test]
fn shares_go_from_the_prompt_to_the_source() {
    let about = about();
    assert_eq!(about.share(&patched(2.0)), Some(0.0));
    assert_eq!(about.share(&patched(-2.0)), Some(1.0));
    assert_eq!(about.share(&patched(4.0)), Some(-0.5));
    assert_eq!(about.share(&Patched::default()), None);
    assert_eq!(about.share(&patched(f64::NAN)), None);
    let same = About {
        differences: [1.0, 1.0],
        ..about
    };
    assert_eq!(same.share(&patched(1.0)), None);
}

#[test]
fn the_grid_is_ranked_as_it_comes_with_all_features_first() {
    let state = after(
        ready(Place::default()),
        PatchAction::Started(1, Box::new(about())),
    );
    let state = after(
        state,
        PatchAction::Came(1, vec![patched(1.0), patched(1.5)]),
    );
    let latents = |state: &State| {
        state
            .patch
            .rows()
            .into_iter()
            .map(|row| row.latent)
            .collect::<Vec<_>>()
    };
    assert_eq!(latents(&state), [None, Some(4)]);
    let state = after(
        state,
        PatchAction::Came(1, vec![patched(2.0), patched(6.0)]),
    );
    assert_eq!(latents(&state), [None, Some(9), Some(4)]);
    let rows = state.patch.rows();
    assert_eq!(rows[2].cells, [None, Some(1), Some(2)]);
    assert_eq!((rows[1].largest, rows[2].largest), (-1.0, 0.125));
    // Of an earlier run.
    let state = after(state, PatchAction::Started(2, Box::new(about())));
    let state = after(state, PatchAction::Came(1, vec![patched(0.0)]));
    assert!(state.patch.rows().is_empty() && state.patch.running);
    let state = state.after(Action::UsePrompt("another".to_owned()));
    assert!(!state.patch.running && state.patch.ended.is_some());
}
