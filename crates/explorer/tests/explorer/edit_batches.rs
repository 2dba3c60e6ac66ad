//! Many lists of edits of one prompt at once: each is run as it would be alone, against formulas and against itself.

use crate::common::compare::{all_close, same_bits, same_edited};
use crate::common::{RELU, TOPK, read, root, token_ids, with_demo};
use explorer::{Bos, Edit, EditOperation, Edited, Session, Trace, TraceOptions};
use pollster::block_on;
use serde_json::Value;

const NEURONS: [(&str, &str); 2] = [
    ("post", "blocks.2.mlp.hook_post"),
    ("z", "blocks.4.attn.hook_z"),
];

fn load_neurons(session: &mut Session) {
    for (id, hook) in NEURONS {
        session.load_neurons(id, hook).unwrap();
    }
}

fn edit(sae: &str, latent: u32, operation: EditOperation, positions: Option<&[usize]>) -> Edit {
    Edit {
        sae: sae.to_owned(),
        latent,
        operation,
        positions: positions.map(|all| all.iter().map(|at| *at as u32).collect()),
        when: None,
        on: true,
    }
}

fn dumped() -> TraceOptions {
    TraceOptions {
        dump: true,
        ..TraceOptions::default()
    }
}

fn edit_batch(session: &Session, ids: &[u32], lists: &[Vec<Edit>]) -> Vec<Edited> {
    block_on(session.edit_batch(ids, lists, &TraceOptions::default())).unwrap()
}

/// The strongest latent of a position, and its activation.
fn strongest(trace: &Trace, sae: &str, position: usize) -> (u32, f32) {
    let found = trace.saes.iter().find(|found| found.id == sae);
    let found = found.unwrap();
    let slot = position * found.k;
    assert!(found.activations[slot] > 0.0, "{sae} at {position}");
    (
        u32::try_from(found.latents[slot]).unwrap(),
        found.activations[slot],
    )
}

/// A GPU's attention takes keys in blocks that begin where a tile of rows does, which is elsewhere for every list of a batch:
/// what changes nothing there is the clean run up to the order of its sums.
#[track_caller]
fn nearly_clean(found: &Edited, clean: &Trace, what: &str) {
    all_close(&found.token_losses, &clean.token_losses, 1e-5, what);
    for kl in &found.kl_by_position {
        assert!(*kl <= ROUNDING, "{what}: {kl:e}");
    }
}

/// Divergence of two runs that differ by rounding alone.
const ROUNDING: f32 = 1e-11;

fn reference() -> Value {
    serde_json::from_slice(&read(&root().join("tests/fixtures/demo-edits.json"))).unwrap()
}

fn ids_of(reference: &Value) -> Vec<u32> {
    let ids = reference["ids"].as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn numbers(list: &Value) -> Vec<f32> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value.as_f64().unwrap() as f32).collect()
}

/// The edits of a list of the reference.
fn edits_of(list: &Value) -> Vec<Edit> {
    let edits = list["edits"].as_array().unwrap().iter();
    edits
        .map(|one| {
            let value = one["value"].as_f64().unwrap() as f32;
            Edit {
                sae: one["set"].as_str().unwrap().to_owned(),
                latent: one["latent"].as_u64().unwrap() as u32,
                operation: match one["operation"].as_str().unwrap() {
                    "set" => EditOperation::Set(value),
                    "add" => EditOperation::Add(value),
                    "scale" => EditOperation::Scale(value),
                    other => panic!("{other}"),
                },
                positions: one["positions"].as_array().map(|positions| {
                    let positions = positions.iter();
                    positions.map(|at| at.as_u64().unwrap() as u32).collect()
                }),
                when: None,
                on: true,
            }
        })
        .collect()
}

