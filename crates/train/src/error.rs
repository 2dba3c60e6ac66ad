//! Errors of training: each names the setting, the value and what to do.

use std::io;
use std::path::PathBuf;

/// Errors of training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be.
    #[error("{key} = {value}: {expected}")]
    Setting {
        /// The setting's name in the configuration.
        key: &'static str,
        /// Its value.
        value: String,
        /// The values that can be.
        expected: String,
    },
    /// A configuration that cannot be read.
    #[error("{file}: {why}")]
    Configuration {
        /// The file, or the option.
        file: String,
        /// Where and why.
        why: String,
    },
    /// Too few activations.
    #[error(
        "there are {rows} activations to train on, fewer than one batch of {batch}: give more text, or a smaller batch (--batch)"
    )]
    TooFew {
        /// Those that there are.
        rows: u64,
        /// Those of a batch.
        batch: usize,
    },
    /// An activation that is no number.
    #[error(
        "activation {row} of the batch holds {value} in dimension {dimension}: training needs finite numbers; look at where the activations come from"
    )]
    NotFinite {
        /// Which of the batch.
        row: usize,
        /// Where in it.
        dimension: usize,
        /// The value.
        value: f32,
    },
    /// Activations that do not vary.
    #[error(
        "the {rows} activations that were looked at are all the same{after}: there is nothing to reconstruct; is it the right hook, or the right file?"
    )]
    Constant {
        /// Number of activations.
        rows: usize,
        /// ` after normalisation`, or nothing.
        after: &'static str,
    },
    /// Weights that have become infinite or NaN.
    #[error(
        "the loss is {value} at step {step}: training has diverged; the last checkpoint is as it was. Use a lower learning rate (lr), or input_normalization = \"layer_norm\""
    )]
    Diverged {
        /// Which step.
        step: u64,
        /// The loss.
        value: f64,
    },
    /// Activations of another width.
    #[error("{found} numbers are not {rows} activations of {width}")]
    Width {
        /// Numbers that were given.
        found: usize,
        /// Rows that were expected.
        rows: usize,
        /// Width that was expected.
        width: usize,
    },
    /// A folder that is there already.
    #[error(
        "{} is there already: give another name, or --resume to go on with the training that it holds", .path.display()
    )]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a state to go on from.
    #[error("{} holds no training that could be resumed: {why}", .path.display())]
    NoState {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A folder of another training.
    #[error(
        "{} holds a training with {what} = {there}, and here it is {here}: resume with the same settings, or give another name", .path.display()
    )]
    Other {
        /// The folder.
        path: PathBuf,
        /// The first setting that differs.
        what: String,
        /// Its value there.
        there: String,
        /// Its value here.
        here: String,
    },
    /// A folder that another process writes.
    #[error("{} is being written by another process", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file or a folder that cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or a folder that cannot be written.
    #[error(
        "{} cannot be written: {source}{}", .path.display(), if *.kept { "; the last checkpoint is as it was" } else { "" }
    )]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// True if there is an earlier checkpoint.
        kept: bool,
    },
    /// A state that is damaged.
    #[error("{}: {why}; the autoencoder beside it may be whole all the same", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The device that trains failed.
    #[error("{}{}", .0, advice(.0))]
    Device(#[from] kernels::Error),
    /// The trained autoencoder cannot be written in SAELens's layout.
    #[error(transparent)]
    Format(#[from] formats::Error),
}

/// What to do about a device's error.
fn advice(error: &kernels::Error) -> &'static str {
    use kernels::Error as Device;
    match error {
        Device::NoAdapter { .. } | Device::NoDevice { .. } => "; train on the CPU",
        Device::DeviceLost { .. } => {
            "; the last checkpoint is as it was, and a resumed training goes on from there"
        }
        Device::OutOfMemory { .. } | Device::BufferTooLarge { .. } => {
            "; fewer latents or a smaller batch take less, or train on the CPU"
        }
        _ => "",
    }
}

impl Error {
    /// [`Error::Setting`] of a setting's name, its value, and the values that can be.
    pub fn setting(key: &'static str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Setting {
            key,
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}
