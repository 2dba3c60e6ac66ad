//! Continuations: several of one prompt, a prompt that comes again, sampling, and the context's end.

use std::ops::ControlFlow;

use crate::common::{token_ids, with_demo_model};
use explorer::{Bos, GenerateOptions, Generation, Session, Stop};
use kernels::BackendKind;
use pollster::block_on;

fn sampled(top_k: usize) -> GenerateOptions {
    GenerateOptions {
        max_tokens: 12,
        temperature: 1.1,
        top_k,
        seed: 7,
        ..GenerateOptions::default()
    }
}

fn generate(session: &mut Session, ids: &[u32], options: &GenerateOptions) -> Generation {
    let going_on = |_: &_| ControlFlow::Continue(());
    block_on(session.generate(ids, options, going_on)).unwrap()
}

fn several(
    session: &mut Session,
    ids: &[u32],
    options: &GenerateOptions,
    seeds: &[u64],
) -> Vec<Generation> {
    let mut received = vec![Vec::new(); seeds.len()];
    let keep = |number: usize, token: &explorer::Token| {
        received[number].push(token.id);
        ControlFlow::Continue(())
    };
    let found = block_on(session.generate_several(ids, options, seeds, keep)).unwrap();
    let ids: Vec<_> = found.iter().map(|found| found.ids.clone()).collect();
    assert_eq!(received, ids, "every token arrives, with its continuation");
    found
}

#[test]
fn several_continuations_are_those_of_their_seeds() {
    with_demo_model(|device, session| {
        let ids = token_ids(14);
        for top_k in [0, 25] {
            let seeds = [1, 2, 3, 2];
            let found = several(session, &ids, &sampled(top_k), &seeds);
            assert_eq!(found.len(), 4, "{device}");
            assert_eq!(found[1], found[3], "{device}: of one seed");
            assert_ne!(found[0], found[1], "{device}");
            for (seed, found) in seeds.into_iter().zip(&found) {
                let options = GenerateOptions {
                    seed,
                    ..sampled(top_k)
                };
                let alone = generate(session, &ids, &options);
                assert_eq!(&alone, found, "{device}, seed {seed}, top_k {top_k}");
            }
        }
        assert!(several(session, &ids, &sampled(0), &[]).is_empty());
        let none = GenerateOptions {
            max_tokens: 0,
            ..sampled(0)
        };
        let nothing = several(session, &ids, &none, &[1, 2]);
        assert!(nothing.iter().all(|found| found.ids.is_empty()));
        assert_eq!(nothing.len(), 2, "{device}");
    });
}

