//! The engine against PyTorch's numbers, on the CPU and on the GPU.

use crate::common::{Fixture, PROMPTS, RELU, TOPK, max_difference, relative_rms, with_demo};
use explorer::{
    Bos, Edit, EditOperation, GenerateOptions, Positions, Session, Trace, TraceOptions,
};
use pollster::block_on;
use std::ops::ControlFlow;

fn trace(session: &Session, text: &str) -> Trace {
    let options = TraceOptions {
        dump: true,
        ..TraceOptions::default()
    };
    block_on(session.trace(text, &options)).unwrap()
}

#[test]
fn logits_residual_streams_and_losses_agree() {
    with_demo(|_, session| {
        for name in PROMPTS {
            let fixture = Fixture::load(name);
            let trace = trace(session, fixture.text());
            let ids: Vec<u32> = trace.tokens.iter().map(|token| token.id).collect();
            assert_eq!(ids, fixture.ids("token_ids"), "{name}");
            let dump = trace.dump.as_ref().unwrap();
            let logits = fixture.f32("logits");
            assert!(
                max_difference(&dump.logits.data, &logits) < 2e-3,
                "{name} {}: {}",
                trace.backend,
                max_difference(&dump.logits.data, &logits)
            );
            assert!(relative_rms(&dump.logits.data, &logits) < 1e-4, "{name}");
            for (layer, resid) in dump.resid_post.iter().enumerate() {
                let expected = fixture.f32(&format!("resid_post.{layer}"));
                assert!(
                    relative_rms(&resid.data, &expected) < 1e-4,
                    "{name} layer {layer}"
                );
            }
            let loss = fixture.json["ce_loss"].as_f64().unwrap();
            assert!((trace.loss.unwrap() - loss).abs() < 1e-4, "{name}");
        }
    });
}

#[test]
fn next_tokens_are_the_likeliest_of_every_position() {
    with_demo(|_, session| {
        let fixture = Fixture::load("fairy");
        let trace = trace(session, fixture.text());
        let expected = fixture.json["top5_per_position"].as_array().unwrap();
        assert_eq!(trace.next_by_position.len(), expected.len());
        for (position, (next, expected)) in trace.next_by_position.iter().zip(expected).enumerate()
        {
            for (next, expected) in next.iter().zip(expected.as_array().unwrap()) {
                let logit = expected[2].as_f64().unwrap() as f32;
                assert!((next.logit - logit).abs() < 2e-3, "position {position}");
            }
            let sum: f32 = next.iter().map(|next| next.prob).sum();
            assert!(sum > 0.0 && sum <= 1.0001);
        }
        let first = &trace.next_by_position[0][0];
        assert_eq!(u64::from(first.id), expected[0][0][0].as_u64().unwrap());
    });
}

#[test]
fn topk_latents_activations_and_reconstructions_agree() {
    with_demo(|_, session| {
        for name in PROMPTS {
            let fixture = Fixture::load(name);
            let trace = trace(session, fixture.text());
            for id in TOPK {
                let index = trace.saes.iter().position(|sae| sae.id == id).unwrap();
                let sae = &trace.saes[index];
                let ids = fixture.i32(&format!("{id}.topk_ids"));
                let values = fixture.f32(&format!("{id}.topk_values"));
                let gaps = fixture.f32(&format!("{id}.gap_16_17"));
                assert_eq!(sae.latents.len(), ids.len(), "{name} {id}");
                let rows = ids.chunks(16).zip(values.chunks(16)).zip(&gaps);
                let found = sae.latents.chunks(16).zip(sae.activations.chunks(16));
                for (((expected, values), gap), (latents, activations)) in rows.zip(found) {
                    compare_row(expected, values, *gap, latents, activations);
                }
                let expected = fixture.f32(&format!("{id}.recon"));
                let found = &trace.dump.as_ref().unwrap().reconstructions[index].data;
                assert!(relative_rms(found, &expected) < 1e-3, "{name} {id}");
                let spliced = fixture.json["saes"][id]["ce_spliced_positions_ge_1"]
                    .as_f64()
                    .unwrap();
                assert!(
                    (sae.metrics.spliced_loss.unwrap() - spliced).abs() < 1e-4,
                    "{name} {id}"
                );
            }
        }
    });
}

