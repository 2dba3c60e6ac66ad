//! Metrics, edits and direct logit effects against NumPy's numbers (`tests/reference/demo_metrics.py`), on every device.

use crate::common;
use crate::common::{Fixture, read, root, with_demo, with_demo_model};
use explorer::{Bos, Edit, EditOperation, LogitEffect, TraceOptions};
use pollster::block_on;
use serde_json::Value;

fn reference() -> Value {
    let path = root().join("tests/fixtures/demo-metrics.json");
    serde_json::from_slice(&read(&path)).unwrap()
}

#[track_caller]
fn close(found: Option<f64>, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    let found = found.unwrap_or_else(|| panic!("{what} is missing"));
    let error = (found - expected).abs();
    assert!(error <= tolerance, "{what}: {found}, not {expected}");
}

fn options(prompt: &Value) -> TraceOptions {
    TraceOptions {
        bos: if prompt["bos"] == true {
            Bos::Yes
        } else {
            Bos::No
        },
        ..TraceOptions::default()
    }
}

#[test]
fn every_metric_agrees_with_and_without_a_bos() {
    let reference = reference();
    with_demo(|device, session| {
        for prompt in reference["prompts"].as_array().unwrap() {
            let name = prompt["name"].as_str().unwrap();
            let fixture = Fixture::load(name);
            let trace = block_on(session.trace(fixture.text(), &options(prompt))).unwrap();
            let what = format!("{device}, {name}, BOS {}", prompt["bos"]);
            close(trace.loss, &prompt["loss"], 1e-4, &what);
            let mean = trace
                .token_losses
                .iter()
                .map(|loss| f64::from(*loss))
                .sum::<f64>();
            let mean = mean / trace.token_losses.len() as f64;
            assert!((trace.loss.unwrap() - mean).abs() < 1e-9, "{what}");
            for sae in &trace.saes {
                let expected = &prompt["saes"][&sae.id];
                let what = |metric: &str| format!("{metric} of {} ({what})", sae.id);
                let found = &sae.metrics;
                // f32 may choose another latent of two that are nearly equal, which moves a mean a little.
                close(found.l0, &expected["l0"], 0.05, &what("L0"));
                close(found.fvu, &expected["fvu"], 2e-4, &what("FVU"));
                close(
                    found.relative_error,
                    &expected["relative_error"],
                    1e-4,
                    &what("relative error"),
                );
                close(found.cosine, &expected["cosine"], 1e-4, &what("cosine"));
                close(
                    found.spliced_loss,
                    &expected["spliced_loss"],
                    5e-4,
                    &what("spliced loss"),
                );
                close(found.delta_ce, &expected["delta_ce"], 5e-4, &what("ΔCE"));
                close(found.kl, &expected["kl"], 5e-4, &what("KL"));
                assert_eq!(
                    found.positions as u64,
                    expected["positions"].as_u64().unwrap()
                );
                let left = trace.tokens.len() - found.positions;
                assert_eq!(
                    sae.skipped,
                    Vec::from_iter(0..left as u32),
                    "{}",
                    what("positions")
                );
                // The stated bounds of a reconstruction that fails, on the reference's numbers.
                let number = |metric: &str| expected[metric].as_f64().unwrap();
                let fails = number("fvu") > 1.0 || number("cosine") < 0.8;
                let mut cautions = sae.cautions.iter();
                let warned = cautions.any(|caution| caution.contains("does not reconstruct"));
                assert_eq!(warned, fails, "{}", what("caution"));
            }
        }
    });
}

#[test]
fn divergences_of_small_edits_are_resolved() {
    let reference = reference();
    with_demo(|device, session| {
        let mut smallest = f64::INFINITY;
        for prompt in reference["prompts"].as_array().unwrap() {
            let fixture = Fixture::load(prompt["name"].as_str().unwrap());
            for (sae, edits) in prompt["edits"].as_object().unwrap() {
                for expected in edits.as_array().unwrap() {
                    let tokens = session
                        .tokenize(fixture.text(), options(prompt).bos)
                        .unwrap();
                    let edit = Edit {
                        sae: sae.clone(),
                        latent: expected["latent"].as_u64().unwrap() as u32,
                        operation: EditOperation::Set(expected["value"].as_f64().unwrap() as f32),
                        positions: Some([tokens.tokens.len() as u32 - 1].into()),
                        when: None,
                        on: true,
                    };
                    let edited = block_on(session.edited(
                        fixture.text(),
                        std::slice::from_ref(&edit),
                        &options(prompt),
                    ));
                    let found = f64::from(*edited.unwrap().kl_by_position.last().unwrap());
                    let expected = expected["kl"].as_f64().unwrap();
                    // The step is a difference of f32 activations, which is good to some per cent where it is smallest.
                    let error = (found - expected).abs();
                    assert!(
                        error <= 0.05 * expected + 1e-9,
                        "{device}: {found:e}, not {expected:e} ({edit:?})"
                    );
                    smallest = smallest.min(expected);
                }
            }
        }
        assert!(smallest < 1e-7);
    });
}

