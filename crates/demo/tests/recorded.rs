//! The demo bundle of this checkout: its recorded trace is the live one, and its SAEs do what the `.pt` files do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use demo::load;
use demo::manifest::Manifest;
use demo::record::{FILE, MOST_BYTES};
use demo::run;
use explorer::{BackendChoice, LimitsChoice, SaeOptions, Session, Trace, TraceOptions};
use formats::sae::openai;
use formats::source::MemoryBytes;
use pollster::block_on;
use serde_json::Value;

const STALE: &str = "web/demo/recorded.json is not of this demo and engine: run `cargo xtask demo` to record it again";

/// The checkout whose demo is tested: this one, or another that is named.
fn checkout() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("SAE_EXPLORER_CHECKOUT").map_or_else(own, PathBuf::from)
}

fn bundle() -> PathBuf {
    checkout().join("web/demo")
}

fn recorded() -> Value {
    let path = bundle().join(FILE);
    let json = fs::read(&path).unwrap_or_else(|error| panic!("{STALE} ({error})"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{STALE} ({error})"))
}

/// The CPU device and, where there is one or one is required, the GPU.
fn sessions() -> Vec<Session> {
    let backends = [BackendChoice::Cpu, BackendChoice::Gpu].into_iter();
    let sessions = backends.filter_map(|backend| {
        match block_on(Session::new(backend, LimitsChoice::Adapter)) {
            Ok(session) => Some(session),
            Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
                eprintln!("not run: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    });
    sessions.collect()
}

fn trace(session: &Session, text: &str) -> Trace {
    block_on(session.trace(text, &TraceOptions::default())).unwrap()
}

/// Within 1e-4, of the value itself where it is above 1.
fn near(recorded: &Value, live: f64) -> bool {
    let recorded = recorded.as_f64().unwrap_or(f64::NAN);
    (recorded - live).abs() <= 1e-4 * live.abs().max(1.0)
}

fn all_near(recorded: &Value, live: &[f32]) -> bool {
    let recorded = recorded.as_array().unwrap();
    recorded.len() == live.len()
        && recorded
            .iter()
            .zip(live)
            .all(|(recorded, live)| near(recorded, f64::from(*live)))
}

/// A list of numbers by ids, which lies in rows of `k`; −1 is no id.
fn by_id(ids: &[i32], values: &[f64]) -> BTreeMap<i32, f64> {
    let pairs = ids.iter().zip(values).filter(|(id, _)| **id >= 0);
    pairs.map(|(id, value)| (*id, *value)).collect()
}

/// Equal but for entries that lie within rounding of the smallest listed one, behind which others wait.
fn same_entries(recorded: &BTreeMap<i32, f64>, live: &BTreeMap<i32, f64>) -> bool {
    let smallest = live.values().copied().fold(f64::INFINITY, f64::min);
    let only = |one: &BTreeMap<i32, f64>, other: &BTreeMap<i32, f64>| {
        one.iter().all(|(id, value)| match other.get(id) {
            Some(found) => (found - value).abs() <= 1e-4 * value.abs().max(1.0),
            None => (value - smallest).abs() <= 1e-4 * value.abs().max(1.0),
        })
    };
    recorded.len() == live.len() && only(recorded, live) && only(live, recorded)
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap()).collect()
}

fn ids(value: &Value) -> Vec<i32> {
    let list = value.as_array().unwrap().iter();
    list.map(|id| i32::try_from(id.as_i64().unwrap()).unwrap())
        .collect()
}

#[test]
fn the_recorded_trace_is_the_live_one() {
    let manifest = Manifest::read(&bundle()).unwrap();
    let (prompt, middle) = (&manifest.prompts[0], manifest.middle().unwrap());
    let recorded = recorded();
    assert_eq!(recorded["prompt"]["text"], prompt.text, "{STALE}");
    assert_eq!(recorded["model"]["id"], manifest.id, "{STALE}");
    assert_eq!(recorded["model"]["name"], manifest.name, "{STALE}");
    assert_eq!(recorded["sae"]["id"], middle.id, "{STALE}");
    assert_eq!(recorded["sae"]["hook"], middle.hook, "{STALE}");
    for mut session in sessions() {
        load::model(&mut session, &bundle(), &manifest).unwrap();
        load::sae(&mut session, &bundle(), middle).unwrap();
        let live = trace(&session, &prompt.text);
        let on = &live.backend;
        let before = &recorded["trace"];

        let tokens = before["tokens"].as_array().unwrap().iter();
        let tokens: Vec<u64> = tokens.map(|token| token["id"].as_u64().unwrap()).collect();
        let live_tokens: Vec<u64> = live.tokens.iter().map(|token| token.id.into()).collect();
        assert_eq!(tokens, live_tokens, "{on}: {STALE}");
        assert_eq!(before["bosPrepended"], live.bos_prepended, "{STALE}");
        assert!(near(&before["loss"], live.loss.unwrap()), "{on}: {STALE}");
        let losses = &before["tokenLosses"];
        assert!(all_near(losses, &live.token_losses), "{on}: {STALE}");

        let rows = before["nextByPosition"].as_array().unwrap();
        assert_eq!(rows.len(), live.next_by_position.len(), "{on}: {STALE}");
        for (row, live) in rows.iter().zip(&live.next_by_position) {
            let column = |name: &str| -> Vec<Value> {
                let row = row.as_array().unwrap().iter();
                row.map(|next| next[name].clone()).collect()
            };
            let row = by_id(
                &ids(&column("id").into()),
                &numbers(&column("logit").into()),
            );
            let live = live
                .iter()
                .map(|next| (next.id as i32, f64::from(next.logit)));
            assert!(same_entries(&row, &live.collect()), "{on}: {STALE}");
        }

        let (before, live) = (&before["saes"][0], &live.saes[0]);
        assert_eq!(before["id"], middle.id, "{STALE}");
        assert_eq!(before["k"], live.k, "{on}: {STALE}");
        let (latents, activations) = (ids(&before["latents"]), numbers(&before["activations"]));
        assert_eq!(latents.len(), live.latents.len(), "{on}: {STALE}");
        let live_activations: Vec<f64> = live.activations.iter().map(|a| f64::from(*a)).collect();
        let rows = latents.chunks(live.k).zip(activations.chunks(live.k));
        let live_rows = live.latents.chunks(live.k);
        let live_rows = live_rows.zip(live_activations.chunks(live.k));
        for ((row, values), (live_row, live_values)) in rows.zip(live_rows) {
            let (row, live) = (by_id(row, values), by_id(live_row, live_values));
            assert!(same_entries(&row, &live), "{on}: {STALE}");
        }
        let metrics = &before["metrics"];
        let live = &live.metrics;
        for (name, live) in [
            ("l0", live.l0),
            ("fvu", live.fvu),
            ("relativeError", live.relative_error),
            ("cosine", live.cosine),
            ("splicedLoss", live.spliced_loss),
            ("deltaCe", live.delta_ce),
            ("kl", live.kl),
        ] {
            assert!(near(&metrics[name], live.unwrap()), "{on}, {name}: {STALE}");
        }
        assert_eq!(metrics["positions"], live.positions, "{on}: {STALE}");
        compare_features(&session, &middle.id, &recorded["features"]);
    }
}

fn compare_features(session: &Session, sae: &str, features: &Value) {
    for before in features.as_array().unwrap() {
        let latent = u32::try_from(before["latent"].as_u64().unwrap()).unwrap();
        let live = block_on(session.feature(sae, latent)).unwrap();
        assert!(
            near(&before["encoderBias"], f64::from(live.encoder_bias)),
            "{STALE}"
        );
        let effect = &live.logit_effect;
        for (name, live) in [("top", &effect.top), ("bottom", &effect.bottom)] {
            let before = before["logitEffect"][name].as_array().unwrap();
            assert_eq!(before.len(), live.len(), "{STALE}");
            // Tokens of nearly equal effect may change places; the values of each place stay.
            for (before, live) in before.iter().zip(live) {
                assert!(near(&before["value"], f64::from(live.value)), "{STALE}");
            }
        }
        let nearest = before["nearest"].as_array().unwrap().iter();
        for (before, live) in nearest.zip(&live.nearest) {
            assert!(near(&before["cosine"], f64::from(live.cosine)), "{STALE}");
        }
    }
}

/// The run that the live graph opens with is what the engine writes, token by token, with its features, and what the atlas says of
/// these.
#[test]
fn the_recorded_run_is_what_the_engine_writes() {
    let stale = "web/demo/run/run.json is not of this demo and engine: run `cargo xtask demo` to record it again";
    let path = bundle().join(run::FILE);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{stale} ({error})"));
    assert!(
        (20_000..=run::MOST_BYTES).contains(&bytes.len()),
        "{} bytes",
        bytes.len()
    );
    let recorded: Value = serde_json::from_slice(&bytes).unwrap();
    let manifest = Manifest::read(&bundle()).unwrap();
    let settings = (&recorded["seed"], &recorded["maxTokens"]);
    assert_eq!(
        settings,
        (&run::SEED.into(), &run::TOKENS.into()),
        "{stale}"
    );
    for mut session in sessions() {
        load::model(&mut session, &bundle(), &manifest).unwrap();
        for sae in &manifest.saes {
            load::sae(&mut session, &bundle(), sae).unwrap();
        }
        let live = run::run(&mut session, &bundle(), &manifest).unwrap();
        for name in ["model", "prompt", "promptTokens", "bos", "tokens"] {
            assert_eq!(recorded[name], live[name], "{name}: {stale}");
        }
        let tokens = recorded["tokens"].as_array().unwrap().len();
        let prompt = recorded["promptTokens"].as_u64().unwrap() as usize;
        assert!(tokens > prompt + 30, "{stale}");
        let (before, live) = (
            recorded["sets"].as_array().unwrap(),
            live["sets"].as_array().unwrap(),
        );
        assert_eq!(before.len(), manifest.saes.len(), "{stale}");
        for (before, live) in before.iter().zip(live) {
            for name in ["sae", "hook", "nLatents", "relations"] {
                assert_eq!(before[name], live[name], "{name}: {stale}");
            }
            let rows = |set: &Value| -> Vec<BTreeMap<i32, f64>> {
                let (mut latents, mut activations) =
                    (ids(&set["latents"]), numbers(&set["activations"]));
                let counts = ids(&set["counts"]);
                assert_eq!(counts.len(), tokens, "{stale}");
                counts
                    .iter()
                    .map(|count| {
                        let count = *count as usize;
                        let row = by_id(&latents[..count], &activations[..count]);
                        latents.drain(..count);
                        activations.drain(..count);
                        row
                    })
                    .collect()
            };
            for (row, live) in rows(before).iter().zip(&rows(live)) {
                assert!(same_entries(row, live), "{stale}");
            }
        }
    }
}

/// What a visitor sees first is there: each token's strongest feature with its logit effects, in a file that arrives at once.
#[test]
fn the_recording_is_small_and_describes_every_tokens_strongest_feature() {
    let bytes = fs::metadata(bundle().join(FILE)).unwrap().len() as usize;
    assert!((20_000..=MOST_BYTES).contains(&bytes), "{bytes} bytes");
    let recorded = recorded();
    let described: Vec<i64> = recorded["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| feature["latent"].as_i64().unwrap())
        .collect();
    let sae = &recorded["trace"]["saes"][0];
    let k = sae["k"].as_u64().unwrap() as usize;
    for row in ids(&sae["latents"]).chunks(k) {
        let strongest = i64::from(row[0]);
        assert!(
            described.contains(&strongest),
            "latent {strongest}: {STALE}"
        );
    }
}

/// The site's SAEs are of f16 and stored for SAELens; the `.pt` files that they come from are of f32. The numbers are the same,
/// bit for bit.
#[test]
fn the_sites_saes_trace_as_the_pt_files_do() {
    let manifest = Manifest::read(&bundle()).unwrap();
    let text = &manifest.prompts[0].text;
    for (site, other) in sessions().into_iter().zip(sessions()) {
        let (mut site, mut other) = (site, other);
        for session in [&mut site, &mut other] {
            load::model(session, &bundle(), &manifest).unwrap();
        }
        for sae in &manifest.saes {
            let listed = load::sae(&mut site, &bundle(), sae).unwrap();
            let name = sae.id.rsplit('.').next().unwrap();
            let pt = checkout().join(format!("tests/fixtures/openai/{name}.pt"));
            let bytes = MemoryBytes::new(name, fs::read(pt).unwrap());
            let file = block_on(openai::open_pt(Rc::new(bytes))).unwrap();
            let options = SaeOptions {
                hook: Some(sae.hook.clone()),
                prepend_bos: Some(sae.bos),
                ..SaeOptions::default()
            };
            let loaded = block_on(other.load_sae(&sae.id, &file, &options)).unwrap();
            assert_eq!(listed, loaded);
        }
        let (site, other) = (trace(&site, text), trace(&other, text));
        assert_eq!(site.saes.len(), manifest.saes.len());
        assert!(site == other, "{}", site.backend);
    }
}
