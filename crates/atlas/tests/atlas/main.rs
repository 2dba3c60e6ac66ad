//! Tests of `atlas` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod common;
mod label;
mod tally;
