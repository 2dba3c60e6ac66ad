//! Checkpoints: resumed as if nothing had been, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use formats::sae::saelens;
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::json;
use train::checkpoint::{self, Source, resume, save};
use train::{Activation, Config, Error, Folder, InputNormalization, Origin, Trainer};

use crate::activations;

const WIDTH: usize = 20;

fn config() -> Config {
    Config {
        latents: 64,
        k: 4,
        batch: 32,
        tokens: 20 * 32,
        warmup_steps: Some(5),
        dead_tokens: 64,
        ema: 0.95,
        activation: Activation::BatchTopk,
        ..Config::default()
    }
}

fn batches(config: &Config) -> Vec<Vec<f32>> {
    let data = activations(config.batch * config.steps() as usize, WIDTH, 5);
    data.chunks_exact(config.batch * WIDTH)
        .map(<[f32]>::to_vec)
        .collect()
}

fn source() -> Source {
    [("corpus".to_owned(), json!("a"))].into()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_resumed_training_has_the_bytes_of_one_that_was_not_interrupted() {
    let place = tempfile::tempdir().unwrap();
    let config = config();
    let batches = batches(&config);
    let origin = Origin {
        hook_name: Some("blocks.0.hook_resid_post".to_owned()),
        skips_first: true,
        ..Origin::default()
    };
    let whole = place.path().join("whole");
    let broken = place.path().join("broken");
    let (mut trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
    for batch in &batches {
        trainer.step(batch).unwrap();
    }
    let folder = Folder::open(&whole).unwrap();
    save(&folder, &trainer, &origin, &source()).unwrap();
    let (mut trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
    for batch in &batches[..7] {
        trainer.step(batch).unwrap();
    }
    {
        let folder = Folder::open(&broken).unwrap();
        save(&folder, &trainer, &origin, &source()).unwrap();
    }
    drop(trainer);
    // A run that was killed while it wrote leaves this beside.
    fs::create_dir(place.path().join(".broken.new")).unwrap();
    fs::write(place.path().join(".broken.new/cfg.json"), "{").unwrap();
    let folder = Folder::open(&broken).unwrap();
    assert!(!place.path().join(".broken.new").exists());
    let (mut trainer, state) = resume(&folder, &config, &source()).unwrap();
    assert_eq!((state.step, &state.origin), (7, &origin));
    for batch in &batches[7..] {
        trainer.step(batch).unwrap();
    }
    save(&folder, &trainer, &origin, &source()).unwrap();
    let (one, other) = (files(&whole), files(&broken));
    let names: Vec<&str> = one.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(
        names,
        [
            "cfg.json",
            "log.jsonl",
            "sae_weights.safetensors",
            "state.json",
            "state.safetensors",
            "train.json"
        ]
    );
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{}", one.0);
    }
}

#[test]
fn lines_of_the_log_behind_the_checkpoint_go() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("a")).unwrap();
    let config = config();
    let batches = batches(&config);
    let (mut trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
    save(&folder, &trainer, &Origin::default(), &source()).unwrap();
    let mut logged = Vec::new();
    for batch in &batches[..4] {
        trainer.step(batch).unwrap();
        let line = serde_json::to_string(&trainer.take_record()).unwrap();
        folder.append_log(&line).unwrap();
        logged.push(line);
        if logged.len() == 2 {
            save(&folder, &trainer, &Origin::default(), &source()).unwrap();
        }
    }
    let log = folder.path().join("log.jsonl");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 4);
    resume(&folder, &config, &source()).unwrap();
    let kept = fs::read_to_string(&log).unwrap();
    assert_eq!(kept.lines().collect::<Vec<_>>(), &logged[..2]);
}

#[test]
fn what_differs_is_said_and_damage_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("a")).unwrap();
    let config = config();
    let refused = |config: &Config, source: &Source, says: &[&str]| {
        let error = resume(&folder, config, source).unwrap_err().to_string();
        for word in says {
            assert!(error.contains(word), "{error}");
        }
    };
    refused(&config, &source(), &["it is not there"]);
    let batches = batches(&config);
    let (trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
    save(&folder, &trainer, &Origin::default(), &source()).unwrap();
    let other = Config {
        lr: Some(0.5),
        ..config.clone()
    };
    refused(&other, &source(), &["lr = null", "0.5"]);
    let text = [("corpus".to_owned(), json!("b"))].into();
    refused(&config, &text, &["corpus = \"a\"", "\"b\""]);
    assert!(
        Folder::open(folder.path())
            .unwrap_err()
            .to_string()
            .contains("another process")
    );
    let state = folder.path().join("state.safetensors");
    let bytes = fs::read(&state).unwrap();
    fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    refused(&config, &source(), &["state.safetensors"]);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_the_last_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("a")).unwrap();
    let config = config();
    let batches = batches(&config);
    let (trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
    save(&folder, &trainer, &Origin::default(), &source()).unwrap();
    let before = files(folder.path());
    let failed = folder.replace(|fresh| {
        fresh.write("cfg.json", b"{}")?;
        // As a full disk does.
        fresh.write("no/such/folder", b"")
    });
    let error = failed.unwrap_err().to_string();
    assert!(
        error.contains("the last checkpoint is as it was"),
        "{error}"
    );
    assert_eq!(files(folder.path()), before);
    assert!(!place.path().join(".a.new").exists());
}

