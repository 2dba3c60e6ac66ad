//! The engine for JavaScript: the body of the Web Worker behind the page and the npm package.
//!
//! [`Engine`] wraps one [`explorer::Session`]. Options come in as plain objects, results go out as plain objects with
//! camelCase names, with typed arrays for whatever is long. A failed call rejects with `{code, message, details}`.
//! Nothing here fetches, stores or prints: bytes are handed in by `pkg/worker.js`.

#[cfg(any(feature = "scan", feature = "train"))]
mod archive;
mod engine;
mod error;
#[cfg(feature = "train")]
mod evaluate;
mod hash;
#[cfg(feature = "scan")]
mod identify;
mod loading;
mod options;
mod panic;
#[cfg(any(feature = "scan", feature = "train"))]
mod part;
#[cfg(feature = "scan")]
mod scan;
mod source;
mod tokenizer;
#[cfg(feature = "train")]
mod train;

#[cfg(any(feature = "scan", feature = "train"))]
pub use archive::archive;
pub use engine::Engine;
pub use hash::Sha256;
#[cfg(feature = "scan")]
pub use identify::{identify_model, identify_pt, identify_saelens};
pub use loading::sniff;
pub use tokenizer::Tokenizer;
#[cfg(feature = "train")]
pub use train::as_pt;
