//! Training by kernels: the gradients of the CPU's trainer, the same end, the same bits each time, and no growth.

use std::path::Path;

use kernels::{Device, DeviceOptions};
use pollster::block_on;
use train::checkpoint::{Source, resume, save};
use train::{
    Activation, Config, DecoderNorm, DeviceTrainer, Error, Folder, InputNormalization, Measured,
    Origin, Parameters, PreBiasStart, Trainer,
};

use crate::{activations, devices};

const WIDTH: usize = 22;

fn plain() -> Config {
    Config {
        latents: 200,
        k: 4,
        batch: 64,
        tokens: 64 * 40,
        lr: Some(3e-3),
        warmup_steps: Some(5),
        dead_tokens: 128,
        ..Config::default()
    }
}

/// Every objective and every option that a step on a device has.
fn configs() -> Vec<(&'static str, Config)> {
    vec![
        ("topk", plain()),
        (
            "Multi-TopK",
            Config {
                multi_topk_factor: 4,
                aux_fraction: 0.4,
                ema: 0.9,
                input_normalization: InputNormalization::MeanNorm,
                ..plain()
            },
        ),
        (
            "Matryoshka",
            Config {
                matryoshka: vec![10, 11, 40],
                decoder_norm: DecoderNorm::BeforeStep,
                aux_pre_bias_gradient: true,
                ema: 0.8,
                ema_before_step: true,
                ..plain()
            },
        ),
        (
            "without AuxK",
            Config {
                aux_latents: Some(0),
                remove_parallel: false,
                decoder_norm: DecoderNorm::Never,
                pre_bias_start: PreBiasStart::Mean,
                ..plain()
            },
        ),
    ]
}

fn batches(config: &Config) -> Vec<Vec<f32>> {
    let data = activations(config.batch * config.steps() as usize, WIDTH, 5);
    data.chunks_exact(config.batch * WIDTH)
        .map(<[f32]>::to_vec)
        .collect()
}

fn start(config: &Config, batches: &[Vec<f32>]) -> Trainer {
    Trainer::new(config.clone(), &batches[0], WIDTH).unwrap().0
}

fn on(device: &Device, trainer: Trainer) -> DeviceTrainer {
    block_on(DeviceTrainer::new(device, trainer)).unwrap()
}

fn parts(parameters: &Parameters) -> [(&'static str, &[f32]); 4] {
    [
        ("W_enc", &parameters.w_enc),
        ("W_dec", &parameters.w_dec),
        ("b_enc", &parameters.b_enc),
        ("b_dec", &parameters.b_dec),
    ]
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    // A NaN is not close to anything.
    let is_close = (found - expected).abs() <= tolerance * expected.abs().max(1e-3);
    assert!(is_close, "{what}: {found}, not {expected}");
}

fn compare(what: &str, found: &Measured, expected: &Measured) {
    close(what, found.fvu, expected.fvu, 1e-4);
    close(what, found.loss, expected.loss, 1e-4);
    close(what, found.l0, expected.l0, 1e-9);
    assert_eq!(found.dead, expected.dead, "{what}");
    assert_eq!(
        found.aux_loss.is_some(),
        expected.aux_loss.is_some(),
        "{what}"
    );
    let aux = |measured: &Measured| measured.aux_loss.unwrap_or(0.0);
    close(what, aux(found), aux(expected), 1e-4);
}

/// With dead latents, so that AuxK's gradients are in.
#[test]
fn gradients_are_those_of_the_cpus_trainer() {
    let devices = devices();
    for (name, config) in configs() {
        // A latent is dead at once where it is not active in the first batch.
        let config = Config {
            dead_tokens: 1,
            ..config
        };
        let batches = batches(&config);
        let mut trainer = start(&config, &batches);
        let (expected, gradients) = trainer.gradients_of(&batches[0]).unwrap();
        assert!(
            expected.dead > 20 && expected.dead < 190,
            "{name}: {}",
            expected.dead
        );
        assert_eq!(expected.aux_loss.is_some(), name != "without AuxK");
        for device in &devices {
            let mut training = on(device, start(&config, &batches));
            let (measured, found) = block_on(training.gradients_of(&batches[0])).unwrap();
            let what = format!("{name}, {:?}", device.kind());
            compare(&what, &measured, &expected);
            for ((part, found), (_, expected)) in parts(&found).into_iter().zip(parts(gradients)) {
                let largest = expected.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    let off = (found - expected).abs();
                    assert!(
                        off <= 2e-5 * largest,
                        "{what}, {part}: {found}, not {expected}"
                    );
                }
            }
        }
    }
}

