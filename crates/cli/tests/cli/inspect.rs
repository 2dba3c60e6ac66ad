//! `sae-explorer inspect` on the demo's files and on bad ones.

use std::fs;
use std::path::Path;

use crate::common::{bare, folder, model_folder, path, root, split};
use serde_json::{Value, json};

/// The report as JSON, with the exit code that belongs to it.
fn inspect(path: &str) -> Value {
    let output = bare(&["inspect", path, "--json"]);
    assert_eq!(output.stderr, b"", "{path}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sound = report["problems"].as_array().unwrap().is_empty();
    assert_eq!(output.status.code(), Some(i32::from(!sound)), "{report}");
    report
}

fn sound(path: &str) -> Value {
    let report = inspect(path);
    assert_eq!(report["problems"], json!([]), "{path}");
    report
}

/// Exactly one problem, of this code, that says these words.
fn problem(path: &str, code: &str, words: &[&str]) -> Value {
    let report = inspect(path);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{report}");
    assert_eq!(problems[0]["code"], code, "{report}");
    let message = problems[0]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "`{message}` should say {word}");
    }
    report
}

fn tensor<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tensors = report["tensors"].as_array().unwrap();
    tensors.iter().find(|t| t["name"] == name).unwrap()
}

#[test]
fn a_pt_file() {
    let report = sound(&path("tests/fixtures/openai/layer_3.pt"));
    assert_eq!(report["kind"], "an OpenAI autoencoder (.pt)");
    let facts = &report["facts"];
    assert_eq!(facts["architecture"], "topk");
    assert_eq!(facts["k"], 16);
    assert_eq!(
        (&facts["latents"], &facts["d_in"]),
        (&json!(4096), &json!(256))
    );
    assert_eq!(facts["normalization"], "layer_norm");
    assert_eq!(facts["hook"], Value::Null);
    let encoder = tensor(&report, "encoder.weight");
    assert_eq!(encoder["shape"], json!([4096, 256]));
    assert!(encoder["dtype"].is_string());
    assert_eq!(tensor(&report, "stats_last_nonzero")["dtype"], "I64");
}

#[test]
fn a_saelens_folder_and_its_parts() {
    let path = path("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let report = sound(&path);
    assert_eq!(report["kind"], "a SAELens folder");
    assert_eq!(report["facts"]["hook"], "blocks.3.hook_resid_post");
    assert_eq!(report["facts"]["k"], 16);
    assert_eq!(tensor(&report, "W_enc")["shape"], json!([256, 4096]));
    assert_eq!(
        sound(&format!("{path}/cfg.json"))["kind"],
        "a SAELens folder"
    );
    let weights = sound(&format!("{path}/sae_weights.safetensors"));
    assert_eq!(weights["kind"], "a safetensors file");
    assert_eq!(weights["facts"]["looks_like_a_part_of"], "a SAELens folder");
}

#[test]
fn a_models_folder_and_its_parts() {
    let model = path("web/demo/model");
    let report = sound(&model);
    assert_eq!(report["kind"], "a model's folder");
    let facts = &report["facts"];
    assert_eq!(
        (&facts["layers"], &facts["d_model"]),
        (&json!(6), &json!(256))
    );
    assert_eq!(facts["layer_norm_epsilon"], 1e-5);
    assert_eq!(facts["tokenizer's_vocabulary"], 8192);
    assert_eq!(facts["weights"], "model.safetensors");
    assert_eq!(
        tensor(&report, "transformer.wte.weight")["shape"],
        json!([8192, 256])
    );

    let config = sound(&format!("{model}/config.json"));
    assert_eq!(config["kind"], "a model's configuration");
    let tokenizer = sound(&format!("{model}/tokenizer.json"));
    assert_eq!(tokenizer["kind"], "a tokenizer");
    assert_eq!(
        sound(&path("tests/fixtures/tokenizer"))["kind"],
        "a tokenizer"
    );
    let weights = sound(&format!("{model}/model.safetensors"));
    assert_eq!(weights["facts"]["looks_like_a_part_of"], "a GPT-2 model");

    let split = model_folder("inspect_split", split);
    let report = sound(&split);
    assert_eq!(report["facts"]["weights"], "model.safetensors.index.json");
    assert_eq!(
        report["tensors"].as_array().unwrap().len(),
        weights["tensors"].as_array().unwrap().len()
    );
    fs::remove_dir_all(split).unwrap();
}

#[test]
fn people_get_a_list() {
    let path = path("tests/fixtures/openai/layer_3.pt");
    let output = bare(&["inspect", &path]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with(&format!("{path}: an OpenAI autoencoder (.pt)\n")));
    for line in [
        "  architecture            topk\n",
        "  hook                    not stated\n",
        "[4096, 256]\n",
        "\nno problems\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let output = bare(&["inspect", &root().display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nproblems\n  bad-file: "), "{text}");
}

