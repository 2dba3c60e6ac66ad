//! Tests of `explorer` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod batches;
mod cancelled;
mod common;
mod decoding;
mod directions;
mod edit_batches;
mod effects;
mod features;
mod full_size;
mod interrupted;
mod layouts;
mod matches;
mod metrics;
mod parity;
mod poison;
mod positions;
mod runs;
mod scan;
mod session;
mod statistics;
mod steering;
mod stream_patching;
mod streamed;
mod taps;
mod watched;
