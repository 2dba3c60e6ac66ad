//! Models and autoencoders by name and by link, from a host on this machine that publishes them as Hugging Face does.

use std::fs;
use std::path::Path;

use crate::common;
use crate::common::host;
use crate::common::{folder, json, model_folder, path, root, split};
use host::server::{Fault, Server};
use host::{HOOK, MODEL, SAE, command, host, refused, run, trace};
use serde_json::Value;

fn bodies(server: &Server) -> usize {
    let asked = server.asked().into_iter();
    asked.filter(|asked| asked.starts_with("GET")).count()
}

#[test]
fn a_trace_by_name_is_the_trace_of_the_same_files() {
    let (server, cache) = (host(), folder("hub_trace"));
    let (found, said) = trace(&server, &cache, MODEL, SAE, &[]);
    let here = json(&[
        "trace",
        "--model",
        &path("web/demo/model"),
        "--sae",
        &path(&format!("tests/fixtures/saelens/{HOOK}")),
        "--prompt",
        "the king",
    ]);
    assert_eq!(found["saes"][0]["features"], here["saes"][0]["features"]);
    assert_eq!(found["saes"][0]["id"], "v5_32k_layer_3.pt");
    assert_eq!(found["next"], here["next"]);
    for line in [
        "downloading openai-community/gpt2:model.safetensors (",
        "downloaded openai-community/gpt2:model.safetensors (",
        &format!("downloaded {SAE}/cfg.json ("),
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(
        !said.contains('\r') && !said.contains('\u{1b}'),
        "no terminal: {said}"
    );

    // A mirror is not Hugging Face.
    assert_eq!(server.shown(), [""; 0]);
    assert!(!said.contains("hf_secret"), "{said}");

    // From the cache it comes without a word, and offline without a question.
    server.asked();
    let (again, said) = trace(&server, &cache, MODEL, SAE, &[]);
    assert_eq!((&again["next"], said.as_str()), (&found["next"], ""));
    assert_eq!(bodies(&server), 0);
    let (again, said) = trace(&server, &cache, MODEL, SAE, &["--offline"]);
    assert_eq!((&again["next"], said.as_str()), (&found["next"], ""));
    assert!(server.asked().is_empty());
    // The same by links.
    let model = "https://huggingface.co/openai-community/gpt2/tree/main";
    let sae = format!("https://huggingface.co/{}", SAE.replace(':', "/tree/main/"));
    let (again, said) = trace(&server, &cache, model, &sae, &["--offline"]);
    assert_eq!((&again["next"], said.as_str()), (&found["next"], ""));
}

#[test]
fn pt_files_by_name_and_by_link() {
    let (server, cache) = (host(), folder("hub_pt"));
    let plain = format!("{}/plain/sae%203/layer_3.pt", server.url());
    for sae in [
        "someone/saes:layer_3.pt",
        "someone/saes@main:layer_3.pt",
        &plain,
    ] {
        let (found, _) = trace(&server, &cache, "demo", &format!("{sae}@{HOOK}"), &[]);
        assert_eq!(found["saes"][0]["id"], "layer_3");
        assert_eq!(found["saes"][0]["hook"], HOOK);
    }
    refused(
        &server,
        &cache,
        &["trace", "--sae", "someone/saes:layer_3.pt", "--prompt", "a"],
        "hook-mismatch",
        &["does not say where", "someone/saes:layer_3.pt@blocks"],
    );
    // A mirror that is given on the command line goes before the variable's.
    let url = server.url();
    let mut command = command(
        &server,
        &folder("hub_mirror"),
        &["inspect", "someone/saes:layer_3.pt", "--mirror", &url],
    );
    let output = command
        .env("SAE_EXPLORER_MIRROR", "http://127.0.0.1:9")
        .output()
        .unwrap();
    assert!(output.status.success());
}

#[test]
fn weights_in_several_files_and_a_tokenizer_in_two() {
    let (server, cache) = (host(), folder("hub_split"));
    let model = model_folder("hub_split_model", split);
    server.publish_folder("someone/split", "", Path::new(&model));
    let arguments = [
        "generate",
        "--model",
        "someone/split",
        "--prompt",
        "the",
        "--max-tokens",
        "3",
    ];
    let arguments = [&arguments[..], &["--backend", "cpu"]].concat();
    let output = run(&server, &cache, &arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let here = common::output(&[
        "generate",
        "--model",
        &model,
        "--prompt",
        "the",
        "--max-tokens",
        "3",
    ]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), here);
    fs::remove_dir_all(model).unwrap();
    // Another file than the model's own is named as what is missing.
    server.take("someone/split/resolve/main/part-1.safetensors");
    refused(
        &server,
        &folder("hub_split_missing"),
        &arguments,
        "missing-file",
        &[
            "someone/split:part-1.safetensors",
            "index.json",
            "part-0.safetensors",
        ],
    );
}

#[test]
fn what_lies_on_a_host_is_inspected_and_exported() {
    let (server, cache) = (host(), folder("hub_inspect"));
    let inspect = |name: &str| -> Value {
        let output = run(&server, &cache, &["inspect", name, "--json"]);
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    for (name, kind) in [
        (MODEL, "a model's folder"),
        (SAE, "a SAELens folder"),
        (&format!("{SAE}/cfg.json"), "a SAELens folder"),
        ("someone/saes:layer_3.pt", "an OpenAI autoencoder (.pt)"),
        ("openai-community/gpt2:tokenizer.json", "a tokenizer"),
        (
            "openai-community/gpt2:model.safetensors",
            "a safetensors file",
        ),
    ] {
        let report = inspect(name);
        assert_eq!(report["kind"], kind);
        assert!(
            name.starts_with(report["path"].as_str().unwrap()),
            "{report}"
        );
    }
    let out = folder("hub_export").join("sae.pt");
    let out_name = out.display().to_string();
    let output = run(
        &server,
        &cache,
        &["export", SAE, "--to", "openai", &out_name],
    );
    assert!(output.status.success());
    assert!(fs::metadata(out).unwrap().len() > 1_000_000);
}

#[test]
fn an_autoencoder_with_its_settings_beside_it() {
    let (server, cache) = (Server::start(), folder("hub_attention"));
    let files = root().join("tests/fixtures/formats/sae/attention");
    server.publish_folder("ckkissane/attn-saes", "", &files);
    let here = path("tests/fixtures/formats/sae/attention/sae.pt");
    for name in ["ckkissane/attn-saes:sae.pt", &here] {
        let output = run(&server, &cache, &["inspect", name, "--json"]);
        assert!(output.status.success());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            report["kind"],
            "an autoencoder of attention heads' outputs (.pt)"
        );
        assert_eq!(report["facts"]["hook"], "blocks.1.attn.hook_z");
    }
}

#[test]
fn refusals_name_what_is_missing_and_what_is_near() {
    let (server, cache) = (host(), folder("hub_refusals"));
    let trace = |model: &str, sae: &str, code: &str, words: &[&str]| {
        let arguments = ["trace", "--prompt", "a", "--model", model, "--sae", sae];
        refused(&server, &cache, &arguments, code, words);
    };
    let (repo, _) = SAE.split_once(':').unwrap();
    trace(
        "demo",
        &format!("{repo}:v5_32k_layer_12.pt"),
        "missing-file",
        &[
            "v5_32k_layer_12.pt is not there",
            "there are: v5_32k_layer_3.pt/",
        ],
    );
    trace(
        "demo",
        repo,
        "missing-file",
        &["cfg.json", "v5_32k_layer_3.pt/"],
    );
    trace(
        "someone/nothing",
        "demo",
        "missing-file",
        &[
            "someone/nothing:config.json",
            "nothing on this machine is called someone/nothing",
        ],
    );
    trace(
        "gpt2",
        "demo",
        "missing-file",
        &["gpt2/config.json", "openai-community/gpt2"],
    );
    trace(
        "https://huggingface.co/datasets/a/b",
        "demo",
        "bad-option",
        &["no repository of a model"],
    );
    let config = format!("{MODEL}/resolve/main/config.json");
    server.spoil(
        &config,
        Fault::Status(403, "x-error-message: Access is restricted"),
        9,
    );
    trace(
        MODEL,
        "demo",
        "network",
        &["config.json", "403", "Access is restricted"],
    );
    server.spoil(&config, Fault::Loop, 99);
    trace(MODEL, "demo", "network", &["redirected more than 10 times"]);
    let arguments = ["trace", "--prompt", "a", "--model", MODEL, "--offline"];
    refused(
        &server,
        &cache,
        &arguments,
        "missing-file",
        &[
            "openai-community/gpt2:config.json is not in the cache",
            "without --offline",
        ],
    );
    let arguments = ["inspect", "someone/other", "--offline"];
    refused(
        &server,
        &cache,
        &arguments,
        "missing-file",
        &["someone/other:config.json"],
    );
}

#[test]
fn a_folder_of_that_name_goes_first() {
    let (server, here) = (host(), folder("hub_local"));
    let model = here.join(MODEL);
    fs::create_dir_all(&model).unwrap();
    fs::write(model.join("config.json"), "{}").unwrap();
    let arguments = ["trace", "--prompt", "a", "--model", MODEL];
    let output = command(&server, &here, &arguments)
        .current_dir(&here)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("openai-community/gpt2/model.safetensors is missing"),
        "{errors}"
    );
    assert!(server.asked().is_empty());
}
