//! Values of `wire` as JavaScript values and back, by serde: for the engine's worker, which writes results and reads options, and
//! for the page, which reads results.
//!
//! Long columns are typed arrays and cross in one copy (`wire::column`). Errors name the option that is wrong.

mod de;
mod error;
mod ser;

pub use de::{from_js, options_from_js};
pub use error::Error;
pub use ser::to_js;
