//! Continuations under edits: against torch's, against the same edits on the growing prompt, and their errors.

use std::ops::ControlFlow;

use crate::common::{at_layer_3, demo_on, layer_3, read, root, token_ids, with_demo};
use explorer::{Edits, GenerateOptions, Generation, Session, TraceOptions};
use kernels::Device;
use pollster::block_on;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_slice(&read(&root().join("tests/fixtures/demo-steering.json"))).unwrap()
}

fn ids_of(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn load_neurons(session: &mut Session, reference: &Value) {
    for (id, hook) in reference["neurons"].as_object().unwrap() {
        session.load_neurons(id, hook.as_str().unwrap()).unwrap();
    }
}

fn greedy(edits: &str, max_tokens: usize) -> GenerateOptions {
    let edits: Edits = edits.parse().unwrap_or_else(|error| panic!("{error}"));
    GenerateOptions {
        max_tokens,
        edits: edits.0,
        ..GenerateOptions::default()
    }
}

fn generate(session: &mut Session, ids: &[u32], options: &GenerateOptions) -> Generation {
    let going_on = |_: &_| ControlFlow::Continue(());
    block_on(session.generate(ids, options, going_on)).unwrap()
}

#[test]
fn steered_continuations_are_the_references_token_for_token() {
    let reference = reference();
    let ids = ids_of(&reference["ids"]);
    with_demo(|device, session| {
        load_neurons(session, &reference);
        let listed = reference["continuations"].as_array().unwrap();
        assert!(listed.len() >= 6);
        for one in listed {
            let edits = one["edits"].as_str().unwrap();
            let expected = ids_of(&one["ids"]);
            let found = generate(session, &ids, &greedy(edits, expected.len()));
            assert_eq!(found.ids, expected, "{device}, {}: {edits}", one["name"]);
        }
    });
}

#[test]
fn each_token_is_that_of_the_edited_text_before_it() {
    let reference = reference();
    let mut session = demo_on(Device::cpu());
    load_neurons(&mut session, &reference);
    let ids = token_ids(14);
    for edits in [
        "openai.layer_3:77=+12x@13..",
        "openai.layer_1:9=40@3,18,20..22; z:100=-3; blocks.2.mlp.hook_post:11=*-6@4..",
        "openai.layer_5:500=+9@14..; !openai.layer_3:5=100",
        "saelens.blocks.3.relu:33=+4x",
    ] {
        let options = greedy(edits, 10);
        let found = generate(&mut session, &ids, &options);
        let mut text = ids.clone();
        for token in &found.ids {
            // What lies behind the text cannot be named for it yet.
            let mut edits = options.edits.clone();
            for positions in edits.iter_mut().filter_map(|edit| edit.positions.as_mut()) {
                let tokens = text.len() as u32;
                positions.0.retain_mut(|span| {
                    span.end = span.end.map(|end| end.min(tokens));
                    span.end.is_none_or(|end| end > span.first)
                });
            }
            let edited = block_on(session.edited(&text, &edits, &TraceOptions::default()));
            assert_eq!(
                edited.unwrap().next[0].id,
                *token,
                "{edits:?} behind {text:?}"
            );
            text.push(*token);
        }
    }
}

#[test]
fn without_edits_that_are_on_nothing_is_another() {
    with_demo(|device, session| {
        let ids = token_ids(14);
        let sampled = |edits: &str| GenerateOptions {
            temperature: 1.1,
            seed: 7,
            ..greedy(edits, 12)
        };
        let clean = generate(session, &ids, &sampled(""));
        let off = generate(session, &ids, &sampled("!openai.layer_3:77=+30x"));
        assert_eq!(off, clean, "{device}");
        let nothing = generate(session, &ids, &sampled("openai.layer_3:77=*1"));
        assert_eq!(nothing, clean, "{device}");
        // One and the same prompt, read with edits and without in turn.
        let on = generate(session, &ids, &sampled("openai.layer_3:77=+30x"));
        assert_ne!(on.ids, clean.ids, "{device}");
        assert_eq!(generate(session, &ids, &sampled("")), clean, "{device}");
        let again = generate(session, &ids, &sampled("openai.layer_3:77=+30x"));
        assert_eq!(again, on, "{device}");
    });
}

#[test]
fn a_steered_token_makes_nothing() {
    with_demo(|device, session| {
        let ids = token_ids(14);
        let options = greedy("openai.layer_1:9=4@3..; openai.layer_3:77=+6x", 8);
        generate(session, &ids, &options);
        let counted = session.device().clone();
        let mut counts = Vec::new();
        let on_token = |_: &_| {
            let counters = counted.counters();
            counts.push((counters.buffers, counters.bind_groups, counters.submits));
            ControlFlow::Continue(())
        };
        block_on(session.generate(&ids, &options, on_token)).unwrap();
        assert_eq!(counts.len(), 8, "{device}");
        for (before, after) in counts.iter().zip(&counts[1..]) {
            assert_eq!((after.0, after.1), (before.0, before.1), "{device}");
            assert_eq!(after.2, before.2 + 1, "{device}: one submit per token");
        }
    });
}

#[test]
fn a_penalty_on_repetition_breaks_a_loop() {
    let mut session = demo_on(Device::cpu());
    let ids = token_ids(14);
    // By itself this says one word for ever.
    let looping = greedy("openai.layer_5:500=+14x@14..", 16);
    let found = generate(&mut session, &ids, &looping).ids;
    assert!(found[4..].iter().all(|id| *id == found[4]), "{found:?}");
    let options = GenerateOptions {
        repetition_penalty: 1e6,
        ..looping
    };
    let found = generate(&mut session, &ids, &options).ids;
    let mut different: Vec<u32> = found.iter().chain(&ids).copied().collect();
    let all = different.len();
    different.sort_unstable();
    different.dedup();
    // The prompt's own repetitions are left.
    let mut of_prompt = ids.clone();
    of_prompt.sort_unstable();
    of_prompt.dedup();
    assert_eq!(
        all - different.len(),
        ids.len() - of_prompt.len(),
        "{found:?}"
    );
}

#[test]
fn edits_that_cannot_be_made_are_refused_and_nothing_is_lost() {
    let mut session = demo_on(Device::cpu());
    let ids = token_ids(14);
    block_on(session.load_streamed_sae("streamed", layer_3(), &at_layer_3(), None)).unwrap();
    for (edits, code, says) in [
        ("nothing:1=0", "unknown-sae", "nothing"),
        ("openai.layer_3:4096=0", "bad-option", "4096"),
        (
            "openai.layer_3:1=0@256",
            "bad-option",
            "the model's context has 256 tokens",
        ),
        (
            "openai.layer_3:1=0@20..; openai.layer_3:1=2@30",
            "bad-option",
            "is edited there already",
        ),
        (
            "blocks.3.hook_resid_post:1=0",
            "bad-option",
            "openai.layer_3, saelens.blocks.3.relu, streamed",
        ),
        (
            "streamed:1=0",
            "unsupported-architecture",
            "stays in its file",
        ),
    ] {
        let going_on = |_: &_| ControlFlow::Continue(());
        let refused = block_on(session.generate(&ids, &greedy(edits, 3), going_on));
        let error = refused.unwrap_err();
        assert_eq!(error.code(), code, "{edits}: {error}");
        assert!(error.to_string().contains(says), "{edits}: {error}");
    }
    session.unload_sae("streamed").unwrap();
    assert_eq!(generate(&mut session, &ids, &greedy("", 3)).ids.len(), 3);
}
