//! Positions that count in the metrics, what is shown where none does, and one decision about the BOS.

use crate::common;
use crate::common::compare::same_trace;
use crate::common::{devices, layer_3, max_difference, tiny, with_demo_model};
use explorer::{Bos, Edit, EditOperation, Input, SaeOptions, Session, TraceOptions};
use kernels::{Device, DeviceOptions};
use pollster::block_on;
use serde_json::{Value, json};
use tiny::BOS;

/// Rows of `wte` that no formula treats specially.
const ROWS: [(u32, [f32; 4]); 5] = [
    (97, [0.4, -1.3, 2.1, 0.6]),
    (98, [-0.7, 0.9, 1.4, -2.2]),
    (99, [1.8, 0.3, -0.5, 1.1]),
    (100, [-1.6, -0.2, 0.8, 0.5]),
    (BOS, [3.0, -2.0, 1.0, 4.0]),
];

fn load(session: &mut Session, id: &str, metadata: Value, halfwave: bool) {
    let file = tiny::sae(0.0, halfwave, metadata);
    block_on(session.load_sae(id, &file, &SaeOptions::default())).unwrap();
}

/// FVU of ReLU as the reconstruction, over some tokens, from the definition.
fn relu_fvu(ids: &[u32]) -> f64 {
    let row = |id: &u32| ROWS.iter().find(|(of, _)| of == id).unwrap().1;
    let rows: Vec<[f64; 4]> = ids.iter().map(|id| row(id).map(f64::from)).collect();
    let mean = |d: usize| rows.iter().map(|row| row[d]).sum::<f64>() / rows.len() as f64;
    let over = |term: &dyn Fn(usize, f64) -> f64| -> f64 {
        rows.iter()
            .flat_map(|row| (0..4).map(|d| term(d, row[d])))
            .sum()
    };
    over(&|_, x| x.min(0.0).powi(2)) / over(&|d, x| (x - mean(d)).powi(2))
}

#[test]
fn positions_that_training_left_out_count_in_no_metric() {
    let text = "ab<|endoftext|>cd";
    let ids = [BOS, 97, 98, BOS, 99, 100];
    for (device, given) in devices() {
        for (metadata, skipped) in [
            (json!({}), vec![0]),
            (json!({"exclude_special_tokens": true}), vec![0, 3]),
            (json!({"exclude_special_tokens": [256, 98]}), vec![0, 2, 3]),
            (json!({"seqpos_slice": [3, null]}), vec![0, 1, 2]),
            (json!({"seqpos_slice": [null, -2]}), vec![0, 4, 5]),
            (json!({"skipped_positions": [0, 1, 5]}), vec![0, 1, 5]),
        ] {
            let mut session = tiny::session(&given, &tiny::weights(&ROWS));
            let what = format!("{device}, {metadata}");
            let mut stated = metadata.clone();
            stated["prepend_bos"] = json!(true);
            load(&mut session, "sae", stated, true);
            let options = TraceOptions {
                dump: true,
                ..TraceOptions::default()
            };
            let trace = block_on(session.trace(text, &options)).unwrap();
            let sae = &trace.saes[0];
            assert_eq!(sae.skipped, skipped, "{what}");
            assert_eq!(sae.metrics.positions, 6 - skipped.len(), "{what}");
            let counted: Vec<u32> = (0..6)
                .filter(|at| !skipped.contains(at))
                .map(|at| ids[at as usize])
                .collect();
            let (found, expected) = (sae.metrics.fvu.unwrap(), relu_fvu(&counted));
            assert!(
                (found - expected).abs() < 1e-5,
                "{what}: {found} {expected}"
            );
            let below = |id: &u32| {
                ROWS.iter()
                    .find(|(of, _)| of == id)
                    .unwrap()
                    .1
                    .map(|x| f64::from(x > 0.0))
            };
            let l0: f64 = counted.iter().flat_map(below).sum::<f64>() / counted.len() as f64;
            assert_eq!(sae.metrics.l0, Some(l0), "{what}");
            // What does not count is not replaced: in this model a token's own loss is all that its replacement changes.
            let edit = Edit {
                sae: "sae".to_owned(),
                latent: 0,
                operation: EditOperation::Set(9.0),
                positions: None,
                when: None,
                on: true,
            };
            let edited =
                block_on(session.edited(text, std::slice::from_ref(&edit), &options)).unwrap();
            for (position, kl) in edited.kl_by_position.iter().enumerate() {
                assert_eq!(
                    *kl == 0.0,
                    skipped.contains(&(position as u32)),
                    "{what}: {kl} at {position}"
                );
            }
            let mean = (0..6)
                .filter(|at| !skipped.contains(at))
                .map(|at| f64::from(edited.kl_by_position[at as usize]))
                .sum::<f64>();
            let mean = mean / counted.len() as f64;
            assert!((edited.kl.unwrap() - mean).abs() < 1e-9, "{what}");
        }
    }
}

