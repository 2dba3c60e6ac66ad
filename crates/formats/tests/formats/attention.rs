//! Autoencoders of attention heads' outputs: a `.pt` file with its settings beside it.

use crate::common::torch::{Stored, pt, small};
use crate::common::{file, read_folder, source};
use formats::Error;
use formats::sae::saelens::write_folder;
use formats::sae::{Architecture, Layout, Normalization, Sae, attention, openai};
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::{Value, json};

fn cfg() -> Value {
    json!({
        "act_size": 2, "dict_size": 3, "act_name": "blocks.4.attn.hook_z", "layer": 4, "head": "cat",
        "concat_heads": true, "seq_len": 128, "model_name": "gpt2-small", "enc_dtype": "fp32",
    })
}

/// 3 latents of 2 inputs.
fn tensors() -> Vec<Stored> {
    vec![
        Stored::floats("W_enc", &[2, 3], &[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]),
        Stored::floats("W_dec", &[3, 2], &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        Stored::floats("b_enc", &[3], &[1.0, 2.0, 3.0]),
        Stored::floats("b_dec", &[2], &[0.5, -0.5]),
    ]
}

fn read(cfg: &Value, tensors: &[Stored]) -> Result<Sae, Error> {
    let source = source("z.pt", pt(tensors, b""));
    block_on(async {
        let file = attention::open_pt(source, cfg.to_string().as_bytes()).await?;
        file.read().await
    })
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
fn settings_and_tensors_are_read() {
    let sae = read(&cfg(), &tensors()).unwrap();
    assert_eq!(sae.w_enc, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(sae.w_dec, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(sae.b_enc, [1.0, 2.0, 3.0]);
    assert_eq!(sae.b_dec, [0.5, -0.5]);
    let config = &sae.config;
    assert_eq!(config.architecture, Architecture::Standard);
    assert_eq!(config.normalization, Normalization::None);
    assert_eq!(config.hook_name.as_deref(), Some("blocks.4.attn.hook_z"));
    assert_eq!(config.model_name.as_deref(), Some("gpt2-small"));
    assert_eq!(
        (config.prepend_bos, config.context_size),
        (Some(true), Some(128))
    );
    assert!(config.apply_b_dec_to_input);
    // As a SAELens folder it is the same.
    let folder = write_folder(&sae).unwrap();
    let weights = TensorFile::from_safetensors("w", folder.weights).unwrap();
    assert_eq!(read_folder(&folder.cfg_json, weights).unwrap(), sae);
}

#[test]
fn a_file_of_the_published_layout_opens() {
    let folder = "tests/fixtures/formats/sae/attention";
    let source = source("sae.pt", file(&format!("{folder}/sae.pt")));
    let cfg = file(&format!("{folder}/sae_cfg.json"));
    assert!(attention::is_cfg(&cfg));
    let sae = block_on(attention::open_pt(source, &cfg)).unwrap();
    assert_eq!(
        sae.config.hook_name.as_deref(),
        Some("blocks.1.attn.hook_z")
    );
    assert_eq!((sae.config.d_in, sae.config.d_sae), (32, 128));
    assert_eq!(sae.encoder_layout(), Layout::InputMajor);
    assert_eq!(sae.decoder_layout(), Layout::LatentMajor);
    block_on(sae.read()).unwrap();
}

#[test]
fn settings_are_told_from_those_of_saelens() {
    assert!(attention::is_cfg(cfg().to_string().as_bytes()));
    for other in [
        json!({"d_in": 2, "d_sae": 3}),
        json!([]),
        json!({"act_size": 2}),
    ] {
        assert!(!attention::is_cfg(other.to_string().as_bytes()));
    }
    assert!(!attention::is_cfg(b"PK"));
}

#[test]
fn what_is_wrong_is_named() {
    let with = |name: &str, value: Value| {
        let mut cfg = cfg();
        cfg[name] = value;
        cfg
    };
    let bad = |name: &str, value: Value, culprit: &str| {
        refused(read(&with(name, value), &tensors()), "bad-file", culprit);
    };
    bad("act_size", 0.into(), "`act_size` is 0");
    bad("dict_size", Value::Null, "`dict_size` is null");
    bad("act_name", 7.into(), "`act_name` is 7");
    bad("seq_len", 0.into(), "`seq_len` is 0");
    refused(
        read(&with("dict_size", 4.into()), &tensors()),
        "wrong-shape",
        "`W_enc` has shape [2, 3], but [2, 4]",
    );
    let heads = [
        ("head", json!(3), "`3`"),
        ("concat_heads", json!(false), "`false`"),
    ];
    for (name, value, culprit) in heads {
        refused(
            read(&with(name, value), &tensors()),
            "unsupported-architecture",
            culprit,
        );
    }
    for index in 0..4 {
        let mut tensors = tensors();
        let name = tensors.remove(index).name;
        refused(
            read(&cfg(), &tensors),
            "bad-file",
            &format!("`{name}` is missing"),
        );
    }
    refused(read(&cfg(), &small()), "bad-file", "`W_enc` is missing");
    refused(
        read(&json!([]), &tensors()),
        "bad-file",
        "z_cfg.json: not a JSON object",
    );
}

#[test]
fn a_tensor_that_is_not_used_is_refused_by_name() {
    for name in ["threshold", "r_mag", "scaling_factor"] {
        let mut tensors = tensors();
        tensors.push(Stored::floats(name, &[3], &[0.5; 3]));
        refused(
            read(&cfg(), &tensors),
            "unsupported-architecture",
            &format!("`{name}`"),
        );
    }
}

#[test]
fn without_its_settings_it_is_told_what_is_missing() {
    let source = source("z.pt", pt(&tensors(), b""));
    let error = block_on(openai::open_pt(source)).unwrap_err();
    assert_eq!(error.code(), "bad-file");
    assert!(error.to_string().contains("_cfg.json is needed"), "{error}");
}
