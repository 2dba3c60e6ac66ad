//! What a session promises beside its numbers: bounded work for a token, clear errors, cancellation.

use std::ops::ControlFlow;

use crate::common::{
    Fixture, demo_session, max_difference, model_session, with_demo, with_demo_model,
};
use explorer::{
    BackendChoice, Bos, Edit, EditOperation, Error, GenerateOptions, LimitsChoice, SaeOptions,
    Stop, TraceOptions,
};
use formats::sae::saelens;
use formats::tensors::TensorFile;
use pollster::block_on;

const TEXT: &str = "Once upon a time there was a king";

#[test]
fn a_decoded_token_is_one_pass_one_submit_one_read_back_and_makes_nothing() {
    let Some(mut session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    let device = session.device().clone();
    let mut seen = Vec::new();
    let options = GenerateOptions {
        max_tokens: 6,
        ..GenerateOptions::default()
    };
    block_on(session.generate(TEXT, &options, |_| {
        seen.push(device.counters());
        ControlFlow::Continue(())
    }))
    .unwrap();
    // Between the first token, which ends the prefill, and the last.
    for pair in seen.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        assert_eq!(after.passes - before.passes, 1);
        assert_eq!(after.submits - before.submits, 1);
        assert_eq!(after.read_backs - before.read_backs, 1);
        assert_eq!(after.buffers, before.buffers);
        assert_eq!(after.bind_groups, before.bind_groups);
        assert_eq!(after.pipelines, before.pipelines);
        let dispatches = after.dispatches - before.dispatches;
        assert!(dispatches <= 7 * 6 + 6, "{dispatches}");
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn an_activation_takes_only_the_blocks_before_it() {
    let Some(session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    let dispatches = |point: &str| {
        let before = session.device().counters().dispatches;
        block_on(session.activation(TEXT, point.parse().unwrap(), Bos::Auto)).unwrap();
        session.device().counters().dispatches - before
    };
    let first = dispatches("blocks.0.mlp.hook_post");
    let last = dispatches("blocks.5.mlp.hook_post");
    // The embedding and the copy of the activation belong to no block.
    let block = first - 2;
    assert_eq!(last - first, 5 * block);
}

#[test]
fn default_limits_give_the_same_numbers() {
    let Some(session) = model_session(BackendChoice::Gpu, LimitsChoice::Default) else {
        return;
    };
    let fixture = Fixture::load("gloss");
    let logits = block_on(session.logits(fixture.text(), Bos::Auto)).unwrap();
    assert!(max_difference(&logits.data, &fixture.f32("logits")) < 2e-3);
}

#[test]
fn prompts_that_cannot_be_run_say_why() {
    let session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let trace = |text: &str| block_on(session.trace(text, &TraceOptions::default()));
    let empty = trace("").unwrap_err();
    assert_eq!(empty.code(), "empty-prompt");
    let long = trace(&"word ".repeat(400)).unwrap_err();
    assert_eq!(long.code(), "prompt-too-long");
    assert_eq!(long.details()["limit"], 256);
    assert!(long.details()["tokens"].as_u64().unwrap() > 400);
    assert!(long.to_string().contains("256"));
}

#[test]
fn exactly_the_context_fits() {
    with_demo_model(|device, session| {
        let trace = |text: &str| block_on(session.trace(text, &TraceOptions::default()));
        // With the BOS 256 tokens, and one more.
        let full = trace(&" a".repeat(255)).unwrap();
        assert_eq!(full.tokens.len(), 256, "{device}");
        assert!(full.loss.is_some_and(f64::is_finite), "{device}");
        let long = trace(&" a".repeat(256)).unwrap_err();
        assert_eq!(long.details()["tokens"], 257, "{device}: {long}");
    });
}

#[test]
fn strange_text_is_traced_like_any_other() {
    let session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    for text in [
        "\u{0}\u{1}\u{7f}",
        "🦊👩‍👩‍👧‍👦",
        "\u{fffd}\u{feff}",
        " \n\t\u{3000}",
        "é",
        "a",
    ] {
        let trace = block_on(session.trace(text, &TraceOptions::default())).unwrap();
        assert!(trace.bos_prepended);
        assert!(trace.loss.unwrap().is_finite(), "{text:?}");
        assert_eq!(trace.token_losses.len(), trace.tokens.len() - 1);
        assert_eq!(trace.next.len(), 10);
    }
}

#[test]
fn a_bos_is_not_put_before_a_bos_and_can_be_left_out() {
    let session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let count = |text: &str, bos| session.tokenize(text, bos).unwrap().tokens.len();
    assert_eq!(
        count("<|endoftext|>king", Bos::Auto),
        count("king", Bos::Auto)
    );
    assert_eq!(count("king", Bos::No) + 1, count("king", Bos::Yes));
    let options = TraceOptions {
        bos: Bos::No,
        ..TraceOptions::default()
    };
    let trace = block_on(session.trace("king", &options)).unwrap();
    assert!(!trace.bos_prepended);
    let alone: Vec<_> = trace
        .tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    assert_eq!(alone.concat(), "king");
}

#[test]
fn unknown_names_and_numbers_are_refused_by_name() {
    let session = demo_session(BackendChoice::Cpu).unwrap();
    let code = |error: Error| error.code();
    let unknown = TraceOptions {
        saes: Some(vec!["layer 9".to_owned()]),
        ..TraceOptions::default()
    };
    let error = block_on(session.trace(TEXT, &unknown)).unwrap_err();
    assert!(error.to_string().contains("layer 9"));
    assert_eq!(code(error), "unknown-sae");
    let error = block_on(session.feature("openai.layer_3", 4096)).unwrap_err();
    assert_eq!(code(error), "bad-option");
    assert_eq!(
        code(block_on(session.residual(TEXT, 6, Bos::Auto)).unwrap_err()),
        "bad-option"
    );
    for edit in [
        Edit {
            sae: "openai.layer_3".to_owned(),
            latent: 4096,
            operation: EditOperation::Set(0.0),
            positions: None,
            when: None,
            on: true,
        },
        Edit {
            sae: "openai.layer_3".to_owned(),
            latent: 1,
            operation: EditOperation::Set(f32::NAN),
            positions: None,
            when: None,
            on: true,
        },
        Edit {
            sae: "openai.layer_3".to_owned(),
            latent: 1,
            operation: EditOperation::Set(0.0),
            positions: Some([99].into()),
            when: None,
            on: true,
        },
    ] {
        let error =
            block_on(session.edited(TEXT, std::slice::from_ref(&edit), &TraceOptions::default()))
                .unwrap_err();
        assert_eq!(code(error), "bad-option");
    }
}

#[test]
fn cancelling_ends_what_is_under_way_and_nothing_later() {
    let mut session = demo_session(BackendChoice::Cpu).unwrap();
    let cancel = session.cancel();
    let during = cancel.clone();
    session.set_pause(std::rc::Rc::new(move || {
        during.cancel();
        Box::pin(std::future::ready(()))
    }));
    let error = block_on(session.trace(TEXT, &TraceOptions::default())).unwrap_err();
    assert_eq!(error.code(), "cancelled");
    session.set_pause(std::rc::Rc::new(|| Box::pin(std::future::ready(()))));
    assert!(block_on(session.trace(TEXT, &TraceOptions::default())).is_ok());
    let options = GenerateOptions::default();
    let generation = block_on(session.generate(TEXT, &options, |_| {
        cancel.cancel();
        ControlFlow::Continue(())
    }))
    .unwrap();
    assert_eq!(generation.stop, Stop::Cancelled);
    assert!(generation.cancelled && generation.ids.len() < 40);
}

#[test]
fn a_lost_device_is_reported_as_such() {
    let Some(session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    session.device().destroy();
    let error = block_on(session.trace(TEXT, &TraceOptions::default())).unwrap_err();
    assert_eq!(error.code(), "device-lost");
}

#[test]
fn a_device_lost_while_text_is_generated_is_no_wish_to_stop() {
    let Some(mut session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    let device = session.device().clone();
    let mut tokens = 0;
    let options = GenerateOptions::default();
    let generation = session.generate(TEXT, &options, |_| {
        tokens += 1;
        if tokens == 3 {
            device.destroy();
        }
        ControlFlow::Continue(())
    });
    let error = block_on(generation).unwrap_err();
    assert_eq!(error.code(), "device-lost", "{error}");
    assert_eq!(tokens, 3);
}

#[test]
fn questions_leave_no_memory_behind() {
    with_demo(|device, session| {
        let options = TraceOptions::default();
        let edit = Edit {
            sae: "openai.layer_3".to_owned(),
            latent: 5,
            operation: EditOperation::Set(2.0),
            positions: None,
            when: None,
            on: true,
        };
        let generated = GenerateOptions {
            max_tokens: 3,
            ..GenerateOptions::default()
        };
        session.trim();
        let loaded = session.info().device_bytes;
        let mut round = || {
            block_on(session.trace(TEXT, &options)).unwrap();
            block_on(session.edited(TEXT, std::slice::from_ref(&edit), &options)).unwrap();
            block_on(session.feature("openai.layer_3", 5)).unwrap();
            block_on(session.generate(TEXT, &generated, |_| ControlFlow::Continue(()))).unwrap();
            (session.info().device_bytes, session.info().counters)
        };
        round();
        // By now every plan is made.
        let held = round();
        for _ in 0..3 {
            let again = round();
            assert_eq!(again.0, held.0, "{device}");
            assert!(again.1.buffers - held.1.buffers < 3 * 20, "{device}");
        }
        session.trim();
        assert_eq!(session.info().device_bytes, loaded, "{device}");
        assert_eq!(session.info().pooled_bytes, 0);
    });
}

#[test]
fn generation_is_a_pure_function_of_seed_and_settings() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let mut run = |seed| {
        let options = GenerateOptions {
            max_tokens: 12,
            temperature: 0.9,
            seed,
            top_p: 0.95,
            ..GenerateOptions::default()
        };
        block_on(session.generate(TEXT, &options, |_| ControlFlow::Continue(())))
            .unwrap()
            .ids
    };
    let first = run(5);
    assert_eq!(first, run(5));
    assert_ne!(first, run(6));
}

#[test]
fn generation_stops_where_the_context_ends() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let text = " a".repeat(250);
    let options = GenerateOptions {
        max_tokens: 100,
        ..GenerateOptions::default()
    };
    let generation =
        block_on(session.generate(&text, &options, |_| ControlFlow::Continue(()))).unwrap();
    assert_eq!(generation.stop, Stop::ContextFull);
    // 251 tokens with the BOS leave five positions, and the token after the last needs none.
    assert_eq!(generation.ids.len(), 6);
}

#[test]
fn a_feature_knows_its_direction() {
    let session = demo_session(BackendChoice::Cpu).unwrap();
    let feature = block_on(session.feature("openai.layer_3", 16)).unwrap();
    assert!((feature.decoder_norm - 1.0).abs() < 1e-3);
    assert_eq!(feature.nearest.len(), 10);
    assert!(
        feature
            .nearest
            .windows(2)
            .all(|pair| pair[0].cosine >= pair[1].cosine)
    );
    assert!(
        feature
            .nearest
            .iter()
            .all(|near| near.latent != 16 && near.cosine <= 1.0)
    );
    let effect = feature.logit_effect;
    assert!(
        effect
            .top
            .windows(2)
            .all(|pair| pair[0].value >= pair[1].value)
    );
    assert!(
        effect
            .bottom
            .windows(2)
            .all(|pair| pair[0].value <= pair[1].value)
    );
    assert!(effect.top[0].value > 0.0 && effect.bottom[0].value < 0.0);
}

#[test]
fn a_relu_autoencoder_with_more_active_latents_than_the_kernel_sorts_keeps_them_all() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let (d_in, d_sae) = (256, 700);
    let weights: Vec<f32> = (0..d_in * d_sae)
        .map(|index| ((index * 7919 % 1000) as f32 / 1000.0 - 0.5) * 1e-3)
        .collect();
    let file = formats::sae::Sae {
        config: formats::sae::SaeConfig {
            hook_name: Some("blocks.2.hook_resid_pre".to_owned()),
            prepend_bos: Some(true),
            ..formats::sae::SaeConfig::new(
                formats::sae::Architecture::Standard,
                (d_in, d_sae),
                formats::sae::Normalization::None,
            )
        },
        w_enc: weights.clone(),
        // Every latent is active.
        b_enc: (0..d_sae)
            .map(|latent| 5.0 + latent as f32 * 0.01)
            .collect(),
        gate: formats::sae::Gate::None,
        w_dec: weights,
        b_dec: vec![0.0; d_in],
        firing_frequency: None,
    };
    let folder = saelens::write_folder(&file).unwrap();
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", folder.weights).unwrap();
    let file = block_on(saelens::open_folder(&folder.cfg_json, weights)).unwrap();
    block_on(session.load_sae("dense", &file, &SaeOptions::default())).unwrap();
    let trace = block_on(session.trace(TEXT, &TraceOptions::default())).unwrap();
    let sae = &trace.saes[0];
    assert_eq!(sae.k, d_sae);
    assert_eq!(sae.metrics.l0, Some(d_sae as f64));
    for row in sae.latents.chunks(d_sae) {
        let mut latents = row.to_vec();
        latents.sort_unstable();
        assert!(latents.into_iter().eq(0..d_sae as i32));
    }
    for row in sae.activations.chunks(d_sae) {
        assert!(row.windows(2).all(|pair| pair[0] >= pair[1]));
    }
    // A latent that the selection would have dropped can be edited: its value is known.
    let dropped = *sae.latents[..d_sae].last().unwrap() as u32;
    let edit = Edit {
        sae: "dense".to_owned(),
        latent: dropped,
        operation: EditOperation::Set(sae.activations[d_sae - 1]),
        positions: Some([0].into()),
        when: None,
        on: true,
    };
    let edited =
        block_on(session.edited(TEXT, std::slice::from_ref(&edit), &TraceOptions::default()))
            .unwrap();
    assert!(edited.kl_by_position.iter().all(|kl| *kl < 1e-6));
}
