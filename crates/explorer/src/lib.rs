//! The engine's face: a [`Session`] owns a device, a model and its sparse autoencoders, and answers questions.
//!
//! It joins [`gpt2`], which offers hook points, with [`sae`], which knows nothing of models, and turns prompts into
//! tokens and buffers into numbers that carry their definitions. Bytes are handed in: it knows no files and no network.

mod activations;
mod cancel;
mod cautions;
mod edited;
mod encoded;
mod error;
mod evaluate;
mod feature;
mod generate;
mod hook_name;
mod load;
mod load_sae;
mod logits;
mod metrics;
mod model_name;
mod neurons;
mod options;
mod orientation;
mod pass;
mod prompt;
mod report;
mod sample;
mod sample_loss;
mod session;
mod streamed;
mod trace;

pub use cancel::Cancel;
pub use error::Error;
pub use evaluate::Evaluation;
pub use hook_name::{about_hook, hook_name};
pub use kernels::Counters;
pub use options::{
    BackendChoice, Bos, Edit, GenerateOptions, Input, LimitsChoice, SaeOptions, TraceOptions,
    WeightChoice,
};
pub use prompt::BosDecision;
pub use report::{
    Dump, Edited, Feature, Generation, Info, LogitEffect, Matrix, Metrics, ModelInfo, Neighbour,
    NextToken, SaeInfo, SaeTrace, Stop, Token, TokenEffect, Tokenization, Trace,
};
pub use sample_loss::SampleLoss;
pub use session::{Pause, Session};

/// The text on which a loaded autoencoder's numbers are shown where nobody gave another: plain prose of 126 tokens of
/// GPT-2, so that with a BOS it fits the 128 tokens that many published autoencoders were trained on.
pub const SAMPLE_TEXT: &str = include_str!("sample_text.txt");
