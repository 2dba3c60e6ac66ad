//! SAELens folders: settings of today and of older versions, and what is refused by name.

use crate::common::{read_folder, safetensors, with_header};
use formats::Error;
use formats::sae::saelens::read_sparsity;
use formats::sae::{Architecture, Gate, Normalization, Sae};
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::{Value, json};

type Tensors = Vec<(&'static str, &'static [usize], Vec<f32>)>;

/// 3 latents of 2 inputs.
fn weights() -> Tensors {
    vec![
        ("W_enc", &[2, 3], vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]),
        ("W_dec", &[3, 2], vec![3.0, 4.0, 0.0, 0.0, 0.0, 2.0]),
        ("b_enc", &[3], vec![1.0, 1.0, 1.0]),
        ("b_dec", &[2], vec![0.5, -0.5]),
    ]
}

fn cfg() -> Value {
    json!({"architecture": "standard", "d_in": 2, "d_sae": 3})
}

fn with(changes: Value) -> Value {
    let mut cfg = cfg();
    for (name, value) in changes.as_object().unwrap() {
        cfg[name] = value.clone();
    }
    cfg
}

fn read(cfg: &Value, tensors: &Tensors) -> Result<Sae, Error> {
    let file = TensorFile::from_safetensors("sae_weights.safetensors", safetensors(tensors))?;
    read_folder(cfg.to_string().as_bytes(), file)
}

fn refused(result: Result<Sae, Error>, code: &str, culprit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(
        error.to_string().contains(culprit),
        "`{error}` should name {culprit}"
    );
}

#[test]
fn the_encoder_is_turned_and_the_decoder_kept() {
    let sae = read(&cfg(), &weights()).unwrap();
    assert_eq!(sae.w_enc, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(sae.w_dec, [3.0, 4.0, 0.0, 0.0, 0.0, 2.0]);
    assert_eq!((sae.b_enc, sae.b_dec), (vec![1.0; 3], vec![0.5, -0.5]));
    assert_eq!(sae.config.architecture, Architecture::Standard);
    assert_eq!(sae.config.normalization, Normalization::None);
    assert!(sae.config.apply_b_dec_to_input);
    assert_eq!(sae.config.hook_name, None);
}

#[test]
fn settings_of_older_versions_mean_the_same() {
    let old = json!({
        "d_in": 2, "d_sae": 3, "hook_point": "blocks.8.hook_resid_pre", "hook_point_layer": 8,
        "hook_point_head_index": null, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2},
        "normalize_activations": "layer_norm", "prepend_bos": false, "context_size": 128, "model_name": "gpt2-small",
        "apply_b_dec_to_input": false,
    });
    let new = json!({
        "architecture": "topk", "d_in": 2, "d_sae": 3, "k": 2, "normalize_activations": "layer_norm",
        "reshape_activations": "none", "apply_b_dec_to_input": false,
        "metadata": {
            "hook_name": "blocks.8.hook_resid_pre", "hook_head_index": null, "prepend_bos": false,
            "context_size": 128, "model_name": "gpt2-small",
        },
    });
    let (old, new) = (
        read(&old, &weights()).unwrap(),
        read(&new, &weights()).unwrap(),
    );
    assert_eq!(old, new);
    assert_eq!(old.config.architecture, Architecture::TopK { k: 2 });
    assert_eq!(old.config.normalization, Normalization::LayerNorm);
    assert_eq!(
        old.config.hook_name.as_deref(),
        Some("blocks.8.hook_resid_pre")
    );
    assert_eq!(old.config.prepend_bos, Some(false));
    assert_eq!(old.config.context_size, Some(128));
    assert!(!old.config.apply_b_dec_to_input);
    let standard_by_name = with(json!({"activation_fn": "topk", "activation_fn_kwargs": {"k": 2}}));
    assert_eq!(
        read(&standard_by_name, &weights())
            .unwrap()
            .config
            .architecture,
        Architecture::TopK { k: 2 }
    );
}

#[test]
fn before_version_6_a_bos_went_first_unless_the_file_denies_it() {
    let bos = |changes: Value| read(&with(changes), &weights()).unwrap().config.prepend_bos;
    assert_eq!(bos(json!({})), Some(true));
    assert_eq!(bos(json!({"prepend_bos": null})), Some(true));
    assert_eq!(bos(json!({"sae_lens_version": "5.11.0"})), Some(true));
    assert_eq!(bos(json!({"prepend_bos": false})), Some(false));
    assert_eq!(bos(json!({"sae_lens_version": "6.12.1"})), None);
    assert_eq!(bos(json!({"metadata": {}})), None);
    assert_eq!(
        bos(json!({"metadata": {"prepend_bos": false}})),
        Some(false)
    );
}

