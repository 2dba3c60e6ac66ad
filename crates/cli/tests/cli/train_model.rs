//! `sae-explorer train-model`: what it writes, kills, what it refuses, and the examples of `docs/train-model.md`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use formats::tokenizer::Tokenizer;
use serde_json::Value;
use train_model::{Config, Layout, Model};

use crate::common::{command, folder, json, read, root, tensors, without_notes, words};
use crate::trainings::{self, corpus, interrupted, log, wait_for};

/// Settings of a model that trains in seconds.
const SMALL: [&str; 20] = [
    "--vocabulary",
    "320",
    "--set",
    "n_layer=2",
    "--set",
    "n_embd=32",
    "--set",
    "n_head=2",
    "--set",
    "n_positions=32",
    "--set",
    "batch=8",
    "--set",
    "lr=0.01",
    "--set",
    "warmup_steps=5",
    "--set",
    "validation_fraction=0.1",
    "--set",
    "validation_steps=20",
];

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sae-explorer"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn arguments<'a>(text: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let first = ["train-model", "--corpus", text];
    [&first[..], &SMALL, &["--out", out], more].concat()
}

fn run(arguments: &[&str]) -> Output {
    let done = program(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?}: {errors}");
    assert_eq!(without_notes(&errors), "");
    done
}

fn ended(arguments: &[&str]) -> Value {
    let done = run(&[arguments, &["--json"]].concat());
    serde_json::from_slice(&done.stdout).unwrap()
}

fn refused(arguments: &[&str], code: &str, words: &[&str]) {
    let done = program(arguments).output().unwrap();
    let errors = without_notes(&String::from_utf8(done.stderr).unwrap());
    assert_eq!(done.status.code(), Some(1), "{arguments:?}: {errors}");
    assert_eq!(done.stdout, b"");
    assert!(
        errors.starts_with(&format!("error ({code}): ")) && errors.matches('\n').count() == 1,
        "{arguments:?}: {errors}"
    );
    for word in words {
        assert!(errors.contains(word), "`{errors}` should say {word}");
    }
}

/// The files of a training that are the same in every run of it.
const RESULTS: [&str; 9] = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "state.safetensors",
    "state.json",
    "train.json",
];

/// What of a log's lines says how fast it was.
const RATES: [&str; 1] = ["tokens_per_second"];

fn same(one: &str, other: &str) {
    trainings::same((one, other), &RESULTS, &RATES);
}

#[test]
fn a_model_is_trained_and_the_engine_finds_the_same_losses() {
    let place = folder("train-model");
    let (text, out) = (corpus(&place, 2), place.join("model").display().to_string());
    let found = ended(&arguments(&text, &out, &["--set", "steps=60"]));
    assert_eq!(found["complete"], true);
    assert_eq!(
        (&found["step"], &found["vocabulary"]),
        (&60.into(), &320.into())
    );
    let lines = log(&out, &RATES);
    let steps: Vec<u64> = lines
        .iter()
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [10, 20, 30, 40, 50, 60]);
    let loss = |line: &Value, name: &str| line[name].as_f64().unwrap();
    assert!(
        loss(&lines[5], "loss") < loss(&lines[0], "loss") - 0.5,
        "{lines:?}"
    );
    for (line, step) in lines.iter().zip(steps) {
        assert_eq!(line["validation_loss"].is_null(), step % 20 != 0);
    }
    let held_out = |line: &Value| loss(line, "validation_loss");
    assert!(held_out(&lines[5]) < held_out(&lines[1]), "{lines:?}");
    // What burn says of each token is what the engine says of the folder.
    let out_folder = Path::new(&out);
    let config: Config =
        serde_json::from_slice(&fs::read(out_folder.join("train.json")).unwrap()).unwrap();
    let file = tensors(&out_folder.join("model.safetensors"));
    let layout = Layout::new(&config, 320);
    let weights: Vec<Vec<f32>> = layout
        .slots()
        .iter()
        .map(|slot| read(&file, &slot.name))
        .collect();
    let prompt = "The share of a latent's activations";
    let json_of = fs::read(out_folder.join("tokenizer.json")).unwrap();
    let tokenizer = Tokenizer::from_tokenizer_json(&json_of).unwrap();
    let mut row = vec![tokenizer.bos().unwrap()];
    row.extend(tokenizer.encode(prompt));
    let count = row.len();
    assert!((10..=32).contains(&count), "{count}");
    row.resize(33, 0);
    let losses = Model::new(&config, 320)
        .token_losses(&weights, &[&row])
        .unwrap();
    let traced = json(&["trace", "--model", &out, "--bos", "yes", "--prompt", prompt]);
    let traced = traced["token_losses"].as_array().unwrap();
    assert_eq!(traced.len(), count - 1);
    for (there, here) in traced.iter().zip(&losses) {
        let there = there.as_f64().unwrap();
        assert!((there - here).abs() < 1e-4, "{there}, not {here}");
    }
    // The folder that is there is not trained over.
    refused(
        &arguments(&text, &out, &[]),
        "output",
        &["is there already", "--resume"],
    );
}

