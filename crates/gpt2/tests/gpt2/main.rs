//! Tests of `gpt2` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod common;
mod decoding;
mod forward;
mod observations;
mod row_table;
mod sequences;
