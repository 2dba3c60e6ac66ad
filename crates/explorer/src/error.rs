//! Errors, with a stable code, a sentence to act on, and the values at fault.

use serde_json::{Value, json};

/// An error of a [`crate::Session`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to work on.
    #[error("the prompt is empty; type some text")]
    EmptyPrompt,
    /// More tokens than the model's context.
    #[error(
        "the prompt is {tokens} tokens long, and the model's context holds {limit}; cut it to {limit} tokens or fewer"
    )]
    PromptTooLong {
        /// Tokens of the prompt, a BOS included.
        tokens: usize,
        /// Positions of the model.
        limit: usize,
    },
    /// No model has been loaded.
    #[error("no model is loaded; load one first")]
    NoModel,
    /// The tokenizer and the model do not belong together.
    #[error(
        "the tokenizer has {tokenizer} tokens, and the model's vocabulary {model}; they do not belong together"
    )]
    TokenizerMismatch {
        /// Tokens the tokenizer knows.
        tokenizer: usize,
        /// Tokens the model knows.
        model: usize,
    },
    /// No autoencoder has this id.
    #[error("no sparse autoencoder is called {id:?}; loaded: {loaded:?}")]
    UnknownSae {
        /// The requested id.
        id: String,
        /// The ids there are.
        loaded: Vec<String>,
    },
    /// The autoencoder does not say where it belongs, or says a place the model does not have.
    #[error("the sparse autoencoder {id:?} cannot be attached: {reason}")]
    HookMismatch {
        /// The autoencoder.
        id: String,
        /// Why.
        reason: String,
    },
    /// The autoencoder's width is not that of its hook.
    #[error(
        "the sparse autoencoder {id:?} reads activations {d_in} wide, and {hook} is {width} wide in this model"
    )]
    WidthMismatch {
        /// The autoencoder.
        id: String,
        /// Its width.
        d_in: usize,
        /// The hook.
        hook: String,
        /// The hook's width.
        width: usize,
    },
    /// An option is out of range.
    #[error("{name} is {value}, but {expected}")]
    BadOption {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that it may have.
        expected: String,
    },
    /// NaN where numbers were expected.
    #[error(
        "{what} is not a number at token {position}; the weights or an edit drove the computation out of range"
    )]
    NotANumber {
        /// The quantity.
        what: String,
        /// The token's position.
        position: usize,
    },
    /// A number that weights alone make is not one.
    #[error("{what} is not a number; a weight that it is made of is not finite, or too large")]
    UndefinedWeight {
        /// The quantity.
        what: String,
    },
    /// An index that the engine itself made leads nowhere: a fault of the engine, and no reason to show a number.
    #[error(
        "{what} {index} is missing among {count}; this is a fault of the engine, please report it"
    )]
    NoSuchIndex {
        /// Of what kind.
        what: &'static str,
        /// The index.
        index: usize,
        /// Number of there are.
        count: usize,
    },
    /// The call was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A file is not what it should be.
    #[error(transparent)]
    File(#[from] formats::Error),
    /// The model failed.
    #[error(transparent)]
    Model(gpt2::Error),
    /// The autoencoder failed.
    #[error(transparent)]
    Sae(sae::Error),
    /// The device failed.
    #[error("{}", device_message(.0))]
    Device(kernels::Error),
    /// The file kind is known to the reader, but not to this engine.
    #[error("{what} is not supported by this version")]
    Unsupported {
        /// Its kind.
        what: String,
    },
}

impl Error {
    /// Something that the engine itself has to have made: a fault of the engine.
    pub(crate) fn missing(what: &'static str) -> Self {
        Self::NoSuchIndex {
            what,
            index: 0,
            count: 0,
        }
    }
}

/// An entry that must be there: a plausible number in the place of a missing one would be worse than none.
///
/// # Errors
/// [`Error::NoSuchIndex`].
pub(crate) fn index<T: Copy>(values: &[T], what: &'static str, index: u32) -> Result<T, Error> {
    let found = values.get(index as usize).copied();
    found.ok_or(Error::NoSuchIndex {
        what,
        index: index as usize,
        count: values.len(),
    })
}

