//! Feature sets beside autoencoders on the device: a model's own neurons, and an autoencoder that stays in its file.

use std::rc::Rc;

use crate::common::{
    at_layer_3, demo_session, layer_3, max_difference, model_session, read, root, with_demo_model,
};
use explorer::{
    BackendChoice, Bos, Edit, EditOperation, LimitsChoice, SaeOptions, Session, TraceOptions,
    WeightChoice,
};
use formats::sae::saelens;
use formats::tensors::TensorFile;
use pollster::block_on;

const TEXT: &str = "Once upon a time there was a king who had three daughters.";

fn with_dump() -> TraceOptions {
    TraceOptions {
        dump: true,
        ..TraceOptions::default()
    }
}

#[test]
fn neurons_are_the_activation_the_largest_first_and_lose_nothing() {
    with_demo_model(|_, session| {
        for hook in [
            "blocks.2.mlp.hook_post",
            "blocks.2.attn.hook_z",
            "blocks.2.hook_resid_mid",
        ] {
            let info = session.load_neurons("n", hook).unwrap();
            assert_eq!(
                (info.architecture.as_str(), info.hook.as_str()),
                ("neurons", hook)
            );
            let values = block_on(session.reconstruction(TEXT, "n", Bos::Auto)).unwrap();
            assert_eq!(values.cols, info.n_latents);
            let trace = block_on(session.trace(TEXT, &TraceOptions::default())).unwrap();
            let neurons = &trace.saes[0];
            assert_eq!(neurons.metrics.fvu, Some(0.0));
            assert_eq!(neurons.metrics.delta_ce, Some(0.0));
            let listed = neurons.latents.chunks(neurons.k);
            let listed = listed.zip(neurons.activations.chunks(neurons.k));
            for ((latents, activations), row) in listed.zip(values.data.chunks(values.cols)) {
                let mut sizes: Vec<f32> = row.iter().map(|value| value.abs()).collect();
                sizes.sort_by(|a, b| b.total_cmp(a));
                for ((latent, activation), size) in latents.iter().zip(activations).zip(sizes) {
                    if *latent < 0 {
                        assert_eq!((*activation, size), (0.0, 0.0), "{hook}");
                        continue;
                    }
                    assert_eq!(row[*latent as usize], *activation, "{hook}");
                    assert_eq!(activation.abs(), size, "{hook}");
                }
            }
        }
    });
}

#[test]
fn a_neuron_is_set_alone_and_below_zero_as_well() {
    with_demo_model(|_, session| {
        session
            .load_neurons("n", "blocks.2.hook_resid_mid")
            .unwrap();
        let before = block_on(session.reconstruction(TEXT, "n", Bos::Auto)).unwrap();
        let edit = Edit {
            sae: "n".to_owned(),
            latent: 7,
            operation: EditOperation::Set(-3.5),
            positions: Some([2, 4].into()),
            when: None,
            on: true,
        };
        let edited =
            block_on(session.edited(TEXT, std::slice::from_ref(&edit), &with_dump())).unwrap();
        let after = edited.activation.unwrap();
        let rows = before
            .data
            .chunks(before.cols)
            .zip(after.data.chunks(after.cols));
        for (position, (before, after)) in rows.enumerate() {
            for (place, (before, after)) in before.iter().zip(after).enumerate() {
                if place == 7 && [2, 4].contains(&position) {
                    assert!((after + 3.5).abs() < 1e-5, "{after} at {position}");
                } else {
                    assert_eq!(before, after, "{place} at {position}");
                }
            }
        }
        assert!(edited.kl_by_position.iter().any(|kl| *kl > 1e-6));
        assert_eq!(
            edited.kl_by_position[..2],
            [0.0, 0.0],
            "what comes before the edit"
        );
    });
}

#[test]
fn a_neuron_writes_its_row_of_w_out() {
    let weights = read(&root().join("web/demo/model/model.safetensors"));
    let weights = TensorFile::from_safetensors("model.safetensors", weights).unwrap();
    let prefix = if weights.contains("wte.weight") {
        ""
    } else {
        "transformer."
    };
    let key = |name: &str| format!("{prefix}h.2.mlp.{name}");
    let row = block_on(weights.read_rows(&key("c_proj.weight"), 11..12)).unwrap();
    let bias = block_on(weights.read(&key("c_fc.bias"))).unwrap();
    let norm = row
        .iter()
        .map(|x| f64::from(*x).powi(2))
        .sum::<f64>()
        .sqrt();
    with_demo_model(|_, session| {
        session.load_neurons("n", "blocks.2.mlp.hook_post").unwrap();
        let feature = block_on(session.feature("n", 11)).unwrap();
        assert_eq!(feature.decoder_norm, 1.0);
        assert!((f64::from(feature.output_norm) - norm).abs() < 1e-5 * norm);
        assert_eq!(feature.encoder_bias, bias[11]);
        let effect = feature.logit_effect;
        assert!(effect.top[0].value > effect.top[1].value);
        let width = session.info().saes[0].n_latents as u32;
        assert_eq!(
            block_on(session.feature("n", width)).unwrap_err().code(),
            "bad-option"
        );
    });
}