#[test]
fn one_continuation_that_is_ended_leaves_the_others_alone() {
    with_demo_model(|device, session| {
        let ids = token_ids(14);
        let whole = several(session, &ids, &sampled(0), &[1, 2]);
        let mut count = 0;
        let ending = |number: usize, _: &_| {
            count += usize::from(number == 1);
            match (number, count) {
                (1, 3) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        let options = sampled(0);
        let found = session.generate_several(&ids, &options, &[1, 2, 1], ending);
        let found = block_on(found).unwrap();
        assert_eq!(found[0], whole[0], "{device}");
        assert_eq!(found[1].ids, whole[1].ids[..3], "{device}");
        assert_eq!(found[1].stop, Stop::Cancelled, "{device}");
        // A cancellation ends with the continuation that was under way.
        assert_eq!(found.len(), 2, "{device}");
        assert_eq!(several(session, &ids, &options, &[1, 2]), whole, "{device}");
    });
}

#[test]
fn a_prompt_that_comes_again_is_not_read_again() {
    with_demo_model(|device, session| {
        let ids = token_ids(30);
        let device_of = session.device().clone();
        let options = sampled(10);
        let mut ask = |ids: &[u32]| {
            let before = device_of.counters();
            let found = generate(session, ids, &options);
            let after = device_of.counters();
            let submits = after.submits - before.submits;
            (found, submits, after.dispatches - before.dispatches)
        };
        let (first, read, dispatched) = ask(&ids);
        assert_eq!(first.ids.len(), 12, "{device}");
        let (again, submits, dispatches) = ask(&ids);
        assert_eq!(again, first, "{device}");
        // The first token comes of the prompt's logits, which are kept; the last one is not run.
        assert_eq!((read, submits), (12, 11), "{device}");
        if device_of.kind() == BackendKind::Gpu {
            let token = dispatches / 11;
            assert_eq!(
                dispatches,
                token * 11,
                "{device}: every token takes the same"
            );
            assert!(dispatched >= dispatches + 6 * 4, "{device}");
        }
        // Another prompt in between, one that begins like it, and one that it begins with.
        for other in [token_ids(60)[35..].to_vec(), token_ids(40), token_ids(12)] {
            let (between, ..) = ask(&other);
            assert_ne!(between.ids, first.ids, "{device}");
            assert_eq!(ask(&ids).0, first, "{device}");
        }
    });
}

/// SplitMix64 (Steele, Lea & Flood, 2014), uniform in [0, 1).
struct Random(u64);

impl Random {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The `top_k` likeliest tokens of a row with their logits, the likeliest first.
fn likeliest(row: &[f32], top_k: usize) -> Vec<(u32, f32)> {
    let mut listed: Vec<(u32, f32)> = (0..).zip(row.iter().copied()).collect();
    listed.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    listed.truncate(top_k);
    listed
}

#[test]
fn what_is_sampled_on_the_device_is_what_all_logits_give() {
    with_demo_model(|device, session| {
        let ids = token_ids(14);
        // Up to 512 the device finds them; beyond, all logits are read back.
        for top_k in [2, 40, 512, 513, 3000] {
            let options = sampled(top_k);
            let found = generate(session, &ids, &options);
            let together = [&ids[..], &found.ids].concat();
            let logits = block_on(session.logits(&together, Bos::Auto)).unwrap();
            let rows = logits.data.chunks_exact(logits.cols);
            let mut random = Random(options.seed);
            for (row, token) in rows.skip(ids.len() - 1).zip(&found.ids) {
                let listed = likeliest(row, top_k);
                let what = format!("{device}, top_k {top_k}, token {token}");
                assert!(listed.iter().any(|(id, _)| id == token), "{what}");
                let temperature = f64::from(options.temperature);
                let weight = |logit: f32| (f64::from(logit - listed[0].1) / temperature).exp();
                let total: f64 = listed.iter().map(|(_, logit)| weight(*logit)).sum();
                let mut left = random.draw() * total;
                let drawn = listed.iter().find(|(_, logit)| {
                    left -= weight(*logit);
                    left < 0.0
                });
                assert_eq!(drawn.map(|(id, _)| id), Some(token), "{what}");
            }
        }
    });
}

#[test]
fn of_one_candidate_there_is_no_choice() {
    with_demo_model(|device, session| {
        let ids = token_ids(14);
        let greedy = GenerateOptions {
            temperature: 0.0,
            ..sampled(0)
        };
        let expected = generate(session, &ids, &greedy);
        assert_eq!(generate(session, &ids, &sampled(1)), expected, "{device}");
        let together = [&ids[..], &expected.ids].concat();
        let logits = block_on(session.logits(&together, Bos::Auto)).unwrap();
        let rows = logits.data.chunks_exact(logits.cols);
        for (row, token) in rows.skip(ids.len() - 1).zip(&expected.ids) {
            assert_eq!(likeliest(row, 1)[0].0, *token, "{device}");
        }
    });
}

#[test]
fn the_contexts_end_stops_every_continuation() {
    with_demo_model(|device, session| {
        let options = GenerateOptions {
            max_tokens: 50,
            ..sampled(40)
        };
        for (length, tokens) in [(251, 6), (256, 1)] {
            let ids = token_ids(length);
            let found = several(session, &ids, &options, &[1, 2]);
            for found in &found {
                assert_eq!(found.stop, Stop::ContextFull, "{device}: {:?}", found.ids);
                // The last token is chosen after position 255 and has none of its own.
                assert_eq!(found.ids.len(), tokens, "{device}");
                assert!(!found.cancelled, "{device}");
            }
            assert_eq!(several(session, &ids, &options, &[1, 2]), found, "{device}");
        }
        let long = token_ids(257);
        let refused = session.generate(&long, &options, |_| ControlFlow::Continue(()));
        let error = block_on(refused).unwrap_err();
        assert_eq!(error.code(), "prompt-too-long", "{device}");
        // And a short one afterwards.
        let short = generate(session, &token_ids(5), &sampled(0));
        assert_eq!(short.ids.len(), 12, "{device}");
    });
}
