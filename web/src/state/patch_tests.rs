//! Tests of patching.

use std::collections::BTreeMap;

use super::State;
use super::patch::{About, Active, Carried, Cell, PatchAction, Patched, cells, stream_cells};
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
        what: latent.map_or(Carried::All, Carried::Feature),
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
            .map(|row| row.what.latent())
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

#[test]
fn streams_are_carried_where_the_prompts_differ_and_layers_keep_their_order() {
    let token = |id| Token {
        id,
        ..Token::default()
    };
    let tokens = [
        vec![token(1), token(2), token(3)],
        vec![token(1), token(5), token(3)],
    ];
    let cells = stream_cells(2, &tokens);
    let at: Vec<_> = cells
        .iter()
        .map(|cell| (cell.what, cell.position))
        .collect();
    let [first, second] = [0, 1].map(Carried::Stream);
    assert_eq!(at, [(first, 1), (first, 2), (second, 1), (second, 2)]);
    let about = About {
        tokens,
        differences: [2.0, -2.0],
        cells,
        ..About::default()
    };
    let state = after(
        ready(Place::default()),
        PatchAction::Started(1, Box::new(about)),
    );
    let came = [1.9, 2.0, -2.0, 2.0].map(patched).to_vec();
    let rows = after(state, PatchAction::Came(1, came)).patch.rows();
    let what: Vec<_> = rows.iter().map(|row| row.what).collect();
    assert_eq!(what, [first, second], "the larger share comes second");
    assert_eq!(rows[1].largest, 1.0);
}
