//! Checkpoints: the files of a folder that SAELens opens, with the state of the training beside, as bytes. What keeps them is a folder on a
//! disk, or the storage of a browser.
//!
//! `cfg.json` and `sae_weights.safetensors` are the autoencoder, `train.json` the settings, `state.safetensors` the weights,
//! moments and counts in full, `state.json` where the training is and what it reads, `log.jsonl` its log.

#[cfg(not(target_arch = "wasm32"))]
mod disk;
#[cfg(not(target_arch = "wasm32"))]
mod folder;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use formats::sae::saelens;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{Activation, Config};
use crate::error::Error;
use crate::export::Origin;
use crate::log::Interval;
use crate::parameters::Parameters;
use crate::trainer::Trainer;

#[cfg(not(target_arch = "wasm32"))]
pub use disk::{resume, save, shorten_log};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::Folder;

/// The log of a training, one record per line.
pub const LOG: &str = "log.jsonl";
const CONFIG: &str = "train.json";
const STATE: &str = "state.json";
const TENSORS: &str = "state.safetensors";

/// The weight of sparsity, of activations without a k.
const SPARSITY: &str = "sparsity";

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

/// Makes the files of a checkpoint, but for its log, and hands each to `keep` by its name. No more than one is in memory at a time, beside
/// the autoencoder's weights. A checkpoint is whole when `keep` has taken all.
///
/// # Errors
/// [`Error::Format`] where the weights are not finite; whatever `keep` returns.
pub fn write<E: From<Error>>(
    trainer: &Trainer,
    origin: &Origin,
    source: &Source,
    mut keep: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    autoencoder(trainer, origin, &mut keep)?;
    let tensors = safetensors::serialize(tensors(trainer), None);
    let tensors = tensors.map_err(|error| unwritable(TENSORS, &error))?;
    keep(TENSORS, &tensors)?;
    drop(tensors);
    let state = State {
        version: VERSION,
        step: trainer.step,
        tokens: trainer.tokens,
        origin: origin.clone(),
        source: source.clone(),
        machine: trainer.machine.clone(),
    };
    keep(STATE, &pretty(&state, STATE)?)
}

/// Makes the files of the autoencoder and of its settings alone, and hands each to `keep` by its name: what a person keeps of a training
/// that has ended.
///
/// # Errors
/// As [`write()`].
pub fn autoencoder<E: From<Error>>(
    trainer: &Trainer,
    origin: &Origin,
    mut keep: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let sae = saelens::write_folder(&trainer.sae(origin)).map_err(Error::from)?;
    keep("cfg.json", &sae.cfg_json)?;
    keep("sae_weights.safetensors", &sae.weights)?;
    drop(sae);
    keep(CONFIG, &pretty(&trainer.config, CONFIG)?)
}

fn unwritable(file: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Configuration {
        file: file.to_owned(),
        why: why.to_string(),
    }
}

fn pretty(value: &impl Serialize, file: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| unwritable(file, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The settings of a checkpoint, and where it is: `read` gives a file of it by its name.
///
/// # Errors
/// [`Error::NoState`] for a state of another version, [`Error::Damaged`]; whatever `read` returns. `place` names the checkpoint.
pub fn describe<E: From<Error>>(
    place: &Path,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<(Config, State), E> {
    let state: State = decode(&place.join(STATE), &read(STATE)?)?;
    if state.version != VERSION {
        let why = format!("its state has version {}, not {VERSION}", state.version);
        let path = place.to_owned();
        return Err(Error::NoState { path, why }.into());
    }
    let config = decode(&place.join(CONFIG), &read(CONFIG)?)?;
    Ok((config, state))
}

/// Goes on from a checkpoint with the wanted settings and source. `read` gives a file of it by its name.
///
/// # Errors
/// [`Error::Other`] for other settings or another source; as [`describe`].
pub fn read<E: From<Error>>(
    place: &Path,
    config: &Config,
    source: &Source,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<(Trainer, State), E> {
    let (there, state) = describe(place, &mut read)?;
    let value = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let object = |value: Value| match value {
        Value::Object(object) => object.into_iter().collect(),
        _ => Source::new(),
    };
    compare(place, &object(value(&there)), &object(value(config)))?;
    compare(place, &state.source, source)?;
    let trainer = trainer(
        &place.join(TENSORS),
        &read(TENSORS)?,
        config.clone(),
        &state,
    )?;
    Ok((trainer, state))
}

/// Refuses settings that differ. `place` names the checkpoint.
///
/// # Errors
/// [`Error::Other`] with the first one that does.
pub fn compare(place: &Path, there: &Source, here: &Source) -> Result<(), Error> {
    let keys = there.keys().chain(here.keys());
    let get = |source: &Source, key: &String| source.get(key).cloned().unwrap_or_default();
    match keys
        .into_iter()
        .find(|key| get(there, key) != get(here, key))
    {
        None => Ok(()),
        Some(key) => Err(Error::Other {
            path: place.to_owned(),
            what: key.clone(),
            there: get(there, key).to_string(),
            here: get(here, key).to_string(),
        }),
    }
}

fn decode<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// The lines of a log up to a step.
pub fn log_until(text: &str, step: u64) -> String {
    #[derive(Deserialize)]
    struct Step {
        step: u64,
    }
    let is_before =
        |line: &&str| serde_json::from_str::<Step>(line).is_ok_and(|line| line.step <= step);
    text.lines()
        .take_while(is_before)
        .map(|line| format!("{line}\n"))
        .collect()
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
        "thresholds" => vec![parameters.thresholds.len()],
        "b_dec" => vec![width],
        _ => vec![latents, width],
    }
}

fn tensors(trainer: &Trainer) -> Vec<(String, Tensor<'_>)> {
    let mut tensors = Vec::new();
    for (group, parameters) in groups(trainer) {
        for (name, values) in parameters.parts() {
            let shape = shape(name, parameters);
            if !values.is_empty() {
                tensors.push((format!("{group}{name}"), Tensor::F32(values, shape)));
            }
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
    if !trainer.config.activation.is_topk() {
        let weight = Tensor::F64(vec![trainer.sparsity], vec![1]);
        tensors.push((SPARSITY.to_owned(), weight));
    }
    tensors
}

/// A trainer out of `state.safetensors`.
fn trainer(path: &Path, bytes: &[u8], config: Config, state: &State) -> Result<Trainer, Error> {
    let damaged = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
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
        if config.activation == Activation::JumpRelu {
            parameters.thresholds = vec![0.0; config.latents];
        }
        let shapes = parameters.parts().map(|(name, _)| shape(name, &parameters));
        for ((name, values), shape) in parameters.parts_mut().into_iter().zip(shapes) {
            if values.is_empty() {
                continue;
            }
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
    if !trainer.config.activation.is_topk() {
        let weight: Vec<f64> = bytemuck::pod_collect_to_vec(&words(SPARSITY, Dtype::F64, &[1])?);
        trainer.sparsity = weight[0];
        if !(weight[0].is_finite() && weight[0] >= 0.0) {
            return Err(damaged(format!("{SPARSITY} is {}", weight[0])));
        }
    }
    trainer.threshold = (threshold >= 0.0).then_some(threshold);
    trainer.interval = Interval::from_numbers(interval);
    (trainer.step, trainer.tokens) = (state.step, state.tokens);
    Ok(trainer)
}
