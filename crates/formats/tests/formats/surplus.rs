//! Nothing in a SAELens folder or a `.pt` file that changes the function is left out in silence.

use crate::common::torch::{Stored, pt, small, topk};
use crate::common::{read_folder, read_pt, refused, safetensors};
use formats::Error;
use formats::sae::saelens::open_folder;
use formats::sae::{Architecture, Normalization, Sae, SaeFile};
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::{Value, json};

type Tensors = Vec<(&'static str, &'static [usize], Vec<f32>)>;

/// 3 latents of 2 inputs, with the vectors of an architecture.
fn weights(architecture: &str) -> Tensors {
    let mut tensors: Tensors = vec![
        ("W_enc", &[2, 3], vec![1.0; 6]),
        ("W_dec", &[3, 2], vec![1.0; 6]),
        ("b_dec", &[2], vec![0.5, -0.5]),
    ];
    let vectors: &[&'static str] = match architecture {
        "jumprelu" => &["b_enc", "threshold"],
        "gated" => &["b_gate", "r_mag", "b_mag"],
        _ => &["b_enc"],
    };
    tensors.extend(vectors.iter().map(|&name| (name, &[3][..], vec![1.0; 3])));
    tensors
}

/// Settings that leave nothing open.
fn cfg(changes: Value) -> Value {
    let mut cfg = json!({
        "architecture": "standard", "d_in": 2, "d_sae": 3, "apply_b_dec_to_input": true,
        "normalize_activations": "none", "reshape_activations": "none", "dtype": "float32", "device": "cpu",
        "metadata": {"sae_lens_version": "6.20.0", "hook_name": "blocks.0.hook_resid_pre", "prepend_bos": false},
    });
    for (name, value) in changes.as_object().unwrap() {
        if let (Value::Object(inner), Value::Object(more)) = (&mut cfg[name], value) {
            inner.extend(more.clone());
        } else {
            cfg[name] = value.clone();
        }
    }
    cfg
}

fn weights_file(tensors: &Tensors) -> TensorFile {
    TensorFile::from_safetensors("test.pt", safetensors(tensors)).unwrap()
}

fn open(cfg: &Value, tensors: &Tensors) -> Result<SaeFile, Error> {
    block_on(open_folder(
        cfg.to_string().as_bytes(),
        weights_file(tensors),
    ))
}

fn notices(cfg: &Value, tensors: &Tensors) -> Vec<String> {
    open(cfg, tensors).unwrap().notices
}

/// Sees `cfg.json` refused with this code and by the culprits' names.
fn refused_settings(changes: Value, code: &str, culprits: &[&str]) {
    let error = open(&cfg(changes.clone()), &weights("standard")).unwrap_err();
    let message = error.to_string();
    assert_eq!(error.code(), code, "{message}");
    assert!(message.starts_with("cfg.json"), "{message}");
    for culprit in culprits {
        assert!(
            message.contains(culprit),
            "{changes}: `{message}` should name {culprit}"
        );
    }
}

#[test]
fn every_tensor_that_an_architecture_does_not_use_is_refused_by_its_name() {
    let all = [
        "b_enc",
        "threshold",
        "b_gate",
        "r_mag",
        "b_mag",
        "log_threshold",
        "topk_threshold",
        "W_skip",
        "attn_layers.0.k_ctx.weight",
        "scaling_factor",
        "activation_function.threshold",
        "sparsity",
        "pre_encoder_bias",
    ];
    for architecture in ["standard", "topk", "jumprelu", "gated"] {
        let mut settings = cfg(json!({ "architecture": architecture }));
        if architecture == "topk" {
            settings["k"] = 2.into();
        }
        let tensors = weights(architecture);
        assert_eq!(notices(&settings, &tensors), [""; 0], "{architecture}");
        for name in all {
            if tensors.iter().any(|(used, ..)| *used == name) {
                continue;
            }
            let mut tensors = tensors.clone();
            tensors.push((name, &[3], vec![0.5; 3]));
            let found =
                read_folder(settings.to_string().as_bytes(), weights_file(&tensors)).unwrap_err();
            assert_eq!(found.code(), "unsupported-architecture", "{found}");
            assert!(
                found.to_string().contains(&format!("`{name}`")),
                "{architecture}: {found}"
            );
        }
    }
}