/// Latents are the same except where two candidates lie closer than 1e-4; activations within 1e-3 relative.
fn compare_row(expected: &[i32], values: &[f32], gap: f32, latents: &[i32], activations: &[f32]) {
    for (latent, value) in expected.iter().zip(values) {
        match latents.iter().position(|found| found == latent) {
            Some(place) => assert!(
                (activations[place] - value).abs() <= 1e-3 * value.abs().max(1e-3),
                "latent {latent}: {} instead of {value}",
                activations[place]
            ),
            None => assert!(
                gap < 1e-4 || *value == 0.0,
                "latent {latent} with {value} is missing"
            ),
        }
    }
}

#[test]
fn relu_latents_and_reconstructions_agree() {
    with_demo(|_, session| {
        for name in PROMPTS {
            let fixture = Fixture::load(name);
            let trace = trace(session, fixture.text());
            let index = trace.saes.iter().position(|sae| sae.id == RELU).unwrap();
            let sae = &trace.saes[index];
            let offsets = fixture.i32(&format!("{RELU}.offsets"));
            let ids = fixture.i32(&format!("{RELU}.ids"));
            let values = fixture.f32(&format!("{RELU}.values"));
            for (row, bounds) in offsets.windows(2).enumerate() {
                let bounds = bounds[0] as usize..bounds[1] as usize;
                let latents = &sae.latents[row * sae.k..][..sae.k];
                let activations = &sae.activations[row * sae.k..][..sae.k];
                for (latent, value) in ids[bounds.clone()].iter().zip(&values[bounds]) {
                    match latents.iter().position(|found| found == latent) {
                        Some(place) => {
                            let difference = (activations[place] - value).abs();
                            assert!(
                                difference <= 1e-3 * value.max(0.05),
                                "{name} row {row} latent {latent}: {value} off by {difference}"
                            );
                        }
                        None => assert!(*value < 1e-4, "{name} row {row} latent {latent}"),
                    }
                }
            }
            let expected = fixture.f32(&format!("{RELU}.recon"));
            let found = &trace.dump.as_ref().unwrap().reconstructions[index].data;
            assert!(relative_rms(found, &expected) < 1e-3, "{name}");
            let spliced = fixture.json["saes"][RELU]["ce_spliced_positions_ge_1"]
                .as_f64()
                .unwrap();
            assert!((sae.metrics.spliced_loss.unwrap() - spliced).abs() < 1e-4);
        }
    });
}

#[test]
fn edits_with_the_error_term_agree() {
    with_demo(|_, session| {
        for name in PROMPTS {
            let fixture = Fixture::load(name);
            let tokens = fixture.ids("token_ids").len();
            for tag in ["edit", "edit_sparse"] {
                let reference = &fixture.json[tag];
                for (variant, values) in reference["variants"].as_object().unwrap() {
                    let first = values["positions"][0].as_u64().unwrap() as usize;
                    let edit = Edit {
                        sae: "openai.layer_3".to_owned(),
                        latent: reference["latent"].as_u64().unwrap() as u32,
                        operation: EditOperation::Set(values["value"].as_f64().unwrap() as f32),
                        positions: Some((first as u32..tokens as u32).collect()),
                        when: None,
                        on: true,
                    };
                    let options = TraceOptions {
                        dump: true,
                        ..TraceOptions::default()
                    };
                    let edited = block_on(session.edited(
                        fixture.text(),
                        std::slice::from_ref(&edit),
                        &options,
                    ))
                    .unwrap();
                    let loss = values["ce_loss"].as_f64().unwrap();
                    assert!(
                        (edited.loss.unwrap() - loss).abs() < 1e-4,
                        "{name} {variant}"
                    );
                    let logits = edited.logits.unwrap();
                    let tail = &logits.data[(tokens - 4) * logits.cols..];
                    let expected = fixture.f32(&format!("{tag}.{variant}.logits_tail"));
                    assert!(max_difference(tail, &expected) < 2e-3, "{name} {variant}");
                    let expected = fixture.f32(&format!("{tag}.{variant}.resid_post.3"));
                    let activation = edited.activation.unwrap();
                    assert!(relative_rms(&activation.data, &expected) < 1e-4);
                    let kl = values["kl_last"].as_f64().unwrap();
                    let found = f64::from(*edited.kl_by_position.last().unwrap());
                    assert!((found - kl).abs() < 1e-4, "{name} {variant}: {found} {kl}");
                    let sum: f64 = edited.kl_by_position[1..]
                        .iter()
                        .map(|kl| f64::from(*kl))
                        .sum();
                    let mean_kl = edited.kl.unwrap();
                    assert!((mean_kl - sum / (tokens - 1) as f64).abs() < 1e-9);
                }
            }
        }
    });
}

