//! `generate --edit`, `effects`, `sweep` and `feature`, and the examples of `docs/edits.md`.

use serde_json::Value;

use crate::common::{fixture_json, json, output, root, run, words};

fn near(found: &Value, expected: f64, bound: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found}, not {expected}"
    );
}

const TEXT: &str = "Once upon a time there was a king";

#[test]
fn a_steered_continuation_is_the_references() {
    let reference = fixture_json("demo-steering");
    // The prompt is given by its text; its tokens are the reference's.
    let fairy = fixture_json("fairy");
    let text = fairy["text"].as_str().unwrap();
    let neurons = reference["neurons"].as_object().unwrap();
    for one in reference["continuations"].as_array().unwrap() {
        let mut edits = one["edits"].as_str().unwrap().to_owned();
        for (id, hook) in neurons {
            edits = edits.replace(&format!("{id}:"), &format!("{}:", hook.as_str().unwrap()));
        }
        let start = prompt_of(&reference["ids"], text);
        let mut arguments = vec![
            "generate",
            "--prompt",
            &start,
            "--sae",
            "demo",
            "--max-tokens",
            "24",
        ];
        for hook in neurons.values() {
            arguments.extend(["--neurons", hook.as_str().unwrap()]);
        }
        for edit in edits.split("; ").filter(|edit| !edit.is_empty()) {
            arguments.extend(["--edit", edit]);
        }
        let found = json(&arguments);
        assert_eq!(found["ids"], one["ids"], "{edits}");
        let listed = found["edits"].as_array().map_or(0, Vec::len);
        assert_eq!(
            listed,
            edits.split("; ").filter(|edit| !edit.is_empty()).count()
        );
    }
}

/// The beginning of a text that has these tokens.
fn prompt_of(ids: &Value, text: &str) -> String {
    let tokens = json(&["trace", "--prompt", text])["tokens"].clone();
    let count = ids.as_array().unwrap().len();
    let texts = tokens.as_array().unwrap()[1..count].iter();
    texts.map(|token| token["text"].as_str().unwrap()).collect()
}

