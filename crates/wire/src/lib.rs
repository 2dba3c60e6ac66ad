//! What crosses between the engine, the package, the page and the program, once: every result, [`options`] of questions, every edit, and addresses of the page
//! about a prompt and of figures in articles. No device, no network, no model.
//!
//! The engine answers with these types, `crates/js` hands them to JavaScript (`crates/wire-js`), the page reads them,
//! `pkg/wire.d.ts` is generated from them (`typings`), and `--json` prints them. A field that is added here is in all of these, under
//! its name in camel case. A long column of numbers is a typed array in JavaScript and a plain list in JSON; see [`mod@column`].
//!
//! Edits have one grammar for links, files, the command line and JavaScript; it is described in `docs/edits.md`. Whether a feature set
//! or a latent exists is not known here.

pub mod address;
pub mod column;
pub mod figure;
pub mod options;
pub mod typings;

mod edit;
mod edited;
mod effects;
mod evaluation;
mod feature;
mod generation;
mod json;
mod loaded;
mod matrix;
mod parse;
mod parse_error;
mod patching;
mod percent;
mod recorded;
mod sample;
mod scan;
mod taps;
mod text;
mod trace;
mod training;
mod value;

pub use edit::{Condition, Edit, Edits, Operation, Positions, Span, Target};
pub use edited::{Edited, Sweep, SweepPoint};
pub use effects::{Effect, Effects};
pub use evaluation::{
    AblationSparsity, CorpusEvaluation, CorpusEvaluations, Density, EvaluateOptions,
    EvaluateProgress, Evaluated, EvaluatedCorpus, Evaluation, EvaluationFailure, Evaluations,
    FittedLaw, JumpReluAtTest, ProbeTask, Probes, Recovery, RecoveryPoint, Refinement, ResultTable,
    ScalingLaw, SparseProbe, SweptTraining, TrainingSweep,
};
pub use feature::{Feature, LogitEffect, Neighbour};
pub use generation::{Generation, SetFeatures, Stop, TokenFeatures};
pub use loaded::{Counters, Info, ModelInfo, Origin, SaeConfig, SaeInfo};
pub use matrix::Matrix;
pub use parse_error::{Fault, ParseError};
pub use patching::StreamPatching;
pub use recorded::{Example, Recorded};
pub use sample::SampleLoss;
pub use scan::{ScanProgress, Scanned, ScannedFile};
pub use taps::{Lens, Tapped, Taps};
pub use text::{NextToken, Token, TokenChange, TokenValue, Tokenization};
pub use trace::{Dump, Metrics, SaeTrace, Trace};
pub use training::{
    TrainEstimate, TrainOptions, TrainProgress, TrainRecord, Trained, TrainingInfo,
};
pub use value::{LARGEST_VALUE, ValueError, check_value};