#[track_caller]
fn same_effect(found: &LogitEffect, expected: &Value, what: &str) {
    for (found, list) in [(&found.top, "top"), (&found.bottom, "bottom")] {
        let expected = expected[list].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            let value = expected[1].as_f64().unwrap();
            let scale = value.abs().max(0.1);
            let error = (f64::from(found.value) - value).abs();
            assert!(
                error < 1e-4 * scale,
                "{what}, {list}: {found:?}, not {expected}"
            );
        }
        // Where two effects are nearly equal their order may differ.
        let ids: Vec<u64> = found.iter().map(|effect| u64::from(effect.id)).collect();
        let listed = |id: u64| expected.iter().any(|expected| expected[0] == id);
        assert!(
            ids[..9].iter().all(|id| listed(*id)),
            "{what}, {list}: {ids:?}"
        );
    }
}

#[test]
fn direct_logit_effects_go_through_the_final_norm_and_the_layers_output() {
    let reference = reference();
    with_demo(|device, session| {
        for expected in reference["effects"].as_array().unwrap() {
            let id = match (&expected["sae"], &expected["neurons"]) {
                (Value::String(id), _) => id.clone(),
                (_, Value::String(hook)) => {
                    session.load_neurons("n", hook).unwrap();
                    "n".to_owned()
                }
                _ => panic!("{expected}"),
            };
            let latent = expected["latent"].as_u64().unwrap() as u32;
            let found = block_on(session.feature(&id, latent)).unwrap();
            let what = format!(
                "{device}, {} {latent}",
                expected["neurons"].as_str().unwrap_or(&id)
            );
            same_effect(&found.logit_effect, expected, &what);
            let norm = f64::from(found.output_norm);
            close(Some(norm), &expected["output_norm"], 1e-4 * norm, &what);
        }
    });
}

#[test]
fn an_identity_autoencoders_latents_are_the_neurons_at_every_hook() {
    with_demo_model(|device, session| {
        for hook in [
            "hook_embed",
            "blocks.1.hook_resid_pre",
            "blocks.2.attn.hook_z",
            "blocks.3.hook_attn_out",
            "blocks.3.hook_resid_mid",
            "blocks.4.mlp.hook_post",
            "blocks.4.hook_mlp_out",
            "blocks.5.hook_resid_post",
            "ln_final.hook_normalized",
            "ln_final.hook_out",
        ] {
            let neurons = session.load_neurons("neurons", hook).unwrap();
            let file = common::identity_sae(neurons.d_in, hook);
            block_on(session.load_sae("identity", &file, &Default::default())).unwrap();
            for latent in [0, 77, 255] {
                let neuron = block_on(session.feature("neurons", latent)).unwrap();
                let identity = block_on(session.feature("identity", latent)).unwrap();
                let what = format!("{device}, {hook}, {latent}");
                assert_eq!(neuron.decoder_norm, identity.decoder_norm, "{what}");
                assert_eq!(neuron.output_norm, identity.output_norm, "{what}");
                assert_eq!(neuron.logit_effect, identity.logit_effect, "{what}");
            }
        }
    });
}

#[test]
fn a_direction_that_the_final_norm_removes_has_no_effect() {
    with_demo_model(|device, session| {
        let file = common::one_latent_sae(&[1.0; 256], "blocks.3.hook_resid_post");
        block_on(session.load_sae("ones", &file, &Default::default())).unwrap();
        let effect = block_on(session.feature("ones", 0)).unwrap().logit_effect;
        for token in effect.top.iter().chain(&effect.bottom) {
            assert_eq!(token.value, 0.0, "{device}: {token:?}");
        }
    });
}
