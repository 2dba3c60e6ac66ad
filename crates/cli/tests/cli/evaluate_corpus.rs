//! `sae-explorer evaluate --corpus`: its numbers beside NumPy's (`tests/reference/demo_evaluation.py`), its files, what it refuses, and the
//! examples of `docs/evaluate.md`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{
    command, fixture_json, folder, json, path, refused, root, run, without_notes, words,
};
use crate::trainings;

/// The fixture's texts as a corpus.
fn corpus(folder: &Path, fixture: &Value) -> String {
    let file = folder.join("corpus.jsonl");
    let records = fixture["records"].as_array().unwrap().iter();
    let lines: Vec<String> = records.map(Value::to_string).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    file.display().to_string()
}

fn number(value: &Value, name: &str) -> f64 {
    value[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name}: {value}"))
}

/// Compares numbers that have the same names in both, but for the case.
fn compare(found: &Value, expected: &Value, names: &[(&str, &str)], tolerance: f64) {
    for (name, reference) in names {
        let (found, expected) = (number(found, name), number(expected, reference));
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(0.02),
            "{name}: {found}, {expected}"
        );
    }
}

const METRICS: [(&str, &str); 7] = [
    ("fvu", "fvu"),
    ("relativeError", "relative_error"),
    ("l0", "l0"),
    ("kl", "kl"),
    ("splicedLoss", "spliced_loss"),
    ("deltaCe", "delta_ce"),
    ("positions", "positions"),
];

#[test]
fn every_number_is_that_of_the_reference() {
    let fixture = fixture_json("demo-evaluation");
    let place = folder("evaluate-corpus");
    let text = corpus(&place, &fixture);
    let context = fixture["context"].to_string();
    let pt = format!(
        "{}@blocks.3.hook_resid_post",
        path("tests/fixtures/openai/layer_3.pt")
    );
    let relu = path("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
    let (ablations, seed) = (
        fixture["ablations"].to_string(),
        fixture["seed"].to_string(),
    );
    let file = place.join("result.json").display().to_string();
    let found = json(&[
        "evaluate",
        "--sae",
        &pt,
        "--sae",
        &relu,
        "--corpus",
        &text,
        "--context",
        &context,
        "--all",
        "--ablations",
        &ablations,
        "--seed",
        &seed,
        "--bos",
        "yes",
        "--out",
        &file,
    ]);
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, found);
    assert_eq!(
        (&found["stopped"], &found["corpus"]["windows"]),
        (&false.into(), &fixture["windows"])
    );
    assert_eq!(
        found["corpus"]["sources"],
        serde_json::json!(["mixed", "story"])
    );
    let names = ["openai.layer_3", "saelens.blocks.3.relu"];
    for (sae, name) in found["saes"].as_array().unwrap().iter().zip(names) {
        let expected = &fixture["saes"][name];
        compare(sae, expected, &METRICS, 2e-3);
        let more = [
            ("loss", "loss"),
            ("zeroLoss", "zero_loss"),
            ("ceRecovered", "ce_recovered"),
            ("dead", "dead"),
        ];
        compare(sae, expected, &more, 1e-3);
        let counts = sae["density"]["counts"].as_array().unwrap();
        let edges = sae["density"]["edges"].as_array().unwrap();
        let rare = counts
            .iter()
            .zip(edges.iter().skip(1))
            .filter(|(_, upper)| upper.as_f64().unwrap() <= -1.75);
        let rare: u64 = rare.map(|(count, _)| count.as_u64().unwrap()).sum();
        assert_eq!(rare, expected["rare"].as_u64().unwrap());
        let alive: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(
            alive + number(sae, "dead") as u64,
            number(sae, "nLatents") as u64
        );
        let recovery = &sae["recovery"];
        let names = [("before", "before"), ("after", "after")];
        compare(
            &recovery["refinement"],
            &expected["refinement"],
            &names,
            1e-3,
        );
        let tasks = sae["probes"]["tasks"].as_array().unwrap();
        let story = tasks
            .iter()
            .find(|task| task["name"] == "source story")
            .unwrap();
        assert_eq!(
            (&story["samples"], &story["latent"]),
            (&expected["probe"]["samples"], &expected["probe"]["latent"])
        );
        compare(story, &expected["probe"], &[("loss", "loss")], 1e-3);
        for task in tasks {
            let loss = number(task, "loss");
            assert!((0.0..0.694).contains(&loss), "{task}");
            let sparse = task["sparse"].as_array().unwrap();
            let within = |name: &str| {
                sparse
                    .iter()
                    .all(|probe| (0.0..=1.0).contains(&number(probe, name)))
            };
            assert!(within("accuracy") && within("f1"), "{task}");
        }
        let ablation = &sae["ablation"];
        assert_eq!(ablation["ablations"], expected["ablation"]["count"]);
        compare(
            ablation,
            &expected["ablation"],
            &[("mean", "mean"), ("standardError", "standard_error")],
            1e-2,
        );
    }
    // With other latents: k/2 and 2k, and one threshold.
    let (sae, expected) = (&found["saes"][0], &fixture["saes"][names[0]]);
    let progressive = sae["recovery"]["progressive"].as_array().unwrap();
    let ks: Vec<u64> = progressive
        .iter()
        .map(|point| point["k"].as_u64().unwrap())
        .collect();
    assert_eq!(ks, [4, 8, 16, 32, 64]);
    compare(&progressive[1], &expected["k8"], &METRICS, 2e-3);
    assert_eq!(progressive[2]["fvu"], sae["fvu"]);
    compare(&progressive[3], &expected["k32"], &METRICS, 2e-3);
    let jump = &sae["recovery"]["jumpRelu"];
    compare(jump, expected, &[("threshold", "threshold")], 1e-4);
    compare(jump, &expected["jump_relu"], &METRICS, 2e-3);
    assert_eq!(found["saes"][1]["recovery"]["jumpRelu"], Value::Null);
}

