//! Tests of `scan` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod common;
mod demo_atlas;
mod identity;
mod reference;
mod scans;
