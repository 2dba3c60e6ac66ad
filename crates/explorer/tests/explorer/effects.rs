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
    let nothing = effects(&session, &ids[..1], &options);
    assert!(nothing.effects.is_empty() && nothing.loss.is_none());
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
