//! Bad files of every kind but `.pt`: `inspect` says what is wrong with each, and where.

use std::fs;

use crate::common;
use crate::common::bad::Bad;
use crate::common::{bare, folder};
use serde_json::{Value, json};

/// A `safetensors` file with this header.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(vec![0; data]);
    out
}

/// The header's entry of a tensor.
fn tensor(name: &str, dtype: &str, shape: &[u64], offsets: [u64; 2]) -> String {
    let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets });
    format!("\"{name}\":{entry}")
}

#[test]
fn safetensors_headers() {
    let bad = Bad(folder("bad_safetensors"));
    let two = |a: &str, b: &str| format!("{{{a},{b}}}");
    let a = tensor("a", "F32", &[2], [0, 8]);
    let whole = safetensors(&format!("{{{a}}}"), 8);
    bad.file(
        "cut_data.safetensors",
        &whole[..whole.len() - 1],
        "bad-file",
        &["truncated", "`a`"],
    );
    bad.file(
        "cut_header.safetensors",
        &whole[..30],
        "bad-file",
        &["truncated"],
    );
    bad.file("short.safetensors", &whole[..5], "bad-file", &["5 bytes"]);
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    bad.file(
        "huge.safetensors",
        &huge,
        "bad-file",
        &["18446744073709551615 bytes"],
    );
    let overlapping = two(&a, &tensor("b", "F32", &[2], [4, 12]));
    bad.file(
        "overlap.safetensors",
        &safetensors(&overlapping, 12),
        "bad-file",
        &["`b`", "overlap"],
    );
    let gap = two(&a, &tensor("b", "F32", &[2], [12, 20]));
    bad.file(
        "gap.safetensors",
        &safetensors(&gap, 20),
        "bad-file",
        &["`b`", "gap"],
    );
    let misaligned = format!("{{{}}}", tensor("a", "F32", &[2], [0, 7]));
    bad.file(
        "misaligned.safetensors",
        &safetensors(&misaligned, 7),
        "bad-file",
        &["`a`", "[2] of F32", "7 bytes"],
    );
    let lying = format!("{{{}}}", tensor("a", "F32", &[1 << 40, 1 << 40], [0, 8]));
    bad.file(
        "lying.safetensors",
        &safetensors(&lying, 8),
        "bad-file",
        &["`a`", "8 bytes"],
    );
    let backwards = format!("{{{}}}", tensor("a", "F32", &[2], [8, 0]));
    bad.file(
        "backwards.safetensors",
        &safetensors(&backwards, 8),
        "bad-file",
        &["`a`"],
    );
    bad.file(
        "more.safetensors",
        &[whole.clone(), vec![0]].concat(),
        "bad-file",
        &["8 bytes", "9 follow"],
    );
    bad.file(
        "twice.safetensors",
        &safetensors(&two(&a, &a), 8),
        "bad-file",
        &["`a` stands twice"],
    );
    let strange = format!("{{{}}}", tensor("a", "F33", &[2], [0, 8]));
    bad.file(
        "strange.safetensors",
        &safetensors(&strange, 8),
        "bad-file",
        &["`F33`"],
    );
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    bad.file(
        "deep.safetensors",
        &safetensors(&deep, 0),
        "bad-file",
        &["not valid JSON"],
    );
    let mut nan = whole;
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    bad.file(
        "nan.safetensors",
        &nan,
        "non-finite-weights",
        &["`a` holds NaN at element 1"],
    );
}

