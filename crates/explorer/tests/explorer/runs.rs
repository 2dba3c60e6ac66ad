//! What is kept between questions: the clean pass, plans, and the progress of long calls.

use std::cell::RefCell;
use std::rc::Rc;

use crate::common::compare::{same_bits, same_edited, same_trace};
use crate::common::{RELU, demo_on, devices, token_ids, with_demo};
use explorer::{
    Bos, Edit, EditOperation, Edited, Input, Positions, Progress, Session, Trace, TraceOptions,
};
use kernels::{BackendKind, Counters};
use pollster::block_on;

fn only(sae: &str) -> TraceOptions {
    TraceOptions {
        saes: Some(vec![sae.to_owned()]),
        ..TraceOptions::default()
    }
}

fn trace(session: &Session, ids: &[u32]) -> Trace {
    block_on(session.trace(ids, &only("openai.layer_3"))).unwrap()
}

fn edited(session: &Session, ids: &[u32], edits: &[Edit]) -> Edited {
    block_on(session.edited(ids, edits, &TraceOptions::default())).unwrap()
}

/// A question's answer, and what the device did for it.
fn counted<T>(session: &Session, ask: impl Fn() -> T) -> (T, Counters) {
    let before = session.device().counters();
    let answer = ask();
    let did = session.device().counters().since(before);
    (answer, did)
}

#[test]
fn the_clean_pass_of_the_last_prompt_is_not_run_again() {
    with_demo(|device, session| {
        let ids = token_ids(20);
        let (first, once) = counted(session, || trace(session, &ids));
        let (second, again) = counted(session, || trace(session, &ids));
        same_trace(&second, &first, 0.0, device);
        // The clean pass and the autoencoder's run; then that alone.
        assert_eq!((once.submits, again.submits), (2, 1), "{device}");
        assert_eq!((once.read_backs, again.read_backs), (2, 1), "{device}");
        let made = (again.buffers, again.bind_groups, again.pipelines);
        assert_eq!(made, (0, 0, 0), "{device}");
        if session.device().kind() == BackendKind::Gpu {
            let saved = once.dispatches - again.dispatches;
            let (_, activation) = counted(session, || {
                let last = "blocks.5.mlp.hook_post".parse().unwrap();
                block_on(session.activation(&ids, last, Bos::Auto)).unwrap()
            });
            assert!(saved >= activation.dispatches, "{device}: {saved} saved");
        }
        // Another prompt, as long as this one, and a shorter one.
        for other in [token_ids(60)[40..].to_vec(), token_ids(7)] {
            let between = trace(session, &other);
            assert_ne!(between.token_losses, first.token_losses);
            same_trace(&trace(session, &ids), &first, 0.0, device);
        }
        // More next tokens than were listed are listed now.
        let more = TraceOptions {
            top_logits: 50,
            ..only("openai.layer_3")
        };
        let found = block_on(session.trace(&ids, &more)).unwrap();
        assert_eq!(found.next_by_position[3].len(), 50, "{device}");
        assert_eq!(found.next_by_position[3][..10], first.next_by_position[3]);
        same_trace(&trace(session, &ids), &first, 0.0, device);
    });
}

#[test]
fn an_edit_runs_the_blocks_behind_its_hook_alone() {
    with_demo(|device, session| {
        let ids = token_ids(20);
        let clean = trace(session, &ids);
        let [early, middle, late] =
            ["openai.layer_1", "openai.layer_3", "openai.layer_5"].map(|sae| {
                let edit = [Edit::set(sae, 8, 3.0)];
                let (found, did) = counted(session, || edited(session, &ids, &edit));
                assert_eq!((did.submits, did.read_backs), (1, 1), "{device}, {sae}");
                assert_ne!(found.token_losses, clean.token_losses, "{device}");
                did.dispatches
            });
        if session.device().kind() == BackendKind::Gpu {
            // Four blocks, two, and none.
            let (two, also) = (early - middle, middle - late);
            assert_eq!(two, also, "{device}");
            let block = |point: &str| {
                let point = point.parse().unwrap();
                let (_, did) = counted(session, || {
                    block_on(session.activation(&ids, point, Bos::Auto)).unwrap()
                });
                did.dispatches
            };
            let blocks = block("blocks.4.hook_resid_post") - block("blocks.2.hook_resid_post");
            assert_eq!(two, blocks, "{device}");
        }
        same_trace(&trace(session, &ids), &clean, 0.0, device);
    });
}

