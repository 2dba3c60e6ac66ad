//! Numbers of figures beside the reference fixtures.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{SET, figure, near, rows, titled};
use crate::common::page::Page;
use crate::common::{fixture, fixture_json, folder, json, read, root, whole_numbers};

/// PyTorch's features of the prompt: by token, the latents with their activations.
fn active() -> Vec<BTreeMap<i64, f64>> {
    let (_, tensors) = fixture("fairy");
    let file = root().join("tests/fixtures/fairy.safetensors");
    let ids = whole_numbers(&file, &format!("{SET}.topk_ids"));
    let values = read(&tensors, &format!("{SET}.topk_values"));
    let rows = ids.chunks(16).zip(values.chunks(16));
    let row = |(ids, values): (&[i64], &[f32])| {
        let pairs = ids.iter().zip(values).filter(|(_, value)| **value > 0.0);
        pairs.map(|(id, value)| (*id, f64::from(*value))).collect()
    };
    rows.map(row).collect()
}

/// PyTorch's specificity of a latent at a token, the BOS left out: |a| · ln((1 + N) / n).
fn specificity(active: &[BTreeMap<i64, f64>], token: usize, latent: i64) -> f64 {
    let own = active.len() as f64 - 1.0;
    let on = active[1..].iter().filter(|row| row.contains_key(&latent));
    active[token][&latent] * ((1.0 + own) / on.count().max(1) as f64).ln()
}