#[test]
fn what_is_not_there_is_an_error() {
    let output = bare(&["inspect", "/nowhere/x.pt"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with("error (missing-file): /nowhere/x.pt"),
        "{errors}"
    );
}

#[test]
fn bad_files_are_told_by_name() {
    let folder = folder("inspect_bad");
    let bad = |name: &str, bytes: &[u8], code: &str, words: &[&str]| {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        problem(&file.display().to_string(), code, words);
    };
    let pt = fs::read(root().join("tests/fixtures/openai/layer_3.pt")).unwrap();
    bad(
        "cut.pt",
        &pt[..pt.len() / 2],
        "bad-file",
        &["cut.pt", "truncated"],
    );
    bad("empty.pt", b"", "bad-file", &["empty.pt"]);
    bad(
        "old.pt",
        b"\x80\x02}.",
        "unsupported-architecture",
        &["bare pickle"],
    );
    bad(
        "short.safetensors",
        &[9; 9],
        "bad-file",
        &["short.safetensors"],
    );
    bad(
        "text.txt",
        b"hello",
        "bad-file",
        &["text.txt", "no known kind"],
    );
    bad(
        "other.json",
        b"{\"a\": 1}",
        "bad-file",
        &["other.json", "no known kind"],
    );
    bad(
        "config.json",
        b"{",
        "bad-file",
        &["config.json", "not a JSON object"],
    );
    bad(
        "x.json",
        b"{\"model_type\": \"llama\"}",
        "unsupported-architecture",
        &["`llama`"],
    );
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut nan = (header.len() as u64).to_le_bytes().to_vec();
    nan.extend(header.as_bytes());
    nan.extend(1f32.to_le_bytes());
    nan.extend(f32::NAN.to_le_bytes());
    bad(
        "nan.safetensors",
        &nan,
        "non-finite-weights",
        &["`w`", "NaN", "element 1"],
    );
}

#[test]
fn bad_autoencoders_are_told_by_name() {
    let source = root().join("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let folder = folder("inspect_sae");
    let name = folder.display().to_string();
    let weights = folder.join("sae_weights.safetensors");
    fs::copy(source.join("sae_weights.safetensors"), &weights).unwrap();
    let report = problem(&name, "missing-file", &["cfg.json"]);
    assert_eq!(tensor(&report, "b_dec")["shape"], json!([256]));
    let cfg = fs::read_to_string(source.join("cfg.json")).unwrap();
    let mut cfg: Value = serde_json::from_str(&cfg).unwrap();
    let change = |cfg: &Value| fs::write(folder.join("cfg.json"), cfg.to_string()).unwrap();
    cfg["d_sae"] = json!(4095);
    change(&cfg);
    problem(&name, "wrong-shape", &["`W_enc`", "[256, 4095]"]);
    cfg["d_sae"] = json!(4096);
    cfg["k"] = json!(5000);
    change(&cfg);
    problem(&name, "bad-file", &["`k` is 5000"]);
    cfg["architecture"] = json!("jumprelu");
    change(&cfg);
    problem(&name, "bad-file", &["`threshold` is missing"]);
    fs::remove_file(weights).unwrap();
    problem(&name, "missing-file", &["sae_weights.safetensors"]);
}

#[test]
fn every_part_of_a_model_that_is_at_fault_is_told() {
    let name = model_folder("inspect_model", |folder: &Path| {
        fs::write(folder.join("config.json"), "{}").unwrap();
        fs::remove_file(folder.join("tokenizer.json")).unwrap();
        split(folder);
        fs::remove_file(folder.join("part-1.safetensors")).unwrap();
    });
    let report = inspect(&name);
    let problems = report["problems"].as_array().unwrap();
    let says = |at: usize, code: &str, word: &str| {
        assert_eq!(problems[at]["code"], code, "{report}");
        assert!(
            problems[at]["message"].as_str().unwrap().contains(word),
            "{report}"
        );
    };
    assert_eq!(problems.len(), 3, "{report}");
    says(0, "bad-file", "`model_type` is missing");
    says(1, "missing-file", "part-1.safetensors");
    says(2, "missing-file", "tokenizer.json");
    fs::remove_dir_all(name).unwrap();
}