#[test]
fn a_killed_training_goes_on_as_if_nothing_had_been() {
    let place = folder("train-model-killed");
    let text = corpus(&place, 2);
    let path = |name: &str| place.join(name).display().to_string();
    let (whole, broken) = (path("whole"), path("broken"));
    let more = ["--set", "steps=90", "--log-steps", "7"];
    run(&arguments(&text, &whole, &more));
    let events = path("events");
    let kept = ["--checkpoint-steps", "5", "--tensorboard", &events];
    let more = [&more[..], &kept].concat();
    let mut child = program(&arguments(&text, &broken, &more));
    let child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap();
    wait_for(&broken, 15);
    child.kill().unwrap();
    child.wait().unwrap();
    let stopped = fs::read(place.join("broken/state.json")).unwrap();
    let stopped: Value = serde_json::from_slice(&stopped).unwrap();
    assert!(
        stopped["step"].as_u64().unwrap() < 90,
        "it was killed on the way"
    );
    // What was left is a model.
    json(&["trace", "--model", &broken, "--prompt", "a"]);
    let resumed = ended(&arguments(
        &text,
        &broken,
        &[&more[..], &["--resume"]].concat(),
    ));
    assert_eq!(resumed["resumed_at_step"], stopped["step"]);
    same(&whole, &broken);
    let names = fs::read_dir(&events).unwrap();
    assert_eq!(names.count(), 2);
}

