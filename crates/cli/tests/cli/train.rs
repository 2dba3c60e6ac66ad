//! `sae-explorer train`: what it writes, kills, what it refuses, and the examples of `docs/train.md`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::common::{command, folder, json, output, refused, root, run, without_notes, words};
use crate::trainings::{self, corpus, interrupted, log, wait_for};

const HOOK: &str = "blocks.1.hook_resid_post";

/// The bytes of a `.npy` file with rows made of few directions.
fn npy(rows: usize, width: usize) -> Vec<u8> {
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    for row in 0..rows {
        for place in 0..width {
            let wave =
                |number: usize| ((place * (number % 13 + 1)) as f32 * 0.37 + number as f32).sin();
            let value = wave(row * 7 % 41) + 0.5 * wave(row * 31 % 59) + 0.2;
            bytes.extend(value.to_le_bytes());
        }
    }
    bytes
}

fn arguments<'a>(first: &[&'a str], out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let size = [
        "--latents",
        "128",
        "--k",
        "8",
        "--batch",
        "128",
        "--lr",
        "0.003",
    ];
    [&["train"], first, &size, &["--out", out], more].concat()
}

/// The files of a training that are the same in every run of it.
const RESULTS: [&str; 5] = [
    "cfg.json",
    "sae_weights.safetensors",
    "state.safetensors",
    "state.json",
    "train.json",
];

/// What of a log's lines says how fast it was.
const RATES: [&str; 2] = ["tokens_per_second", "step_tokens_per_second"];

fn same(one: &str, other: &str) {
    trainings::same((one, other), &RESULTS, &RATES);
}

#[test]
fn an_autoencoder_is_trained_on_a_text_and_opens() {
    let place = folder("train");
    let (text, out) = (corpus(&place, 4), place.join("sae").display().to_string());
    let first = ["--model", "demo", "--hook", HOOK, "--corpus", &text];
    let more = [
        "--tokens",
        "40000",
        "--set",
        "warmup_steps=20",
        "--set",
        "block_batches=16",
    ];
    let found = json(&arguments(&first, &out, &more));
    assert_eq!(
        (&found["complete"], &found["step"]),
        (&true.into(), &312.into())
    );
    let lines = log(&out, &RATES);
    assert_eq!(lines.len(), 32);
    let fvu = |line: &Value| line["fvu"].as_f64().unwrap();
    assert!(
        fvu(&lines[31]) < 0.3 && fvu(&lines[31]) < 0.5 * fvu(&lines[0]),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| line["l0"].as_f64().unwrap() <= 8.0));
    assert_eq!(lines[31]["tokens"], 312 * 128);
    // It says itself where it belongs, and is what was measured in training: on the same text, seen in windows of its own.
    let evaluated = json(&["evaluate", "--sae", &out, "--text", &text]);
    let sae = &evaluated["saes"][0];
    assert_eq!(sae["hook"], HOOK);
    assert_eq!(sae["prepend_bos"], true);
    let measured = sae["fvu"].as_f64().unwrap();
    assert!(
        (measured - fvu(&lines[31])).abs() < 0.1,
        "{measured}, {lines:?}"
    );
    let trace = json(&["trace", "--prompt", "fraction of tokens", "--sae", &out]);
    assert_eq!(trace["saes"][0]["n_latents"], 128);
    // Once more, of one thread: the same bytes.
    let again = place.join("again").display().to_string();
    let mut one = command(&arguments(&first, &again, &more));
    let done = one.env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert!(done.status.success());
    same(&out, &again);
    refused(
        &arguments(&first, &out, &more),
        "output",
        &["is there already", "--resume"],
    );
    let other = [&more[..], &["--resume", "--seed", "5"]].concat();
    refused(
        &arguments(&first, &out, &other),
        "other-training",
        &["seed = 0", "5"],
    );
    let other = [
        "--model",
        "demo",
        "--hook",
        "blocks.0.hook_resid_post",
        "--corpus",
        &text,
    ];
    let more = [&more[..], &["--resume"]].concat();
    refused(
        &arguments(&other, &out, &more),
        "other-training",
        &["hook", HOOK],
    );
}

