//! Replacing the demo of a checkout by that of a folder: the bundle, its recorded trace, and the tests' reference values.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use explorer::SAMPLE_TEXT;
use formats::tokenizer::Tokenizer;
use serde_json::json;

use crate::folder::{MODEL, Source, TOKENIZER, fixtures_in};
use crate::manifest::{self, File, Manifest, Model, Prompt};
use crate::{record, run};

/// Writes `recorded.json` and the recorded run of the demo that a checkout has.
///
/// # Errors
/// As [`record::record`].
pub fn record_again(checkout: &Path) -> Result<()> {
    let bundle = bundle_of(checkout);
    let recorded = record::record(&bundle)?;
    write(&bundle.join(record::FILE), &recorded)?;
    write(&bundle.join(run::FILE), &run::record(&bundle)?)
}

/// Puts the folder's demo into a checkout. The new bundle is made and recorded beside the old one, and takes its place only when
/// it is whole. `say` gets what a person should know.
///
/// # Errors
/// An error that names the file where one is missing, damaged, or cannot be written.
pub fn replace(from: &Path, checkout: &Path, say: &mut dyn FnMut(String)) -> Result<()> {
    let source = Source::open(from)?;
    let bundle = bundle_of(checkout);
    let old = Manifest::read(&bundle)?;
    let fresh = checkout.join("web/demo.new");
    remove(&fresh)?;
    make(&source, &fresh, &old, say)?;
    let recorded = record::record(&fresh)?;
    write(&fresh.join(record::FILE), &recorded)?;
    write(&fresh.join(run::FILE), &run::record(&fresh)?)?;
    remove(&bundle)?;
    fs::rename(&fresh, &bundle).with_context(|| format!("could not make {}", bundle.display()))?;
    references(&source, &checkout.join("tests/fixtures"))
}

fn bundle_of(checkout: &Path) -> PathBuf {
    checkout.join("web/demo")
}

/// The bundle, without its recorded trace.
fn make(source: &Source, bundle: &Path, old: &Manifest, say: &mut dyn FnMut(String)) -> Result<()> {
    let root = &source.root;
    for name in MODEL {
        copy(
            &root.join("model").join(name),
            &bundle.join("model").join(name),
        )?;
    }
    for (from, to) in [
        ("MODEL_CARD.md", "MODEL_CARD.md"),
        ("corpus/SOURCES.md", "SOURCES.md"),
        ("corpus/licenses", "licenses"),
    ] {
        copy(&root.join(from), &bundle.join(to))?;
    }
    let saes = source
        .saes
        .iter()
        .map(|sae| sae.convert(bundle, old.bos, say));
    let saes = saes.collect::<Result<Vec<_>>>()?;
    let [config, weights, tokenizer] = MODEL.map(|name| File::of(bundle, &format!("model/{name}")));
    let manifest = Manifest {
        id: old.id.clone(),
        name: name_of_model(&bundle.join("model/config.json"))?,
        model: Model {
            config: config?,
            weights: weights?,
            tokenizer: tokenizer?,
        },
        saes,
        bos: old.bos,
        prompts: prompts(source, old, say),
        // That of the old model is not about this one.
        atlas: None,
    };
    write(&bundle.join(manifest::FILE), &manifest.to_json()?)
}

fn prompts(source: &Source, old: &Manifest, say: &mut dyn FnMut(String)) -> Vec<Prompt> {
    source.prompts.clone().unwrap_or_else(|| {
        say("the folder has no prompts.json: the example prompts stay as they are".to_owned());
        old.prompts.clone()
    })
}

/// A name that tells the model's shape.
fn name_of_model(config: &Path) -> Result<String> {
    let json = fs::read(config).with_context(|| format!("could not read {}", config.display()))?;
    let settings: serde_json::Value = serde_json::from_slice(&json)
        .with_context(|| format!("{} is not JSON", config.display()))?;
    let (layers, width) = (settings["n_layer"].as_u64(), settings["n_embd"].as_u64());
    let (Some(layers), Some(width)) = (layers, width) else {
        anyhow::bail!(
            "{} states no n_layer and n_embd, as a GPT-2's does",
            config.display()
        );
    };
    Ok(format!("demo · GPT-2 {layers}×{width}"))
}

/// The tests' reference values: those of the old demo go, those of the new one come.
fn references(source: &Source, fixtures: &Path) -> Result<()> {
    ensure!(
        fixtures.is_dir(),
        "{} is not there: is this a checkout?",
        fixtures.display()
    );
    for name in fixtures_in(fixtures)? {
        for ending in ["json", "safetensors"] {
            let path = fixtures.join(format!("{name}.{ending}"));
            fs::remove_file(&path)
                .with_context(|| format!("could not remove {}", path.display()))?;
        }
    }
    for name in &source.fixtures {
        for ending in ["json", "safetensors"] {
            let file = format!("{name}.{ending}");
            copy(
                &source.root.join("fixtures").join(&file),
                &fixtures.join(&file),
            )?;
        }
    }
    for folder in ["openai", "saelens"] {
        remove(&fixtures.join(folder))?;
    }
    for sae in &source.saes {
        copy(
            &sae.path,
            &fixtures.join(format!("openai/layer_{}.pt", sae.layer)),
        )?;
    }
    for name in &source.saelens {
        let from = source.root.join("sae/saelens").join(name);
        copy(&from, &fixtures.join("saelens").join(name))?;
    }
    let sample = serde_json::to_vec(&sample(&source.root.join("model"))?)?;
    write(&fixtures.join("demo-sample.json"), &sample)?;
    for name in TOKENIZER {
        let from = source.root.join("model").join(name);
        copy(&from, &fixtures.join("tokenizer").join(name))?;
    }
    Ok(())
}

/// The engine's sample text in the model's tokens, for the program that computes its loss from the formulas.
fn sample(model: &Path) -> Result<serde_json::Value> {
    let path = model.join("tokenizer.json");
    let json = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    let tokenizer = Tokenizer::from_tokenizer_json(&json)?;
    let mut ids = Vec::from_iter(tokenizer.bos());
    ids.extend(tokenizer.encode(SAMPLE_TEXT));
    Ok(json!({ "token_ids": ids, "text": SAMPLE_TEXT }))
}

/// Copies a file, or a folder with everything in it, as new files: a read-only original does not make read-only copies.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("could not copy {} to {}", from.display(), to.display());
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    write(to, &fs::read(from).with_context(failed)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("could not write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, bytes).with_context(failed)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
