//! Effects of ablations: against torch's, against the same edits one at a time, and their order, progress and errors.

use std::ops::ControlFlow;

use crate::common::{RELU, demo_on, read, root, token_ids, with_demo};
use explorer::{Edit, Effect, Effects, EffectsOptions, RankBy, Session, TraceOptions};
use kernels::Device;
use pollster::block_on;
use serde_json::Value;

fn effects(session: &Session, ids: &[u32], options: &EffectsOptions) -> Effects {
    let mut seen = Vec::new();
    let going_on = |effects: &[Effect]| {
        seen.extend(effects.iter().map(|effect| effect.latent));
        ControlFlow::Continue(())
    };
    let found = block_on(session.effects(ids, options, going_on)).unwrap();
    let mut all: Vec<u32> = found.effects.iter().map(|effect| effect.latent).collect();
    all.sort_unstable();
    // They come as they are ready.
    seen.sort_unstable();
    assert_eq!(seen, all, "every effect is reported once");
    found
}

#[track_caller]
fn near(found: Option<f64>, expected: &Value, relative: f64, absolute: f64, what: &str) {
    let (found, expected) = (found.expect(what), expected.as_f64().unwrap());
    let error = (found - expected).abs();
    assert!(
        error <= relative * expected.abs() + absolute,
        "{what}: {found:e}, not {expected:e}"
    );
}