#[test]
fn where_no_position_counts_no_metric_is_shown() {
    for (device, given) in devices() {
        let mut session = tiny::session(&given, &tiny::weights(&ROWS));
        load(&mut session, "sae", json!({"prepend_bos": true}), true);
        session
            .load_neurons("neurons", "blocks.0.hook_resid_pre")
            .unwrap();
        let trace = |text: &str, bos| {
            let options = TraceOptions {
                bos,
                ..TraceOptions::default()
            };
            block_on(session.trace(text, &options)).unwrap()
        };
        for sae in trace("<|endoftext|>", Bos::No).saes {
            let m = sae.metrics;
            let means = [
                m.l0,
                m.fvu,
                m.relative_error,
                m.cosine,
                m.spliced_loss,
                m.delta_ce,
                m.kl,
            ];
            assert_eq!((means, m.positions), ([None; 7], 0), "{device}");
        }
        // Its only prediction is made at the BOS, which is not replaced.
        for sae in trace("a", Bos::Yes).saes {
            let m = sae.metrics;
            assert_eq!(
                (m.spliced_loss, m.delta_ce, m.positions),
                (None, None, 1),
                "{device}"
            );
            assert!(m.kl.is_some() && m.relative_error.is_some(), "{device}");
        }
        // And here at the first token, which is.
        for sae in trace("ab", Bos::No).saes {
            assert!(sae.metrics.delta_ce.is_some_and(f64::is_finite), "{device}");
        }
    }
}

#[test]
fn identical_positions_have_no_fvu_and_zeros_no_relative_error() {
    let mut rows = ROWS;
    rows[0].1 = [0.1, 0.7, -0.3, 0.45];
    rows[1].1 = [0.0; 4];
    for (device, given) in devices() {
        let mut session = tiny::session(&given, &tiny::weights(&rows));
        let file = tiny::sae(0.01, false, json!({"prepend_bos": false}));
        block_on(session.load_sae("sae", &file, &SaeOptions::default())).unwrap();
        let metrics = |text: &str| {
            let trace = block_on(session.trace(text, &TraceOptions::default())).unwrap();
            trace.saes[0].metrics
        };
        for count in [1, 2, 3, 4, 5, 6, 7, 9, 13, 50] {
            assert_eq!(metrics(&"a".repeat(count)).fvu, None, "{device}, {count}");
        }
        let zero = metrics("b");
        assert_eq!((zero.relative_error, zero.cosine), (None, None), "{device}");
        let both = metrics("ab");
        let norm = 0.01 + 0.49 + 0.09 + 0.45 * 0.45;
        let expected = 4.0 * 1e-4 / norm;
        assert!(
            (both.relative_error.unwrap() - expected).abs() < 1e-5,
            "{device}"
        );
        assert!(both.fvu.is_some_and(|fvu| fvu > 0.0), "{device}");
    }
}

#[test]
fn a_reconstruction_that_fails_is_a_caution() {
    let mut session = tiny::session(&Device::cpu(), &tiny::weights(&ROWS));
    let file = tiny::sae(9.0, false, json!({"prepend_bos": false}));
    block_on(session.load_sae("far", &file, &SaeOptions::default())).unwrap();
    let file = tiny::sae(0.01, false, json!({"prepend_bos": false}));
    block_on(session.load_sae("near", &file, &SaeOptions::default())).unwrap();
    let trace = block_on(session.trace("abcd", &TraceOptions::default())).unwrap();
    let [far, near] = &trace.saes[..] else {
        panic!("two autoencoders")
    };
    assert!(far.metrics.fvu.unwrap() > 1.0);
    assert!(
        far.cautions.len() == 1 && far.cautions[0].contains("does not reconstruct"),
        "{:?}",
        far.cautions
    );
    assert!(near.cautions.is_empty(), "{:?}", near.cautions);
    let evaluation = block_on(session.evaluate("abcd", "far", Bos::Auto)).unwrap();
    assert_eq!(evaluation.cautions, far.cautions);
}

