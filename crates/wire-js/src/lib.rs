//! Results of `wire` as JavaScript values and back, by serde: for the engine's worker, which writes them, and for the page, which reads
//! them. A deserialiser for everything that serde knows would be a tenth of the page; this one finds an object's fields by their places.
//!
//! Long columns are typed arrays and cross in one copy (`wire::column`). Errors name the field that is wrong.

mod de;
mod error;
mod ser;

pub use de::from_js;
pub use error::Error;
pub use ser::to_js;