#[test]
fn effects_are_the_references() {
    let reference = read(&root().join("tests/fixtures/demo-steering.json"));
    let reference: Value = serde_json::from_slice(&reference).unwrap();
    let reference = &reference["effects"];
    let id = |value: &Value| value.as_u64().unwrap() as u32;
    let ids: Vec<u32> = reference["ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(id)
        .collect();
    let session = demo_on(Device::cpu());
    let options = EffectsOptions {
        tokens: Some((id(&reference["target"]), id(&reference["distractor"]))),
        rank_by: RankBy::LogitDifference,
        ..EffectsOptions::new(reference["sae"].as_str().unwrap())
    };
    let found = effects(&session, &ids, &options);
    near(found.loss, &reference["loss"], 1e-5, 0.0, "loss");
    let gap = &reference["logit_difference"];
    near(found.logit_difference, gap, 1e-4, 1e-4, "logit difference");
    let expected = reference["effects"].as_array().unwrap();
    assert!(expected.len() > 100 && expected.len() == found.effects.len());
    for expected in expected {
        let latent = id(&expected["latent"]);
        let mut all = found.effects.iter();
        let effect = all.find(|effect| effect.latent == latent).unwrap();
        let what = format!("latent {latent}");
        near(effect.loss, &expected["loss"], 1e-3, 2e-6, &what);
        near(effect.kl, &expected["kl"], 1e-3, 1e-8, &what);
        let difference = &expected["logit_difference"];
        near(effect.logit_difference, difference, 1e-3, 5e-5, &what);
        near(effect.direct, &expected["direct"], 1e-4, 1e-6, &what);
        // Two tokens that move alike may change places.
        for (name, listed) in [("up", &effect.up), ("down", &effect.down)] {
            let first = id(&expected[name]);
            let at = listed.iter().find(|change| change.id == first);
            let at = at.unwrap_or_else(|| panic!("{what}: {first} is not {name}"));
            assert!((at.logit - listed[0].logit).abs() < 1e-4, "{what}");
        }
    }
    let sizes = found
        .effects
        .iter()
        .map(|effect| effect.logit_difference.unwrap().abs());
    assert!(sizes.is_sorted_by(|a, b| a >= b), "ranked");
}

#[test]
fn each_effect_of_a_batch_is_that_of_the_edit_alone() {
    with_demo(|device, session| {
        session
            .load_neurons("post", "blocks.2.mlp.hook_post")
            .unwrap();
        let ids = token_ids(12);
        let clean = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        // A software adapter takes its time for sets of which hundreds are active.
        let many: &[&str] = if device == "cpu" {
            &[RELU, "post"]
        } else {
            &[]
        };
        let few = ["openai.layer_1", "blocks.5.hook_resid_post"];
        for sae in few.iter().chain(many) {
            let options = EffectsOptions {
                positions: Some([4, 9].into()),
                ..EffectsOptions::new(sae)
            };
            let found = effects(session, &ids, &options);
            assert!(found.effects.len() > 20, "{device}, {sae}");
            let sizes = found.effects.iter().map(|effect| effect.kl.unwrap());
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{device}, {sae}: ranked");
            for effect in found.effects.iter().step_by(found.effects.len() / 3) {
                let what = format!("{device}, {sae}:{}", effect.latent);
                let edit = Edit {
                    positions: options.positions.clone(),
                    ..Edit::set(sae, effect.latent, 0.0)
                };
                let options = TraceOptions {
                    dump: true,
                    ..TraceOptions::default()
                };
                let alone = block_on(session.edited(&ids, &[edit], &options)).unwrap();
                // Keys and values of the positions before come from the clean pass: sums in another order.
                let bound = if device == "cpu" { 5e-6 } else { 5e-5 };
                for ((change, edited), clean) in effect
                    .token_losses
                    .iter()
                    .zip(&alone.token_losses)
                    .zip(&clean.token_losses)
                {
                    let error = (change - (edited - clean)).abs();
                    assert!(error <= bound, "{what}: {error:e}");
                }
                for (kl, alone) in effect.kl_by_position.iter().zip(&alone.kl_by_position) {
                    assert!(
                        (kl - alone).abs() <= 1e-3 * alone + 1e-6,
                        "{what}: {kl:e}, {alone:e}"
                    );
                }
                assert_eq!(effect.kl_by_position.len(), ids.len(), "{what}");
                assert!(
                    (effect.kl.unwrap() - alone.kl.unwrap()).abs() < 1e-6,
                    "{what}"
                );
                // The first position that is ablated is the first that can change.
                assert!(effect.token_losses[..4].iter().all(|change| *change == 0.0));
                assert!(effect.kl_by_position[..4].iter().all(|kl| *kl == 0.0));
                let next = alone.logits.unwrap();
                let last = &next.data[next.data.len() - next.cols..];
                let up = &effect.up[0];
                let risen = last[up.id as usize];
                let before = block_on(session.logits(&ids, explorer::Bos::Auto)).unwrap();
                let before = before.data[before.data.len() - next.cols..][up.id as usize];
                assert!((up.logit - (risen - before)).abs() < 2e-4, "{what}");
            }
        }
    });
}

#[test]
fn what_is_bounded_is_off_by_no_more_than_it_says() {
    let mut session = demo_on(Device::cpu());
    session
        .load_neurons("post", "blocks.2.mlp.hook_post")
        .unwrap();
    let ids = token_ids(48);
    for sae in [
        "openai.layer_1",
        "openai.layer_3",
        "blocks.5.hook_resid_post",
        "post",
    ] {
        let exact = EffectsOptions {
            tokens: Some((300, 400)),
            rank_by: RankBy::Kl,
            positions: (sae == "post").then(|| [4, 9].into()),
            ..EffectsOptions::new(sae)
        };
        let measured = effects(&session, &ids, &exact);
        assert!(
            measured
                .effects
                .iter()
                .all(|effect| effect.within == 0.0 && effect.errors.is_empty())
        );
        for within in [0.01, 0.05, 0.5] {
            let options = EffectsOptions {
                within,
                ..exact.clone()
            };
            let found = effects(&session, &ids, &options);
            assert_eq!(found.effects.len(), measured.effects.len(), "{sae}");
            let mut bounded = 0;
            for effect in &found.effects {
                let what = format!("{sae}:{}, {within}", effect.latent);
                let mut all = measured.effects.iter();
                let truth = all.find(|truth| truth.latent == effect.latent).unwrap();
                let (kl, exact) = (effect.kl.unwrap(), truth.kl.unwrap());
                // What is measured is itself known to a share of 1e-3.
                let known = 1e-3 * exact + 1e-8;
                assert!(
                    (kl - exact).abs() <= effect.within + known,
                    "{what}: {kl:e}, {exact:e}"
                );
                // Of a share of the least that KL can be.
                assert!(
                    effect.within <= within * (kl + known),
                    "{what}: {:e} of {kl:e}",
                    effect.within
                );
                let off = (effect.loss.unwrap() - truth.loss.unwrap()).abs();
                assert!(off <= effect.within + 2e-6, "{what}: {off:e} of the loss");
                let errors = &effect.errors;
                assert!(errors.is_empty() || errors.len() == ids.len(), "{what}");
                let error = |at: usize| errors.get(at).copied().unwrap_or(0.0);
                bounded += (0..ids.len()).filter(|at| error(*at) > 0.0).count();
                let kl = effect.kl_by_position.iter().zip(&truth.kl_by_position);
                for (at, (kl, exact)) in kl.enumerate() {
                    let known = 1e-3 * exact + 1e-6;
                    assert!(
                        (kl - exact).abs() <= error(at) + known,
                        "{what}, {at}: {kl:e}, {exact:e}"
                    );
                }
                let losses = effect.token_losses.iter().zip(&truth.token_losses);
                for (at, (loss, exact)) in losses.enumerate() {
                    let off = (loss - exact).abs();
                    // Losses of 10 are f32, and each comes of sums in another order.
                    assert!(
                        off <= error(at) + 1e-5 + 1e-3 * exact.abs(),
                        "{what}, {at}: {off:e}"
                    );
                }
                // The last token's logits are always computed.
                assert!(error(ids.len() - 1) == 0.0, "{what}");
                let gaps = effect.logit_difference.zip(truth.logit_difference);
                let (gap, exact) = gaps.unwrap();
                assert!((gap - exact).abs() < 5e-5, "{what}: {gap}, {exact}");
                assert!(
                    (effect.up[0].logit - truth.up[0].logit).abs() < 1e-4,
                    "{what}"
                );
            }
            // Behind the last block nothing else changes.
            let rows: usize = found
                .effects
                .iter()
                .map(|effect| ids.len() - effect.position)
                .sum();
            let many = within >= 0.05 && sae.starts_with("openai");
            assert!(
                !many || bounded * 4 > rows,
                "{sae}, {within}: {bounded} of some {rows}"
            );
        }
    }
}

#[test]
fn a_list_can_be_ended_and_unusable_options_are_refused() {
    let session = demo_on(Device::cpu());
    let ids = token_ids(40);
    let options = EffectsOptions::new("openai.layer_3");
    let mut calls = 0;
    let ending = |_: &[Effect]| {
        calls += 1;
        ControlFlow::Break(())
    };
    let error = block_on(session.effects(&ids, &options, ending)).unwrap_err();
    assert_eq!((error.code(), calls), ("cancelled", 1));
    // A BOS alone: nothing counts, so that there is nothing to ablate.
    for within in [0.0, 0.05] {
        let options = EffectsOptions {
            within,
            ..options.clone()
        };
        let nothing = effects(&session, &ids[..1], &options);
        assert!(nothing.effects.is_empty() && nothing.loss.is_none());
        let mut calls = 0;
        let ending = |_: &[Effect]| {
            calls += 1;
            ControlFlow::Break(())
        };
        let error = block_on(session.effects(&ids, &options, ending)).unwrap_err();
        assert_eq!((error.code(), calls), ("cancelled", 1), "{within}");
    }
    let by_tokens = RankBy::LogitDifference;
    for (options, code) in [
        (EffectsOptions::new("none"), "unknown-sae"),
        (
            EffectsOptions {
                rank_by: by_tokens,
                ..options.clone()
            },
            "bad-option",
        ),
        (
            EffectsOptions {
                tokens: Some((1, 1 << 20)),
                ..options.clone()
            },
            "bad-option",
        ),
        (
            EffectsOptions {
                within: f64::NAN,
                ..options.clone()
            },
            "bad-option",
        ),
        (
            EffectsOptions {
                within: 1.5,
                ..options.clone()
            },
            "bad-option",
        ),
        (
            EffectsOptions {
                positions: Some([40].into()),
                ..options
            },
            "bad-option",
        ),
    ] {
        let going_on = |_: &[Effect]| ControlFlow::Continue(());
        let error = block_on(session.effects(&ids, &options, going_on)).unwrap_err();
        assert_eq!(error.code(), code, "{options:?}: {error}");
    }
}
