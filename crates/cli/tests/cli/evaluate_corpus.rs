//! `sae-explorer evaluate --corpus`: its numbers beside NumPy's (`tests/reference/demo_evaluation.py`), its files, what it refuses, and the
//! examples of `docs/evaluate.md`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{fixture_json, folder, json, output, path, refused, root, run, words};

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
    let fixture = fixture_json("demo-evaluation.json");
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
