//! Values inside a pass: attention patterns, LayerNorm scales, activations, and the logit lens, against PyTorch.

use crate::common::compare::{all_close, close, same_bits};
use crate::common::{devices, read, root, tiny, token_ids, with_demo_model};
use explorer::{Bos, Error, Input, Session, TapOptions, Tapped, Taps, TraceOptions};
use pollster::block_on;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_slice(&read(&root().join("tests/fixtures/demo-taps.json"))).unwrap()
}

/// Numbers of a list, or of a list of lists.
fn numbers(value: &Value) -> Vec<f32> {
    match value.as_array() {
        Some(list) => list.iter().flat_map(numbers).collect(),
        None => vec![value.as_f64().unwrap() as f32],
    }
}

fn ids(reference: &Value) -> Vec<u32> {
    let ids = reference["ids"].as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn named(names: &[&str]) -> TapOptions {
    TapOptions {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..TapOptions::default()
    }
}

fn taps(session: &Session, ids: &[u32], options: &TapOptions) -> Taps {
    block_on(session.taps(ids, options)).unwrap()
}

fn value<'a>(taps: &'a Taps, name: &str) -> &'a Tapped {
    taps.values.iter().find(|value| value.name == name).unwrap()
}

#[test]
fn patterns_scales_and_activations_agree_with_pytorch() {
    let reference = reference();
    let ids = ids(&reference);
    let tokens = ids.len();
    let names = ["patterns", "scales", "rows"]
        .into_iter()
        .flat_map(|kind| reference[kind].as_object().unwrap().keys().cloned());
    let options = TapOptions {
        names: names.collect(),
        ..TapOptions::default()
    };
    with_demo_model(|device, session| {
        let taps = taps(session, &ids, &options);
        let found: Vec<&String> = taps.values.iter().map(|value| &value.name).collect();
        let wanted: Vec<&String> = options.names.iter().collect();
        assert_eq!(found, wanted, "{device}: in the order of the request");
        for (name, expected) in reference["patterns"].as_object().unwrap() {
            let found = value(&taps, name);
            assert_eq!(found.shape, [tokens, 4, tokens], "{device}, {name}");
            let (found, expected) = (&found.data, numbers(expected));
            // They are at most 1, so the bound is absolute.
            all_close(found, &expected, 1e-5, &format!("{device}, {name}"));
            for (row, weights) in found.chunks_exact(tokens).enumerate() {
                let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
                close(sum, 1.0, 1e-5, name);
                let query = row / 4;
                assert!(weights[query + 1..].iter().all(|weight| *weight == 0.0));
            }
        }
        for (name, expected) in reference["scales"].as_object().unwrap() {
            let found = value(&taps, name);
            assert_eq!(found.shape, [tokens], "{device}, {name}");
            let expected = numbers(expected);
            for (found, expected) in found.data.iter().zip(&expected) {
                let ratio = f64::from(*found) / f64::from(*expected);
                close(ratio, 1.0, 1e-5, &format!("{device}, {name}"));
            }
        }
        for (name, rows) in reference["rows"].as_object().unwrap() {
            let found = value(&taps, name);
            let width = found.data.len() / tokens;
            assert_eq!(found.shape, [tokens, width], "{device}, {name}");
            for (row, expected) in rows.as_object().unwrap() {
                let at = row.parse::<usize>().unwrap() * width;
                let what = format!("{device}, {name}, row {row}");
                all_close(&found.data[at..at + width], &numbers(expected), 5e-5, &what);
            }
            let norms = numbers(&reference["norms"][name]);
            for (row, norm) in found.data.chunks_exact(width).zip(&norms) {
                let squares = row.iter().map(|x| f64::from(*x).powi(2));
                let ratio = squares.sum::<f64>().sqrt() / f64::from(*norm);
                close(ratio, 1.0, 1e-5, &format!("{device}, {name}"));
            }
        }
    });
}