#[test]
fn lists_of_edits_agree_with_formulas() {
    let reference = reference();
    let ids = ids_of(&reference);
    let lists = reference["lists"].as_array().unwrap();
    with_demo(|device, session| {
        load_neurons(session);
        let edits: Vec<Vec<Edit>> = lists.iter().map(edits_of).collect();
        let found = edit_batch(session, &ids, &edits);
        for (found, list) in found.iter().zip(lists) {
            let what = format!("{device}, {}", list["name"]);
            let losses = numbers(&list["token_losses"]);
            all_close(&found.token_losses, &losses, 1e-4, &what);
            let expected = numbers(&list["kl"]);
            assert_eq!(found.kl_by_position.len(), expected.len(), "{what}");
            for (position, (found, expected)) in
                found.kl_by_position.iter().zip(&expected).enumerate()
            {
                let error = (found - expected).abs();
                // Of a latent's old and new activation f32 keeps six digits.
                assert!(
                    error <= 1e-3 * expected + 1e-7,
                    "{what} at {position}: {found:e}, not {expected:e}"
                );
            }
        }
    });
}

#[test]
fn every_list_of_a_batch_is_run_as_if_alone() {
    let reference = reference();
    let ids = ids_of(&reference);
    with_demo(|device, session| {
        load_neurons(session);
        let mut lists: Vec<Vec<Edit>> = vec![Vec::new()];
        lists.extend(reference["lists"].as_array().unwrap().iter().map(edits_of));
        // More rows than a batch has.
        for latent in 0..30 {
            lists.push(vec![Edit::set(TOPK[latent % 3], 40 * latent as u32, 4.0)]);
        }
        assert!(lists.len() * ids.len() > 1024);
        let found = edit_batch(session, &ids, &lists);
        assert_eq!(found.len(), lists.len());
        let clean = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        nearly_clean(&found[0], &clean, device);
        let unedited = block_on(session.edited(&ids, &[], &TraceOptions::default())).unwrap();
        same_bits(&unedited.token_losses, &clean.token_losses, device);
        same_bits(&unedited.kl_by_position, &vec![0.0; ids.len()], device);
        assert_eq!(unedited.next_by_position, clean.next_by_position);
        let bound = if device == "cpu" { 0.0 } else { 5e-5 };
        for (number, (found, list)) in found.iter().zip(&lists).enumerate() {
            let options = TraceOptions::default();
            let alone = block_on(session.edited(&ids, list, &options)).unwrap();
            same_edited(found, &alone, bound, &format!("{device}, list {number}"));
        }
    });
}

#[test]
fn edits_that_change_nothing_give_the_clean_run() {
    with_demo(|device, session| {
        load_neurons(session);
        let ids = token_ids(24);
        let trace = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        let logits = block_on(session.logits(&ids, Bos::Auto)).unwrap();
        for sae in [
            "openai.layer_1",
            "openai.layer_3",
            "openai.layer_5",
            RELU,
            "post",
            "z",
        ] {
            let (latent, own) = match NEURONS.iter().find(|(id, _)| *id == sae) {
                None => strongest(&trace, sae, 11),
                Some((_, hook)) => {
                    let hook = hook.parse().unwrap();
                    let values = block_on(session.activation(&ids, hook, Bos::Auto)).unwrap();
                    (9, values.data[11 * values.cols + 9])
                }
            };
            let own = EditOperation::Set(own);
            let lists = [
                vec![edit(sae, latent, own, Some(&[11]))],
                vec![edit(sae, latent, EditOperation::Scale(1.0), None)],
                vec![edit(sae, latent, EditOperation::Add(0.0), None)],
            ];
            let batch = block_on(session.edit_batch(&ids, &lists, &dumped())).unwrap();
            for (in_batch, list) in batch.iter().zip(&lists) {
                let what = format!("{device}, {list:?}");
                let alone = block_on(session.edited(&ids, list, &dumped())).unwrap();
                let mut found = vec![&alone];
                if device == "cpu" {
                    found.push(in_batch);
                }
                for found in found {
                    same_bits(&found.token_losses, &trace.token_losses, &what);
                    same_bits(&found.kl_by_position, &vec![0.0; ids.len()], &what);
                    same_bits(&found.logits.as_ref().unwrap().data, &logits.data, &what);
                }
                nearly_clean(in_batch, &trace, &what);
            }
        }
        // Of two layers at once.
        let (first, _) = strongest(&trace, "openai.layer_1", 11);
        let (second, _) = strongest(&trace, "openai.layer_5", 11);
        let lists = [vec![
            edit("openai.layer_1", first, EditOperation::Scale(1.0), None),
            edit("z", 7, EditOperation::Add(0.0), None),
            edit("openai.layer_5", second, EditOperation::Scale(1.0), None),
        ]];
        let found = edit_batch(session, &ids, &lists);
        same_bits(&found[0].token_losses, &trace.token_losses, device);
    });
}

