//! Tests of `cli` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod atlas;
mod bad_files;
mod bad_pt;
mod common;
mod evaluate;
mod evaluate_corpus;
mod export;
mod figure;
mod former;
mod generate;
mod grid;
mod hf_cache;
mod hub;
mod hub_cache;
mod inspect;
mod memory;
mod notices;
mod refusals;
mod scan;
mod steering;
mod trace;
mod train;
mod train_model;
mod trainings;
