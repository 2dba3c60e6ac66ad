//! Trainings against PyTorch's (`tests/reference/train_sae.py`), step by step.

use std::path::PathBuf;

use formats::sae::Gate;
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::Value;
use train::{Config, Measured, Origin, Parameters, Trainer};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/train")
}

/// The largest difference that f32 and f64 may have. A step of the reference moves a weight by up to 2e-3.
const WEIGHT: f32 = 2e-5;

fn parameters(file: &TensorFile, group: &str) -> Parameters {
    let read = |name: &str| block_on(file.read(&format!("{group}.{name}"))).unwrap();
    let thresholds = format!("{group}.thresholds");
    let has_thresholds = file.contains(&thresholds);
    Parameters {
        w_enc: read("w_enc"),
        w_dec: read("w_dec"),
        b_enc: read("b_enc"),
        b_dec: read("b_dec"),
        thresholds: match has_thresholds {
            true => read("thresholds"),
            false => Vec::new(),
        },
    }
}

fn near(what: &str, found: f64, expected: f64, relative: f64) {
    assert!(
        (found - expected).abs() <= relative * expected.abs().max(1e-6),
        "{what}: {found}, not {expected}"
    );
}

fn same(what: &str, found: &Parameters, expected: &Parameters, moved: &Parameters) {
    let parts = [
        ("w_enc", &found.w_enc, &expected.w_enc, &moved.w_enc),
        ("w_dec", &found.w_dec, &expected.w_dec, &moved.w_dec),
        ("b_enc", &found.b_enc, &expected.b_enc, &moved.b_enc),
        ("b_dec", &found.b_dec, &expected.b_dec, &moved.b_dec),
        (
            "thresholds",
            &found.thresholds,
            &expected.thresholds,
            &moved.thresholds,
        ),
    ];
    for (name, found, expected, start) in parts {
        assert_eq!(found.len(), expected.len());
        let mut largest = 0.0_f32;
        for (place, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!(
                (a - b).abs() <= WEIGHT,
                "{what}: {name}[{place}] is {a}, not {b}"
            );
            largest = largest.max((b - start[place]).abs());
        }
        let is_still = largest <= 100.0 * WEIGHT && !expected.is_empty();
        assert!(!is_still, "{what}: {name} has hardly moved");
    }
}

fn check(name: &str, case: &Value) {
    let path = folder().join(format!("{name}.safetensors"));
    let file = TensorFile::from_safetensors(name, std::fs::read(path).unwrap()).unwrap();
    let config: Config = serde_json::from_value(case["config"].clone()).unwrap();
    let start = parameters(&file, "start");
    let variance = case["variance"].as_f64().unwrap();
    let mut trainer =
        Trainer::from_parameters(config.clone(), start.clone(), (variance, 1.0)).unwrap();
    let batches = block_on(file.read("batches")).unwrap();
    let steps = case["steps"].as_array().unwrap();
    let size = config.batch * trainer.width();
    assert_eq!(batches.len(), steps.len() * size);
    let mut aux = 0;
    for (number, (batch, step)) in batches.chunks_exact(size).zip(steps).enumerate() {
        let rate = trainer.learning_rate();
        let Measured {
            fvu,
            loss,
            aux_loss,
            l0,
            dead,
        } = trainer.step(batch).unwrap();
        let what = |word: &str| format!("{name}, step {number}: {word}");
        let expected = |key: &str| step[key].as_f64().unwrap();
        near(&what("lr"), rate, expected("lr"), 1e-12);
        near(&what("loss"), loss, expected("loss"), 2e-5);
        near(&what("FVU"), fvu, expected("fvu"), 2e-5);
        near(&what("L0"), l0, expected("l0"), 1e-12);
        near(&what("dead"), dead as f64, expected("dead"), 1e-12);
        assert_eq!(aux_loss.is_some(), !step["aux_loss"].is_null());
        if let Some(found) = aux_loss {
            near(&what("AuxK"), found, expected("aux_loss"), 5e-5);
            aux += 1;
        }
    }
    assert_eq!(aux > 0, name.contains("aux"));
    same(
        name,
        trainer.parameters(),
        &parameters(&file, "end"),
        &start,
    );
    let sae = trainer.sae(&Origin::default());
    if config.ema > 0.0 {
        let written = Parameters {
            w_enc: sae.w_enc.clone(),
            w_dec: sae.w_dec.clone(),
            b_enc: sae.b_enc.clone(),
            b_dec: sae.b_dec.clone(),
            thresholds: match &sae.gate {
                Gate::Threshold(thresholds) if !start.thresholds.is_empty() => thresholds.clone(),
                _ => Vec::new(),
            },
        };
        same(
            &format!("{name}, mean"),
            &written,
            &parameters(&file, "ema"),
            &start,
        );
    }
    if let Some(threshold) = case["threshold"].as_f64() {
        let Gate::Threshold(found) = sae.gate else {
            panic!("BatchTopK is written with thresholds");
        };
        assert!(found.iter().all(|value| *value == found[0]));
        near(
            &format!("{name}: threshold"),
            f64::from(found[0]),
            threshold,
            2e-5,
        );
    }
}

#[test]
fn every_objective_and_quirk_trains_as_pytorch_does() {
    let cases = std::fs::read(folder().join("cases.json")).unwrap();
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let cases = cases.as_object().unwrap();
    assert_eq!(cases.len(), 11);
    for (name, case) in cases {
        check(name, case);
    }
}