#[cfg(unix)]
#[test]
fn control_c_leaves_a_model_and_says_where() {
    let place = folder("train-model-stopped");
    let text = corpus(&place, 2);
    let path = |name: &str| place.join(name).display().to_string();
    let (whole, broken) = (path("whole"), path("broken"));
    let more = ["--set", "steps=120"];
    run(&arguments(&text, &whole, &more));
    let kept = [&more[..], &["--checkpoint-steps", "10"]].concat();
    interrupted(program(&arguments(&text, &broken, &kept)), &broken, 10);
    run(&arguments(
        &text,
        &broken,
        &[&more[..], &["--resume"]].concat(),
    ));
    same(&whole, &broken);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let place = folder("train-model-refused");
    let text = corpus(&place, 2);
    let path = |name: &str| place.join(name).display().to_string();
    let out = path("never");
    fs::write(place.join("settings.json"), r#"{"n_layers": 3}"#).unwrap();
    fs::write(place.join("short.txt"), "A short text.").unwrap();
    fs::create_dir(place.join("empty")).unwrap();
    let (settings, short, empty) = (path("settings.json"), path("short.txt"), path("empty"));
    let demo = root().join("web/demo/model").display().to_string();
    for (more, code, says) in [
        (
            &["--set", "n_head=5"][..],
            "bad-option",
            &["n_head = 5", "n_embd = 32"][..],
        ),
        (&["--set", "lr=0"], "bad-option", &["lr = 0", "above 0"]),
        (
            &["--set", "layers=3"],
            "bad-option",
            &["layers", "unknown field"],
        ),
        (&["--set", "steps=ten"], "bad-option", &["steps", "ten"]),
        (
            &["--set", "tokens=100"],
            "bad-option",
            &["tokens = 100", "at least one batch"],
        ),
        (
            &["--config", &settings],
            "bad-option",
            &["settings.json", "n_layers"],
        ),
        (
            &["--config", "/no/such/file"],
            "bad-file",
            &["/no/such/file"],
        ),
        (
            &["--resume"],
            "missing-file",
            &["no training that could be resumed"],
        ),
        (
            &["--set", "batch=4096"],
            "bad-file",
            &["rows of 32 tokens", "one batch of 4096"],
        ),
    ] {
        refused(&arguments(&text, &out, more), code, says);
        assert!(!Path::new(&out).exists(), "{more:?}");
    }
    let first = ["train-model", "--out", &out, "--corpus"];
    for (more, code, says) in [
        (
            &[&text[..], "--vocabulary", "100"][..],
            "bad-option",
            &["vocabulary = 100", "257"][..],
        ),
        (
            &[&text, "--vocabulary", "60000"],
            "bad-option",
            &["not 60000", "--vocabulary"],
        ),
        (
            &[&short, "--tokenizer", &demo],
            "bad-file",
            &["fewer than one batch of 16"],
        ),
        (
            &[&text, "--tokenizer", &empty],
            "missing-file",
            &["tokenizer.json"],
        ),
        (
            &["/no/such/text.txt", "--tokenizer", &demo],
            "bad-file",
            &["/no/such/text.txt"],
        ),
    ] {
        refused(&[&first[..], more].concat(), code, says);
        assert!(!Path::new(&out).exists(), "{more:?}");
    }
    let trained = path("trained");
    let one = ["--set", "steps=2"];
    run(&arguments(&text, &trained, &one));
    let more = [&one[..], &["--resume", "--set", "seed=3"]].concat();
    refused(
        &arguments(&text, &trained, &more),
        "other-training",
        &["seed = 0", "3"],
    );
    let longer = path("longer.txt");
    let other =
        fs::read_to_string(&text).unwrap() + "\n<|endoftext|>\nAnother document, with words.";
    fs::write(&longer, other).unwrap();
    let more = [&one[..], &["--resume"]].concat();
    refused(
        &arguments(&longer, &trained, &more),
        "other-training",
        &["corpus"],
    );
    // A look at what it would take leaves nothing behind.
    let looked = program(&arguments(&text, &out, &["--dry-run"]))
        .output()
        .unwrap();
    let said = String::from_utf8(looked.stderr).unwrap();
    assert!(looked.status.success(), "{said}");
    for words in ["parameters", "memory", "tokens/s", "nothing was written"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!Path::new(&out).exists());
}

/// Every line of the tutorial that begins with the program's name is run, in order, beside a text.
#[test]
fn the_documentations_examples_run() {
    let place = folder("train-model-docs");
    corpus(&place, 2);
    let text = fs::read_to_string(root().join("docs/train-model.md")).unwrap();
    let settings = text.split("```json\n").nth(1).unwrap().split("```").next();
    fs::write(place.join("settings.json"), settings.unwrap()).unwrap();
    let mut commands = 0;
    for line in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sae-explorer "))
    {
        let arguments = words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = match line.starts_with("train-model") {
            true => program(&arguments),
            false => command(&arguments),
        };
        let done = command.current_dir(&place).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{line}: {message}");
        assert_eq!(without_notes(&message), "", "{line}");
        commands += 1;
    }
    assert!(commands >= 5, "{commands}");
}
