//! Bad input: every refusal is one paragraph that names the culprit.

use std::fs;
use std::path::Path;

use crate::common::{folder, model_folder, path, refused, root, run, split};

#[test]
fn prompts_that_cannot_be() {
    refused(
        &["trace", "--prompt", ""],
        "empty-prompt",
        &["the prompt is empty"],
    );
    refused(
        &["generate", "--prompt", ""],
        "empty-prompt",
        &["the prompt is empty"],
    );
    let long = "word ".repeat(300);
    refused(
        &["trace", "--prompt", &long],
        "prompt-too-long",
        &["tokens long", "256"],
    );
    refused(
        &["trace", "--prompt-file", "/nowhere/p.txt"],
        "missing-file",
        &["/nowhere/p.txt"],
    );
    let binary = path("tests/fixtures/openai/layer_1.pt");
    refused(
        &["trace", "--prompt-file", &binary],
        "bad-file",
        &[&binary, "not UTF-8"],
    );
}

#[test]
fn autoencoders_that_do_not_fit() {
    let refuse = |sae: &str, code: &str, words: &[&str]| {
        refused(&["trace", "--prompt", "a", "--sae", sae], code, words)
    };
    let pt = path("tests/fixtures/openai/layer_3.pt");
    refuse(
        &pt,
        "hook-mismatch",
        &["does not say where", "@blocks.3.hook_resid_post"],
    );
    refuse(
        &format!("{pt}@blocks.6.hook_resid_post"),
        "hook-mismatch",
        &["blocks.6.hook_resid_post", "0 to 5"],
    );
    refuse(&format!("{pt}@resid"), "hook-mismatch", &["resid"]);
    refuse(
        &format!("{pt}@blocks.3.mlp.hook_post"),
        "width-mismatch",
        &["256", "1024"],
    );
    refuse(
        "/nowhere/layer_3.pt@blocks.3.hook_resid_post",
        "missing-file",
        &["/nowhere/layer_3.pt"],
    );
    let weights = path("web/demo/model/model.safetensors");
    refuse(&weights, "bad-file", &[&weights, "give the folder"]);
    let config = path("web/demo/model/config.json");
    refuse(&config, "bad-file", &[&config, "a JSON file"]);

    let empty = folder("empty_sae").display().to_string();
    refuse(&empty, "missing-file", &["cfg.json"]);
    let other = folder("other_sae");
    let source = root().join("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let cfg = fs::read_to_string(source.join("cfg.json"))
        .unwrap()
        .replace("\"topk\"", "\"transcoder\"");
    fs::write(other.join("cfg.json"), cfg).unwrap();
    refuse(
        &other.display().to_string(),
        "missing-file",
        &["sae_weights.safetensors"],
    );
    fs::copy(
        source.join("sae_weights.safetensors"),
        other.join("sae_weights.safetensors"),
    )
    .unwrap();
    refuse(
        &other.display().to_string(),
        "unsupported-architecture",
        &["other_sae", "`transcoder`"],
    );

    let cut = folder("cut_sae").join("cut.pt");
    let whole = fs::read(&pt).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refuse(
        &format!("{}@blocks.3.hook_resid_post", cut.display()),
        "bad-file",
        &["cut.pt", "truncated"],
    );
}

fn rewrite(folder: &Path, file: &str, change: impl FnOnce(String) -> String) {
    let path = folder.join(file);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

#[test]
fn models_that_are_damaged_or_foreign() {
    let refuse = |name: &str, spoil: &dyn Fn(&Path), code: &str, words: &[&str]| {
        let folder = model_folder(name, spoil);
        refused(&["trace", "--model", &folder, "--prompt", "a"], code, words);
        fs::remove_dir_all(folder).unwrap();
    };
    refused(
        &["trace", "--model", "/nowhere", "--prompt", "a"],
        "missing-file",
        &["/nowhere/config.json"],
    );
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        refuse(
            "missing",
            &|folder| fs::remove_file(folder.join(file)).unwrap(),
            "missing-file",
            &[file],
        );
    }
    let llama = |config: String| config.replace("\"gpt2\"", "\"llama\"");
    refuse(
        "llama",
        &|f| rewrite(f, "config.json", llama),
        "unsupported-architecture",
        &["`llama`"],
    );
    let relu = |config: String| config.replace("gelu_new", "relu");
    refuse(
        "relu",
        &|f| rewrite(f, "config.json", relu),
        "unsupported-architecture",
        &["`relu`"],
    );
    let wide = |config: String| config.replace("\"n_embd\": 256", "\"n_embd\": 512");
    refuse(
        "wide",
        &|f| rewrite(f, "config.json", wide),
        "wrong-shape",
        &["wte.weight", "[8192, 256]"],
    );
    refuse(
        "json",
        &|f| rewrite(f, "config.json", |c| c[1..].to_owned()),
        "bad-file",
        &["config.json"],
    );
    let cut = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1000]).unwrap();
    };
    refuse("cut", &cut, "bad-file", &["model.safetensors", "truncated"]);
    let merges = |folder: &Path| {
        fs::remove_file(folder.join("tokenizer.json")).unwrap();
        fs::write(folder.join("vocab.json"), "{}").unwrap();
    };
    refuse("merges", &merges, "missing-file", &["merges.txt"]);
    let index = |folder: &Path| {
        split(folder);
        rewrite(folder, "model.safetensors.index.json", |json| {
            json.replace("part-1.safetensors", "../part-1.safetensors")
        });
    };
    refuse("climbing", &index, "bad-file", &["index.json", "`..`"]);
    let shard = |folder: &Path| {
        split(folder);
        fs::remove_file(folder.join("part-1.safetensors")).unwrap();
    };
    refuse(
        "shard",
        &shard,
        "missing-file",
        &["part-1.safetensors", "index.json"],
    );
    let swapped = |folder: &Path| {
        split(folder);
        fs::copy(
            folder.join("part-0.safetensors"),
            folder.join("part-1.safetensors"),
        )
        .unwrap();
    };
    refuse(
        "swapped",
        &swapped,
        "bad-file",
        &["part-1.safetensors", "is missing"],
    );
}

#[test]
fn weights_that_are_no_numbers() {
    // The last element of the embedding, which lies last in the file: half-precision NaN.
    let folder = model_folder("nan", |folder| {
        let path = folder.join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&0x7e00u16.to_le_bytes());
        fs::write(&path, bytes).unwrap();
    });
    let words = ["`transformer.wte.weight` holds NaN at element 2097151"];
    refused(
        &["trace", "--model", &folder, "--prompt", "a"],
        "non-finite-weights",
        &words,
    );
}

#[test]
fn options_out_of_range() {
    let refuse = |settings: &[&str], value: &str| {
        refused(
            &[&["generate", "--prompt", "a"], settings].concat(),
            "bad-option",
            &[value],
        );
    };
    refuse(&["--temperature", "-1"], "-1");
    refuse(&["--temperature", "NaN"], "NaN");
    refuse(&["--temperature", "1", "--top-p", "1.5"], "1.5");
    refused(
        &["trace", "--prompt", "a", "--dump", "/nowhere/d.safetensors"],
        "output",
        &["/nowhere/d.safetensors"],
    );
}

#[test]
fn words_that_are_no_command_line() {
    for arguments in [
        &["trace"][..],
        &["trace", "--prompt", "a", "--prompt-file", "b"],
        &["trace", "--prompt", "a", "--bos", "maybe"],
        &["generate", "--prompt", "a", "--max-tokens", "many"],
        &["explain", "--prompt", "a"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("error"),
            "{arguments:?}"
        );
    }
}