#[test]
fn the_average_normalisation_takes_its_factor_from_the_file() {
    let read =
        |changes: Value| read(&with(changes), &weights()).map(|sae| sae.config.normalization);
    let average = |norm_scaling_factor| {
        Ok(Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor,
        })
    };
    let name = "expected_average_only_in";
    assert_eq!(read(json!({"normalize_activations": name})), average(None));
    assert_eq!(read(json!({"normalize_activations": true})), average(None));
    assert_eq!(
        read(json!({"normalize_activations": name, "norm_scaling_factor": 0.5})),
        average(Some(0.5))
    );
    assert_eq!(
        read(json!({"normalize_activations": true, "metadata": {"norm_scaling_factor": 2}})),
        average(Some(2.0))
    );
    assert_eq!(
        read(json!({"normalize_activations": name, "norm_scaling_factor": "0.5"})),
        average(Some(0.5))
    );
    for factor in [
        json!(0),
        json!(-1.5),
        json!(1e-60),
        json!(1e60),
        json!("two"),
        json!("NaN"),
    ] {
        let error = read(json!({"normalize_activations": true, "norm_scaling_factor": factor}));
        let error = error.unwrap_err();
        assert_eq!(error.code(), "bad-file");
        assert!(
            error.to_string().contains("`norm_scaling_factor` is"),
            "{error}"
        );
    }
}

#[test]
fn whether_the_model_was_centred_is_read() {
    let centred = |changes: Value| {
        let sae = read(&with(changes), &weights()).unwrap();
        sae.config.center_writing_weights
    };
    assert_eq!(centred(json!({})), None);
    let settings = json!({"center_writing_weights": true});
    assert_eq!(
        centred(json!({"metadata": {"model_from_pretrained_kwargs": settings}})),
        Some(true)
    );
    let settings = json!({"center_writing_weights": false});
    assert_eq!(
        centred(json!({"model_from_pretrained_kwargs": settings})),
        Some(false)
    );
}

