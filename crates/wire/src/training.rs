//! Trainings of sparse autoencoders on texts.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ScannedFile;

/// Options of a training. Names and meanings of settings are those of docs/train.md.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrainOptions {
    /// The hook whose activations the autoencoder is trained on, as `"blocks.3.hook_resid_post"`.
    #[ts(optional)]
    pub hook: Option<String>,
    /// Number of latents.
    #[ts(optional)]
    pub latents: Option<usize>,
    /// Active latents per token.
    #[ts(optional)]
    pub k: Option<usize>,
    /// Rule by which latents are active; `"topk"` by default.
    #[ts(optional, type = "'topk' | 'batch_topk' | 'jump_relu' | 'relu'")]
    pub activation: Option<String>,
    /// Matryoshka: numbers of first latents, increasing, whose reconstructions are parts of the loss; none by default.
    #[ts(optional)]
    pub matryoshka: Option<Vec<usize>>,
    /// Tokens to train on; the texts once by default.
    #[ts(optional)]
    pub tokens: Option<u64>,
    /// Tokens per step; 1024 by default.
    #[ts(optional)]
    pub batch: Option<usize>,
    /// Peak learning rate; 2e-4·√(16384 / latents) by default.
    #[ts(optional)]
    pub lr: Option<f64>,
    /// Seed of the start and of the order of data; 0 by default.
    #[ts(optional)]
    pub seed: Option<u64>,
    /// The processor of the steps; `"cpu"` by default, which is one core of it. A `"gpu"` trains TopK, with Multi-TopK or Matryoshka.
    #[ts(optional, type = "'cpu' | 'gpu'")]
    pub processor: Option<String>,
    /// Further settings by their names in docs/train.md, such as `{dead_tokens: 100000}`.
    #[ts(optional, type = "Record<string, unknown>")]
    pub settings: Option<serde_json::Map<String, serde_json::Value>>,
    /// Tokens of a window, a BOS included; the model's context by default, at most 256.
    #[ts(optional)]
    pub context: Option<usize>,
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
    /// True to train on the first position of a window as well where no BOS stands there; it is unlike all others.
    #[ts(optional)]
    pub keep_first: Option<bool>,
    /// The field of a record of JSON lines that holds its text; `"text"` by default.
    #[ts(optional)]
    pub text_field: Option<String>,
    /// Read no more of the texts than so many tokens, which are in memory; 20 millions by default.
    #[ts(optional)]
    pub corpus_tokens: Option<u64>,
    /// Name of the training; by default that of the first file.
    #[ts(optional)]
    pub name: Option<String>,
    /// Keep a checkpoint whenever so many seconds have passed; 60 by default.
    #[ts(optional)]
    pub checkpoint_seconds: Option<f64>,
}

/// What was measured of the steps since the last such report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrainRecord {
    /// Steps that are done.
    pub step: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Fraction of variance unexplained: Σ ‖x̂ − x‖² / Σ ‖x − x̄‖² over the tokens, x̄ each batch's mean, in the space of training.
    pub fvu: f64,
    /// Mean objective without AuxK: squared errors over the variance of the sample at the start.
    pub loss: f64,
    /// Mean of AuxK's loss without its weight; `null` while no latent is dead.
    pub aux_loss: Option<f64>,
    /// Mean number of active latents per token.
    pub l0: f64,
    /// Share of latents that are dead, from 0 to 1.
    pub dead: f64,
    /// Tokens per second, with the activations.
    pub tokens_per_second: f64,
    /// Tokens per second of the steps alone.
    pub step_tokens_per_second: f64,
}

/// What a training takes, by its texts and its first steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrainEstimate {
    /// Tokens of the texts, without BOS.
    pub corpus_tokens: u64,
    /// Tokens to train on.
    pub tokens: u64,
    /// Steps.
    pub steps: u64,
    /// Width of the activations.
    pub width: usize,
    /// Bytes of memory for the training: weights, moments, a block of activations, a checkpoint.
    pub memory_bytes: u64,
    /// Bytes of the texts' tokens.
    pub corpus_bytes: u64,
    /// Bytes of the model, which is loaded once more for it.
    pub model_bytes: u64,
    /// Bytes of a checkpoint in the browser's storage, of which there are two.
    pub checkpoint_bytes: u64,
    /// Seconds that all of it takes.
    pub seconds: f64,
    /// Tokens per second, with the activations.
    pub tokens_per_second: f64,
    /// ‖μ‖/‖σ‖: length of the activations' mean over their spread, √(Σ variances).
    pub mean_over_spread: f64,
    /// The same as the encoder reads them, after normalisation.
    pub normalised_mean_over_spread: f64,
    /// A sentence about that, where the mean is long.
    pub advice: Option<String>,
    /// The device that computes the activations.
    pub device: String,
    /// The device that the steps run on.
    pub processor: String,
}

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "stage",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum TrainProgress {
    /// Bytes of the model's weights; the package tells it.
    Load {
        /// So many.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// Texts that are read.
    Read {
        /// Bytes of the files.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
        /// Tokens so far.
        tokens: u64,
    },
    /// Activations of the first block are computed, and looked at.
    Look,
    /// It can go on: with `confirm` it waits for `resume()`.
    Estimate(TrainEstimate),
    /// It goes on from a checkpoint.
    Resumed {
        /// Steps that are done, of so many.
        step: u64,
        /// All.
        steps: u64,
        /// What was measured until then.
        records: Vec<TrainRecord>,
        /// A sentence where the rest is not the same to the bit as without an interruption.
        note: Option<String>,
    },
    /// Steps that are done.
    Step {
        /// What was measured.
        record: TrainRecord,
        /// Steps in all.
        steps: u64,
    },
    /// It waits for `resume()`.
    Paused {
        /// Steps that are done.
        step: u64,
    },
    /// A checkpoint is in the browser's storage.
    Saved {
        /// Steps that it has.
        step: u64,
    },
    /// A checkpoint could not be stored; the one before is as it was, and the training goes on.
    Unsaved {
        /// Why.
        why: String,
    },
}

/// A training in this browser's storage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrainingInfo {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Name of the model.
    pub model: String,
    /// Name of the hook.
    pub hook: String,
    /// Number of latents.
    pub latents: usize,
    /// Active latents per token.
    pub k: usize,
    /// Rule by which latents are active.
    pub activation: String,
    /// Steps that are done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Tokens that were trained on.
    pub tokens: u64,
    /// FVU of the last report; `null` before the first.
    pub fvu: Option<f64>,
    /// Time of the checkpoint, milliseconds since 1970.
    pub saved_at: f64,
    /// Bytes of the checkpoint.
    pub bytes: u64,
}

/// The result of a training.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Trained {
    /// It, as it is in the browser's storage.
    pub info: TrainingInfo,
    /// True if all steps are done; otherwise `stop()` ended it.
    pub complete: bool,
    /// True if it is in the browser's storage.
    pub stored: bool,
    /// The autoencoder in SAELens's layout, with its settings and its log.
    pub files: Vec<ScannedFile>,
}