#[test]
fn with_nothing_edited_the_logits_are_exactly_the_clean_ones() {
    with_demo(|_, session| {
        let fixture = Fixture::load("gloss");
        let clean = trace(session, fixture.text()).dump.unwrap().logits;
        for sae in TOPK.into_iter().chain([RELU]) {
            let edit = Edit {
                sae: sae.to_owned(),
                latent: 3,
                operation: EditOperation::Set(5.0),
                positions: Some(Positions::default()),
                when: None,
                on: true,
            };
            let options = TraceOptions {
                dump: true,
                ..TraceOptions::default()
            };
            let edited =
                block_on(session.edited(fixture.text(), std::slice::from_ref(&edit), &options))
                    .unwrap();
            assert_eq!(edited.logits.unwrap().data, clean.data, "{sae}");
            assert!(edited.kl_by_position.iter().all(|kl| *kl == 0.0));
        }
    });
}

#[test]
fn greedy_continuations_agree_token_for_token() {
    with_demo(|_, session| {
        for name in PROMPTS {
            let fixture = Fixture::load(name);
            let mut streamed = Vec::new();
            let generation =
                block_on(
                    session.generate(fixture.text(), &GenerateOptions::default(), |token| {
                        streamed.push(token.id);
                        ControlFlow::Continue(())
                    }),
                )
                .unwrap();
            assert_eq!(generation.ids, fixture.ids("greedy_ids"), "{name}");
            assert_eq!(streamed, generation.ids, "{name}");
            assert_eq!(
                generation.text,
                fixture.json["greedy_text"].as_str().unwrap(),
                "{name}"
            );
        }
    });
}

#[test]
fn the_final_layer_norm_and_the_embedding_can_be_read() {
    with_demo(|_, session| {
        let fixture = Fixture::load("rust");
        let read = |hook: &str| {
            let point = hook.parse().unwrap();
            block_on(session.activation(fixture.text(), point, Bos::Auto)).unwrap()
        };
        let out = read("ln_final.hook_out");
        assert!(relative_rms(&out.data, &fixture.f32("ln_f")) < 1e-4);
        // Before weight and bias: from PyTorch's last residual stream, by the formula.
        let normalised = read("ln_final.hook_normalized");
        let expected: Vec<f32> = fixture
            .f32("resid_post.5")
            .chunks(256)
            .flat_map(|row| {
                let mean = row.iter().sum::<f32>() / 256.0;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 256.0;
                row.iter()
                    .map(move |x| (x - mean) / (variance + 1e-5).sqrt())
            })
            .collect();
        assert!(relative_rms(&normalised.data, &expected) < 1e-4);
        let embedding = read("blocks.0.hook_resid_pre");
        assert!(relative_rms(&embedding.data, &fixture.f32("embed")) < 1e-4);
        let (token, position) = (read("hook_embed"), read("hook_pos_embed"));
        let sum: Vec<f32> = token
            .data
            .iter()
            .zip(&position.data)
            .map(|(token, position)| token + position)
            .collect();
        assert!(relative_rms(&sum, &fixture.f32("embed")) < 1e-4);
        // What attention and MLP add, put together, is what the block adds.
        let mut resid = read("blocks.2.hook_resid_pre").data;
        for hook in ["blocks.2.hook_attn_out", "blocks.2.hook_mlp_out"] {
            for (sum, value) in resid.iter_mut().zip(read(hook).data) {
                *sum += value;
            }
        }
        assert!(relative_rms(&resid, &fixture.f32("resid_post.2")) < 1e-4);
        assert_eq!(read("blocks.2.mlp.hook_post").cols, 1024);
        assert_eq!(read("blocks.2.attn.hook_z").cols, 256);
    });
}