/// What is written is read back with the same numbers, whatever the normalisation.
#[test]
fn the_written_folder_encodes_as_the_training_did() {
    for normalization in [
        InputNormalization::LayerNorm,
        InputNormalization::MeanNorm,
        InputNormalization::None,
    ] {
        let config = Config {
            input_normalization: normalization,
            ema: 0.0,
            activation: Activation::Topk,
            ..config()
        };
        let batches = batches(&config);
        let (mut trainer, _) = Trainer::new(config.clone(), &batches[0], WIDTH).unwrap();
        for batch in &batches {
            trainer.step(batch).unwrap();
        }
        let measured = trainer.gradients_of(&batches[3]).unwrap().0;
        let written = saelens::write_folder(&trainer.sae(&Origin::default())).unwrap();
        let weights =
            TensorFile::from_safetensors("sae_weights.safetensors", written.weights).unwrap();
        let file = block_on(saelens::open_folder(&written.cfg_json, weights)).unwrap();
        let sae = block_on(file.read()).unwrap();
        assert_eq!(
            sae.config.architecture,
            formats::sae::Architecture::TopK { k: 4 }
        );
        // FVU of what was written, in f64 and from the formulas.
        let factor = match normalization {
            InputNormalization::MeanNorm => {
                f64::from(sae.w_enc[0]) / f64::from(trainer.parameters().w_enc[0])
            }
            _ => 1.0,
        };
        let (mut squared, mut inputs) = (0.0, Vec::new());
        for row in batches[3].chunks_exact(WIDTH) {
            let mut x: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            if normalization == InputNormalization::LayerNorm {
                let mean = x.iter().sum::<f64>() / WIDTH as f64;
                let spread: f64 = x.iter().map(|value| (value - mean).powi(2)).sum();
                let deviation = (spread / (WIDTH - 1) as f64).sqrt();
                x.iter_mut()
                    .for_each(|value| *value = (*value - mean) / (deviation + 1e-5));
            }
            let mut h: Vec<(f64, usize)> = (0..config.latents)
                .map(|latent| {
                    let row = &sae.w_enc[latent * WIDTH..][..WIDTH];
                    let terms = x.iter().zip(&sae.b_dec).zip(row);
                    let sum: f64 = terms
                        .map(|((x, b), w)| (x - f64::from(*b)) * f64::from(*w))
                        .sum();
                    (sum + f64::from(sae.b_enc[latent]), latent)
                })
                .collect();
            h.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (dimension, x) in x.iter().enumerate() {
                let active = h.iter().take(config.k);
                let found: f64 = active
                    .map(|(h, latent)| {
                        h.max(0.0) * f64::from(sae.w_dec[latent * WIDTH + dimension])
                    })
                    .sum();
                squared += (factor * (found + f64::from(sae.b_dec[dimension]) - x)).powi(2);
            }
            inputs.push(x);
        }
        let mut spread = 0.0;
        for dimension in 0..WIDTH {
            let mean = inputs.iter().map(|x| x[dimension]).sum::<f64>() / inputs.len() as f64;
            spread += inputs
                .iter()
                .map(|x| (factor * (x[dimension] - mean)).powi(2))
                .sum::<f64>();
        }
        let fvu = squared / spread;
        assert!(
            (fvu - measured.fvu).abs() < 1e-4 * fvu,
            "{normalization:?}: {fvu}, not {}",
            measured.fvu
        );
        assert!(fvu < 0.9, "{normalization:?}: {fvu}");
    }
}

/// What a browser keeps: the files as bytes, without a folder.
#[test]
fn a_training_goes_on_from_its_files_in_memory_to_the_same_bytes() {
    let config = config();
    let batches = batches(&config);
    let origin = Origin::default();
    let files = |trainer: &Trainer| {
        let mut files = BTreeMap::new();
        checkpoint::write(trainer, &origin, &source(), |name, bytes| {
            files.insert(name.to_owned(), bytes.to_vec());
            Ok::<(), Error>(())
        })
        .unwrap();
        files
    };
    let start = || Trainer::new(config.clone(), &batches[0], WIDTH).unwrap().0;
    let step = |trainer: &mut Trainer, batches: &[Vec<f32>]| {
        for batch in batches {
            trainer.step(batch).unwrap();
        }
    };
    let mut whole = start();
    step(&mut whole, &batches);
    let mut trainer = start();
    step(&mut trainer, &batches[..9]);
    let kept = files(&trainer);
    let place = Path::new("in-memory");
    let get = |name: &str| {
        let missing = || Error::Read {
            path: place.join(name),
            source: std::io::ErrorKind::NotFound.into(),
        };
        kept.get(name).cloned().ok_or_else(missing)
    };
    let (settings, state) = checkpoint::describe(place, get).unwrap();
    assert_eq!((&settings, state.step), (&config, 9));
    let (mut trainer, _) = checkpoint::read(place, &settings, &source(), get).unwrap();
    step(&mut trainer, &batches[9..]);
    assert!(files(&trainer) == files(&whole));
    let mut short = kept.clone();
    short.get_mut("state.safetensors").unwrap().truncate(100);
    let get = |name: &str| Ok::<_, Error>(short[name].clone());
    let error = checkpoint::read(place, &settings, &source(), get).unwrap_err();
    assert!(error.to_string().contains("state.safetensors"), "{error}");
}
