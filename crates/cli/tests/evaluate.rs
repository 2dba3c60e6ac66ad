//! `sae-explorer evaluate`: what autoencoders lose on a text, by the definitions of `trace`.

mod common;

use std::fs;

use common::{folder, json, output, path, refused};
use serde_json::Value;

const METRICS: [&str; 7] = [
    "fvu",
    "relative_error",
    "l0",
    "spliced_loss",
    "delta_ce",
    "kl",
    "positions",
];

#[test]
fn the_numbers_are_those_of_a_trace() {
    let file = folder("evaluate").join("text.txt");
    fs::write(&file, "Once upon a time there was a king.").unwrap();
    let file = file.display().to_string();
    let evaluation = json(&["evaluate", "--sae", "demo", "--text", &file]);
    let trace = json(&["trace", "--sae", "demo", "--prompt-file", &file]);
    let saes = evaluation["saes"].as_array().unwrap();
    assert_eq!(saes.len(), 3);
    for (sae, traced) in saes.iter().zip(trace["saes"].as_array().unwrap()) {
        for metric in METRICS {
            assert_eq!(sae[metric], traced[metric], "{metric}");
        }
        assert_eq!(sae["hook"], traced["hook"]);
        assert_eq!(sae["loss"], trace["loss"]);
        assert_eq!(sae["tokens"], trace["tokens"].as_array().unwrap().len());
    }
    assert_eq!(evaluation["text"], "Once upon a time there was a king.");
    assert_eq!(evaluation["backend"], "cpu");
}

#[test]
fn each_autoencoder_is_run_for_itself_on_the_sample() {
    let saelens = path("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let pt = format!(
        "{}@blocks.3.hook_resid_post",
        path("web/demo/sae/layer_3.pt")
    );
    let both = json(&["evaluate", "--sae", &saelens, "--sae", &pt]);
    let alone = json(&["evaluate", "--sae", &pt]);
    assert_eq!(both["saes"][1], alone["saes"][0]);
    let sample = explorer::SAMPLE_TEXT;
    assert_eq!(both["text"], sample);
    let sae = &alone["saes"][0];
    let number = |name: &str| sae[name].as_f64().unwrap();
    assert!((0.0..1.0).contains(&number("fvu")), "{sae}");
    assert!(number("l0") > 0.0 && number("kl") > 0.0, "{sae}");
    let difference = number("spliced_loss") - number("loss");
    assert!((difference - number("delta_ce")).abs() < 1e-9, "{sae}");
    // A folder says what it was trained for.
    let cautions = |choice: &str| -> String {
        let evaluation = json(&["evaluate", "--sae", &saelens, "--bos", choice]);
        evaluation["saes"][0]["cautions"].to_string()
    };
    assert_eq!(cautions("auto"), "[]");
    assert!(cautions("no").contains("was trained with a BOS"));
    // What it was trained on decides about a BOS, unless the command line does.
    let bos = |choice: &str| -> Value {
        json(&["evaluate", "--sae", &pt, "--bos", choice])["saes"][0]["bos_prepended"].clone()
    };
    assert_eq!(
        (bos("yes"), bos("no")),
        (Value::Bool(true), Value::Bool(false))
    );
}

#[test]
fn people_get_a_table() {
    let text = output(&["evaluate", "--sae", "demo"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("on the built-in sample text, on the CPU"),
        "{text}"
    );
    for column in ["autoencoder", "FVU", "L0", "ΔCE", "KL"] {
        assert!(lines[3].contains(column), "{text}");
    }
    assert_eq!(lines.len(), 7, "{text}");
    assert!(lines[5].contains("blocks.3.hook_resid_post"), "{text}");
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let file = folder("evaluate_long").join("text.txt");
    fs::write(&file, "word ".repeat(300)).unwrap();
    let file = file.display().to_string();
    let arguments = ["evaluate", "--sae", "demo", "--text", &file];
    refused(&arguments, "prompt-too-long", &["256"]);
    let arguments = ["evaluate", "--sae", "demo", "--text", "/nowhere/t.txt"];
    refused(&arguments, "missing-file", &["/nowhere/t.txt"]);
}