#[test]
fn an_edit_changes_its_own_list_and_its_own_positions_alone() {
    with_demo(|device, session| {
        let ids = token_ids(20);
        let clean = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        let list = |positions: &[usize]| {
            vec![edit(
                "openai.layer_3",
                77,
                EditOperation::Add(6.0),
                Some(positions),
            )]
        };
        let lists = [list(&[5]), Vec::new(), list(&[19]), list(&[])];
        let found = edit_batch(session, &ids, &lists);
        for (found, first) in found.iter().zip([5, 20, 19, 20]) {
            for (position, kl) in found.kl_by_position.iter().enumerate() {
                // The past does not change, and every later token sees the edit.
                let is_clean = *kl <= if device == "cpu" { 0.0 } else { ROUNDING };
                assert_eq!(is_clean, position < first, "{device}: {kl} at {position}");
            }
            let before = first.min(19);
            let (losses, kept) = (&found.token_losses, &clean.token_losses);
            let bound = if device == "cpu" { 0.0 } else { 1e-5 };
            all_close(&losses[..before], &kept[..before], bound, device);
        }
    });
}

/// KL(p ‖ q) of the softmax of two rows of logits, in f64.
fn divergence(clean: &[f32], edited: &[f32]) -> f64 {
    let log_softmax = |row: &[f32]| {
        let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
        let shift = largest + sum.ln();
        row.into_iter().map(move |x| x - shift).collect::<Vec<_>>()
    };
    let (p, q) = (log_softmax(clean), log_softmax(edited));
    p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum()
}

#[test]
fn divergences_are_those_of_the_logits() {
    with_demo(|device, session| {
        load_neurons(session);
        let ids = token_ids(16);
        let clean = block_on(session.logits(&ids, Bos::Auto)).unwrap();
        let lists = [
            Vec::new(),
            vec![Edit::set("openai.layer_1", 8, 1e-3)],
            vec![Edit::set("openai.layer_5", 903, 9.0)],
            vec![
                edit("post", 3, EditOperation::Add(1.0), None),
                edit("openai.layer_3", 5, EditOperation::Add(0.25), Some(&[4])),
            ],
        ];
        let found = block_on(session.edit_batch(&ids, &lists, &dumped())).unwrap();
        for (found, list) in found.iter().zip(&lists) {
            let logits = found.logits.as_ref().unwrap();
            let rows = clean.data.chunks_exact(clean.cols);
            let edited = logits.data.chunks_exact(logits.cols);
            for (position, (clean, edited)) in rows.zip(edited).enumerate() {
                let expected = divergence(clean, edited);
                let kl = f64::from(found.kl_by_position[position]);
                let error = (kl - expected).abs();
                assert!(
                    error <= 1e-4 * expected + 1e-9,
                    "{device}, {list:?} at {position}: {kl:e}, not {expected:e}"
                );
            }
            // The BOS does not count.
            let counted = found.kl_by_position[1..].iter().map(|kl| f64::from(*kl));
            let mean = counted.sum::<f64>() / 15.0;
            let error = (found.kl.unwrap() - mean).abs();
            assert!(error <= 1e-9 + 1e-9 * mean, "{device}, {list:?}");
        }
    });
}

/// The activations `[tokens]` of a latent where the edited activation arrives, by another way: read back and searched.
fn activations(session: &Session, ids: &[u32], sae: &str, latent: u32) -> Vec<f32> {
    let trace = block_on(session.trace(ids, &TraceOptions::default())).unwrap();
    let found = trace.saes.iter().find(|found| found.id == sae).unwrap();
    let rows = found
        .latents
        .chunks(found.k)
        .zip(found.activations.chunks(found.k));
    rows.map(|(latents, activations)| {
        let slot = latents.iter().position(|listed| *listed == latent as i32);
        slot.map_or(0.0, |slot| activations[slot])
    })
    .collect()
}