#[test]
fn what_is_computed_beside_the_engine_fits_it_in_every_layout() {
    let place = folder("evaluate-layouts");
    let formats = root().join("tests/fixtures/formats");
    for part in ["gpt2/bare-f32", "tokenizer"] {
        for entry in fs::read_dir(formats.join(part)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.join(entry.file_name())).unwrap();
        }
    }
    let text = place.join("text.txt");
    fs::write(
        &text,
        "A word of the field, and its definition: feature. ".repeat(3),
    )
    .unwrap();
    let index: Value =
        serde_json::from_slice(&fs::read(formats.join("index.json")).unwrap()).unwrap();
    let saes = index["saes"].as_array().unwrap();
    let given: Vec<String> = saes
        .iter()
        .map(|sae| {
            let word = |name: &str| sae[name].as_str().unwrap();
            let file = match word("layout") {
                "saelens" => "",
                _ => "/sae.pt",
            };
            let folder = formats.join("sae").join(word("name"));
            format!("{}{file}@{}", folder.display(), word("hook"))
        })
        .collect();
    let (model, text) = (place.display().to_string(), text.display().to_string());
    let mut arguments = vec![
        "evaluate",
        "--model",
        &model,
        "--corpus",
        &text,
        "--recovery",
    ];
    for sae in &given {
        arguments.extend(["--sae", sae]);
    }
    let found = json(&arguments);
    let found = found["saes"].as_array().unwrap();
    assert_eq!(found.len(), saes.len());
    for (found, sae) in found.iter().zip(saes) {
        let refinement = &found["recovery"]["refinement"];
        compare(refinement, found, &[("before", "fvu")], 1e-5);
        assert!(
            number(refinement, "after") <= number(refinement, "before"),
            "{sae}"
        );
        // The threshold keeps as many latents as TopK does.
        if let Some(jump) = found["recovery"]["jumpRelu"].as_object() {
            assert_eq!(jump["l0"], found["l0"], "{sae}");
        } else {
            assert!(
                !found["recovery"]["notes"].as_array().unwrap().is_empty(),
                "{sae}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_there() {
    let place = folder("evaluate-stopped");
    let text = trainings::corpus(&place, 4);
    let pt = format!(
        "{}@blocks.3.hook_resid_post",
        path("tests/fixtures/openai/layer_3.pt")
    );
    let out = place.join("stopped.json").display().to_string();
    let arguments = [
        "evaluate",
        "--sae",
        &pt,
        "--sae",
        &pt,
        "--corpus",
        &text,
        "--context",
        "32",
        "--all",
        "--json",
        "--out",
        &out,
    ];
    let mut running = command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The notice about the file is said where the autoencoder is loaded.
    let mut errors = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with("note"), "{line}");
    let id = running.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let done = running.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(found["stopped"], true);
    let written: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(written, found);
    let saes = found["saes"].as_array().unwrap();
    assert_eq!(saes.len(), 1, "{found}");
    assert!(number(&saes[0], "positions") < number(&found["corpus"], "tokens"));
    assert_eq!(
        (&saes[0]["recovery"], &saes[0]["probes"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_run() {
    let place = folder("evaluate-refused");
    let text = trainings::corpus(&place, 4);
    let with = |more: &[&str], code: &str, words: &[&str]| {
        refused(
            &[&["evaluate", "--sae", "demo", "--corpus", &text], more].concat(),
            code,
            words,
        );
    };
    with(
        &["--out", &text],
        "bad-option",
        &["corpus.txt", ".json or .md"],
    );
    let there = place.join("there.md");
    fs::write(&there, "mine").unwrap();
    with(
        &["--out", &there.display().to_string()],
        "output",
        &["there.md is there already"],
    );
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    with(
        &["--context", "4"],
        "bad-option",
        &["context of 4 tokens", "9"],
    );
    with(&["--tokens", "3"], "bad-file", &["no document of 8 tokens"]);
    let missing = place.join("missing.txt").display().to_string();
    refused(
        &["evaluate", "--sae", "demo", "--corpus", &missing],
        "bad-file",
        &["missing.txt"],
    );
}

#[test]
fn one_that_fails_does_not_take_the_others_with_it() {
    let place = folder("evaluate-failed");
    let text = trainings::corpus(&place, 4);
    let file = path("tests/fixtures/openai/layer_3.pt");
    let (bad, good) = (
        format!("{file}@blocks.99.hook_resid_post"),
        format!("{file}@blocks.3.hook_resid_post"),
    );
    let arguments = [
        "evaluate",
        "--sae",
        &bad,
        "--sae",
        &good,
        "--corpus",
        &text,
        "--tokens",
        "200",
        "--document-tokens",
        "50",
        "--json",
    ];
    let done = run(&arguments);
    let message = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        message.contains("error (hook-mismatch)") && message.contains("blocks.99"),
        "{message}"
    );
    assert_eq!(done.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&done.stdout).unwrap();
    let saes = found["saes"].as_array().unwrap();
    let (documents, tokens) = (&found["corpus"]["documents"], &found["corpus"]["tokens"]);
    assert_eq!((documents, tokens), (&4.into(), &200.into()));
    assert_eq!(
        (saes.len(), &saes[0]["hook"]),
        (1, &"blocks.3.hook_resid_post".into())
    );
    // A name that is wrong is noticed before anything is run.
    let missing = place.join("missing.pt").display().to_string();
    refused(
        &[
            "evaluate", "--sae", &good, "--sae", &missing, "--corpus", &text,
        ],
        "missing-file",
        &["missing.pt"],
    );
}

#[test]
fn the_examples_of_the_documentation_run() {
    let place = folder("evaluate-docs");
    trainings::corpus(&place, 4);
    let text = fs::read_to_string(root().join("docs/evaluate.md")).unwrap();
    let mut commands = 0;
    for line in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sae-explorer "))
    {
        let arguments = words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done = command(&arguments).current_dir(&place).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{line}: {message}");
        assert_eq!(without_notes(&message), "", "{line}");
        commands += 1;
    }
    assert!(commands >= 2, "{commands}");
    let written = fs::read_to_string(place.join("evaluation.md")).unwrap();
    let titles = [
        "## Reconstruction",
        "## Density",
        "## Other latents than in training",
        "## Refinement",
        "## Probe loss",
        "## Sparse probing",
        "## Ablation sparsity",
    ];
    assert!(
        titles.iter().all(|title| written.contains(title)),
        "{written}"
    );
    // Every row of a table has as many cells as its head.
    for table in written.split("\n\n").filter(|part| part.starts_with('|')) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let head = table.lines().next().map(cells);
        assert!(
            table.lines().all(|line| Some(cells(line)) == head),
            "{table}"
        );
    }
    // The tasks are those of the program.
    for task in evaluation::tasks::TASKS {
        let row = format!("| {} | {} |", task.name, task.definition);
        assert!(text.contains(&row), "{row}");
    }
}