#[test]
fn a_view_is_as_if_nothing_else_were_loaded() {
    for (device, given) in devices() {
        let alone = |id: &str, bos: bool| {
            let mut session = tiny::session(&given, &tiny::weights(&ROWS));
            load(&mut session, id, json!({"prepend_bos": bos}), true);
            session
        };
        let mut both = alone("without", false);
        load(&mut both, "with", json!({"prepend_bos": true}), true);
        for (id, bos) in [("without", false), ("with", true)] {
            both.look_at(Some(vec![id.to_owned()]));
            let expected = alone(id, bos);
            let trace =
                |session: &Session| block_on(session.trace("abc", &TraceOptions::default()));
            let (seen, one) = (trace(&both).unwrap(), trace(&expected).unwrap());
            assert_eq!(seen.saes.len(), 1, "{device}");
            assert_eq!(seen.saes[0].id, id, "{device}");
            assert_eq!(seen.bos_reason, one.bos_reason, "{device}");
            assert_eq!(seen.bos_prepended, bos, "{device}");
            same_trace(&seen, &one, 1e-6, device);
            assert_eq!(both.info().saes.len(), 1, "{device}");
            let other = if bos { "without" } else { "with" };
            let error = block_on(both.feature(other, 0)).unwrap_err();
            assert_eq!(error.code(), "unknown-sae", "{device}");
        }
        both.look_at(None);
        assert_eq!(both.info().saes.len(), 2, "{device}");
    }
}

#[test]
fn one_bos_decision_serves_every_question() {
    for (device, given) in devices() {
        let mut session = tiny::session(&given, &tiny::weights(&ROWS));
        load(&mut session, "without", json!({"prepend_bos": false}), true);
        let alone = block_on(session.trace("abc", &TraceOptions::default())).unwrap();
        assert!(
            !alone.bos_prepended && alone.bos_reason.contains("without"),
            "{}",
            alone.bos_reason
        );
        load(&mut session, "with", json!({"prepend_bos": true}), true);
        session
            .load_neurons("neurons", "blocks.0.hook_resid_pre")
            .unwrap();
        assert!(session.bos_decision(Bos::Auto).unwrap().prepended);
        // Whichever feature set a question is about, the tokens are those of the others.
        for sae in ["with", "without", "neurons"] {
            let options = TraceOptions {
                saes: Some(vec![sae.to_owned()]),
                ..TraceOptions::default()
            };
            let trace = block_on(session.trace("abc", &options)).unwrap();
            let ids: Vec<u32> = trace.tokens.iter().map(|token| token.id).collect();
            assert_eq!(ids, [BOS, 97, 98, 99], "{device}, {sae}");
            assert!(
                trace.bos_reason.contains("with were") || trace.bos_reason.contains("with was"),
                "{}",
                trace.bos_reason
            );
            let reconstruction = block_on(session.reconstruction("abc", sae, Bos::Auto)).unwrap();
            assert_eq!(reconstruction.rows, 4, "{device}, {sae}");
            let edit = Edit {
                sae: sae.to_owned(),
                latent: 1,
                operation: EditOperation::Set(7.0),
                positions: Some([2].into()),
                when: None,
                on: true,
            };
            let edited = block_on(session.edited(
                "abc",
                std::slice::from_ref(&edit),
                &TraceOptions::default(),
            ))
            .unwrap();
            let changed: Vec<usize> = (0..4)
                .filter(|at| edited.kl_by_position[*at] > 0.0)
                .collect();
            assert_eq!(changed, [2], "{device}, {sae}: the token that was named");
            let evaluation = block_on(session.evaluate("abc", sae, Bos::Auto)).unwrap();
            assert_eq!((evaluation.tokens, evaluation.bos_prepended), (4, true));
        }
        assert_eq!(block_on(session.logits("abc", Bos::Auto)).unwrap().rows, 4);
        assert_eq!(session.tokenize("abc", Bos::Auto).unwrap().tokens.len(), 4);
    }
}

#[test]
fn who_loads_an_autoencoder_may_know_how_it_was_trained() {
    let mut session = tiny::session(&Device::cpu(), &tiny::weights(&ROWS));
    let mut load = |metadata: Value, prepend_bos| {
        let file = tiny::sae(0.0, true, metadata);
        let options = SaeOptions {
            prepend_bos,
            ..SaeOptions::default()
        };
        let info = block_on(session.load_sae("sae", &file, &options)).unwrap();
        let decision = session.bos_decision(Bos::Auto).unwrap();
        let unknown = info.notices.iter().any(|notice| notice.contains("BOS"));
        (info.prepend_bos, decision.prepended, unknown)
    };
    assert_eq!(load(json!({}), None), (None, false, true));
    assert_eq!(load(json!({}), Some(true)), (Some(true), true, false));
    // Its own file knows better.
    let stated = json!({"prepend_bos": false});
    assert_eq!(load(stated, Some(true)), (Some(false), false, false));
}

