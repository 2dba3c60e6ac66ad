//! Questions that are cancelled, or whose device is lost, at any of their steps: no wrong number comes of it, then or later.

use std::cell::Cell;
use std::future::ready;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::common::{demo_on, devices, tiny, token_ids};
use explorer::{
    Bos, Edit, Error, GenerateOptions, Input, SaeOptions, Session, TapOptions, TraceOptions,
};
use kernels::{BackendKind, Device};
use pollster::block_on;
use serde_json::json;

const SAE: &str = "sae";

/// Answers as text, which has every digit of a number.
type Ask = fn(&mut Session, &[u32]) -> Result<String, Error>;

fn text(answer: Result<impl std::fmt::Debug, Error>) -> Result<String, Error> {
    let text = format!("{:?}", answer?);
    assert!(!text.contains("NaN"), "a NaN in an answer");
    Ok(text)
}

fn options() -> TraceOptions {
    TraceOptions {
        top_logits: 3,
        ..TraceOptions::default()
    }
}

fn trace(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    text(block_on(session.trace(ids, &options())))
}

fn trace_batch(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    let prompts: Vec<Input<'_>> = (0..40).map(|cut| Input::Tokens(&ids[cut % 9..])).collect();
    text(block_on(session.trace_batch(&prompts, &options())))
}

fn edit_batch(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    let list = |latent: u32| vec![Edit::set(SAE, latent % 8, 0.3 + latent as f32)];
    let lists: Vec<Vec<Edit>> = (0..40).map(list).collect();
    text(block_on(session.edit_batch(ids, &lists, &options())))
}

/// The prompt again and again: more windows than a batch has room for.
fn long(ids: &[u32]) -> Vec<u32> {
    ids.repeat(40)
}

fn evaluate(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    text(block_on(session.evaluate(&long(ids), SAE, Bos::Auto)))
}

fn statistics(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    let ids = long(ids);
    let statistics = session.latent_statistics(&ids, SAE, 3, Bos::Auto);
    text(block_on(statistics))
}

fn taps(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    let names = ["blocks.0.attn.hook_pattern", "blocks.0.hook_resid_mid"];
    let options = TapOptions {
        names: names.map(str::to_owned).to_vec(),
        logit_lens: 2,
        ..TapOptions::default()
    };
    text(block_on(session.taps(ids, &options)))
}

fn generate(session: &mut Session, ids: &[u32]) -> Result<String, Error> {
    let options = GenerateOptions {
        max_tokens: 6,
        temperature: 0.9,
        top_k: 20,
        ..GenerateOptions::default()
    };
    let going_on = |_, _: &_| ControlFlow::Continue(());
    let generated = session.generate_several(ids, &options, &[4, 5], going_on);
    let generations = block_on(generated)?;
    match generations.iter().any(|generation| generation.cancelled) {
        // What there is of it.
        true => Err(Error::Cancelled),
        false => text(Ok(generations)),
    }
}

const QUESTIONS: [(&str, Ask); 7] = [
    ("trace", trace),
    ("trace_batch", trace_batch),
    ("edit_batch", edit_batch),
    ("evaluate", evaluate),
    ("latent_statistics", statistics),
    ("taps", taps),
    ("generate", generate),
];

/// A model of one block whose every weight counts, and an autoencoder before it.
fn session(device: &Device) -> Session {
    let mut tensors = tiny::weights(&[]);
    for (name, (_, values)) in &mut tensors {
        if name.contains("h.0.attn") || name.contains("h.0.mlp") || name.contains("wpe") {
            let salt = name.len();
            for (at, value) in values.iter_mut().enumerate() {
                *value = ((at * 7919 + salt * 104_729) % 1000) as f32 / 700.0 - 0.7;
            }
        }
    }
    let mut session = tiny::session(device, &tensors);
    let file = tiny::sae(0.05, false, json!({"prepend_bos": false}));
    block_on(session.load_sae(SAE, &file, &SaeOptions::default())).unwrap();
    session
}

fn prompt() -> Vec<u32> {
    (0..48).map(|at| 97 + at * 11 % 26).collect()
}

/// Does something at a call's step number `at`, counted from 1, of this session; gives the count of the steps.
fn at_step(session: &mut Session, at: usize, act: impl Fn() + 'static) -> Rc<Cell<usize>> {
    let steps = Rc::new(Cell::new(0));
    let counted = steps.clone();
    session.set_pause(Rc::new(move || {
        counted.set(counted.get() + 1);
        if counted.get() == at {
            act();
        }
        Box::pin(ready(()))
    }));
    steps
}