#[test]
fn the_stream_of_another_prompt_is_carried_in() {
    let (prompt, source) = (
        "Once upon a time there was a king",
        "Once upon a time there was a dog",
    );
    let found = json(&["patch", "--prompt", prompt, "--source", source]);
    let of = |name: &str| found[name].as_f64().unwrap();
    let last = found["logit_differences"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    let last = last.as_array().unwrap().last().unwrap();
    near(last, of("source"), 1e-3, "the last stream is the answer");
    let first = &found["logit_differences"][0][0];
    assert_eq!(
        first.as_f64(),
        Some(of("clean")),
        "nothing differs before the first difference"
    );
    assert_eq!(found["hooks"][0], "blocks.0.hook_resid_pre");
    let text = output(&["patch", "--prompt", prompt, "--source", source]);
    assert!(text.contains("king ← ") && text.contains("dog"), "{text}");
}

#[test]
fn effects_are_ranked_by_what_is_asked_for() {
    let tokens = json(&["trace", "--prompt", TEXT]);
    let next = tokens["next"].as_array().unwrap();
    let (target, distractor) = (
        next[0]["text"].as_str().unwrap(),
        next[1]["text"].as_str().unwrap(),
    );
    let of = |more: &[&str]| {
        let mut arguments = vec![
            "effects",
            "--prompt",
            TEXT,
            "--sae",
            "demo",
            "--set",
            "openai.layer_3",
        ];
        arguments.extend(more);
        json(&arguments)
    };
    let found = of(&["--target", target, "--distractor", distractor]);
    let gap = next[0]["logit"].as_f64().unwrap() - next[1]["logit"].as_f64().unwrap();
    near(
        &found["logit_difference"],
        gap,
        1e-4,
        "the clean difference",
    );
    let effects = found["effects"].as_array().unwrap();
    assert!(effects.len() > 50);
    let size = |effect: &Value, name: &str| effect[name].as_f64().unwrap().abs();
    assert!(
        effects.is_sorted_by(|a, b| size(a, "logit_difference") >= size(b, "logit_difference"))
    );
    assert!(effects[0]["up"].as_array().unwrap().len() == 5);
    for (rank, name) in [("kl", "kl"), ("loss", "loss")] {
        let found = of(&["--rank", rank, "--positions", "2,4..6"]);
        let effects = found["effects"].as_array().unwrap();
        assert!(
            effects.is_sorted_by(|a, b| size(a, name) >= size(b, name)),
            "{rank}"
        );
        assert!(
            effects
                .iter()
                .all(|effect| { [2, 4, 5].contains(&effect["position"].as_u64().unwrap()) })
        );
        // One edit with this effect, by another command.
        let latent = effects[0]["latent"].to_string();
        let swept = json(&[
            "sweep",
            "--prompt",
            TEXT,
            "--sae",
            "demo",
            "--edit-target",
            &format!("openai.layer_3:{latent}"),
            "--values",
            "0",
            "--positions",
            "2,4..6",
        ]);
        near(
            &swept["points"][0]["kl"],
            effects[0]["kl"].as_f64().unwrap(),
            1e-7,
            rank,
        );
    }
    let printed = output(&[
        "effects",
        "--prompt",
        TEXT,
        "--sae",
        "demo",
        "--set",
        "openai.layer_3",
    ]);
    assert!(
        printed.contains("features of openai.layer_3 are active"),
        "{printed}"
    );
}

#[test]
fn a_sweep_follows_losses_and_tracked_tokens() {
    let clean = json(&["trace", "--prompt", TEXT, "--sae", "demo"]);
    let next = clean["next"].as_array().unwrap();
    let tracked = next[0]["text"].as_str().unwrap();
    let found = json(&[
        "sweep",
        "--prompt",
        TEXT,
        "--sae",
        "demo",
        "--edit-target",
        "blocks.3.hook_resid_post:77",
        "--operation",
        "add",
        "--values",
        "0,-4,8.5,8.5",
        "--track",
        tracked,
        "--track",
        " the",
    ]);
    near(
        &found["clean"]["loss"],
        clean["loss"].as_f64().unwrap(),
        1e-6,
        "clean loss",
    );
    near(
        &found["clean"]["tracked"][0]["prob"],
        next[0]["prob"].as_f64().unwrap(),
        1e-6,
        "clean",
    );
    let points = found["points"].as_array().unwrap();
    let values: Vec<f64> = points
        .iter()
        .map(|point| point["value"].as_f64().unwrap())
        .collect();
    assert_eq!(values, [0.0, -4.0, 8.5, 8.5]);
    near(&points[0]["kl"], 0.0, 1e-12, "adding nothing");
    assert_eq!(points[0]["loss"], found["clean"]["loss"]);
    assert!(points[2]["kl"].as_f64().unwrap() > 1e-4);
    assert_eq!(points[2]["tracked"], points[3]["tracked"]);
    assert_eq!(points[2]["tracked"][1]["text"], " the");
    assert_ne!(
        points[2]["tracked"][0]["prob"],
        points[0]["tracked"][0]["prob"]
    );
}

#[test]
fn a_feature_is_described() {
    let found = json(&[
        "feature",
        "--sae",
        "demo",
        "--set",
        "openai.layer_3",
        "--latent",
        "903",
    ]);
    assert_eq!(
        (&found["latent"], &found["hook"]),
        (&903.into(), &"blocks.3.hook_resid_post".into())
    );
    assert_eq!(found["nearest"].as_array().unwrap().len(), 10);
    let top = found["logit_effect"]["top"].as_array().unwrap();
    assert!(top.is_sorted_by(|a, b| a["value"].as_f64() >= b["value"].as_f64()) && top.len() == 10);
    let neuron = json(&[
        "feature",
        "--neurons",
        "blocks.2.mlp.hook_post",
        "--latent",
        "3",
    ]);
    near(
        &neuron["decoder_norm"],
        1.0,
        0.0,
        "a neuron's direction is its dimension",
    );
    let printed = output(&[
        "feature",
        "--sae",
        "demo",
        "--set",
        "openai.layer_3",
        "--latent",
        "903",
    ]);
    assert!(
        printed.starts_with("openai.layer_3:903 at blocks.3.hook_resid_post\n"),
        "{printed}"
    );
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    for (line, says) in [
        (
            "generate --prompt a --sae demo --edit openai.layer_3:1=z",
            "character 18: found 'z', expected a number",
        ),
        (
            "generate --prompt a --sae demo --edit openai.layer_3:1=nan",
            "would make every activation",
        ),
        (
            "generate --prompt a --sae demo --edit 'openai.layer_3:1=0?openai.layer_5:1>0'",
            "or one before it",
        ),
        (
            "generate --prompt a --edit openai.layer_3:1=0",
            "unknown-sae",
        ),
        (
            "generate --prompt a --repetition-penalty 0",
            "repetition_penalty is 0",
        ),
        (
            "effects --prompt a --sae demo",
            "name the feature set with --set: several are loaded, openai.layer_1",
        ),
        ("effects --prompt a", "none is loaded; give one with --sae"),
        (
            "effects --prompt a --sae demo --set openai.layer_3 --target ' the'",
            "--distractor",
        ),
        (
            "effects --prompt a --sae demo --set openai.layer_3 --target ' the king' --distractor ' the'",
            "is not one token of this model",
        ),
        (
            "sweep --prompt a --sae demo --edit-target openai.layer_3 --values 0",
            "expected ':'",
        ),
        (
            "sweep --prompt a --sae demo --edit-target openai.layer_3:1 --values 2e6",
            "at most 1000000",
        ),
        (
            "feature --sae demo --set openai.layer_3 --latent 4096",
            "4096",
        ),
    ] {
        let refused = run_line(line);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && message.contains(says),
            "{line}: {message}"
        );
    }
}

/// Every line of the documentation that begins with the program's name is run, and its example edits are read.
#[test]
fn the_documentations_examples_run() {
    let text = std::fs::read_to_string(root().join("docs/edits.md")).unwrap();
    let mut commands = 0;
    for line in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sae-explorer "))
    {
        let done = run_line(line);
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{line}: {message}");
        commands += 1;
    }
    assert!(commands >= 4, "{commands}");
    let edits = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut read = 0;
    for (edit, _) in edits.filter(|(edit, _)| edit.contains('=')) {
        edit.parse::<explorer::Edits>()
            .unwrap_or_else(|error| panic!("{error}"));
        read += 1;
    }
    assert!(read >= 8, "{read}");
}

/// Runs the program with a line's arguments.
fn run_line(line: &str) -> std::process::Output {
    let arguments = words(line);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments)
}