#[test]
fn the_decoder_norm_is_folded_into_the_weights() {
    let cfg = with(json!({"architecture": "topk", "k": 1, "rescale_acts_by_decoder_norm": true}));
    let sae = read(&cfg, &weights()).unwrap();
    // Rows of norm 5, 0 and 2.
    assert_eq!(sae.w_enc, [5.0, 10.0, 0.0, 0.0, 10.0, 12.0]);
    assert_eq!(sae.b_enc, [5.0, 0.0, 2.0]);
    assert_eq!(sae.w_dec, [0.6, 0.8, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_scaling_factor_of_ones_does_nothing() {
    let mut tensors = weights();
    tensors.push(("scaling_factor", &[3], vec![1.0; 3]));
    assert_eq!(
        read(&cfg(), &tensors).unwrap(),
        read(&cfg(), &weights()).unwrap()
    );
    tensors[4].2[1] = 0.5;
    refused(
        read(&cfg(), &tensors),
        "unsupported-architecture",
        "scaling_factor",
    );
}

#[test]
fn gates_are_read_with_their_tensors() {
    let mut tensors = weights();
    tensors.push(("threshold", &[3], vec![0.1, 0.2, 0.3]));
    let sae = read(&with(json!({"architecture": "jumprelu"})), &tensors).unwrap();
    assert_eq!(sae.config.architecture, Architecture::JumpRelu);
    assert_eq!(sae.gate, Gate::Threshold(vec![0.1, 0.2, 0.3]));
    assert_eq!(sae.b_enc, [1.0; 3]);

    let mut tensors = weights();
    tensors.retain(|(name, ..)| *name != "b_enc");
    tensors.push(("b_gate", &[3], vec![1.0, 2.0, 3.0]));
    tensors.push(("r_mag", &[3], vec![0.0, 0.5, 1.0]));
    tensors.push(("b_mag", &[3], vec![4.0, 5.0, 6.0]));
    let gated = with(json!({"architecture": "gated"}));
    let sae = read(&gated, &tensors).unwrap();
    assert_eq!(sae.b_enc, [0.0; 3]);
    assert_eq!(
        sae.gate,
        Gate::Gated {
            b_gate: vec![1.0, 2.0, 3.0],
            r_mag: vec![0.0, 0.5, 1.0],
            b_mag: vec![4.0, 5.0, 6.0],
        }
    );
    tensors.pop();
    refused(read(&gated, &tensors), "bad-file", "b_mag");
    refused(
        read(&with(json!({"architecture": "jumprelu"})), &weights()),
        "bad-file",
        "threshold",
    );
}

#[test]
fn a_constant_norm_is_read() {
    let cfg = with(json!({"normalize_activations": "constant_norm_rescale"}));
    let sae = read(&cfg, &weights()).unwrap();
    assert_eq!(sae.config.normalization, Normalization::ConstantNormRescale);
}

#[test]
fn other_kinds_are_refused_by_name() {
    let unsupported = |changes: Value, culprit: &str| {
        refused(
            read(&with(changes), &weights()),
            "unsupported-architecture",
            culprit,
        );
    };
    for name in ["batchtopk", "transcoder", "matryoshka"] {
        unsupported(json!({ "architecture": name }), name);
    }
    unsupported(json!({"normalize_activations": "something"}), "something");
    unsupported(json!({"activation_fn": "tanh-relu"}), "tanh-relu");
    unsupported(json!({"reshape_activations": "hook_q"}), "hook_q");
    unsupported(json!({"hook_head_index": 3}), "hook_head_index = `3`");
    unsupported(
        json!({"hook_point": "blocks.1.attn.hook_z", "hook_point_head_index": 0}),
        "hook_head_index = `0`",
    );
}

#[test]
fn damaged_settings_are_named() {
    let bad = |changes: Value, culprit: &str| {
        refused(read(&with(changes), &weights()), "bad-file", culprit)
    };
    bad(json!({"d_in": -1}), "`d_in` is -1");
    bad(json!({"d_sae": null}), "`d_sae` is null");
    bad(json!({"d_sae": 1e300}), "`d_sae`");
    bad(json!({"architecture": "topk"}), "`k` is missing");
    bad(json!({"architecture": "topk", "k": 0}), "`k` is 0");
    bad(
        json!({"architecture": "topk", "k": 4}),
        "the number of latents, 3",
    );
    bad(json!({"architecture": "topk", "k": 1.5}), "`k` is 1.5");
    bad(json!({"architecture": 7}), "`architecture` is 7");
    bad(
        json!({"apply_b_dec_to_input": "yes"}),
        "apply_b_dec_to_input",
    );
    bad(
        json!({"metadata": {"skipped_positions": [-1]}}),
        "skipped_positions",
    );
    let file = TensorFile::from_safetensors("w", safetensors(&weights())).unwrap();
    refused(
        read_folder(b"[]", file),
        "bad-file",
        "cfg.json: not a JSON object",
    );
}

#[test]
fn damaged_weights_are_named() {
    for index in 0..4 {
        let mut tensors = weights();
        let name = tensors.remove(index).0;
        refused(
            read(&cfg(), &tensors),
            "bad-file",
            &format!("`{name}` is missing"),
        );
    }
    refused(
        read(&with(json!({"d_sae": 4})), &weights()),
        "wrong-shape",
        "`W_enc` has shape [2, 3], but [2, 4]",
    );
    let mut tensors = weights();
    tensors[1].2[4] = f32::NAN;
    refused(
        read(&cfg(), &tensors),
        "non-finite-weights",
        "`W_dec` holds NaN at element 4",
    );
    let header =
        json!({"W_enc": {"dtype": "I32", "shape": [2, 3], "data_offsets": [0, 24]}}).to_string();
    let integers = TensorFile::from_safetensors("w", with_header(&header, &[0; 24])).unwrap();
    assert_eq!(
        block_on(integers.read("W_enc")).unwrap_err().code(),
        "unsupported-architecture"
    );
}

#[test]
fn sparsity_is_a_logarithm() {
    let file = safetensors(&[("sparsity", &[3], vec![-10.0, -1.0, 0.0])]);
    let file = TensorFile::from_safetensors("sparsity.safetensors", file).unwrap();
    let frequency = block_on(read_sparsity(&file, 3)).unwrap();
    assert!((frequency[1] - 0.1).abs() < 1e-6 && frequency[0] < 1e-9 && frequency[2] == 1.0);
    assert_eq!(
        block_on(read_sparsity(&file, 4)).unwrap_err().code(),
        "wrong-shape"
    );
}