/// Cancels a question at each of its steps and asks it, and others, again.
fn cancel_everywhere(session: &mut Session, ids: &[u32], questions: &[(&str, Ask)], name: &str) {
    let answers: Vec<String> = questions
        .iter()
        .map(|(_, ask)| ask(session, ids).unwrap())
        .collect();
    for ((question, ask), expected) in questions.iter().zip(&answers) {
        session.trim();
        let steps = at_step(session, 0, || {});
        let again = ask(session, ids).unwrap();
        assert!(again == *expected, "{name}, {question}: another answer");
        let all = steps.get();
        for at in 1..=all {
            let what = format!("{name}, {question} at step {at} of {all}");
            // Every other time something is left of the last answer, and there are fewer steps.
            let from_nothing = at % 2 == 0;
            if from_nothing {
                session.trim();
            }
            let cancel = session.cancel();
            at_step(session, at, move || cancel.cancel());
            match ask(session, ids) {
                Err(error) => assert_eq!(error.code(), "cancelled", "{what}"),
                Ok(found) => assert!(!from_nothing && found == *expected, "{what}: answered"),
            }
            at_step(session, 0, || {});
            let other = at % questions.len();
            if from_nothing {
                let found = questions[other].1(session, ids).unwrap();
                assert!(
                    found == answers[other],
                    "{what}, then {}",
                    questions[other].0
                );
            }
            let found = ask(session, ids).unwrap();
            assert!(&found == expected, "{what}: another answer");
        }
    }
}

#[test]
fn a_question_that_was_cancelled_at_any_step_is_answered_as_ever() {
    // The profiles of a GPU differ below the session.
    for (name, device) in devices().into_iter().take(2) {
        let mut session = session(&device);
        cancel_everywhere(&mut session, &prompt(), &QUESTIONS, name);
    }
}

/// Long enough that the CPU device takes the pass in parts, between which it can be cancelled.
#[test]
fn a_pass_in_parts_that_was_cancelled_between_them_is_run_again() {
    let mut session = demo_on(Device::cpu());
    let sae = "openai.layer_3";
    session.unload_sae("openai.layer_1").unwrap();
    session.unload_sae("openai.layer_5").unwrap();
    let ids = token_ids(120);
    let one: Ask = |session, ids| {
        let edits = [Edit::set("openai.layer_3", 9, 4.0)];
        text(block_on(session.edited(ids, &edits, &options())))
    };
    let questions: [(&str, Ask); 4] = [
        ("trace", trace),
        ("edited", one),
        ("taps", taps),
        ("generate", generate),
    ];
    let steps = at_step(&mut session, 0, || {});
    block_on(session.activation(&ids, "ln_final.hook_out".parse().unwrap(), Bos::Auto)).unwrap();
    assert!(steps.get() > 0, "{sae}: the pass has one part only");
    cancel_everywhere(&mut session, &ids, &questions, "cpu");
    // A generation returns what there is, though that be nothing.
    session.trim();
    let cancel = session.cancel();
    at_step(&mut session, 1, move || cancel.cancel());
    let going_on = |_, _: &_| ControlFlow::Continue(());
    let options = GenerateOptions::default();
    let generated = session.generate_several(&ids, &options, &[1, 2], going_on);
    let generations = block_on(generated).unwrap();
    assert_eq!(generations.len(), 1);
    assert!(generations[0].cancelled && generations[0].ids.is_empty());
}

#[test]
fn a_cancelled_generation_returns_the_tokens_that_there_are() {
    let mut session = session(&Device::cpu());
    let options = GenerateOptions {
        max_tokens: 8,
        ..GenerateOptions::default()
    };
    let mut ask = |at: usize| {
        let cancel = session.cancel();
        at_step(&mut session, at, move || cancel.cancel());
        let going_on = |_: &_| ControlFlow::Continue(());
        block_on(session.generate(&prompt(), &options, going_on)).unwrap()
    };
    let whole = ask(0);
    assert_eq!((whole.ids.len(), whole.cancelled), (8, false));
    for at in 1..=7 {
        let part = ask(at);
        assert!(part.cancelled, "at step {at}");
        assert_eq!(part.ids, whole.ids[..at], "at step {at}");
    }
    assert_eq!(ask(0), whole);
}

#[test]
fn a_device_that_is_lost_at_any_step_gives_no_numbers() {
    let gpu = || {
        devices()
            .into_iter()
            .find(|(name, _)| *name == "gpu profile")
    };
    let Some((_, device)) = gpu() else {
        return;
    };
    let mut counting = session(&device);
    for (number, (question, ask)) in QUESTIONS.into_iter().enumerate() {
        let steps = at_step(&mut counting, 0, || {});
        let expected = ask(&mut counting, &prompt()).unwrap();
        let all = steps.get();
        // At its first step or in the middle, and at its last: pipelines are compiled for each device again.
        for at in [[1, all], [all.div_ceil(2), all]][number % 2] {
            let (_, device) = gpu().unwrap();
            assert!(device.kind() == BackendKind::Gpu);
            let mut session = session(&device);
            let what = format!("{question}, lost at step {at} of {all}");
            assert!(ask(&mut session, &prompt()).unwrap() == expected, "{what}");
            match all {
                // One submission alone, which it is lost before.
                0 => device.destroy(),
                _ => drop(at_step(&mut session, at, move || device.destroy())),
            }
            for _ in 0..2 {
                match ask(&mut session, &prompt()) {
                    Err(error) => assert_eq!(error.code(), "device-lost", "{what}: {error}"),
                    Ok(_) => panic!("{what}: answered"),
                }
            }
        }
    }
}