fn train(training: &mut DeviceTrainer, batches: &[Vec<f32>]) -> Vec<Measured> {
    let steps = batches
        .iter()
        .map(|batch| block_on(training.step(batch)).unwrap());
    steps.collect()
}

/// Forty steps from the same start: the first ones agree to rounding, and the last ones as well as rounding lets them, because a token
/// whose k-th and next latent are close may choose the other one.
#[test]
fn a_training_ends_where_the_cpus_ends() {
    let devices = devices();
    for (name, config) in configs() {
        let batches = batches(&config);
        let mut trainer = start(&config, &batches);
        let expected: Vec<Measured> = batches
            .iter()
            .map(|batch| trainer.step(batch).unwrap())
            .collect();
        let (first, last) = (expected[0].fvu, expected[39].fvu);
        assert!(last < 0.95 * first, "{name}: {first} {last}");
        let with_aux = expected.iter().filter(|step| step.aux_loss.is_some());
        assert_eq!(with_aux.count() > 5, name != "without AuxK", "{name}");
        for device in &devices {
            let mut training = on(device, start(&config, &batches));
            let found = train(&mut training, &batches);
            let what = format!("{name}, {:?}", device.kind());
            for (found, expected) in found.iter().zip(&expected).take(3) {
                compare(&what, found, expected);
            }
            let mean =
                |steps: &[Measured]| steps[30..].iter().map(|step| step.fvu).sum::<f64>() / 10.0;
            close(&what, mean(&found), mean(&expected), 0.01);
            let record = training.take_record();
            assert_eq!((record.step, record.tokens), (40, 64 * 40), "{what}");
            assert!(record.fvu > 0.0 && record.l0 > 3.0, "{what}");
        }
    }
}

fn words(trainer: &Trainer, folder: &Path) -> Vec<u8> {
    let folder = Folder::open(folder).unwrap();
    save(&folder, trainer, &Origin::default(), &Source::new()).unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    [
        read("state.safetensors"),
        read("sae_weights.safetensors"),
        read("state.json"),
    ]
    .concat()
}

#[test]
fn two_trainings_and_a_resumed_one_have_the_same_bits() {
    for device in devices() {
        for (name, config) in configs() {
            let config = Config {
                tokens: 64 * 12,
                ..config
            };
            let what = format!("{name}, {:?}", device.kind());
            let batches = batches(&config);
            let place = tempfile::tempdir().unwrap();
            let whole = |folder: &str| {
                let mut training = on(&device, start(&config, &batches));
                train(&mut training, &batches);
                let trainer = block_on(training.read_back()).unwrap();
                words(trainer, &place.path().join(folder))
            };
            let first = whole("first");
            assert!(whole("second") == first, "{what}");
            let mut training = on(&device, start(&config, &batches));
            train(&mut training, &batches[..5]);
            let broken = place.path().join("broken");
            words(block_on(training.read_back()).unwrap(), &broken);
            drop(training);
            let folder = Folder::open(&broken).unwrap();
            let (trainer, state) = resume(&folder, &config, &Source::new()).unwrap();
            drop(folder);
            let mut training = on(&device, trainer);
            assert_eq!(
                (state.step, training.trainer().steps_done()),
                (5, 5),
                "{what}"
            );
            assert_eq!(state.machine, training.trainer().machine(), "{what}");
            train(&mut training, &batches[5..]);
            let trainer = block_on(training.read_back()).unwrap();
            assert!(words(trainer, &broken) == first, "{what}");
        }
    }
}

/// A small binding limit: pre-activations in chunks, which AuxK computes again, and matrices in shards.
#[test]
fn chunks_and_shards_train_the_same() {
    let config = Config {
        dead_tokens: 128,
        ..plain()
    };
    let batches = batches(&config);
    let options = DeviceOptions {
        max_binding_bytes: Some(8192),
        poison: true,
        ..DeviceOptions::default()
    };
    let one = Device::cpu_with(options);
    let many = Device::cpu();
    let [small, large] = [one, many].map(|device| {
        let mut training = on(&device, start(&config, &batches));
        train(&mut training, &batches[..8])
    });
    assert!(small[7].aux_loss.is_some());
    for (small, large) in small.iter().zip(&large) {
        compare("in chunks", small, large);
    }
}