#[test]
fn a_hook_that_the_model_does_not_have_is_refused_and_a_set_can_be_taken_off() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    for hook in ["blocks.6.mlp.hook_post", "blocks.1.mlp.hook_pre", ""] {
        assert_eq!(
            session.load_neurons("n", hook).unwrap_err().code(),
            "hook-mismatch"
        );
    }
    session.load_neurons("n", "blocks.0.mlp.hook_post").unwrap();
    session.unload_sae("n").unwrap();
    assert!(session.info().saes.is_empty());
    assert_eq!(session.unload_sae("n").unwrap_err().code(), "unknown-sae");
}

#[test]
fn an_autoencoder_in_its_file_gives_the_results_of_the_same_on_the_device() {
    with_demo_model(|_, session| {
        let file = layer_3();
        block_on(session.load_sae("whole", &file, &at_layer_3())).unwrap();
        // Parts of 100 latents, the last one shorter.
        let (part, options) = (Some(100 * 256 * 4), at_layer_3());
        let streamed = session.load_streamed_sae("streamed", file, &options, part);
        let info = block_on(streamed).unwrap();
        assert_eq!(info.weights, "streamed");
        let trace = block_on(session.trace(TEXT, &with_dump())).unwrap();
        let [whole, streamed] = &trace.saes[..] else {
            panic!("{} autoencoders", trace.saes.len());
        };
        assert_eq!(whole.latents, streamed.latents);
        assert!(max_difference(&whole.activations, &streamed.activations) < 1e-4);
        let (whole, streamed) = (whole.metrics, streamed.metrics);
        assert!((whole.fvu.unwrap() - streamed.fvu.unwrap()).abs() < 1e-5);
        assert!((whole.kl.unwrap() - streamed.kl.unwrap()).abs() < 1e-5);
        let reconstructions = trace.dump.unwrap().reconstructions;
        assert!(max_difference(&reconstructions[0].data, &reconstructions[1].data) < 1e-3);
        // Of an active latent, and of one that the prompt does not select.
        for latent in [trace.saes[0].latents[0] as u32, 1999] {
            let edited = ["whole", "streamed"].map(|sae| {
                let edit = Edit {
                    sae: sae.to_owned(),
                    latent,
                    operation: EditOperation::Set(4.0),
                    positions: None,
                    when: None,
                    on: true,
                };
                block_on(session.edited(TEXT, std::slice::from_ref(&edit), &with_dump())).unwrap()
            });
            let [whole, streamed] = edited.map(|edited| edited.logits.unwrap().data);
            assert!(max_difference(&whole, &streamed) < 1e-3, "latent {latent}");
            let [whole, streamed] =
                ["whole", "streamed"].map(|sae| block_on(session.feature(sae, latent)).unwrap());
            assert!((whole.decoder_norm - streamed.decoder_norm).abs() < 1e-5);
            assert_eq!(whole.encoder_bias, streamed.encoder_bias);
            assert_eq!(
                whole.logit_effect.top[0].id,
                streamed.logit_effect.top[0].id
            );
        }
    });
}

#[test]
fn only_topk_stored_by_latents_can_stay_in_its_file() {
    let mut session = demo_session(BackendChoice::Cpu).unwrap();
    let folder = root().join("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
    let weights = read(&folder.join("sae_weights.safetensors"));
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", weights).unwrap();
    let cfg = read(&folder.join("cfg.json"));
    let file = Rc::new(block_on(saelens::open_folder(&cfg, weights)).unwrap());
    let options = SaeOptions::default();
    let refused = session.load_streamed_sae("relu", file, &options, None);
    let error = block_on(refused).unwrap_err();
    assert_eq!(error.code(), "unsupported-architecture");
    assert!(error.to_string().contains("standard"), "{error}");
}

#[test]
fn halves_asked_for_are_rounded_weights_and_nothing_else() {
    let Some(mut session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    // The demo's weights are halves by themselves, so asking for them changes where they lie and no number.
    let trace = |session: &Session| {
        let trace = block_on(session.trace(TEXT, &with_dump())).unwrap();
        trace.dump.unwrap().reconstructions[0].data.clone()
    };
    let file = layer_3();
    let mut loaded = |weights| {
        let options = SaeOptions {
            weights,
            ..at_layer_3()
        };
        let info = block_on(session.load_sae("sae", &file, &options)).unwrap();
        session.device().trim();
        (info.weights, session.info().device_bytes, trace(&session))
    };
    let whole = loaded(WeightChoice::F32);
    let halves = loaded(WeightChoice::F16);
    assert_eq!([&whole.0, &halves.0], ["f32", "f16"]);
    let matrices = 2 * 4 * file.config.d_in * file.config.d_sae;
    assert!(whole.1 - halves.1 > matrices as u64 * 2 / 5);
    assert!(max_difference(&whole.2, &halves.2) < 1e-4);
}