#[test]
fn what_was_kept_gives_the_numbers_of_a_fresh_session() {
    for (name, device) in devices() {
        let used = demo_on(device.clone());
        let ids = token_ids(20);
        let edits = [
            vec![Edit::set("openai.layer_1", 8, 3.0)],
            vec![Edit::set("openai.layer_5", 9, 4.0)],
        ];
        trace(&used, &ids);
        block_on(used.evaluate(&token_ids(45), RELU, Bos::Auto)).unwrap();
        edited(&used, &token_ids(60)[40..], &edits[0]);
        let traced = trace(&used, &ids);
        let with_edits = edits.each_ref().map(|list| edited(&used, &ids, list));
        drop(used);
        for (list, found) in edits.iter().zip(&with_edits) {
            let fresh = demo_on(device.clone());
            same_edited(found, &edited(&fresh, &ids, list), 0.0, name);
            same_trace(&traced, &trace(&fresh, &ids), 0.0, name);
        }
    }
}

#[test]
fn a_moved_value_makes_nothing() {
    with_demo(|device, session| {
        let ids = token_ids(20);
        let edits = |latent, value, positions: Option<Positions>| {
            [Edit {
                sae: "openai.layer_3".to_owned(),
                latent,
                operation: EditOperation::Set(value),
                positions,
                when: None,
                on: true,
            }]
        };
        let first = edited(session, &ids, &edits(8, 1.0, None));
        let moved = [
            edits(8, 2.5, None),
            edits(1900, -1.0, None),
            edits(8, 0.5, Some([3, 7, 8, 19].into())),
            edits(8, 1.0, None),
        ];
        let mut last = None;
        for edit in moved {
            let (found, did) = counted(session, || edited(session, &ids, &edit));
            let made = (did.buffers, did.bind_groups, did.pipelines);
            assert_eq!(made, (0, 0, 0), "{device}, {edit:?}");
            assert_eq!((did.submits, did.read_backs), (1, 1), "{device}");
            last = Some(found);
        }
        same_edited(&last.unwrap(), &first, 0.0, device);
    });
}

#[test]
fn memory_that_was_given_back_is_made_again() {
    with_demo(|device, session| {
        let ids = token_ids(20);
        let first = trace(session, &ids);
        session.trim();
        assert_eq!(session.info().pooled_bytes, 0, "{device}");
        let edit = [Edit::set("openai.layer_3", 8, 3.0)];
        let with_edit = edited(session, &ids, &edit);
        session.trim();
        same_trace(&trace(session, &ids), &first, 0.0, device);
        same_edited(&edited(session, &ids, &edit), &with_edit, 0.0, device);
    });
}

#[test]
fn progress_rises_to_its_end() {
    let device = kernels::Device::cpu();
    let mut session = demo_on(device);
    let told: Rc<RefCell<Vec<Progress>>> = Rc::default();
    let kept = told.clone();
    session.set_on_progress(Rc::new(move |progress| kept.borrow_mut().push(progress)));
    // Texts of several batches of rows.
    let text = token_ids(255 * 4 + 40);
    let prompts: Vec<Input<'_>> = text.chunks(200).map(Input::Tokens).collect();
    let lists: Vec<Vec<Edit>> = (0..12)
        .map(|latent| vec![Edit::set("openai.layer_5", latent, 2.0)])
        .collect();
    let options = only("openai.layer_5");
    let check = |what: &str, total: usize, fewest: usize| {
        let told = told.take();
        assert!(told.len() >= fewest, "{what}: {told:?}");
        assert!(told.iter().all(|at| at.total == total), "{what}: {told:?}");
        assert!(told.is_sorted_by_key(|at| at.done), "{what}: {told:?}");
        assert_eq!(told.last().map(|at| at.done), Some(total), "{what}");
        assert_eq!(told[0].done, 0, "{what}");
    };
    block_on(session.trace_batch(&prompts, &options)).unwrap();
    check("trace_batch", 6, 3);
    block_on(session.edit_batch(&text[..128], &lists, &options)).unwrap();
    check("edit_batch", 12, 3);
    block_on(session.evaluate(&text, "openai.layer_5", Bos::Auto)).unwrap();
    check("evaluate", 5, 3);
    block_on(session.latent_statistics(&text, "openai.layer_5", 1, Bos::Auto)).unwrap();
    check("latent_statistics", 5, 3);
    let losses = trace(&session, &text[..30]).token_losses;
    same_bits(&losses, &trace(&session, &text[..30]).token_losses, "after");
}
