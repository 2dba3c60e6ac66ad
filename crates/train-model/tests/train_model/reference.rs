//! A small model's steps against PyTorch's (`tests/reference/train_model.py`).

use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::Value;
use train_model::{Config, Error, Layout, Model, Trainer, norm};

use crate::{fixtures, small};

struct Reference {
    config: Config,
    vocabulary: usize,
    steps: Vec<Value>,
    file: TensorFile,
}

fn reference() -> Reference {
    let cases = std::fs::read(fixtures().join("cases.json")).unwrap();
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let bytes = std::fs::read(fixtures().join("steps.safetensors")).unwrap();
    Reference {
        config: serde_json::from_value(cases["config"].clone()).unwrap(),
        vocabulary: cases["vocabulary"].as_u64().unwrap() as usize,
        steps: cases["steps"].as_array().unwrap().clone(),
        file: TensorFile::from_safetensors("steps", bytes).unwrap(),
    }
}

impl Reference {
    fn tensors(&self, group: &str) -> Vec<Vec<f32>> {
        let layout = Layout::new(&self.config, self.vocabulary);
        let read = |name: &str| block_on(self.file.read(&format!("{group}.{name}"))).unwrap();
        layout.slots().iter().map(|slot| read(&slot.name)).collect()
    }

    fn tokens(&self, name: &str) -> Vec<u32> {
        let values = block_on(self.file.read(name)).unwrap();
        values.iter().map(|value| *value as u32).collect()
    }
}

/// The largest difference between tensors, which must be numbers, with its place. The bias of attention's keys has no influence on anything:
/// its gradient is rounding, of which AdamW makes a step as of any other, so it is left out.
fn apart(layout: &Layout, found: &[Vec<f32>], expected: &[Vec<f32>]) -> (f32, String) {
    assert!(layout.fits(found) && layout.fits(expected));
    let mut largest = (0.0_f32, String::new());
    for (slot, (found, expected)) in layout.slots().iter().zip(found.iter().zip(expected)) {
        let third = slot.count() / 3;
        let is_bias = slot.name.ends_with("c_attn.bias");
        for (place, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!(a.is_finite() && b.is_finite());
            let is_key = is_bias && (third..2 * third).contains(&place);
            if !is_key && (a - b).abs() > largest.0 {
                largest = ((a - b).abs(), format!("{}[{place}]", slot.name));
            }
        }
    }
    largest
}

fn near(what: &str, found: f64, expected: f64, relative: f64) {
    assert!(
        (found - expected).abs() <= relative * expected.abs(),
        "{what}: {found}, not {expected}"
    );
}

#[test]
fn gradients_of_every_tensor_are_pytorchs() {
    let reference = reference();
    let model = Model::new(&reference.config, reference.vocabulary);
    let size = reference.config.batch * (reference.config.n_positions + 1);
    let rows = reference.tokens("rows");
    let expected = reference.tensors("gradient");
    let (loss, found) = model
        .gradients(&reference.tensors("0"), &rows[..size])
        .unwrap();
    near(
        "loss",
        loss,
        reference.steps[0]["loss"].as_f64().unwrap(),
        1e-5,
    );
    for (slot, (found, expected)) in model
        .layout()
        .slots()
        .iter()
        .zip(found.iter().zip(&expected))
    {
        let largest = expected
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!(largest > 0.0, "{}", slot.name);
        for (a, b) in found.iter().zip(expected) {
            assert!(
                (a - b).abs() <= 1e-5 + 1e-4 * b.abs(),
                "{}: {a}, not {b}",
                slot.name
            );
        }
    }
    near("norm", norm(&found), norm(&expected), 1e-5);
}

#[test]
fn steps_with_clipping_and_decay_are_pytorchs() {
    let reference = reference();
    // Parts of any size are the same sum, but for rounding.
    for part in [1, 2, 4] {
        let config = Config {
            part,
            ..reference.config.clone()
        };
        let size = config.batch * (config.n_positions + 1);
        let start = reference.tensors("0");
        let mut trainer =
            Trainer::from_weights(config, reference.vocabulary, start.clone()).unwrap();
        let rows = reference.tokens("rows");
        let text = reference.tokens("text");
        let text: Vec<&[u32]> = text.chunks(9).collect();
        assert_eq!(rows.len(), reference.steps.len() * size);
        for ((rows, step), number) in rows.chunks(size).zip(&reference.steps).zip(1..) {
            let measured = trainer.step(rows).unwrap();
            let what = |word: &str| format!("step {number}, parts of {part}: {word}");
            let expected = |key: &str| step[key].as_f64().unwrap();
            near(&what("lr"), measured.lr, expected("lr"), 1e-12);
            near(&what("loss"), measured.loss, expected("loss"), 1e-5);
            near(
                &what("norm"),
                measured.gradient_norm,
                expected("gradient_norm"),
                2e-5,
            );
            let loss = trainer.loss(&text).unwrap();
            near(&what("text"), loss, expected("text_loss"), 1e-5);
            let there = reference.tensors(&number.to_string());
            let (by, place) = apart(trainer.layout(), trainer.weights(), &there);
            assert!(by <= 2e-5, "{}", what(&format!("{place} by {by}")));
        }
        let end = reference.tensors(&reference.steps.len().to_string());
        assert!(apart(trainer.layout(), &start, &end).0 > 0.01);
    }
}

#[test]
fn rows_that_cannot_be_are_refused() {
    let mut trainer = Trainer::new(small(), 9).unwrap();
    let before = trainer.weights().to_vec();
    let short = trainer.step(&[1; 8 * 13 - 1]).unwrap_err();
    assert!(matches!(short, Error::Rows { found: 103, .. }), "{short}");
    let mut rows = vec![1; 8 * 13];
    rows[50] = 9;
    let strange = trainer.step(&rows).unwrap_err();
    assert!(strange.to_string().contains("token 9"), "{strange}");
    assert!(trainer.loss(&[&[1; 5]]).is_err());
    assert_eq!(trainer.weights(), before);
    // Weights that make no number are said to diverge, and stay.
    let mut weights = before;
    weights[0][0] = f32::INFINITY;
    let mut trainer = Trainer::from_weights(small(), 9, weights).unwrap();
    let mut rows = vec![1; 8 * 13];
    rows[0] = 0;
    let error = trainer.step(&rows).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 1, .. }), "{error}");
    assert!(Trainer::from_weights(small(), 10, trainer.weights().to_vec()).is_err());
}
