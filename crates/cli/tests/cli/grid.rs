//! `sae-explorer sweep --latents`: a grid of trainings from one pass of the model, its law and its picture.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{folder, json, output, refused, root, words};

const HOOK: &str = "blocks.1.hook_resid_post";

/// A text of some 4,000 tokens.
fn corpus(folder: &Path) -> String {
    let text = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let file = folder.join("corpus.txt");
    fs::write(&file, text.chars().take(15_000).collect::<String>()).unwrap();
    file.display().to_string()
}

#[test]
fn a_grid_is_what_single_trainings_would_be_and_has_a_law() {
    let place = folder("grid");
    let (text, out) = (corpus(&place), place.join("sweep").display().to_string());
    let data = [
        "--hook",
        HOOK,
        "--corpus",
        &text,
        "--batch",
        "128",
        "--tokens",
        "3840",
        "--seed",
        "3",
        "--set",
        "block_batches=4",
    ];
    let grid = [
        "sweep",
        "--latents",
        "128,32,64",
        "--k",
        "4,8,2",
        "--out",
        &out,
        "--json",
    ];
    let found: Value = serde_json::from_str(&output(&[&grid[..], &data].concat())).unwrap();
    let points = found["points"].as_array().unwrap();
    assert_eq!(points.len(), 9);
    assert_eq!(
        (&points[0]["folder"], &points[8]["folder"]),
        (&"n32-k2".into(), &"n128-k8".into())
    );
    // The same bytes as a training by itself.
    let alone = place.join("alone").display().to_string();
    let single = ["train", "--latents", "64", "--k", "4", "--out", &alone];
    output(&[&single[..], &data].concat());
    let read = |folder: &str, name: &str| fs::read(Path::new(folder).join(name)).unwrap();
    for name in [
        "sae_weights.safetensors",
        "cfg.json",
        "state.json",
        "state.safetensors",
    ] {
        assert!(
            read(&alone, name) == read(&format!("{out}/n64-k4"), name),
            "{name}"
        );
    }
    // The loss is the mean of the last three of thirty steps.
    let log = String::from_utf8(read(&alone, "log.jsonl")).unwrap();
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let middle = points
        .iter()
        .find(|point| point["folder"] == "n64-k4")
        .unwrap();
    let loss = |point: &Value| point["loss"].as_f64().unwrap();
    assert!(
        (loss(middle) / last["fvu"].as_f64().unwrap() - 1.0).abs() < 0.3,
        "{middle} {last}"
    );
    // More active latents lose less, and the law has the losses but for its residuals.
    for row in points.chunks(3) {
        assert!(
            loss(&row[0]) > loss(&row[1]) && loss(&row[1]) > loss(&row[2]),
            "{row:?}"
        );
    }
    for point in points {
        let law = point["law"].as_f64().unwrap();
        let residual = point["residual"].as_f64().unwrap();
        assert!(
            (loss(point).ln() - law.ln() - residual).abs() < 1e-9 && residual.abs() < 0.2,
            "{point}"
        );
    }
    assert!(found["law"]["rms"].as_f64().unwrap() < 0.1, "{found}");
    assert_eq!(found["paperGpt4"]["alpha"], -0.5);
    let written: Value = serde_json::from_slice(&read(&out, "sweep.json")).unwrap();
    assert_eq!(
        (&written["points"], &written["law"]),
        (&found["points"], &found["law"])
    );
    let picture = String::from_utf8(read(&out, "sweep.svg")).unwrap();
    // A point for each training and one for each k in the legend.
    assert_eq!(picture.matches("<circle").count(), 9 + 3);
    assert_eq!(picture.matches("<polyline").count(), 3);
    assert!(!picture.contains("NaN") && picture.ends_with("</svg>\n"));
    let evaluated = json(&[
        "evaluate",
        "--sae",
        &format!("{out}/n64-k4"),
        "--text",
        &text,
    ]);
    assert!(evaluated["saes"][0]["fvu"].as_f64().unwrap() < 1.0);
    let again = [&grid[..], &data].concat();
    refused(&again, "output", &["is there already"]);
}

#[test]
fn few_trainings_have_no_law_and_say_why() {
    let place = folder("grid-few");
    let (text, out) = (corpus(&place), place.join("sweep").display().to_string());
    let few = output(&[
        "sweep",
        "--latents",
        "32,64",
        "--k",
        "4",
        "--hook",
        HOOK,
        "--corpus",
        &text,
        "--batch",
        "128",
        "--tokens",
        "512",
        "--out",
        &out,
    ]);
    assert!(
        few.contains("no law: the law has 6 coefficients, and 2 points"),
        "{few}"
    );
    let picture = fs::read_to_string(Path::new(&out).join("sweep.svg")).unwrap();
    assert_eq!(
        (
            picture.matches("<polyline").count(),
            picture.contains("no law")
        ),
        (0, true)
    );
    // Either a grid or one feature's value.
    let both = words("sweep --latents 32 --k 4 --hook h --corpus c --out o --values 1");
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    let done = crate::common::run(&both);
    let message = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        !done.status.success() && message.contains("--latents"),
        "{message}"
    );
    refused(
        &[
            "sweep",
            "--latents",
            "32",
            "--k",
            "64",
            "--hook",
            HOOK,
            "--corpus",
            &text,
            "--out",
            &out,
        ],
        "output",
        &["is there already"],
    );
    let other = place.join("other").display().to_string();
    refused(
        &[
            "sweep",
            "--latents",
            "32",
            "--k",
            "64",
            "--hook",
            HOOK,
            "--corpus",
            &text,
            "--out",
            &other,
        ],
        "bad-option",
        &["k is from 1 to 32"],
    );
    assert!(!Path::new(&other).exists());
}