#[test]
fn an_edit_under_a_condition_is_the_edit_at_the_positions_where_it_holds() {
    with_demo(|device, session| {
        load_neurons(session);
        let ids = token_ids(24);
        let clean = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        let hook = "blocks.2.mlp.hook_post".parse().unwrap();
        let neurons = block_on(session.activation(&ids, hook, Bos::Auto)).unwrap();
        let neuron: Vec<f32> = neurons
            .data
            .chunks(neurons.cols)
            .map(|row| row[3])
            .collect();
        let mut sorted = neuron[1..].to_vec();
        sorted.sort_by(f32::total_cmp);
        let median = sorted[sorted.len() / 2];
        let (first, bound) = strongest(&clean, "openai.layer_1", 11);
        let (own, _) = strongest(&clean, "openai.layer_5", 11);
        let (relu, _) = strongest(&clean, RELU, 11);
        let cases = [
            // At an earlier hook point; a value is not above itself.
            ("openai.layer_1", first, 0.0),
            ("openai.layer_1", first, bound),
            // Of the set itself, where all rows start from the clean run.
            ("openai.layer_5", own, 0.5),
            (RELU, relu, 0.25),
            ("post", 3, median),
            ("openai.layer_1", first, 1e6),
        ];
        let lists: Vec<[Vec<Edit>; 2]> = cases
            .iter()
            .map(|&(sae, latent, above)| {
                let values = match sae {
                    "post" => neuron.clone(),
                    _ => activations(session, &ids, sae, latent),
                };
                let holds = (1..24_u32).filter(|at| values[*at as usize] > above);
                let when = format!("openai.layer_5:77=+9x?{sae}:{latent}>{above}");
                let at = Edit {
                    positions: Some(holds.collect()),
                    ..Edit::new("openai.layer_5", 77, EditOperation::Add(9.0))
                };
                [vec![when.parse().unwrap()], vec![at]]
            })
            .collect();
        let counts: Vec<usize> = lists
            .iter()
            .map(|[_, at]| at[0].positions.as_ref().unwrap().0.len())
            .collect();
        assert!(
            counts[..5]
                .iter()
                .filter(|count| (1..23).contains(*count))
                .count()
                >= 4,
            "{counts:?}"
        );
        assert_eq!(counts[5], 0);
        // All in one batch, each with its own condition; and each alone.
        let [conditional, plain] = [0, 1].map(|side| {
            let lists: Vec<Vec<Edit>> = lists.iter().map(|pair| pair[side].clone()).collect();
            edit_batch(session, &ids, &lists)
        });
        let bound = if device == "cpu" { 0.0 } else { 5e-5 };
        for (((found, expected), pair), case) in
            conditional.iter().zip(&plain).zip(&lists).zip(&cases)
        {
            let what = format!("{device}, {case:?}");
            same_edited(found, expected, bound, &what);
            let alone = edit_batch(session, &ids, &pair[..1]);
            same_edited(&alone[0], expected, bound, &what);
        }
    });
}

#[test]
fn a_condition_behind_its_edit_is_refused() {
    with_demo(|device, session| {
        let ids = token_ids(8);
        for (text, says) in [
            (
                "openai.layer_1:5=0?openai.layer_3:6>0",
                "or one before it, blocks.1.hook_resid_post",
            ),
            ("openai.layer_3:5=0?openai.layer_3:4096>0", "4096"),
            ("openai.layer_3:5=0?nothing:4>0", "nothing"),
        ] {
            let edit: Edit = text.parse().unwrap();
            let refused = block_on(session.edited(&ids, &[edit], &TraceOptions::default()));
            let message = refused.unwrap_err().to_string();
            assert!(message.contains(says), "{device}, {text}: {message}");
        }
    });
}
