//! Features that are reported while a text is written: those of the trace of that text, token by token.

use std::ops::ControlFlow;

use crate::common::compare::all_close;
use crate::common::{TOPK, demo_on, token_ids, with_demo};
use explorer::{
    Edits, GenerateOptions, Generation, Session, SetFeatures, TokenFeatures, Trace, TraceOptions,
    Written,
};
use kernels::Device;
use pollster::block_on;

fn watching(edits: &str, max_tokens: usize) -> GenerateOptions {
    let edits: Edits = edits.parse().unwrap_or_else(|error| panic!("{error}"));
    GenerateOptions {
        max_tokens,
        edits: edits.0,
        features: TOPK.map(str::to_owned).to_vec(),
        ..GenerateOptions::default()
    }
}

/// What came, in order: tokens as ids, and features.
fn watch(
    session: &mut Session,
    ids: &[u32],
    options: &GenerateOptions,
) -> (Generation, Vec<u32>, Vec<TokenFeatures>) {
    let (mut tokens, mut features) = (Vec::new(), Vec::new());
    let on_written = |written| {
        match written {
            Written::Token(token) => tokens.push(token.id),
            Written::Features(of_token) => features.push(of_token),
        }
        ControlFlow::Continue(())
    };
    let generation = block_on(session.generate_watched(ids, options, on_written)).unwrap();
    (generation, tokens, features)
}

/// Compares the features of tokens with those of a trace of the whole text.
fn same_as_trace(features: &[TokenFeatures], trace: &Trace, device: &str) {
    assert_eq!(features.len(), trace.tokens.len(), "{device}");
    for (position, of_token) in features.iter().enumerate() {
        assert_eq!(of_token.position, position, "{device}");
        assert_eq!(of_token.token, trace.tokens[position], "{device}");
        let counting = trace
            .saes
            .iter()
            .filter(|sae| !sae.skipped.contains(&(position as u32)));
        let counting: Vec<_> = counting.collect();
        let named: Vec<&str> = of_token.sets.iter().map(|set| set.sae.as_str()).collect();
        let expected: Vec<&str> = counting.iter().map(|sae| sae.id.as_str()).collect();
        assert_eq!(named, expected, "{device}, position {position}");
        for (
            SetFeatures {
                latents,
                activations,
                ..
            },
            sae,
        ) in of_token.sets.iter().zip(counting)
        {
            let slots = position * sae.k..(position + 1) * sae.k;
            let listed = sae.latents[slots.clone()]
                .iter()
                .zip(&sae.activations[slots]);
            let listed = listed.filter(|(latent, value)| **latent >= 0 && **value > 0.0);
            let (expected, values): (Vec<u32>, Vec<f32>) = listed
                .map(|(latent, value)| (*latent as u32, *value))
                .unzip();
            let what = format!("{device}, {} at {position}", sae.id);
            // Rounding may exchange neighbours that are equal but for the last bits.
            let mut sorted = [latents.clone(), expected];
            sorted
                .iter_mut()
                .for_each(|latents| latents.sort_unstable());
            assert_eq!(sorted[0], sorted[1], "{what}");
            all_close(activations, &values, 1e-4, &what);
        }
    }
}

#[test]
fn features_of_each_token_are_those_of_the_trace() {
    with_demo(|device, session| {
        let ids = token_ids(14);
        let options = watching("", 6);
        let plain = GenerateOptions {
            features: Vec::new(),
            ..options.clone()
        };
        let expected =
            block_on(session.generate(&ids, &plain, |_| ControlFlow::Continue(()))).unwrap();
        // The second time the prompt is not read again.
        for _ in 0..2 {
            let (generation, tokens, features) = watch(session, &ids, &options);
            assert_eq!(generation, expected, "{device}: watching changes nothing");
            assert_eq!(tokens, generation.ids, "{device}");
            let whole: Vec<u32> = ids.iter().chain(&tokens).copied().collect();
            let traced = TraceOptions {
                saes: Some(options.features.clone()),
                ..TraceOptions::default()
            };
            let trace = block_on(session.trace(&whole, &traced)).unwrap();
            same_as_trace(&features, &trace, device);
        }
    });
}

#[test]
fn an_edit_shows_in_the_layers_behind_it() {
    let mut session = demo_on(Device::cpu());
    let ids = token_ids(14);
    let (clean, _, before) = watch(&mut session, &ids, &watching("", 4));
    let (steered, _, after) = watch(&mut session, &ids, &watching("openai.layer_3:77=+2x@3", 4));
    let values = |features: &[TokenFeatures], at: usize, set: usize| {
        features[at].sets[set].activations.clone()
    };
    // A hook point shows what arrives there, so the edit is not in it, nor at tokens before.
    assert_eq!(values(&before, 3, 1), values(&after, 3, 1));
    assert_eq!(values(&before, 2, 2), values(&after, 2, 2));
    assert_ne!(values(&before, 3, 2), values(&after, 3, 2));
    assert_eq!(clean.ids.len(), steered.ids.len());
}

#[test]
fn a_watched_token_makes_nothing_and_takes_one_submit() {
    with_demo(|device, session| {
        let ids = token_ids(14);
        let options = watching("", 8);
        watch(session, &ids, &options);
        let counted = session.device().clone();
        let mut counts = Vec::new();
        let on_written = |written| {
            if matches!(written, Written::Token(_)) {
                let counters = counted.counters();
                counts.push((counters.buffers, counters.bind_groups, counters.submits));
            }
            ControlFlow::Continue(())
        };
        block_on(session.generate_watched(&ids, &options, on_written)).unwrap();
        assert_eq!(counts.len(), 8, "{device}");
        for (before, after) in counts.iter().zip(&counts[1..]) {
            assert_eq!((after.0, after.1), (before.0, before.1), "{device}");
            assert_eq!(after.2, before.2 + 1, "{device}: one submit per token");
        }
    });
}

#[test]
fn a_set_that_is_not_there_is_refused_by_its_name() {
    let mut session = demo_on(Device::cpu());
    let options = GenerateOptions {
        features: vec!["openai.layer_9".to_owned()],
        ..watching("", 2)
    };
    let ids = token_ids(14);
    let on_written = |_| ControlFlow::Continue(());
    let refused = block_on(session.generate_watched(&ids, &options, on_written)).unwrap_err();
    assert!(refused.to_string().contains("openai.layer_9"), "{refused}");
    // What ends it while the prompt's features come leaves a session that answers.
    let mut left = 3;
    let on_written = |_| {
        left -= 1;
        match left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let stopped = block_on(session.generate_watched(&ids, &watching("", 4), on_written)).unwrap();
    assert!(stopped.cancelled && stopped.ids.is_empty());
    assert_eq!(watch(&mut session, &ids, &watching("", 4)).1.len(), 4);
}
