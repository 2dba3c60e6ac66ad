//! Checkpoints: a folder that SAELens opens, with the state of the training beside.
//!
//! `cfg.json` and `sae_weights.safetensors` are the autoencoder, `train.json` the settings, `state.safetensors` the weights,
//! moments and counts in full, `state.json` where the training is and what it reads, `log.jsonl` its log.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use formats::sae::saelens;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Config;
use crate::error::Error;
use crate::export::Origin;
use crate::folder::{Folder, LOG};
use crate::log::{Interval, Record};
use crate::parameters::Parameters;
use crate::trainer::Trainer;

const CONFIG: &str = "train.json";
const STATE: &str = "state.json";
const TENSORS: &str = "state.safetensors";

/// The version of the state's layout.
const VERSION: u32 = 1;

/// Words that name a source of activations, by key: what has to be the same for a training to be resumed.
pub type Source = BTreeMap<String, Value>;

/// `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The layout's version.
    pub version: u32,
    /// Steps that are done.
    pub step: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// The origin of the activations, as the autoencoder states it.
    pub origin: Origin,
    /// The source of the activations.
    pub source: Source,
    /// The kind of processor: a resumed training has the same bits on the same kind alone.
    pub machine: String,
}

/// The kind of this processor.
pub fn machine() -> String {
    let mut machine = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        machine += " avx512";
    } else if std::arch::is_x86_feature_detected!("avx2") {
        machine += " avx2";
    }
    machine
}

/// Writes a checkpoint in the place of the last one.
///
/// # Errors
/// [`Error::Write`], and then the last one is as it was; [`Error::Format`] where the weights are not finite.
pub fn save(
    folder: &Folder,
    trainer: &Trainer,
    origin: &Origin,
    source: &Source,
) -> Result<(), Error> {
    let sae = saelens::write_folder(&trainer.sae(origin))?;
    let state = State {
        version: VERSION,
        step: trainer.step,
        tokens: trainer.tokens,
        origin: origin.clone(),
        source: source.clone(),
        machine: trainer.machine.clone(),
    };
    folder.replace(|fresh| {
        fresh.write("cfg.json", &sae.cfg_json)?;
        fresh.write("sae_weights.safetensors", &sae.weights)?;
        fresh.write(CONFIG, &pretty(&trainer.config, CONFIG)?)?;
        let tensors = tensors(trainer);
        let written = safetensors::serialize_to_file(tensors, None, &fresh.join(TENSORS));
        written.map_err(|error| fresh.refused(TENSORS, io::Error::other(error)))?;
        fresh.sync(TENSORS)?;
        fresh.write(STATE, &pretty(&state, STATE)?)?;
        let path = folder.path().join(LOG);
        let log = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|source| Error::Read { path, source })?,
        };
        fresh.write(LOG, &log)
    })
}

