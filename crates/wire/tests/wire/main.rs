//! Tests of `wire` through its public face.

mod errors;
mod json;
mod text;
mod typings;