#[test]
fn saelens_folders() {
    let bad = Bad(folder("bad_folder"));
    let tensors = [
        tensor("W_enc", "F32", &[2, 3], [0, 24]),
        tensor("W_dec", "F32", &[3, 2], [24, 48]),
        tensor("b_enc", "F32", &[3], [48, 60]),
        tensor("b_dec", "I32", &[2], [60, 68]),
    ];
    let file = |tensors: &[String]| safetensors(&format!("{{{}}}", tensors.join(",")), 68);
    let sae = |cfg: &str, code: &str, words: &[&str]| {
        fs::create_dir_all(bad.0.join("sae")).unwrap();
        fs::write(bad.0.join("sae/cfg.json"), cfg).unwrap();
        fs::write(bad.0.join("sae/sae_weights.safetensors"), file(&tensors)).unwrap();
        bad.inspect("sae", code, words);
    };
    let with = |name: &str, value: Value| {
        let mut cfg = json!({ "architecture": "standard", "d_in": 2, "d_sae": 3 });
        cfg[name] = value;
        cfg.to_string()
    };
    sae("{}", "bad-file", &["cfg.json", "`d_in` is missing"]);
    sae("{\"d_in\":", "bad-file", &["cfg.json", "not a JSON object"]);
    sae(
        &"[".repeat(100_000),
        "bad-file",
        &["cfg.json", "not a JSON object"],
    );
    sae(
        &with("d_in", json!(2)),
        "unsupported-architecture",
        &["`b_dec`", "I32"],
    );
    sae(
        &with("d_sae", json!(4)),
        "wrong-shape",
        &["`W_enc` has shape [2, 3]"],
    );
    sae(
        &with("architecture", json!("transcoder")),
        "unsupported-architecture",
        &["`transcoder`"],
    );
    sae(
        &with("normalize_activations", json!("odd")),
        "unsupported-architecture",
        &["`odd`"],
    );
    sae(
        &with("hook_head_index", json!(1)),
        "unsupported-architecture",
        &["hook_head_index"],
    );
    // `b_dec` is looked at before a gate.
    let topk = json!({ "architecture": "topk", "k": 4, "d_in": 2, "d_sae": 3 });
    sae(&topk.to_string(), "bad-file", &["`k` is 4", "latents, 3"]);
    let factor =
        json!({ "d_in": 2, "d_sae": 3, "normalize_activations": true, "norm_scaling_factor": 0 });
    sae(
        &factor.to_string(),
        "bad-file",
        &["`norm_scaling_factor` is 0"],
    );
}

#[test]
fn models_and_tokenizers() {
    let bad = Bad(folder("bad_model"));
    let config = |name: &str, value: Value| {
        let mut config = json!({ "model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 4, "n_positions": 3, "vocab_size": 5 });
        config[name] = value;
        config.to_string().into_bytes()
    };
    bad.file(
        "config.json",
        &config("n_head", json!(3)),
        "bad-file",
        &["`n_head` is 3"],
    );
    bad.file(
        "config.json",
        &config("n_layer", json!(1e9)),
        "bad-file",
        &["`n_layer`"],
    );
    bad.file(
        "config.json",
        &config("model_type", json!("bert")),
        "unsupported-architecture",
        &["`bert`"],
    );
    bad.file(
        "config.json",
        &config("activation_function", json!("relu")),
        "unsupported-architecture",
        &["`relu`"],
    );
    bad.file(
        "tokenizer.json",
        b"{\"model\":{}}",
        "unsupported-architecture",
        &["pre-tokenizer"],
    );
    bad.file(
        "tokenizer.json",
        &b"{\"model\":".repeat(10_000),
        "bad-file",
        &[],
    );

    let index = json!({ "weight_map": { "wte.weight": "../model.safetensors" } });
    let model = bad.0.join("model");
    fs::create_dir_all(&model).unwrap();
    fs::write(model.join("config.json"), config("n_layer", json!(1))).unwrap();
    let tokenizer = common::root().join("web/demo/model/tokenizer.json");
    fs::copy(tokenizer, model.join("tokenizer.json")).unwrap();
    fs::write(
        model.join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    let path = model.display().to_string();
    let report = bare(&["inspect", &path, "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let problems = report["problems"].to_string();
    assert!(problems.contains("is ../model.safetensors"), "{problems}");
    assert!(problems.contains("plain name"), "{problems}");
    fs::write(model.join("model.safetensors"), safetensors("{}", 0)).unwrap();
    let report = bare(&["inspect", &path, "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let problems = report["problems"].to_string();
    assert!(
        problems.contains("`transformer.wte.weight` is missing"),
        "{problems}"
    );
}
