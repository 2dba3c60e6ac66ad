//! The engine: a [`Session`] keeps a device, a model and its sparse autoencoders, and answers questions.
//!
//! Layers, from the top: `session` is a facade; `analysis` has a file per question; `run` describes runs of the model as data,
//! compiles and executes them; `store` has what is loaded and loads it; `features` gives autoencoders, streamed autoencoders
//! and neurons one shape; `tokens` makes checked sequences of texts. Below are [`gpt2`], which offers hook points, and
//! [`sae`], which knows nothing of models. Bytes are handed in: the engine knows no files and no network.

mod analysis;
mod error;
mod features;
mod matrix;
mod pace;
mod run;
mod session;
mod store;
mod tokens;

pub use analysis::directions::{Directions, DirectionsOptions, SetDirections};
pub use analysis::edited::Edited;
pub use analysis::effects::{Effect, Effects, EffectsOptions, RankBy, TokenChange};
pub use analysis::evaluate::Evaluation;
pub use analysis::feature::{Feature, LogitEffect, TokenEffect};
pub use analysis::generate::{GenerateOptions, Generation, Stop};
pub use analysis::metrics::Metrics;
pub use analysis::sample_loss::{SAMPLE_TEXT, SampleLoss};
pub use analysis::scan::{Clock, ScanOptions, ScanSeconds, ScanWindow};
pub use analysis::scan_batch::{ScanBatch, ScanValues};
pub use analysis::set_trace::SaeTrace;
pub use analysis::statistics::{Firing, LatentStatistics, TextStatistics};
pub use analysis::stream_patching::{StreamPatchOptions, StreamPatching};
pub use analysis::taps::{Lens, TapOptions, Tapped, Taps};
pub use analysis::trace::{Dump, Trace, TraceOptions};
pub use analysis::watched::{SetFeatures, TokenFeatures, Written};
pub use error::Error;
pub use features::set::Neighbour;
pub use kernels::{Counters, LimitsChoice};
pub use matrix::Matrix;
pub use pace::{Cancel, OnProgress, Pause, Progress};
pub use session::{BackendChoice, Info, Session};
pub use store::hook_name::{about_hook, hook_name};
pub use store::info::{ModelInfo, SaeInfo};
pub use store::options::{SaeOptions, WeightChoice};
pub use tokens::{Bos, BosDecision, Input, NextToken, Token, Tokenization};
pub use wire::{Condition, Edit, Edits, Operation as EditOperation, Positions, Span, Target};
