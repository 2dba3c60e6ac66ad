//! Tests of `hub` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod address;
mod common;
mod download;
mod faults;
mod hf_cache;
