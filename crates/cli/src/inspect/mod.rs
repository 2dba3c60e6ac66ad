//! `inspect`: what a file or a folder is, by content, and what is wrong with it.

mod model;
mod report;
mod sae;

use std::path::Path;

use formats::sae::{FileKind, sniff};
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::load;
use report::Report;

/// Looks at a file or a folder.
///
/// # Errors
/// Where it is not there or cannot be read. Anything else that is wrong is in the report.
pub fn inspect(path: &Path) -> Result<Report, Error> {
    if path.is_dir() {
        return folder(path);
    }
    let bytes = load::read(path, "there is nothing to inspect")?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    Ok(match (sniff(&bytes), extension) {
        (FileKind::TorchZip | FileKind::TorchLegacy, _) => sae::pt(path, bytes),
        (FileKind::Safetensors, _) => tensors(path, bytes),
        (FileKind::Json, _) => return json(path, &bytes),
        // What is damaged at its very beginning is told by its name, so that the reader can say what it misses.
        (_, "pt") => sae::pt(path, bytes),
        (_, "safetensors") => tensors(path, bytes),
        (_, "json") => return json(path, &bytes),
        _ => unknown(path, "a file of no known kind"),
    })
}

fn folder(path: &Path) -> Result<Report, Error> {
    let has = |names: &[&str]| names.iter().any(|name| path.join(name).exists());
    if has(&["cfg.json", "sae_weights.safetensors"]) {
        return Ok(sae::folder(path));
    }
    if has(&[
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
    ]) {
        return model::folder(path);
    }
    if has(&["tokenizer.json", "vocab.json", "merges.txt"]) {
        return Ok(model::tokenizer_folder(path));
    }
    Ok(unknown(path, "a folder without any file of a known name"))
}

fn unknown(path: &Path, found: &'static str) -> Report {
    let mut report = Report::new(path, found);
    report.keep::<()>(Err(Error::Unknown {
        path: path.to_owned(),
        found,
    }));
    report
}

fn tensors(path: &Path, bytes: Vec<u8>) -> Report {
    let mut report = Report::new(path, "a safetensors file");
    let in_file = |error| Error::File(Box::new(error));
    let name = path.display().to_string();
    let Some(file) = report.keep(TensorFile::from_safetensors(&name, bytes).map_err(in_file))
    else {
        return report;
    };
    let part_of = [
        ("W_enc", "a SAELens folder"),
        ("sparsity", "a SAELens folder"),
        ("wte.weight", "a GPT-2 model"),
        ("transformer.wte.weight", "a GPT-2 model"),
    ];
    if let Some((_, whole)) = part_of.iter().find(|(key, _)| file.contains(key)) {
        report.fact("looks like a part of", *whole);
    }
    report.tensors(file.entries());
    for name in file.names() {
        // Whole numbers and the like are no weights, and cannot be NaN.
        if file.dtype(&name).is_ok() {
            report.keep(block_on(file.read(&name)).map_err(in_file));
        }
    }
    report
}

/// A JSON file: a tokenizer or a configuration. One that means nothing without the files beside it stands for its
/// folder.
fn json(path: &Path, bytes: &[u8]) -> Result<Report, Error> {
    let parts = ["cfg.json", "vocab.json", "model.safetensors.index.json"];
    if let (Some(name), Some(parent)) = (path.file_name(), path.parent())
        && parts.iter().any(|part| name == *part)
    {
        let here = parent.as_os_str().is_empty();
        return folder(if here { Path::new(".") } else { parent });
    }
    let object: Option<Map<String, Value>> = serde_json::from_slice(bytes).ok();
    let has = |key: &str| object.as_ref().is_some_and(|o| o.contains_key(key));
    let named = |expected: &str| path.file_name().is_some_and(|name| name == expected);
    Ok(if has("model") || named("tokenizer.json") {
        model::tokenizer(path, bytes)
    } else if has("model_type") || has("architectures") || named("config.json") {
        model::config(path, bytes)
    } else {
        unknown(path, "a JSON file of no known kind")
    })
}
