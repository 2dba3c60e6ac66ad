//! Every option and every result that crosses from the engine to the page, the package, its typings and the command line, once.
//!
//! The engine answers with these types, `crates/js` hands them to JavaScript, the page reads them, `pkg/wire.d.ts` is generated
//! from them, and `--json` prints them. A field that is added here appears in all of these. Names in JavaScript are those of the
//! fields in camel case; the program prints them in snake case.
//!
//! A long column of numbers (`[rows, width]`, row-major) is a typed array in JavaScript and a plain list in JSON; see [`column`].

pub mod column;
mod edit;
mod feature;
mod generate;
mod loaded;
mod options;
mod recorded;
mod sample;
mod taps;
mod text;
mod trace;
#[cfg(feature = "typings")]
pub mod typings;

pub use edit::{Edit, EditOperation, EditOptions, Edited};
pub use feature::{Feature, LogitEffect, Neighbour};
pub use generate::{GenerateOptions, Generation, Stop};
pub use loaded::{Counters, Info, ModelInfo, Origin, SaeConfig, SaeInfo};
pub use options::{
    BackendChoice, Bos, LimitsChoice, ModelOptions, PromptOptions, SaeOptions, TapOptions,
    TraceOptions, WeightChoice,
};
pub use recorded::{Example, Recorded};
pub use sample::SampleLoss;
pub use taps::{Lens, Tapped, Taps};
pub use text::{NextToken, Token, TokenValue, Tokenization};
pub use trace::{Dump, Evaluation, Matrix, Metrics, SaeTrace, Trace};