/// The softmax of PyTorch's logits after a token.
fn probabilities(token: usize) -> Vec<f64> {
    let (_, tensors) = fixture("fairy");
    let logits = read(&tensors, "logits");
    let row = &logits[token * 8192..(token + 1) * 8192];
    let largest = f64::from(row.iter().copied().fold(f32::MIN, f32::max));
    let powers: Vec<f64> = row
        .iter()
        .map(|&l| (f64::from(l) - largest).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[test]
fn every_number_is_the_references() {
    let (reference, _) = fixture("fairy");
    let text = reference["text"].as_str().unwrap();
    let active = active();
    // One that is active on some tokens and not on others.
    let on = |latent: i64| {
        active[1..]
            .iter()
            .filter(move |row| row.contains_key(&latent))
            .count()
    };
    let mut latents = active[1..].iter().flat_map(BTreeMap::keys).copied();
    let latent = latents
        .find(|latent| (3..9).contains(&on(*latent)))
        .unwrap();
    let strongest = |at: &usize, to: &usize| {
        let of = |at: &usize| active[*at].get(&latent).copied().unwrap_or(0.0);
        of(at).total_cmp(&of(to))
    };
    let token = (1..active.len()).max_by(strongest).unwrap();

    let number_of = latent.to_string();
    let page = Page::new(&figure(&[
        "--prompt",
        text,
        "--sae",
        "demo",
        "--set",
        SET,
        "--feature",
        &number_of,
    ]));
    assert_eq!(page.find("h1")[0].text(), format!("Feature {latent}"));
    let ids = reference["token_ids"].as_array().unwrap();
    let (table, chips) = (rows(&page.id("tokens")), page.find("bdi"));
    assert!(chips.len() > 30);
    let mut chips = page.find(".chip");
    chips.retain(|chip| chip.attribute("data-position").is_some());
    assert_eq!((table.len(), chips.len()), (31, 31));
    for (at, (row, chip)) in table.iter().zip(&chips).enumerate() {
        assert_eq!(chip.attribute("data-position").unwrap(), at.to_string());
        assert_eq!(
            (row[0].number(), row[2].number()),
            (at as f64, ids[at].as_f64().unwrap())
        );
        let expected = active[at].get(&latent).copied().unwrap_or(0.0);
        let found = row[3].number();
        near("activation", found, expected, 1e-5 + 1e-3 * expected);
        assert_eq!(
            titled(chip, &format!("activation of feature {latent}:")),
            found
        );
        let largest = active[token][&latent];
        let step = (expected / largest * 20.0).round();
        let class = chip.attribute("class").unwrap();
        let shown: f64 = class
            .split(' ')
            .find_map(|c| c.strip_prefix('t')?.parse().ok())
            .unwrap();
        assert!(
            (step - shown).abs() <= 1.0 && (shown > 0.0) == (expected > 0.0),
            "{class}: {step}"
        );
        if at == 0 {
            assert_eq!(
                (row[1].text().as_str(), row[4].text().as_str()),
                ("BOS", "–")
            );
            continue;
        }
        let loss = -probabilities(at - 1)[ids[at].as_u64().unwrap() as usize].ln();
        near("loss", row[4].number(), loss, 1e-3);
        near("loss", titled(chip, "loss"), loss, 2e-3);
    }

    // The features of the token where it is strongest, strongest first.
    let selected: Vec<_> = chips
        .iter()
        .filter(|chip| chip.attribute("aria-current").is_some())
        .collect();
    assert_eq!(selected.len(), 1);
    assert_eq!(
        selected[0].attribute("data-position").unwrap(),
        token.to_string()
    );
    let section = page.find("section").remove(0);
    let listed = rows(&section.find("table")[0]);
    assert!(listed.len() >= 10);
    let mut before = f64::INFINITY;
    for row in &listed {
        let latent = row[0].number() as i64;
        let expected = active[token][&latent];
        near(
            "activation",
            row[1].number(),
            expected,
            6e-4 + 1e-3 * expected,
        );
        assert!(row[1].number() <= before);
        before = row[1].number();
        assert_eq!(row[3].number(), on(latent) as f64, "tokens of {latent}");
        let expected = specificity(&active, token, latent);
        near(
            "specificity",
            row[4].number(),
            expected,
            6e-3 + 1e-3 * expected,
        );
    }
    assert!(listed.iter().any(|row| row[0].number() as i64 == latent));

    // The next tokens after the last.
    let next = page.find("section").remove(2);
    let expected = probabilities(30);
    let lines = next.find("li");
    assert_eq!(lines.len(), 10);
    for line in &lines {
        let id = titled(line, "id") as usize;
        near(
            "probability",
            titled(line, "probability"),
            expected[id],
            1e-4,
        );
        near(
            "percent",
            line.find(".number")[0].number(),
            100.0 * expected[id],
            0.06,
        );
        let larger = expected
            .iter()
            .filter(|p| **p > expected[id] + 1e-4)
            .count();
        assert!(larger < 10);
    }
    let last = reference["top5_per_position"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    for (line, known) in lines.iter().zip(last.as_array().unwrap()) {
        assert_eq!(titled(line, "id"), known[0].as_f64().unwrap());
        near(
            "logit",
            titled(line, "logit"),
            known[2].as_f64().unwrap(),
            3e-3,
        );
    }
}

#[test]
fn the_tokens_that_a_feature_pushes_are_the_references() {
    let reference = fixture_json("demo-directions");
    let features = reference["features"].as_array().unwrap();
    let known = features
        .iter()
        .find(|one| one["set"] == SET && one["latent"] == 903)
        .unwrap();
    let page = Page::new(&figure(&[
        "--prompt",
        "Once upon a time",
        "--feature",
        "903",
    ]));
    let lists = page.find("section").remove(1).find("ol");
    for (list, name) in lists.iter().zip(["up", "down"]) {
        let lines = list.find("li");
        let known = known["logits"][name].as_array().unwrap();
        assert!(lines.len() == 10 && known.len() >= 5, "{name}");
        for (line, known) in lines.iter().zip(known) {
            assert_eq!(titled(line, "id"), known[0].as_f64().unwrap(), "{name}");
            near(
                name,
                line.find(".number")[0].number(),
                known[1].as_f64().unwrap(),
                6e-4,
            );
        }
    }
}

#[test]
fn nothing_is_chosen_but_the_most_specific_feature() {
    let (reference, _) = fixture("fairy");
    let text = reference["text"].as_str().unwrap();
    let active = active();
    let of = |found: &Value| {
        let (token, latent) = (
            found["token"].as_u64().unwrap(),
            found["feature"]["latent"].as_i64().unwrap(),
        );
        (token as usize, latent)
    };
    let out = folder("figure_choice");
    let file = |name: &str| out.join(name).display().to_string();
    let (first, second) = (file("a.html"), file("b.html"));
    // Of the whole prompt, where nothing is said; of the token that is named, else.
    let found = json(&["figure", "--prompt", text, "--out", &first]);
    assert_eq!(
        (&found["sae"], &found["out"]),
        (&Value::from(SET), &Value::from(first.as_str()))
    );
    let (token, latent) = of(&found);
    let best = |token: usize| {
        let all = active[token]
            .keys()
            .map(|latent| specificity(&active, token, *latent));
        all.fold(0.0, f64::max)
    };
    let most = (1..active.len()).map(best).fold(0.0, f64::max);
    near(
        "of the prompt",
        specificity(&active, token, latent),
        most,
        1e-3 * most,
    );
    let found = json(&[
        "figure", "--prompt", text, "--token", "30", "--out", &second,
    ]);
    let (token, latent) = of(&found);
    assert_eq!(token, 30);
    near(
        "of the last",
        specificity(&active, token, latent),
        best(30),
        1e-3 * best(30),
    );
    let listed = found["features"].as_array().unwrap();
    let one = listed.iter().find(|one| one["latent"] == latent).unwrap();
    near(
        "JSON",
        one["specificity"].as_f64().unwrap(),
        best(30),
        1e-3 * best(30),
    );
    // The same numbers as those of a trace.
    let trace = json(&["trace", "--prompt", text, "--sae", "demo"]);
    assert_eq!(found["next"], trace["next"]);
    assert_eq!(found["token_losses"], trace["token_losses"]);
    assert_eq!(found["tokens"], trace["tokens"]);
    let row = trace["saes"][1]["features"][30].as_array().unwrap();
    let same = row.iter().find(|one| one["latent"] == latent).unwrap();
    assert_eq!(found["activations"][30], same["activation"]);
}
