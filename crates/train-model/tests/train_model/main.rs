//! Tests of `train-model` through its public face.

mod reference;
mod resume;
mod threads;
mod vocabulary;

use std::path::PathBuf;

use train_model::{Config, Corpus, Order};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/train-model")
}

/// Settings of a model that trains in no time.
fn small() -> Config {
    Config {
        n_layer: 2,
        n_embd: 16,
        n_head: 2,
        n_positions: 12,
        steps: Some(30),
        batch: 8,
        part: 2,
        lr: 0.01,
        warmup_steps: 3,
        ..Config::default()
    }
}

/// A text in which a token follows from the one before.
fn order(config: &Config, vocabulary: u32) -> Order {
    let mut corpus = Corpus::new(0);
    for first in 1..20 {
        let tokens = (0..60).map(|place| 1 + (first * 7 + place * place) % (vocabulary - 1));
        corpus.add(&tokens.collect::<Vec<u32>>());
    }
    Order::new(corpus, config).unwrap()
}