#[test]
fn the_logit_lens_agrees_with_pytorch_and_ends_with_the_models_own_losses() {
    let reference = reference();
    let ids = ids(&reference);
    let options = TapOptions {
        logit_lens: 5,
        ..TapOptions::default()
    };
    with_demo_model(|device, session| {
        let taps = taps(session, &ids, &options);
        let expected = reference["lens"].as_array().unwrap();
        assert_eq!(taps.logit_lens.len(), expected.len(), "{device}");
        for (row, (lens, expected)) in taps.logit_lens.iter().zip(expected).enumerate() {
            let layer = row.checked_sub(1);
            let what = format!("{device}, layer {layer:?}");
            assert_eq!(lens.layer, layer, "{device}");
            let losses = numbers(&expected["token_losses"]);
            all_close(&lens.token_losses, &losses, 1e-4, &what);
            let mean = losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / 20.0;
            close(lens.loss.unwrap(), mean, 1e-4, &what);
            assert_eq!(lens.next_by_position.len(), ids.len(), "{what}");
            let rows = expected["ids"].as_array().unwrap().iter();
            let logits = expected["logits"].as_array().unwrap().iter().map(numbers);
            for (found, (row, logits)) in lens.next_by_position.iter().zip(rows.zip(logits)) {
                assert_eq!(found.len(), 5, "{what}");
                for (rank, next) in found.iter().enumerate() {
                    let (found, expected) = (f64::from(next.logit), f64::from(logits[rank]));
                    close(found, expected, 1e-4, &what);
                    let before = rank == 0 || logits[rank - 1] - logits[rank] > 1e-3;
                    if before && logits[rank] - logits[rank + 1] > 1e-3 {
                        assert_eq!(Some(u64::from(next.id)), row[rank].as_u64(), "{what}");
                    }
                }
            }
        }
        let trace = block_on(session.trace(&ids, &TraceOptions::default())).unwrap();
        let own = &taps.logit_lens[6];
        let bound = if device == "cpu" { 0.0 } else { 1e-5 };
        all_close(&own.token_losses, &trace.token_losses, bound, device);
        for (found, expected) in own.next_by_position.iter().zip(&trace.next_by_position) {
            assert_eq!(found[0].id, expected[0].id, "{device}");
        }
    });
}

#[test]
fn several_values_from_one_pass_are_those_of_single_passes() {
    let points = [
        "hook_embed",
        "hook_pos_embed",
        "blocks.0.hook_resid_pre",
        "blocks.1.attn.hook_z",
        "blocks.1.hook_attn_out",
        "blocks.3.hook_resid_mid",
        "blocks.3.mlp.hook_post",
        "blocks.4.hook_mlp_out",
        "blocks.5.hook_resid_post",
        "ln_final.hook_normalized",
        "ln_final.hook_out",
    ];
    with_demo_model(|device, session| {
        let ids = token_ids(19);
        // In another order than the pass, one of them twice, and beside observations and lenses.
        let mut names: Vec<&str> = points.iter().rev().copied().collect();
        names.extend(["blocks.3.hook_resid_mid", "blocks.3.ln2.hook_scale"]);
        let options = TapOptions {
            logit_lens: 3,
            ..named(&names)
        };
        let together = taps(session, &ids, &options);
        let bound = if device == "cpu" { 0.0 } else { 2e-5 };
        for name in points {
            let point = name.parse().unwrap();
            let alone = block_on(session.activation(&ids, point, Bos::Auto)).unwrap();
            let what = format!("{device}, {name}");
            let found = value(&together, name);
            assert_eq!(found.shape, [alone.rows, alone.cols], "{what}");
            all_close(&found.data, &alone.data, bound, &what);
        }
        let [.., again, scale] = &together.values[..] else {
            panic!("values");
        };
        let middle = value(&together, "blocks.3.hook_resid_mid");
        same_bits(&again.data, &middle.data, device);
        // The scale is that of the stream between attention and MLP.
        for (row, scale) in middle.data.chunks_exact(256).zip(&scale.data) {
            let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            let mean = row.iter().sum::<f64>() / 256.0;
            let squares = row.iter().map(|x| (x - mean).powi(2));
            let expected = (squares.sum::<f64>() / 256.0 + 1e-5).sqrt();
            close(f64::from(*scale) / expected, 1.0, 1e-5, device);
        }
        let lens = TapOptions {
            logit_lens: 3,
            ..TapOptions::default()
        };
        let lenses = taps(session, &ids, &lens).logit_lens;
        for (found, alone) in together.logit_lens.iter().zip(&lenses) {
            all_close(&found.token_losses, &alone.token_losses, bound, device);
        }
    });
}

