//! Checkpoints: a finished folder in Hugging Face's layout, with the state of the training beside, exchanged for the last one when whole.
//!
//! `config.json`, `model.safetensors` and the tokenizer's files are the model, `train.json` the settings, `state.safetensors` AdamW's
//! moments, `state.json` where the training is and what it reads, `log.jsonl` its log. The weights of a resumed training are the model's.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use train::checkpoint::{Source, compare, shorten_log};
use train::{Folder, LOG};

use crate::config::Config;
use crate::error::Error;
use crate::export::{F32, WEIGHTS, model_files, unwritable};
use crate::layout::Layout;
use crate::log::Interval;
use crate::tokenizer::TokenizerFiles;
use crate::trainer::Trainer;

const SETTINGS: &str = "train.json";
const STATE: &str = "state.json";
const TENSORS: &str = "state.safetensors";

/// Sums of the log's interval, as bits of f64.
const INTERVAL: &str = "interval";

/// The groups of a state's tensors.
const FIRST: &str = "adam.first.";
const SECOND: &str = "adam.second.";

/// The version of the state's layout.
const VERSION: u32 = 1;

/// `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The layout's version.
    pub version: u32,
    /// Steps that are done.
    pub step: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// The text and the tokenizer.
    pub source: Source,
    /// The kind of processor: a resumed training has the same bits on the same kind alone.
    pub machine: String,
}

