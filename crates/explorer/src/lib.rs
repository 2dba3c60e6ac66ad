//! The engine: a [`Session`] keeps a device, a model and its sparse autoencoders, and answers questions.
//!
//! Layers, from the top: `session` is a facade; `analysis` has a file per question; `run` describes runs of the model as data,
//! compiles and executes them; `store` has what is loaded and loads it; `features` gives autoencoders, streamed autoencoders
//! and neurons one shape; `tokens` makes checked sequences of texts. Below are [`gpt2`], which offers hook points, and
//! [`sae`], which knows nothing of models. Bytes are handed in: the engine knows no files and no network.

mod analysis;
mod error;
mod features;
mod pace;
mod run;
mod session;
mod store;
mod tokens;

pub use analysis::directions::{Directions, DirectionsOptions, SetDirections};
pub use analysis::effects::{EffectsOptions, RankBy};
pub use analysis::evaluate_windows::EvaluatedWindow;
pub use analysis::generate::GenerateOptions;
pub use analysis::sample_loss::SAMPLE_TEXT;
pub use analysis::scan::{Clock, ScanOptions, ScanSeconds, ScanWindow};
pub use analysis::scan_batch::{ScanBatch, ScanValues};
pub use analysis::statistics::{Firing, LatentStatistics, TextStatistics};
pub use analysis::stream_patching::StreamPatchOptions;
pub use analysis::taps::TapOptions;
pub use analysis::trace::TraceOptions;
pub use analysis::watched::Written;
pub use error::Error;
pub use kernels::LimitsChoice;
pub use pace::{Cancel, OnProgress, Pause, Progress};
pub use session::{BackendChoice, Session};
pub use store::hook_name::{about_hook, hook_name};
pub use store::options::{SaeOptions, WeightChoice};
pub use tokens::{Bos, BosDecision, Input};
pub use wire::{
    Condition, Counters, Dump, Edit, Edited, Edits, Effect, Effects, Evaluation, Feature,
    Generation, Info, Lens, LogitEffect, Matrix, Metrics, ModelInfo, Neighbour, NextToken,
    Operation as EditOperation, Positions, SaeInfo, SaeTrace, SampleLoss, SetFeatures, Span, Stop,
    StreamPatching, Tapped, Taps, Target, Token, TokenChange, TokenFeatures, TokenValue,
    Tokenization, Trace,
};
