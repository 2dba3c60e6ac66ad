//! The scaling law of real trainings beside SciPy's (`tests/reference/scaling_law.py`).

use evaluation::scaling::{Point, fit};
use serde_json::Value;

#[test]
fn the_law_of_real_trainings_is_scipys() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/scaling-law.json"
    );
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let points = fixture["points"].as_array().unwrap().iter();
    let number = |value: &Value| value.as_f64().unwrap();
    let points = points.map(|point| Point {
        n: number(&point[0]),
        k: number(&point[1]),
        loss: number(&point[2]),
    });
    let found = fit(&points.collect::<Vec<_>>()).unwrap();
    let law = found.law;
    let pairs = [
        ("alpha", law.alpha),
        ("beta_k", law.beta_k),
        ("beta_n", law.beta_n),
        ("gamma", law.gamma),
        ("zeta", law.zeta),
        ("eta", law.eta),
    ];
    for (name, found) in pairs {
        let expected = number(&fixture["law"][name]);
        assert!(
            (found - expected).abs() < 1e-3,
            "{name}: {found} {expected}"
        );
    }
    assert!(
        (found.rms - number(&fixture["rms"])).abs() < 1e-8,
        "{}",
        found.rms
    );
}