fn pretty(value: &impl Serialize, file: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Configuration {
        file: file.to_owned(),
        why: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Goes on from a folder's checkpoint, with a trainer that is at its start and has the wanted settings. Lines of the log behind the
/// checkpoint are removed. Returns the state as it was.
///
/// # Errors
/// [`Error::NoState`], [`Error::Other`] for other settings or another source, [`Error::Damaged`], [`Error::Read`], [`Error::Write`].
pub fn resume(
    folder: &Folder,
    config: &Config,
    source: &Source,
) -> Result<(Trainer, State), Error> {
    let path = folder.path();
    let no_state = |why: &str| Error::NoState {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    if !path.join(STATE).is_file() {
        let why = match path.exists() {
            true => "it has no state.json",
            false => "it is not there",
        };
        return Err(no_state(why));
    }
    let state: State = decode(&path.join(STATE))?;
    if state.version != VERSION {
        let why = format!("its state has version {}, not {VERSION}", state.version);
        return Err(no_state(&why));
    }
    let there: Config = decode(&path.join(CONFIG))?;
    let value = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let object = |value: Value| match value {
        Value::Object(object) => object.into_iter().collect(),
        _ => Source::new(),
    };
    compare(path, &object(value(&there)), &object(value(config)))?;
    compare(path, &state.source, source)?;
    let trainer = read(&path.join(TENSORS), config.clone(), &state)?;
    shorten_log(&path.join(LOG), state.step)?;
    Ok((trainer, state))
}

/// Refuses settings that differ.
fn compare(path: &Path, there: &Source, here: &Source) -> Result<(), Error> {
    let keys = there.keys().chain(here.keys());
    let get = |source: &Source, key: &String| source.get(key).cloned().unwrap_or_default();
    match keys
        .into_iter()
        .find(|key| get(there, key) != get(here, key))
    {
        None => Ok(()),
        Some(key) => Err(Error::Other {
            path: path.to_owned(),
            what: key.clone(),
            there: get(there, key).to_string(),
            here: get(here, key).to_string(),
        }),
    }
}

fn decode<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// Keeps the lines of a log up to a step.
fn shorten_log(path: &Path, step: u64) -> Result<(), Error> {
    let Ok(text) = fs::read_to_string(path) else {
        return Ok(());
    };
    let is_before =
        |line: &&str| serde_json::from_str::<Record>(line).is_ok_and(|record| record.step <= step);
    let kept: String = text
        .lines()
        .take_while(is_before)
        .map(|line| format!("{line}\n"))
        .collect();
    if kept.len() == text.len() {
        return Ok(());
    }
    fs::write(path, kept).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
        kept: true,
    })
}

/// A tensor of a state: little-endian words.
enum Tensor<'a> {
    F32(&'a [f32], Vec<usize>),
    F64(Vec<f64>, Vec<usize>),
    U64(&'a [u64], Vec<usize>),
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(..) => Dtype::F32,
            Self::F64(..) => Dtype::F64,
            Self::U64(..) => Dtype::U64,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(_, shape) | Self::F64(_, shape) | Self::U64(_, shape) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // All machines that are supported are little-endian.
        match self {
            Self::F32(values, _) => bytemuck::cast_slice(values).into(),
            Self::F64(values, _) => bytemuck::cast_slice(values).into(),
            Self::U64(values, _) => bytemuck::cast_slice(values).into(),
        }
    }

    fn data_len(&self) -> usize {
        self.data().len()
    }
}

/// Groups of weights with the beginnings of their names.
fn groups(trainer: &Trainer) -> Vec<(&'static str, &Parameters)> {
    let mut groups = vec![
        ("", &trainer.parameters),
        ("adam.first.", &trainer.first),
        ("adam.second.", &trainer.second),
    ];
    groups.extend(trainer.mean.as_ref().map(|mean| ("ema.", mean)));
    groups
}

fn shape(name: &str, parameters: &Parameters) -> Vec<usize> {
    let (latents, width) = (parameters.latents(), parameters.width());
    match name {
        "b_enc" => vec![latents],
        "b_dec" => vec![width],
        _ => vec![latents, width],
    }
}

fn tensors(trainer: &Trainer) -> Vec<(String, Tensor<'_>)> {
    let mut tensors = Vec::new();
    for (group, parameters) in groups(trainer) {
        for (name, values) in parameters.parts() {
            let shape = shape(name, parameters);
            tensors.push((format!("{group}{name}"), Tensor::F32(values, shape)));
        }
    }
    let latents = vec![trainer.last_active.len()];
    tensors.push((
        "last_active".to_owned(),
        Tensor::U64(&trainer.last_active, latents),
    ));
    let mut numbers = vec![
        trainer.variance,
        trainer.factor,
        trainer.threshold.unwrap_or(-1.0),
    ];
    numbers.extend(trainer.interval.numbers());
    let shape = vec![numbers.len()];
    tensors.push(("numbers".to_owned(), Tensor::F64(numbers, shape)));
    tensors
}

fn read(path: &Path, config: Config, state: &State) -> Result<Trainer, Error> {
    let damaged = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    let bytes = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let words = |name: &str, dtype: Dtype, shape: &[usize]| {
        let tensor = file
            .tensor(name)
            .map_err(|_| damaged(format!("{name} is missing")))?;
        if tensor.dtype() != dtype || tensor.shape() != shape {
            let (dtype, found) = (tensor.dtype(), tensor.shape());
            return Err(damaged(format!(
                "{name} is {dtype:?} {found:?}, not {shape:?}"
            )));
        }
        Ok(tensor.data().to_vec())
    };
    let width = file
        .tensor("b_dec")
        .ok()
        .and_then(|tensor| tensor.shape().first().copied())
        .ok_or_else(|| damaged("b_dec is missing".to_owned()))?;
    let group = |group: &str| {
        let mut parameters = Parameters::zeros(config.latents, width);
        let shapes = parameters.parts().map(|(name, _)| shape(name, &parameters));
        for ((name, values), shape) in parameters.parts_mut().into_iter().zip(shapes) {
            let name = format!("{group}{name}");
            *values = bytemuck::pod_collect_to_vec(&words(&name, Dtype::F32, &shape)?);
            if values.iter().any(|value| !value.is_finite()) {
                return Err(damaged(format!("{name} is not finite")));
            }
        }
        Ok(parameters)
    };
    let numbers = words("numbers", Dtype::F64, &[11])?;
    let numbers: Vec<f64> = bytemuck::pod_collect_to_vec(&numbers);
    let [variance, factor, threshold, ref interval @ ..] = numbers[..] else {
        return Err(damaged("numbers is too short".to_owned()));
    };
    let interval: [f64; 8] = interval
        .try_into()
        .map_err(|_| damaged("numbers is too short".to_owned()))?;
    let mut trainer = Trainer::from_parameters(config.clone(), group("")?, (variance, factor))?;
    trainer.first = group("adam.first.")?;
    trainer.second = group("adam.second.")?;
    if trainer.mean.is_some() {
        trainer.mean = Some(group("ema.")?);
    }
    let last_active = words("last_active", Dtype::U64, &[config.latents])?;
    trainer.last_active = bytemuck::pod_collect_to_vec(&last_active);
    if trainer.last_active.iter().any(|last| *last > state.tokens) {
        return Err(damaged("last_active is after the last token".to_owned()));
    }
    trainer.threshold = (threshold >= 0.0).then_some(threshold);
    trainer.interval = Interval::from_numbers(interval);
    (trainer.step, trainer.tokens) = (state.step, state.tokens);
    Ok(trainer)
}
