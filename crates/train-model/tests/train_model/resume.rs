//! Checkpoints: resumed as if nothing had been, and what is refused.

use std::fs;
use std::path::Path;

use formats::gpt2::Gpt2Files;
use formats::tensors::{TensorFile, TensorSet};
use pollster::block_on;
use serde_json::json;
use train::Folder;
use train::checkpoint::Source;
use train_model::checkpoint::{self, resume, save};
use train_model::{Config, TokenizerFiles, Trainer};

use crate::{order, small};

fn tokenizer() -> TokenizerFiles {
    let text = "a man a plan a canal, and a man in a plan; in a canal a man and a plan";
    TokenizerFiles::train([text].iter(), 262, 12).unwrap()
}

fn source() -> Source {
    [("corpus".to_owned(), json!("a"))].into()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Steps and lines of the log from where a trainer is.
fn train(trainer: &mut Trainer, folder: &Folder, until: u64) {
    let mut order = order(trainer.config(), 262);
    while trainer.steps_done() < until {
        let rows = order.batch(trainer.steps_done());
        trainer.step(&rows).unwrap();
        // An interval that is open at the checkpoint.
        if trainer.steps_done().is_multiple_of(4) {
            let record = trainer.take_record(&mut order, None);
            folder
                .append_log(&serde_json::to_string(&record).unwrap())
                .unwrap();
        }
    }
}

#[test]
fn a_resumed_training_has_the_bytes_of_one_that_was_not_interrupted() {
    let place = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let fresh = |name: &str| {
        let folder = Folder::open(&place.path().join(name)).unwrap();
        let trainer = Trainer::new(small(), 262).unwrap();
        save(&folder, &trainer, &tokenizer, &source()).unwrap();
        (folder, trainer)
    };
    let (whole, mut trainer) = fresh("whole");
    train(&mut trainer, &whole, 30);
    save(&whole, &trainer, &tokenizer, &source()).unwrap();
    let (broken, mut trainer) = fresh("broken");
    train(&mut trainer, &broken, 11);
    save(&broken, &trainer, &tokenizer, &source()).unwrap();
    // Steps behind the checkpoint, with a line of the log, that a kill forgets.
    train(&mut trainer, &broken, 17);
    drop((trainer, broken));
    let broken = Folder::open(&place.path().join("broken")).unwrap();
    let read = checkpoint::tokenizer(&broken).unwrap();
    assert_eq!(read.sha256(), tokenizer.sha256());
    let (mut trainer, state) = resume(&broken, &small(), 262, &source()).unwrap();
    assert_eq!((state.step, trainer.steps_done()), (11, 11));
    train(&mut trainer, &broken, 30);
    save(&broken, &trainer, &read, &source()).unwrap();
    let (one, other) = (files(whole.path()), files(broken.path()));
    let names: Vec<&str> = one.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(
        names,
        [
            "config.json",
            "log.jsonl",
            "merges.txt",
            "model.safetensors",
            "state.json",
            "state.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "train.json",
            "vocab.json"
        ]
    );
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{}", one.0);
    }
}

#[test]
fn the_folder_is_a_gpt2_of_transformers() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("a")).unwrap();
    let trainer = Trainer::new(small(), 262).unwrap();
    save(&folder, &trainer, &tokenizer(), &source()).unwrap();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let weights = read("model.safetensors");
    let weights = TensorFile::from_safetensors("model.safetensors", weights).unwrap();
    for (slot, values) in trainer.layout().slots().iter().zip(trainer.weights()) {
        assert_eq!(&block_on(weights.read(&slot.name)).unwrap(), values);
    }
    let weights = TensorSet::from(weights);
    let files = block_on(Gpt2Files::new(&read("config.json"), weights)).unwrap();
    let config = files.config();
    assert_eq!((config.n_layer, config.n_embd, config.n_head), (2, 16, 2));
    assert_eq!((config.n_positions, config.vocab_size), (12, 262));
    assert_eq!(config.bos_token_id, Some(261));
    assert!(config.notices.is_empty(), "{:?}", config.notices);
}

#[test]
fn what_differs_is_said_and_damage_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("a")).unwrap();
    let refused = |config: &Config, source: &Source, says: &[&str]| {
        let error = resume(&folder, config, 262, source)
            .unwrap_err()
            .to_string();
        for word in says {
            assert!(error.contains(word), "{error}");
        }
    };
    refused(&small(), &source(), &["it is not there"]);
    let trainer = Trainer::new(small(), 262).unwrap();
    save(&folder, &trainer, &tokenizer(), &source()).unwrap();
    resume(&folder, &small(), 262, &source()).unwrap();
    let other = Config { lr: 0.5, ..small() };
    refused(&other, &source(), &["lr = 0.01", "0.5"]);
    let text = [("corpus".to_owned(), json!("b"))].into();
    refused(&small(), &text, &["corpus = \"a\"", "\"b\""]);
    for name in ["state.safetensors", "model.safetensors", "state.json"] {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        refused(&small(), &source(), &[name]);
        fs::write(&path, bytes).unwrap();
    }
}