#[test]
fn a_tensor_that_does_nothing_is_accepted() {
    let gated = cfg(json!({"architecture": "gated"}));
    let read = |tensors: &Tensors| read_folder(gated.to_string().as_bytes(), weights_file(tensors));
    let mut tensors = weights("gated");
    let without = read(&tensors).unwrap();
    tensors.push(("b_enc", &[3], vec![0.0; 3]));
    assert_eq!(read(&tensors).unwrap(), without);
    tensors.push(("scaling_factor", &[3], vec![1.0; 3]));
    assert_eq!(read(&tensors).unwrap(), without);
    tensors[6].2[2] = 1e-30;
    refused(read(&tensors), "unsupported-architecture", "`b_enc`");
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_both_names() {
    let both = |changes, names: &[&str]| refused_settings(changes, "bad-file", names);
    both(
        json!({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2}, "k": 3}),
        &["`k` is 3", "`activation_fn_kwargs.k` is 2"],
    );
    both(
        json!({"architecture": "topk", "k": 3, "metadata": {"k": 2}}),
        &["`k` is 3", "`metadata.k` is 2"],
    );
    both(
        json!({"norm_scaling_factor": 0.5}),
        &[
            "`norm_scaling_factor` is 0.5",
            "`normalize_activations` is none",
        ],
    );
    both(
        json!({"norm_scaling_factor": 2, "normalize_activations": "layer_norm"}),
        &["`norm_scaling_factor` is 2", "layer_norm"],
    );
    both(json!({"k": 2}), &["`k` is 2", "`standard`"]);
    both(
        json!({"activation_fn_kwargs": {"k": 2}}),
        &["`activation_fn_kwargs.k` is 2", "`standard`"],
    );
    both(
        json!({"hook_name": "blocks.1.hook_resid_pre"}),
        &["`hook_name`", "`metadata.hook_name`"],
    );
    both(
        json!({"hook_point": "blocks.1.hook_resid_pre"}),
        &["`hook_name`", "`hook_point`"],
    );
    both(
        json!({"prepend_bos": true}),
        &["`prepend_bos` is true", "`metadata.prepend_bos` is false"],
    );
    both(
        json!({"architecture": "jumprelu", "activation_fn": "topk"}),
        &["`activation_fn`", "jumprelu"],
    );
    // The same value twice, in whatever spelling, is no contradiction.
    let same = json!({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2.0}, "k": "2", "prepend_bos": false});
    let sae = open(&cfg(same), &weights("topk")).unwrap();
    assert_eq!(sae.config.architecture, Architecture::TopK { k: 2 });
    let one = open(
        &cfg(json!({"norm_scaling_factor": 1.0})),
        &weights("standard"),
    )
    .unwrap();
    assert_eq!(one.config.normalization, Normalization::None);
}

#[test]
fn activations_that_are_not_known_are_refused_under_every_architecture() {
    for architecture in ["standard", "topk", "jumprelu", "gated"] {
        let changes =
            json!({"architecture": architecture, "k": 2, "activation_fn_str": "tanh-relu"});
        refused_settings(changes, "unsupported-architecture", &["tanh-relu"]);
    }
}

#[test]
fn k_is_a_whole_number_in_any_spelling() {
    for k in [json!(2), json!(2.0), json!("2"), json!(" 2 ")] {
        let sae = open(
            &cfg(json!({"architecture": "topk", "k": k})),
            &weights("topk"),
        )
        .unwrap();
        assert_eq!(sae.config.architecture, Architecture::TopK { k: 2 });
    }
    for k in [
        json!("two"),
        json!(2.5),
        json!("2.5"),
        json!([2]),
        json!(true),
        json!(1e300),
    ] {
        refused_settings(
            json!({"architecture": "topk", "k": k}),
            "bad-file",
            &["`k` is"],
        );
    }
}

#[test]
fn more_latents_per_token_than_are_supported_are_refused_by_the_setting() {
    let topk = |k: usize| {
        let mut settings = cfg(json!({"architecture": "topk", "k": k, "d_sae": 1000}));
        settings["d_in"] = 1.into();
        let tensors: Tensors = vec![
            ("W_enc", &[1, 1000], vec![1.0; 1000]),
            ("W_dec", &[1000, 1], vec![1.0; 1000]),
            ("b_enc", &[1000], vec![0.0; 1000]),
            ("b_dec", &[1], vec![0.0]),
        ];
        open(&settings, &tensors)
    };
    topk(512).unwrap();
    let error = topk(513).unwrap_err();
    assert_eq!(error.code(), "unsupported-architecture");
    assert!(
        error
            .to_string()
            .contains("cfg.json: the setting k = `513`"),
        "{error}"
    );
    assert!(error.to_string().contains("at most 512"), "{error}");
}

