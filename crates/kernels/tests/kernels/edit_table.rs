//! `apply_edits` in small cases whose results are exact.

use kernels::rows::{POSITION, ROW_WORDS, SOURCE};
use kernels::{EDIT_HEADER, EDIT_WORDS, Edit, EditOperation, Error, WeightFormat};

use crate::common::Devices;
use crate::edits::{Case, Old, SET};

/// Two rows of width 2 with one latent whose value is 1 in each; the second row is at position 1.
fn small(edits: Vec<Edit>) -> Case {
    let mut table = vec![0; 2 * ROW_WORDS];
    table[ROW_WORDS + POSITION] = 1;
    table[ROW_WORDS + SOURCE] = 1;
    Case {
        rows: 2,
        width: 2,
        d: 1,
        k: 1,
        old: Old::Sparse,
        by_source: false,
        identity: false,
        has_statistics: true,
        format: WeightFormat::F32,
        table,
        activation: vec![10.0, 20.0, 30.0, 40.0],
        latents: vec![0, 0],
        activations: vec![1.0, 1.0],
        values: vec![1.0, 1.0],
        statistics: vec![0.0, 2.0, 0.0, 0.5],
        w_dec: vec![1.0, -1.0],
        edits,
        gates: None,
    }
}

fn everywhere(operation: EditOperation) -> Edit {
    Edit {
        condition: None,
        set: SET,
        sequence: None,
        positions: 0..u32::MAX,
        latent: 0,
        operation,
    }
}

#[test]
fn each_operation_has_its_effect() {
    for (operation, expected) in [
        (EditOperation::Set(0.0), [8.0, 22.0, 29.5, 40.5]),
        (EditOperation::Add(3.0), [16.0, 14.0, 31.5, 38.5]),
        (EditOperation::Scale(2.0), [12.0, 18.0, 30.5, 39.5]),
        (EditOperation::Set(1.0), [10.0, 20.0, 30.0, 40.0]),
    ] {
        Devices::new().agree(&expected, 0.0, |device| {
            small(vec![everywhere(operation)]).run(device)
        });
    }
}

/// The capacity is the buffer's: a count beyond it is cut, and rows after the count are not read.
#[test]
fn the_count_decides_within_the_capacity() {
    let edits = [EditOperation::Add(1.0), EditOperation::Add(10.0)].map(everywhere);
    let case = small(Vec::new());
    let whole = Edit::table(&edits);
    assert_eq!(whole.len(), EDIT_HEADER + 2 * EDIT_WORDS);
    for (count, words, expected) in [
        (0, whole.len(), [10.0, 20.0, 30.0, 40.0]),
        (1, whole.len(), [12.0, 18.0, 30.5, 39.5]),
        (2, whole.len(), [32.0, -2.0, 35.5, 34.5]),
        (u32::MAX, whole.len(), [32.0, -2.0, 35.5, 34.5]),
        // An edit that is cut off counts as none.
        (2, whole.len() - 1, [12.0, 18.0, 30.5, 39.5]),
        (9, EDIT_HEADER, [10.0, 20.0, 30.0, 40.0]),
    ] {
        let mut table = whole[..words].to_vec();
        table[0] = count;
        Devices::new().agree(&expected, 0.0, |device| case.run_with(device, &table));
    }
}

#[test]
fn a_missing_source_shows_as_nan() {
    for old in [Old::Sparse, Old::Dense { relu: true }] {
        let mut case = small(vec![everywhere(EditOperation::Set(3.0))]);
        case.by_source = true;
        case.old = old;
        case.table[ROW_WORDS + SOURCE] = 2;
        for device in Devices::new().each() {
            let found = case.run(device).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found[..2], [14.0, 16.0], "{:?}", device.kind());
            assert!(
                found[2].is_nan() && found[3].is_nan(),
                "{:?}: {found:?}",
                device.kind()
            );
        }
        // Where no edit applies, its source does not matter.
        case.edits[0].positions = 0..1;
        Devices::new().agree(&[14.0, 16.0, 30.0, 40.0], 0.0, |device| case.run(device));
    }
}

#[test]
fn a_gate_decides_for_its_row() {
    let edit = Edit {
        condition: Some(1),
        ..everywhere(EditOperation::Add(3.0))
    };
    let mut case = small(vec![edit]);
    // Without gates, and behind them, nothing is known to hold.
    Devices::new().agree(&[10.0, 20.0, 30.0, 40.0], 0.0, |device| case.run(device));
    case.gates = Some((vec![1, 1], 1));
    Devices::new().agree(&[10.0, 20.0, 30.0, 40.0], 0.0, |device| case.run(device));
    case.gates = Some((vec![0, 1, 1, 0], 2));
    Devices::new().agree(&[16.0, 14.0, 30.0, 40.0], 0.0, |device| case.run(device));
    // A condition that is not known shows.
    case.gates = Some((vec![1, 0, 1, 2], 2));
    for device in Devices::new().each() {
        let found = case.run(device).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found[..2], [10.0, 20.0], "{:?}", device.kind());
        assert!(found[2..].iter().all(|value| value.is_nan()), "{found:?}");
    }
}

#[test]
fn a_nan_in_the_old_value_shows() {
    let mut case = small(vec![everywhere(EditOperation::Set(3.0))]);
    case.activations[0] = f32::NAN;
    for device in Devices::new().each() {
        let found = case.run(device).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            found[0].is_nan() && found[1].is_nan(),
            "{:?}: {found:?}",
            device.kind()
        );
        assert_eq!(found[2..], [31.0, 39.0], "{:?}", device.kind());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for device in Devices::new().each() {
        let message = |case: &Case| case.run(device).map_err(|error| error.to_string()).err();
        let case = small(Vec::new());
        assert_eq!(
            message(&Case {
                old: Old::Activation,
                ..case.clone()
            })
            .as_deref(),
            Some(
                "apply_edits: the activation is its own old value for neurons of the same run only"
            )
        );
        assert_eq!(
            message(&Case {
                rows: 1,
                activations: vec![1.0],
                k: 2,
                latents: vec![0, 0],
                ..case
            })
            .as_deref(),
            Some("apply_edits: old values (activations) has 1 words, 2 are needed")
        );
    }
}

/// A plan is made once: other words in its table change what its next run does.
#[test]
fn a_plan_follows_its_table() {
    let case = small(Vec::new());
    for device in Devices::new().each() {
        let found = (|| {
            let edits = device.buffer("edits", EDIT_HEADER + EDIT_WORDS)?;
            let (mut recorder, activation) = case.record(device, &edits)?;
            let read = recorder.read_back(&activation, 4)?;
            let plan = recorder.finish();
            let mut found = Vec::new();
            for table in [
                Vec::new(),
                Edit::table(&[everywhere(EditOperation::Add(1.0))]),
                Edit::table(&[everywhere(EditOperation::Scale(3.0))]),
            ] {
                edits.write(0, &table)?;
                found.push(pollster::block_on(plan.run())?.f32(read).to_vec());
            }
            Ok::<_, Error>(found)
        })();
        assert_eq!(
            found.unwrap_or_else(|error| panic!("{error}")),
            [
                [10.0, 20.0, 30.0, 40.0],
                [12.0, 18.0, 30.5, 39.5],
                [16.0, 14.0, 31.5, 38.5],
            ],
            "{:?}",
            device.kind()
        );
    }
}