fn device_message(error: &kernels::Error) -> String {
    match error {
        kernels::Error::NoAdapter { .. } => format!(
            "{error}; WebGPU or Vulkan is missing or turned off here: use the CPU backend, or a browser with WebGPU"
        ),
        kernels::Error::DeviceLost { .. } => {
            format!(
                "{error}; load the model and the SAEs again, on a new device, and if that one is lost as well, take smaller ones or the CPU backend, or close other pages that use the GPU"
            )
        }
        kernels::Error::OutOfMemory { .. } | kernels::Error::BufferTooLarge { .. } => {
            format!(
                "{error}; use a shorter prompt or a smaller model, or close other pages that use the GPU"
            )
        }
        _ => error.to_string(),
    }
}

impl From<kernels::Error> for Error {
    fn from(error: kernels::Error) -> Self {
        Self::Device(error)
    }
}

impl From<gpt2::Error> for Error {
    fn from(error: gpt2::Error) -> Self {
        match error {
            gpt2::Error::Device(error) => Self::Device(error),
            gpt2::Error::ContextFull { tokens, limit, .. } => Self::PromptTooLong { tokens, limit },
            gpt2::Error::Empty => Self::EmptyPrompt,
            other => Self::Model(other),
        }
    }
}

impl From<sae::Error> for Error {
    fn from(error: sae::Error) -> Self {
        match error {
            sae::Error::Device(error) => Self::Device(error),
            other => Self::Sae(other),
        }
    }
}

impl Error {
    /// The error's kind in kebab-case, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyPrompt => "empty-prompt",
            Self::PromptTooLong { .. } => "prompt-too-long",
            Self::NoModel => "no-model",
            Self::TokenizerMismatch { .. } => "wrong-shape",
            Self::UnknownSae { .. } => "unknown-sae",
            Self::HookMismatch { .. } => "hook-mismatch",
            Self::WidthMismatch { .. } => "width-mismatch",
            Self::BadOption { .. } => "bad-option",
            Self::NotANumber { .. } | Self::UndefinedWeight { .. } => "not-a-number",
            Self::Cancelled => "cancelled",
            Self::File(error) => error.code(),
            Self::Model(gpt2::Error::Weight { .. }) => "bad-file",
            Self::Model(gpt2::Error::Config(_)) => "bad-file",
            Self::Sae(sae::Error::WrongSize { .. }) => "wrong-shape",
            Self::Sae(sae::Error::UnusableK { .. }) => "bad-option",
            Self::Unsupported { .. } => "unsupported-architecture",
            Self::Device(error) => match error {
                kernels::Error::NoAdapter { .. } | kernels::Error::NoDevice { .. } => "no-webgpu",
                kernels::Error::DeviceLost { .. } => "device-lost",
                kernels::Error::OutOfMemory { .. } | kernels::Error::BufferTooLarge { .. } => {
                    "out-of-memory"
                }
                _ => "internal",
            },
            Self::Model(_) | Self::Sae(_) | Self::NoSuchIndex { .. } => "internal",
        }
    }

    /// The values at fault.
    pub fn details(&self) -> Value {
        match self {
            Self::PromptTooLong { tokens, limit } => json!({"tokens": tokens, "limit": limit}),
            Self::UnknownSae { id, loaded } => json!({"id": id, "loaded": loaded}),
            Self::HookMismatch { id, .. } => json!({"id": id}),
            Self::WidthMismatch {
                id,
                d_in,
                hook,
                width,
            } => json!({"id": id, "d_in": d_in, "hook": hook, "width": width}),
            Self::BadOption { name, value, .. } => json!({"option": name, "value": value}),
            Self::NoSuchIndex { what, index, count } => {
                json!({"what": what, "index": index, "count": count})
            }
            Self::NotANumber { what, position } => json!({"what": what, "position": position}),
            Self::UndefinedWeight { what } => json!({"what": what}),
            Self::File(error) => error.details(),
            Self::Device(kernels::Error::OutOfMemory { needed, in_use, .. }) => {
                json!({"needed": needed, "in_use": in_use})
            }
            Self::Device(kernels::Error::BufferTooLarge { needed, limit, .. }) => {
                json!({"needed": needed, "limit": limit})
            }
            _ => json!({}),
        }
    }
}
