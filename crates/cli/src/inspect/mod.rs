//! `inspect`: what a file or a folder is, by content, and what is wrong with it.

mod model;
mod report;
mod sae;

use std::rc::Rc;

use formats::sae::{FileKind, attention, transcoder};
use formats::source::ByteSource;
use formats::tensors::TensorFile;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::load;
use crate::place::Place;
use report::Report;

/// Looks at a file or a folder.
///
/// # Errors
/// Where it is not there or cannot be read. Anything else that is wrong is in the report.
pub async fn inspect(place: &Place) -> Result<Report, Error> {
    let markers = [
        "cfg.json",
        "config.json",
        "tokenizer.json",
        "vocab.json",
        load::TRANSCODERS,
    ];
    if place.is_folder(&markers)? {
        return folder(place).await;
    }
    let source = place.open(&place.name(), "there is nothing to inspect")?;
    let file_name = place.file_name();
    let extension = file_name.rsplit_once('.').map_or("", |(_, end)| end);
    let kind = load::kind(&*source).await.map_err(in_file)?;
    Ok(match (kind, extension) {
        (FileKind::TorchZip | FileKind::TorchLegacy, _) => sae::pt(place, source).await,
        (FileKind::Safetensors, _) => tensors(place, source).await,
        (FileKind::Json, _) => return json(place).await,
        // What is damaged at its very beginning is told by its name, so that the reader can say what it misses.
        (_, "pt") => sae::pt(place, source).await,
        (_, "safetensors") => tensors(place, source).await,
        (_, "json") => return json(place).await,
        _ => unknown(place, "a file of no known kind"),
    })
}

async fn folder(place: &Place) -> Result<Report, Error> {
    let has = |names: &[&str]| {
        let mut names = names.iter();
        names.try_fold(false, |found, name| {
            Ok::<_, Error>(found || place.join(name).exists()?)
        })
    };
    if has(&["cfg.json", "sae_weights.safetensors"])? {
        return Ok(sae::folder(place).await);
    }
    if has(&[
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
    ])? {
        return model::folder(place).await;
    }
    if has(&["tokenizer.json", "vocab.json", "merges.txt"])? {
        return Ok(model::tokenizer_folder(place));
    }
    if let Err(refusal) = load::refuse_transcoders(place) {
        return Ok(sae::transcoders(place, refusal));
    }
    if place.local().is_none() {
        // The error says why, and names what is there.
        place.join("config.json").path("a model's folder has it, a SAELens folder has cfg.json; name the folder as OWNER/NAME:PATH")?;
    }
    Ok(unknown(place, "a folder without any file of a known name"))
}

fn unknown(place: &Place, found: &'static str) -> Report {
    let mut report = Report::new(place.name(), found);
    report.keep::<()>(Err(Error::Unknown {
        name: place.name(),
        found,
    }));
    report
}

fn in_file(error: formats::Error) -> Error {
    Error::File(Box::new(error))
}

async fn tensors(place: &Place, source: Rc<dyn ByteSource>) -> Report {
    let mut report = Report::new(place.name(), "a safetensors file");
    let Some(file) = report.keep(TensorFile::open(source).await.map_err(in_file)) else {
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
    report.keep(transcoder::refuse_tensors(&file).map_err(in_file));
    report.tensors(file.entries());
    for name in file.names() {
        // Whole numbers and the like are no weights, and cannot be NaN.
        if file.dtype(&name).is_ok() {
            report.keep(file.read(&name).await.map_err(in_file));
        }
    }
    report
}

/// A JSON file: a tokenizer or a configuration. One that means nothing without the files beside it stands for its
/// folder.
async fn json(place: &Place) -> Result<Report, Error> {
    let parts = ["cfg.json", "vocab.json", "model.safetensors.index.json"];
    if let Some(parent) = place.folder_of(&parts) {
        return folder(&parent).await;
    }
    let bytes = place.read("there is nothing to inspect")?;
    let object: Option<Map<String, Value>> = serde_json::from_slice(&bytes).ok();
    let has = |key: &str| object.as_ref().is_some_and(|o| o.contains_key(key));
    let named = |expected: &str| place.file_name() == expected;
    // The settings beside a `.pt` file stand for it.
    if attention::is_cfg(&bytes)
        && let Some(stem) = place.file_name().strip_suffix("_cfg.json")
        && let Some(weights) = place.beside(&format!("{stem}.pt"))
    {
        let source = weights.open(&weights.name(), "its settings lie in _cfg.json")?;
        return Ok(sae::pt(&weights, source).await);
    }
    Ok(if has("model") || named("tokenizer.json") {
        model::tokenizer(place, &bytes)
    } else if has("model_type") || has("architectures") || named("config.json") {
        model::config(place, &bytes)
    } else {
        unknown(place, "a JSON file of no known kind")
    })
}