#[test]
fn a_killed_training_goes_on_as_if_nothing_had_been() {
    let place = folder("train-killed");
    let text = corpus(&place, 4);
    let path = |name: &str| place.join(name).display().to_string();
    let (whole, broken) = (path("whole"), path("broken"));
    let first = [
        "--hook",
        "blocks.0.hook_resid_post",
        "--corpus",
        &text,
        "--context",
        "64",
    ];
    let more = [
        "--tokens",
        "30000",
        "--checkpoint-steps",
        "10",
        "--log-steps",
        "3",
        "--set",
        "ema=0.9",
    ];
    output(&arguments(&first, &whole, &more));
    let events = path("events");
    let more = [&more[..], &["--tensorboard", &events]].concat();
    let mut child = command(&arguments(&first, &broken, &more));
    let mut child = child
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&broken, 30);
    child.kill().unwrap();
    child.wait().unwrap();
    let stopped = fs::read(place.join("broken/state.json")).unwrap();
    let stopped: Value = serde_json::from_slice(&stopped).unwrap();
    assert!(
        stopped["step"].as_u64().unwrap() < 234,
        "it was killed on the way"
    );
    // What was left is an autoencoder.
    json(&["trace", "--prompt", "a king", "--sae", &broken]);
    let resumed = json(&arguments(
        &first,
        &broken,
        &[&more[..], &["--resume"]].concat(),
    ));
    assert_eq!(resumed["resumed_at_step"], stopped["step"]);
    same(&whole, &broken);
    // TensorBoard reads the files in the order of their names.
    let [before, after] = event_files(&events).try_into().unwrap();
    let (before, after) = (records(&before), records(&after));
    assert!(before.len() > 10 && after.len() > 3);
    for events in [&before, &after] {
        assert!(contains(&events[0], b"brain.Event:2"));
    }
    // Every third step has a line, and the run that goes on says where.
    let step = stopped["step"].as_u64().unwrap();
    assert_eq!(step_of(&after[1]), step);
    let told: Vec<u64> = after[2..].iter().map(|event| step_of(event)).collect();
    let lines = log(&broken, &RATES);
    let logged = lines.iter().map(|line| line["step"].as_u64().unwrap());
    assert_eq!(
        told,
        logged.filter(|logged| *logged > step).collect::<Vec<_>>()
    );
    let last = lines.last().unwrap();
    for name in ["fvu", "loss", "l0", "dead", "lr", "tokens"] {
        let value = last[name].as_f64().unwrap() as f32;
        let tag = [
            &[10, name.len() as u8],
            name.as_bytes(),
            &[21],
            &value.to_le_bytes(),
        ]
        .concat();
        assert!(contains(after.last().unwrap(), &tag), "{name}");
    }
}

fn event_files(folder: &str) -> Vec<Vec<u8>> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.iter().map(|name| fs::read(name).unwrap()).collect()
}

/// The contents of a file of TFRecord. The one that was being written at a kill may not be whole.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while bytes.len() >= 12 {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let Some(contents) = bytes.get(12..12 + length) else {
            break;
        };
        records.push(contents.to_vec());
        bytes = bytes.get(16 + length..).unwrap_or_default();
    }
    records
}