#[test]
fn a_token_alone_has_a_pattern_and_no_loss() {
    with_demo_model(|device, session| {
        let options = TapOptions {
            logit_lens: 2,
            ..named(&["blocks.5.attn.hook_pattern", "ln_final.hook_scale"])
        };
        let taps = taps(session, &[5], &options);
        assert_eq!(taps.values[0].shape, [1, 4, 1], "{device}");
        all_close(&taps.values[0].data, &[1.0; 4], 1e-6, device);
        let lens = &taps.logit_lens[6];
        assert!(lens.loss.is_none() && lens.token_losses.is_empty());
        assert_eq!(lens.next_by_position.len(), 1, "{device}");
    });
}

#[test]
fn bad_names_and_numbers_are_refused_by_name() {
    with_demo_model(|device, session| {
        let ids = token_ids(6);
        let good = named(&["blocks.5.ln1.hook_scale"]);
        let before = taps(session, &ids, &good);
        let lens = |logit_lens| TapOptions {
            logit_lens,
            ..TapOptions::default()
        };
        let cases = [
            (named(&["blocks.6.hook_resid_post"]), "6"),
            (named(&["blocks.6.attn.hook_pattern"]), "6"),
            (named(&["blocks.7.ln1.hook_scale"]), "7"),
            (named(&["blocks.99.ln2.hook_scale"]), "99"),
            (named(&["blocks.1.hook_nothing"]), "blocks.1.hook_nothing"),
            (named(&["hook_embed", ""]), "names"),
            (named(&["ln_final.hook_pattern"]), "ln_final.hook_pattern"),
            (named(&[]), "empty list"),
            (lens(513), "513"),
        ];
        for (options, value) in cases {
            let error = block_on(session.taps(&ids, &options)).unwrap_err();
            assert_eq!(error.code(), "bad-option", "{device}: {error}");
            assert!(error.to_string().contains(value), "{device}: {error}");
            assert_eq!(taps(session, &ids, &good), before, "{device}");
        }
        let long = token_ids(257);
        for (ids, code) in [(&long[..], "prompt-too-long"), (&[], "empty-prompt")] {
            let error = block_on(session.taps(Input::Tokens(ids), &good)).unwrap_err();
            assert_eq!(error.code(), code, "{device}: {error}");
        }
        let all = taps(session, &ids, &lens(512));
        assert_eq!(all.logit_lens[0].next_by_position[0].len(), 512, "{device}");
    });
}

#[test]
fn what_is_not_a_number_is_an_error_with_its_position() {
    // The square of the second row is out of range, and so is its product with the first one.
    const ROWS: [(u32, [f32; 4]); 2] = [
        (98, [1.0, -1.0, 1.0, -1.0]),
        (99, [3e38, -3e38, 3e38, -3e38]),
    ];
    for (device, given) in devices() {
        let session = tiny::session(&given, &tiny::weights(&ROWS));
        let at = |text: &str, name: &str| match block_on(session.taps(text, &named(&[name]))) {
            Err(Error::NotANumber { position, what }) => {
                assert_eq!(what, name, "{device}");
                Some(position)
            }
            Err(error) => panic!("{device}, {name}: {error}"),
            Ok(_) => None,
        };
        for name in ["blocks.0.ln1.hook_scale", "ln_final.hook_scale"] {
            assert_eq!(at("aac", name), Some(2), "{device}, {name}");
            assert_eq!(at("aaa", name), None, "{device}, {name}");
        }
        assert_eq!(at("aac", "blocks.0.hook_resid_pre"), None, "{device}");
        let lens = TapOptions {
            logit_lens: 1,
            ..TapOptions::default()
        };
        let error = block_on(session.taps("aab", &lens)).unwrap_err();
        assert_eq!(error.code(), "not-a-number", "{device}: {error}");
    }
}