#[test]
fn tokens_are_run_as_they_are_given() {
    with_demo_model(|device, session| {
        block_on(session.load_sae("sae", &layer_3(), &common::at_layer_3())).unwrap();
        let options = TraceOptions {
            dump: true,
            ..TraceOptions::default()
        };
        let trace = block_on(session.trace("The king said", &options)).unwrap();
        let ids: Vec<u32> = trace.tokens.iter().map(|token| token.id).collect();
        // Loaded since: it would take the BOS away.
        session
            .load_neurons("neurons", "blocks.0.mlp.hook_post")
            .unwrap();
        session.set_prepend_bos(false).unwrap();
        let again = block_on(session.trace(&ids, &options)).unwrap();
        assert_eq!(again.tokens, trace.tokens, "{device}");
        let logits = |trace: &explorer::Trace| trace.dump.as_ref().unwrap().logits.data.clone();
        assert!(
            max_difference(&logits(&again), &logits(&trace)) < 1e-4,
            "{device}"
        );
        assert_eq!(
            again.saes[0].skipped,
            [0],
            "{device}: its first token is a BOS"
        );
        assert_eq!(
            block_on(session.trace("The king said", &options))
                .unwrap()
                .tokens
                .len(),
            ids.len() - 1
        );
        for (input, bos, option) in [
            (&ids[1..], Bos::Yes, "bos"),
            (&[0, 8192][..], Bos::Auto, "prompt"),
        ] {
            let error = block_on(session.logits(Input::Tokens(input), bos)).unwrap_err();
            assert_eq!(error.code(), "bad-option", "{error}");
            assert_eq!(error.details()["option"], option);
        }
        let error = block_on(session.logits(Input::Tokens(&[]), Bos::Auto)).unwrap_err();
        assert_eq!(error.code(), "empty-prompt");
    });
}

#[test]
fn a_long_prompt_is_traced_with_an_autoencoder_at_the_final_norm() {
    // Bindings so small that logits come in several chunks.
    let options = DeviceOptions {
        max_binding_bytes: Some(2 << 20),
        ..DeviceOptions::default()
    };
    let mut session = Session::on(Device::cpu_with(options));
    common::load_demo(&mut session).unwrap();
    for hook in ["ln_final.hook_normalized", "ln_final.hook_out"] {
        let file = common::identity_sae(256, hook);
        block_on(session.load_sae(hook, &file, &SaeOptions::default())).unwrap();
    }
    session
        .load_neurons("neurons", "blocks.2.mlp.hook_post")
        .unwrap();
    block_on(session.load_sae("layer 3", &layer_3(), &common::at_layer_3())).unwrap();
    let ids: Vec<u32> = (0..256).map(|i| i * 31 % 8000).collect();
    let trace = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
    assert_eq!(trace.next_by_position.len(), 256);
    for sae in &trace.saes {
        assert!(sae.metrics.kl.is_some_and(f64::is_finite), "{}", sae.id);
    }
}

#[test]
fn every_tensor_keeps_its_own_type() {
    let mut tensors = tiny::weights(&ROWS);
    // 0.3 is no f16 number: rounded, it would be off by 7e-5.
    for name in [
        "transformer.h.0.mlp.c_fc.weight",
        "transformer.h.0.mlp.c_proj.weight",
    ] {
        tensors.get_mut(name).unwrap().1.fill(0.3);
    }
    let whole = tensors.clone();
    let wte = tensors.remove("transformer.wte.weight").unwrap();
    tensors.insert("transformer.wte.weight as F16".to_owned(), wte);
    for (device, given) in devices() {
        let activation = |tensors| {
            let session = tiny::session(&given, tensors);
            let weights = session.info().model.unwrap().weights;
            let point = "blocks.0.mlp.hook_post".parse().unwrap();
            (
                weights,
                block_on(session.activation("abcd", point, Bos::No))
                    .unwrap()
                    .data,
            )
        };
        let (kept, expected) = activation(&whole);
        let (mixed, found) = activation(&tensors);
        assert_eq!(kept, "f32", "{device}");
        let is_gpu = given.kind() == kernels::BackendKind::Gpu;
        let packs = is_gpu && !given.prefers_f32();
        assert_eq!(mixed, if packs { "mixed" } else { "f32" }, "{device}");
        // LayerNorm of rows rounded to F16, which is all that may differ.
        assert!(max_difference(&expected, &found) < 2e-3, "{device}");
        let scale = expected.iter().map(|x| f64::from(*x)).sum::<f64>();
        let found = found.iter().map(|x| f64::from(*x)).sum::<f64>();
        assert!(
            (scale - found).abs() < 1e-3 * scale.abs().max(1.0),
            "{device}"
        );
    }
}