/// The step of an event, which stands behind its time.
fn step_of(event: &[u8]) -> u64 {
    assert_eq!((event[0], event[9]), (9, 16));
    let bytes = event[10..].iter().enumerate();
    let mut step = 0;
    for (place, byte) in bytes {
        step |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    step
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// True where there is no GPU, and none is required.
fn has_no_gpu(first: &[&str], out: &str) -> bool {
    let done = run(&arguments(first, out, &["--train-on", "gpu", "--dry-run"]));
    let errors = String::from_utf8_lossy(&done.stderr);
    let is_missing = errors.contains("no GPU adapter");
    let required = std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_some_and(|value| value == "1");
    assert!(!(is_missing && required), "{errors}");
    assert!(is_missing || done.status.success(), "{errors}");
    if !is_missing {
        assert!(
            errors.contains("it trains on the GPU (") && errors.contains("at most"),
            "{errors}"
        );
    }
    is_missing
}

#[test]
fn a_gpu_trains_to_the_same_errors_and_goes_on_to_the_same_bytes() {
    let place = folder("train-gpu");
    let path = |name: &str| place.join(name).display().to_string();
    let (vectors, cpu, gpu, broken) = (path("a.npy"), path("cpu"), path("gpu"), path("broken"));
    fs::write(&vectors, npy(3000, 24)).unwrap();
    let first = ["--activations", &vectors];
    if has_no_gpu(&first, &path("never")) {
        eprintln!("NOT RUN: there is no GPU adapter");
        return;
    }
    let more = [
        "--tokens",
        "8000",
        "--set",
        "dead_tokens=1000",
        "--set",
        "warmup_steps=5",
    ];
    let on_gpu = [&more[..], &["--train-on", "gpu"]].concat();
    let on_the_cpu = json(&arguments(&first, &cpu, &more));
    let on_the_gpu = json(&arguments(&first, &gpu, &on_gpu));
    for name in ["fvu", "l0"] {
        let value = |found: &Value| found["last"][name].as_f64().unwrap();
        let (one, other) = (value(&on_the_cpu), value(&on_the_gpu));
        assert!(
            (one - other).abs() < 0.02 * one,
            "{name}: {one} and {other}"
        );
    }
    let half = [&on_gpu[..], &["--checkpoint-steps", "20"]].concat();
    let mut child = command(&arguments(&first, &broken, &half));
    let mut child = child
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&broken, 20);
    child.kill().unwrap();
    child.wait().unwrap();
    output(&arguments(
        &first,
        &broken,
        &[&half[..], &["--resume"]].concat(),
    ));
    same(&gpu, &broken);
    // Another processor goes on as well, and says that the bytes will not be the same.
    let done = run(&arguments(
        &first,
        &broken,
        &[&more[..], &["--resume"]].concat(),
    ));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() && errors.contains("another kind of processor (GPU "),
        "{errors}"
    );
    let other = [&on_gpu[..], &["--set", "activation=batch_topk"]].concat();
    let says = ["activation = batch_topk", "on the CPU"];
    refused(
        &arguments(&first, &path("refused"), &other),
        "bad-option",
        &says,
    );
    assert!(!Path::new(&path("refused")).exists());
}

#[cfg(unix)]
#[test]
fn control_c_leaves_a_checkpoint_and_says_where() {
    let place = folder("train-stopped");
    let path = |name: &str| place.join(name).display().to_string();
    let (vectors, whole, broken) = (path("a.npy"), path("whole"), path("broken"));
    fs::write(&vectors, npy(3000, 96)).unwrap();
    let first = ["--activations", &vectors];
    let more = ["--tokens", "200000", "--set", "dead_tokens=1000"];
    output(&arguments(&first, &whole, &more));
    let with_checkpoints = [&more[..], &["--checkpoint-steps", "50"]].concat();
    interrupted(
        command(&arguments(&first, &broken, &with_checkpoints)),
        &broken,
        50,
    );
    output(&arguments(
        &first,
        &broken,
        &[&more[..], &["--resume"]].concat(),
    ));
    same(&whole, &broken);
}

