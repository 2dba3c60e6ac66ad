//! `sae-explorer evaluate`: what autoencoders lose on a text, by the definitions of `trace`.

use std::fs;

use crate::common::{folder, json, output, path, refused};
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
        path("tests/fixtures/openai/layer_3.pt")
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
fn a_text_longer_than_the_context_is_read_in_windows() {
    let folder = folder("evaluate_long");
    let evaluate = |name: &str, text: &str, bos: &str| -> Value {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let sae = path("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
        let arguments = ["evaluate", "--sae", &sae, "--text", &file, "--bos", bos];
        json(&arguments)["saes"][0].clone()
    };
    let number = |sae: &Value, name: &str| sae[name].as_f64().unwrap();
    // A token each, and a context of 256.
    let (first, second) = (" king".repeat(200), " the".repeat(100));
    for (bos, tokens, windows) in [("yes", 302, [255, 45]), ("no", 300, [256, 44])] {
        let whole = evaluate("whole", &format!("{first}{second}"), bos);
        assert_eq!(whole["windows"], 2, "{whole}");
        assert_eq!(whole["window_tokens"], 256);
        assert_eq!(whole["tokens"], tokens);
        let parts = [
            evaluate(
                "first",
                &format!("{first}{}", " the".repeat(windows[0] - 200)),
                bos,
            ),
            evaluate("second", &" the".repeat(windows[1]), bos),
        ];
        for part in &parts {
            assert_eq!(part["windows"], 1);
        }
        // The first token of a window does not count: it is a BOS, or left out by the autoencoder's settings. And there are
        // as many predictions.
        let first = usize::from(bos == "no");
        let counted = windows.map(|window| window - first);
        let mean = |name: &str, weights: [usize; 2]| {
            let sum = |i: usize| weights[i] as f64 * number(&parts[i], name);
            (sum(0) + sum(1)) / (weights[0] + weights[1]) as f64
        };
        for name in ["relative_error", "l0", "kl"] {
            let expected = mean(name, counted);
            let found = number(&whole, name);
            assert!(
                (found - expected).abs() < 1e-6 * expected.abs().max(1.0),
                "{name}: {found} {expected}"
            );
        }
        for name in ["loss", "spliced_loss"] {
            let expected = mean(name, counted);
            let found = number(&whole, name);
            assert!(
                (found - expected).abs() < 1e-5,
                "{name}: {found} {expected}"
            );
        }
        assert_eq!(whole["positions"], counted.iter().sum::<usize>());
        // The second window is all one word, so that alone it varies little.
        assert!(number(&whole, "fvu") < number(&parts[1], "fvu"));
    }
}

#[test]
fn a_text_that_is_not_there_is_refused() {
    let arguments = ["evaluate", "--sae", "demo", "--text", "/nowhere/t.txt"];
    refused(&arguments, "missing-file", &["/nowhere/t.txt"]);
}