#[test]
fn memory_is_as_stated_does_not_grow_and_is_given_back() {
    for device in devices() {
        // With a running mean, AuxK on a part of the batch, and two levels.
        for (name, config) in configs().into_iter().skip(1).take(1) {
            let what = format!("{name}, {:?}", device.kind());
            let batches = batches(&config);
            device.trim();
            let before = device.bytes();
            let stated = DeviceTrainer::memory(&device, &config, WIDTH).unwrap();
            let mut training = on(&device, start(&config, &batches));
            train(&mut training, &batches[..20]);
            block_on(training.read_back()).unwrap();
            let after = device.bytes();
            // Two hundred steps in all.
            for _ in 0..9 {
                train(&mut training, &batches[20..]);
                block_on(training.read_back()).unwrap();
            }
            assert_eq!(training.trainer().steps_done(), 200, "{what}");
            assert_eq!(device.bytes(), after, "{what}");
            assert!(
                after - before <= stated,
                "{what}: {} of {stated}",
                after - before
            );
            drop(training);
            device.trim();
            assert!(device.bytes() <= before + 256, "{what}: {}", device.bytes());
        }
    }
}

#[test]
fn what_a_device_does_not_train_is_refused() {
    let device = Device::cpu();
    type Change = fn(&mut Config);
    let bad: [(&str, Change); 5] = [
        ("activation", |config| config.activation = Activation::Relu),
        ("activation", |config| {
            config.activation = Activation::JumpRelu
        }),
        ("activation", |config| {
            config.activation = Activation::BatchTopk
        }),
        ("batch", |config| config.batch = 70_000),
        ("aux_latents", |config| {
            (config.latents, config.aux_latents) = (2000, Some(600))
        }),
    ];
    for (key, change) in bad {
        let mut config = plain();
        change(&mut config);
        match DeviceTrainer::memory(&device, &config, WIDTH) {
            Err(Error::Setting { key: found, .. }) => assert_eq!(found, key),
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_number_changes_nothing() {
    for device in devices() {
        let config = plain();
        let batches = batches(&config);
        let mut training = on(&device, start(&config, &batches));
        train(&mut training, &batches[..2]);
        let before = block_on(training.read_back()).unwrap().parameters().clone();
        let mut bad = batches[2].clone();
        bad[3 * WIDTH + 1] = f32::NAN;
        match block_on(training.step(&bad)) {
            Err(Error::NotFinite { row, dimension, .. }) => assert_eq!((row, dimension), (3, 1)),
            other => panic!("{other:?}"),
        }
        match block_on(training.step(&batches[2][1..])) {
            Err(Error::Width { .. }) => {}
            other => panic!("{other:?}"),
        }
        let trainer = block_on(training.read_back()).unwrap();
        assert!(*trainer.parameters() == before && trainer.steps_done() == 2);
        // Weights that are too large for f32 make a loss that is no number.
        let mut parameters = before.clone();
        parameters.w_dec.fill(1e30);
        let trainer = Trainer::from_parameters(config.clone(), parameters, (1.0, 1.0)).unwrap();
        let mut training = on(&device, trainer);
        match block_on(training.step(&batches[2])) {
            Err(Error::Diverged { step: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Whatever the clock says, a step in many short submissions has the bits of one in few.
#[test]
fn short_submissions_change_no_bit() {
    // Four chunks of the fewest rows that are encoded at once.
    let config = Config {
        latents: 512,
        batch: 2048,
        tokens: 2048 * 6,
        ..plain()
    };
    let batches = batches(&config);
    for device in devices() {
        let trained = |seconds_of_a_look: Option<f64>| {
            let mut training = on(&device, start(&config, &batches));
            if let Some(seconds) = seconds_of_a_look {
                let time = std::cell::Cell::new(0.0);
                let clock = std::rc::Rc::new(move || {
                    time.set(time.get() + seconds);
                    time.get()
                });
                training.keep_short(clock, 0.012).unwrap();
            }
            for batch in &batches {
                block_on(training.step(batch)).unwrap();
            }
            let trainer = block_on(training.read_back()).unwrap();
            let parts = parts(trainer.parameters()).map(|(_, values)| values.to_vec());
            parts.map(|values| {
                values
                    .iter()
                    .map(|value| value.to_bits())
                    .collect::<Vec<_>>()
            })
        };
        let whole = trained(None);
        // A slow device, and one that is fast and so gets more at a time.
        assert!(trained(Some(1.0)) == whole, "slow");
        assert!(trained(Some(1e-5)) == whole, "fast");
    }
}
