//! `sae-explorer generate`.

use crate::common::{fixture, json, output, path};

#[test]
fn greedy_continuations_are_the_references_token_for_token() {
    for name in ["fairy", "odd"] {
        let (reference, _) = fixture(name);
        let text = reference["text"].as_str().unwrap();
        let generated = json(&[
            "generate",
            "--model",
            "demo",
            "--prompt",
            text,
            "--max-tokens",
            "40",
        ]);
        assert_eq!(generated["ids"], reference["greedy_ids"], "{name}");
        assert_eq!(generated["text"], reference["greedy_text"]);
        assert_eq!(generated["tokens"].as_array().unwrap().len(), 40);
        assert_eq!(
            (&generated["cancelled"], &generated["stop"]),
            (&false.into(), &"max-tokens".into())
        );
        assert_eq!(generated["backend"], "cpu");
    }
}

#[test]
fn a_folder_of_the_demos_files_streams_the_same_text() {
    let (reference, _) = fixture("fairy");
    let text = reference["text"].as_str().unwrap();
    let model = path("web/demo/model");
    let printed = output(&[
        "generate",
        "--model",
        &model,
        "--prompt",
        text,
        "--max-tokens",
        "40",
    ]);
    assert_eq!(
        printed,
        format!("{}\n", reference["greedy_text"].as_str().unwrap())
    );
}

#[test]
fn a_seed_fixes_what_is_sampled() {
    let sample = |seed: &str, temperature: &str| {
        let settings = [
            "--max-tokens",
            "12",
            "--temperature",
            temperature,
            "--seed",
            seed,
            "--top-k",
            "50",
            "--top-p",
            "0.95",
        ];
        json(&[&["generate", "--prompt", "Once upon a time"], &settings[..]].concat())["ids"]
            .clone()
    };
    let first = sample("7", "1.0");
    assert_eq!(first, sample("7", "1.0"));
    assert!(
        (8..12).any(|seed| sample(&seed.to_string(), "1.0") != first),
        "other seeds give other texts"
    );
    assert_eq!(
        sample("1", "0"),
        sample("2", "0"),
        "without temperature there is nothing to sample"
    );
}

#[test]
fn no_tokens_are_no_error() {
    let generated = json(&["generate", "--prompt", "a", "--max-tokens", "0"]);
    assert_eq!(generated["ids"].as_array().unwrap().len(), 0);
}

#[test]
fn features_of_every_token_come_with_the_text() {
    let printed = json(&[
        "generate",
        "--sae",
        "demo",
        "--features",
        "--prompt",
        "Once upon a time",
        "--max-tokens",
        "3",
    ]);
    let tokens = printed["tokens"].as_array().unwrap().len();
    assert_eq!(tokens, 3);
    let features = printed["features"].as_array().unwrap();
    let last = features.last().unwrap();
    assert_eq!(last["token"]["id"], printed["ids"][2]);
    assert_eq!(last["position"], features.len() - 1);
    assert_eq!(last["sets"].as_array().unwrap().len(), 3);
    let set = &last["sets"][1];
    assert_eq!(set["sae"], "openai.layer_3");
    let activations = set["activations"].as_array().unwrap();
    assert_eq!(set["latents"].as_array().unwrap().len(), activations.len());
    assert!(
        activations
            .iter()
            .all(|value| value.as_f64().unwrap() > 0.0)
    );
}
