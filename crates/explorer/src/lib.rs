//! The engine: a [`Session`] keeps a device, a model and its sparse autoencoders, and answers questions.
//!
//! Layers, from the top: `session` is a facade; `analysis` has a file per question; `run` describes runs of the model as data,
//! compiles and executes them; `store` has what is loaded and loads it; `features` gives autoencoders, streamed autoencoders
//! and neurons one shape; `tokens` makes checked sequences of texts. Below are [`gpt2`], which offers hook points, and
//! [`sae`], which knows nothing of models. Bytes are handed in: the engine knows no files and no network.
//!
//! Options and results are those of [`wire`], which page, package and program have in common.

mod analysis;
mod error;
mod features;
mod pace;
mod run;
mod session;
mod store;
mod tokens;

pub use analysis::sample_loss::SAMPLE_TEXT;
pub use analysis::statistics::{Firing, LatentStatistics, TextStatistics};
pub use error::Error;
pub use kernels::Counters;
pub use pace::{Cancel, OnProgress, Pause, Progress};
pub use session::Session;
pub use store::hook_name::{about_hook, hook_name};
pub use tokens::{BosDecision, Input};
pub use wire::{
    BackendChoice, Bos, Dump, Edit, EditOperation, EditOptions, Edited, Evaluation, Feature,
    GenerateOptions, Generation, Info, Lens, LimitsChoice, LogitEffect, Matrix, Metrics, ModelInfo,
    Neighbour, NextToken, SaeInfo, SaeOptions, SaeTrace, SampleLoss, Stop, TapOptions, Tapped,
    Taps, Token, TokenValue, Tokenization, Trace, TraceOptions, WeightChoice,
};