/// Writes a checkpoint in the place of the last one.
///
/// # Errors
/// [`Error::Training`] with `Write`, and then the last one is as it was.
pub fn save(
    folder: &Folder,
    trainer: &Trainer,
    tokenizer: &TokenizerFiles,
    source: &Source,
) -> Result<(), Error> {
    let layout = trainer.layout();
    let (vocabulary, end) = (trainer.vocabulary(), tokenizer.end_of_text());
    let mut files = model_files(trainer.config(), layout, vocabulary, end, trainer.weights())?;
    files.extend_from_slice(tokenizer.files());
    files.push((SETTINGS.to_owned(), pretty(trainer.config(), SETTINGS)?));
    files.push((TENSORS.to_owned(), tensors(trainer)?));
    let state = State {
        version: VERSION,
        step: trainer.steps_done(),
        tokens: trainer.tokens_done(),
        source: source.clone(),
        machine: trainer.machine().to_owned(),
    };
    files.push((STATE.to_owned(), pretty(&state, STATE)?));
    let path = folder.path().join(LOG);
    let log = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        other => other.map_err(|source| train::Error::Read { path, source })?,
    };
    files.push((LOG.to_owned(), log));
    folder.replace(|fresh| {
        for (name, bytes) in &files {
            fresh.write(name, bytes)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn pretty(value: &impl Serialize, file: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| unwritable(file, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn tensors(trainer: &Trainer) -> Result<Vec<u8>, Error> {
    // Bits, so that they are the same again.
    let interval = trainer.interval.numbers().map(f64::to_bits);
    let words: Vec<f32> = interval
        .iter()
        .flat_map(|bits| [*bits as u32, (*bits >> 32) as u32])
        .map(f32::from_bits)
        .collect();
    let shape = [words.len()];
    let mut all = vec![(INTERVAL.to_owned(), F32(&words, &shape))];
    let moments = &trainer.moments;
    for (group, tensors) in [(FIRST, &moments.first), (SECOND, &moments.second)] {
        for (slot, values) in trainer.layout().slots().iter().zip(tensors) {
            all.push((format!("{group}{}", slot.name), F32(values, &slot.shape)));
        }
    }
    safetensors::serialize(all, None).map_err(|error| unwritable(TENSORS, &error))
}

/// The tokenizer of a training that is resumed.
///
/// # Errors
/// [`Error::Training`] with `NoState` where there is no training; as [`TokenizerFiles::of_folder`].
pub fn tokenizer(folder: &Folder) -> Result<TokenizerFiles, Error> {
    is_there(folder)?;
    TokenizerFiles::of_folder(folder.path())
}

fn is_there(folder: &Folder) -> Result<(), Error> {
    let path = folder.path();
    if path.join(STATE).is_file() {
        return Ok(());
    }
    let why = match path.exists() {
        true => "it has no state.json",
        false => "it is not there",
    };
    Err(no_state(path, why.to_owned()))
}

fn no_state(path: &Path, why: String) -> Error {
    let path = path.to_owned();
    train::Error::NoState { path, why }.into()
}

/// Goes on from a folder's checkpoint with the wanted settings and source. Lines of the log behind the checkpoint are removed. Returns the
/// state as it was.
///
/// # Errors
/// [`Error::Training`] with `NoState`, `Other` for other settings or another text, `Damaged`, `Read` and `Write`.
pub fn resume(
    folder: &Folder,
    config: &Config,
    vocabulary: usize,
    source: &Source,
) -> Result<(Trainer, State), Error> {
    is_there(folder)?;
    let path = folder.path();
    let state: State = decode(&path.join(STATE))?;
    if state.version != VERSION {
        let why = format!("its state has version {}, not {VERSION}", state.version);
        return Err(no_state(path, why));
    }
    let there: Value = decode(&path.join(SETTINGS))?;
    let here = serde_json::to_value(config).unwrap_or_default();
    compare(path, &object(there), &object(here))?;
    compare(path, &state.source, source)?;
    let layout = Layout::new(config, vocabulary);
    let weights = group(&path.join(WEIGHTS), "", &layout)?;
    let mut trainer = Trainer::from_weights(config.clone(), vocabulary, weights)?;
    let file = path.join(TENSORS);
    trainer.moments.first = group(&file, FIRST, &layout)?;
    trainer.moments.second = group(&file, SECOND, &layout)?;
    trainer.interval = interval(&file)?;
    trainer.step = state.step;
    shorten_log(&path.join(LOG), state.step)?;
    Ok((trainer, state))
}

fn object(value: Value) -> Source {
    match value {
        Value::Object(object) => object.into_iter().collect(),
        _ => Source::new(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let path = path.to_owned();
    fs::read(&path).map_err(|source| train::Error::Read { path, source }.into())
}

fn damaged(path: &Path, why: String) -> Error {
    let path = path.to_owned();
    train::Error::Damaged { path, why }.into()
}

fn decode<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = read(path)?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(path, error.to_string()))
}

/// Numbers of one tensor of a file.
fn numbers(
    path: &Path,
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, Error> {
    let tensor = file
        .tensor(name)
        .map_err(|_| damaged(path, format!("{name} is missing")))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let (dtype, found) = (tensor.dtype(), tensor.shape());
        let why = format!("{name} is {dtype:?} {found:?}, not {shape:?} of F32");
        return Err(damaged(path, why));
    }
    Ok(bytemuck::pod_collect_to_vec(tensor.data()))
}

/// All tensors of a group of a file, in the layout's order.
fn group(path: &Path, group: &str, layout: &Layout) -> Result<Vec<Vec<f32>>, Error> {
    let bytes = read(path)?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| damaged(path, error.to_string()))?;
    let tensor = |slot: &crate::layout::Slot| {
        let name = format!("{group}{}", slot.name);
        let values = numbers(path, &file, &name, &slot.shape)?;
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(damaged(path, format!("{name} is not finite"))),
        }
    };
    layout.slots().iter().map(tensor).collect()
}

fn interval(path: &Path) -> Result<Interval, Error> {
    let bytes = read(path)?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| damaged(path, error.to_string()))?;
    let words = numbers(path, &file, INTERVAL, &[8])?;
    let mut found = [0.0; 4];
    for (found, words) in found.iter_mut().zip(words.chunks_exact(2)) {
        let bits = |value: f32| u64::from(value.to_bits());
        *found = f64::from_bits(bits(words[0]) | bits(words[1]) << 32);
    }
    Ok(Interval::from_numbers(found))
}