#[test]
fn activations_come_out_of_files_of_both_kinds() {
    let place = folder("train-files");
    let path = |name: &str| place.join(name).display().to_string();
    let bytes = npy(700, 24);
    fs::create_dir(place.join("both")).unwrap();
    fs::write(place.join("both/a.npy"), &bytes).unwrap();
    let data = &bytes[bytes.len() - 700 * 24 * 4..];
    let view = |data| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![700, 24], data).unwrap()
    };
    let whole = safetensors::serialize([("x", view(data))], None).unwrap();
    fs::write(place.join("b.safetensors"), &whole).unwrap();
    fs::write(place.join("both/b.safetensors"), &whole).unwrap();
    let more = ["--tokens", "6000"];
    let train = |given: &str, out: &str| json(&arguments(&["--activations", given], out, &more));
    let (one, other, both) = (path("one"), path("other"), path("two"));
    let found = train(&path("both/a.npy"), &one);
    assert_eq!(found["complete"], true);
    train(&path("b.safetensors"), &other);
    let weights = |out: &str| fs::read(Path::new(out).join("sae_weights.safetensors")).unwrap();
    assert!(
        weights(&one) == weights(&other),
        "the same numbers train the same"
    );
    train(&path("both"), &both);
    assert!(weights(&one) != weights(&both));
    fs::write(
        place.join("two-tensors.safetensors"),
        safetensors::serialize([("x", view(data)), ("y", view(data))], None).unwrap(),
    )
    .unwrap();
    fs::write(place.join("both/c.npy"), npy(10, 25)).unwrap();
    let mut nan = bytes.clone();
    let at = nan.len() - 40;
    nan[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(place.join("nan.npy"), nan).unwrap();
    let mut constant = bytes.clone();
    let start = constant.len() - data.len();
    constant[start..]
        .chunks_exact_mut(4)
        .for_each(|value| value.copy_from_slice(&3.5_f32.to_le_bytes()));
    fs::write(place.join("constant.npy"), constant).unwrap();
    fs::write(place.join("empty.npy"), b"").unwrap();
    for (file, code, says) in [
        ("both", "bad-file", &["c.npy", "25 dimensions", "24"][..]),
        ("two-tensors.safetensors", "bad-file", &["--tensor", "x, y"]),
        ("nan.npy", "non-finite-weights", &["nan.npy", "NaN"]),
        ("constant.npy", "bad-file", &["all the same"]),
        ("empty.npy", "bad-file", &["not a NumPy array"]),
        ("none.npy", "missing-file", &["none.npy"]),
    ] {
        let (given, out) = (path(file), path("never"));
        refused(
            &arguments(&["--activations", &given], &out, &more),
            code,
            says,
        );
        assert!(!Path::new(&out).exists(), "{file}: nothing is written");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_read() {
    let place = folder("train-refused");
    let text = corpus(&place, 4);
    let out = place.join("never").display().to_string();
    let config = place.join("settings.json");
    fs::write(&config, r#"{"latents": 64, "aux_fractions": 0.5}"#).unwrap();
    let config = config.display().to_string();
    let nowhere = ["--activations", "/no/such/file.npy"];
    for (more, says) in [
        (
            &["--latents", "4", "--k", "5"][..],
            &["k = 5", "at most the number of latents, 4"][..],
        ),
        (
            &["--set", "aux_fraction=2"],
            &["aux_fraction = 2", "at most 1"],
        ),
        (
            &["--set", "aux_fractions=2"],
            &["aux_fractions", "unknown field"],
        ),
        (&["--set", "activation=gelu"], &["activation", "relu"]),
        (&["--tokens", "5"], &["tokens = 5", "at least one batch"]),
        (&["--lr", "0"], &["lr = 0"]),
        (&["--config", &config], &["settings.json", "aux_fractions"]),
    ] {
        let arguments = [&["train", "--out", &out], &nowhere[..], more].concat();
        refused(&arguments, "bad-option", says);
    }
    let hook = ["--hook", HOOK, "--corpus", &text];
    refused(
        &[&["train", "--out", &out], &hook[..], &["--batch", "9999"]].concat(),
        "bad-file",
        &["fewer than one batch of 9999", "--batch"],
    );
    refused(
        &[&["train", "--out", &out], &hook[..], &["--context", "300"]].concat(),
        "bad-option",
        &["300", "256"],
    );
    let resume = arguments(&hook, &out, &["--resume"]);
    refused(
        &resume,
        "missing-file",
        &["no training that could be resumed"],
    );
    let other = ["--hook", "blocks.9.hook_resid_post", "--corpus", &text];
    assert!(!run(&arguments(&other, &out, &[])).status.success());
    // A look at what it would take leaves nothing behind.
    let looked = run(&arguments(&hook, &out, &["--dry-run"]));
    let said = String::from_utf8(looked.stderr).unwrap();
    assert!(looked.status.success(), "{said}");
    for words in ["memory", "‖μ‖/‖σ‖", "tokens/s", "nothing was written"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!Path::new(&out).exists());
    let entries = fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        entries
            .into_iter()
            .all(|name| !name.to_string_lossy().starts_with('.'))
    );
}

/// Every line of the tutorial that begins with the program's name is run, in order, beside a text.
#[test]
fn the_documentations_examples_run() {
    let place = folder("train-docs");
    corpus(&place, 4);
    fs::write(place.join("vectors.npy"), npy(3000, 32)).unwrap();
    let text = fs::read_to_string(root().join("docs/train.md")).unwrap();
    let settings = text.split("```json\n").nth(1).unwrap().split("```").next();
    fs::write(place.join("settings.json"), settings.unwrap()).unwrap();
    let mut commands = 0;
    for line in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sae-explorer "))
    {
        let arguments = words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let vectors = place.join("vectors.npy").display().to_string();
        if line.contains("--train-on gpu") && has_no_gpu(&["--activations", &vectors], "never") {
            eprintln!("NOT RUN, there is no GPU adapter: {line}");
            continue;
        }
        let done = command(&arguments).current_dir(&place).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{line}: {message}");
        assert_eq!(without_notes(&message), "", "{line}");
        commands += 1;
    }
    assert!(commands >= 7, "{commands}");
}