#[test]
fn transcoders_are_called_so() {
    for changes in [
        json!({"architecture": "transcoder"}),
        json!({"architecture": "skip_transcoder"}),
        json!({"architecture": "jumprelu_transcoder"}),
        json!({"architecture": "jumprelu_skip_transcoder"}),
        json!({"d_out": 2}),
        json!({"hook_name_out": "blocks.0.hook_mlp_out"}),
        json!({"metadata": {"hook_name_out": "blocks.0.hook_mlp_out"}}),
        json!({"is_transcoder": true}),
    ] {
        refused_settings(changes, "unsupported-architecture", &["transcoder"]);
    }
    let mut tensors = weights("standard");
    tensors.push(("W_skip", &[2, 2], vec![0.0; 4]));
    let error = open(&cfg(json!({})), &tensors).unwrap_err().to_string();
    assert!(
        error.contains("transcoder") && error.contains("`W_skip`"),
        "{error}"
    );
    open(
        &cfg(json!({"d_out": null, "is_transcoder": false})),
        &weights("standard"),
    )
    .unwrap();
}

#[test]
fn training_checkpoints_say_what_to_do() {
    for architecture in ["batchtopk", "matryoshka_batchtopk"] {
        refused_settings(
            json!({"architecture": architecture, "k": 2}),
            "unsupported-architecture",
            &[
                architecture,
                "save it for inference",
                "save_inference_model",
                "jumprelu",
            ],
        );
    }
}

#[test]
fn what_was_assumed_is_said() {
    let said = |changes: Value, remove: &[&str], part: &str| {
        let mut settings = cfg(changes);
        for name in remove {
            settings.as_object_mut().unwrap().remove(*name);
            settings["metadata"].as_object_mut().unwrap().remove(*name);
        }
        let notices = notices(&settings, &weights("standard"));
        let [notice] = &notices[..] else {
            panic!("one notice: {notices:?}");
        };
        assert!(notice.contains(part), "`{notice}` should say {part}");
    };
    said(
        json!({}),
        &["normalize_activations"],
        "normalize_activations: none is assumed",
    );
    said(json!({}), &["apply_b_dec_to_input"], "b_dec is subtracted");
    said(json!({}), &["hook_name"], "does not state hook_name");
    said(
        json!({"metadata": {"hf_hook_name": "transformer.h.0"}}),
        &["hook_name"],
        "hf_hook_name, transformer.h.0, is used",
    );
    said(
        json!({"normalize_activations": "expected_average_only_in"}),
        &[],
        "without norm_scaling_factor",
    );
    said(
        json!({"post_scale": 3}),
        &[],
        "not known here and were not used: `post_scale`",
    );
    let legacy = json!({"d_in": 2, "d_sae": 3, "normalize_activations": "none", "apply_b_dec_to_input": true,
        "hook_point": "blocks.0.hook_resid_pre", "lr": 4e-4, "l1_coefficient": 8e-5, "wandb_project": "x"});
    let notices = notices(&legacy, &weights("standard"));
    assert!(
        notices.len() == 1 && notices[0].contains("a BOS went first by default"),
        "{notices:?}"
    );
}

#[test]
fn a_square_encoder_is_noticed_and_judged_by_its_numbers() {
    let square = |encoder: Vec<f32>| {
        let mut settings = cfg(json!({}));
        settings["d_sae"] = 2.into();
        let tensors: Tensors = vec![
            ("W_enc", &[2, 2], encoder),
            // A rotation, whose transpose is the other way round.
            ("W_dec", &[2, 2], vec![0.6, 0.8, -0.8, 0.6]),
            ("b_enc", &[2], vec![0.0; 2]),
            ("b_dec", &[2], vec![0.0; 2]),
        ];
        notices(&settings, &tensors).pop().unwrap()
    };
    let right = square(vec![0.6, -0.8, 0.8, 0.6]);
    assert!(
        right.contains("square (2 × 2)") && !right.contains("probably transposed"),
        "{right}"
    );
    let wrong = square(vec![0.6, 0.8, -0.8, 0.6]);
    assert!(wrong.contains("probably transposed"), "{wrong}");
}

#[test]
fn what_a_pt_file_holds_besides_is_refused_by_name() {
    let read = |tensors: &[Stored], rest: &[u8]| -> Result<Sae, Error> {
        read_pt("test.pt", pt(tensors, rest))
    };
    for name in ["threshold", "decoder.bias", "scale", "encoder.bias"] {
        let mut tensors = small();
        tensors.push(Stored::floats(name, &[3], &[0.5; 3]));
        refused(
            read(&tensors, &topk(2, "ReLU")),
            "unsupported-architecture",
            &format!("`{name}`"),
        );
    }
    let mut tensors = small();
    for name in [
        "latents_activation_frequency",
        "latents_mean_square",
        "stats_last_nonzero",
    ] {
        tensors.push(Stored::floats(name, &[3], &[0.5; 3]));
    }
    read(&tensors, &topk(2, "ReLU")).unwrap();
}
