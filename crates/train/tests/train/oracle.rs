//! Gradients in closed form against burn's automatic differentiation of the dense objectives: those of the CPU and those of the kernels.

use pollster::block_on;
use train::{Activation, Config, DeviceTrainer, InputNormalization, Parameters, Trainer};

use crate::dense::{Dense, numbers as values};
use crate::{devices, numbers};

const VARIANCE: f64 = 0.4;

struct Sizes {
    width: usize,
    latents: usize,
    rows: usize,
    k: usize,
}

type Case = (&'static str, fn(&mut Config));

const CASES: [Case; 13] = [
    ("TopK", |_| {}),
    ("Multi-TopK", |c| c.multi_topk_factor = 4),
    ("Matryoshka", |c| {
        c.matryoshka = vec![c.latents / 4, c.latents / 2]
    }),
    ("BatchTopK", |c| c.activation = Activation::BatchTopk),
    ("BatchTopK, Matryoshka", |c| {
        c.activation = Activation::BatchTopk;
        c.matryoshka = vec![c.latents / 3];
    }),
    ("JumpReLU", |c| {
        c.activation = Activation::JumpRelu;
        (c.jump_bandwidth, c.l0_coefficient) = (0.5, 0.3);
    }),
    ("ReLU, L1", |c| {
        c.activation = Activation::Relu;
        c.l1_coefficient = Some(0.4);
    }),
    ("TopK, AuxK", aux),
    ("TopK, AuxK of OpenAI's code", |c| {
        aux(c);
        (c.aux_pre_bias_gradient, c.aux_fraction) = (true, 1.0);
    }),
    ("Multi-TopK, AuxK", |c| {
        aux(c);
        c.multi_topk_factor = 2;
    }),
    ("Matryoshka, AuxK", |c| {
        aux(c);
        c.matryoshka = vec![c.latents / 3];
    }),
    ("BatchTopK, AuxK", |c| {
        aux(c);
        c.activation = Activation::BatchTopk;
    }),
    ("JumpReLU, AuxK", |c| {
        aux(c);
        c.activation = Activation::JumpRelu;
        c.jump_bandwidth = 0.5;
    }),
];

/// Latents that the first batch does not activate are dead.
fn aux(config: &mut Config) {
    config.dead_tokens = config.batch as u64 - 1;
    (config.aux_latents, config.aux_coefficient) = (Some(3), 0.5);
    config.aux_fraction = 0.5;
}

fn config(sizes: &Sizes, change: fn(&mut Config)) -> Config {
    let mut config = Config {
        latents: sizes.latents,
        k: sizes.k,
        input_normalization: InputNormalization::None,
        batch: sizes.rows,
        tokens: 100 * sizes.rows as u64,
        sparsity_warmup_steps: Some(0),
        ..Config::default()
    };
    change(&mut config);
    config
}

fn parameters(sizes: &Sizes, config: &Config, seed: u64) -> Parameters {
    let part = |count, number| numbers(count, seed * 10 + number);
    let (width, latents) = (sizes.width, sizes.latents);
    let thresholds = match config.activation {
        Activation::JumpRelu => part(latents, 6).iter().map(|v| 0.7 + 0.5 * v).collect(),
        _ => Vec::new(),
    };
    // Some latents are never active, so that there are dead ones.
    let bias = part(latents, 3).into_iter().zip(0..);
    let bias = bias.map(|(value, latent)| match latent % 5 {
        0 => 0.1 * value - 3.0,
        _ => 0.1 * value,
    });
    Parameters {
        w_enc: part(latents * width, 1),
        w_dec: part(latents * width, 2),
        b_enc: bias.collect(),
        b_dec: part(width, 4),
        thresholds,
    }
}

fn same(what: &str, found: &Parameters, expected: &Parameters) {
    let parts = [
        ("w_enc", &found.w_enc, &expected.w_enc),
        ("w_dec", &found.w_dec, &expected.w_dec),
        ("b_enc", &found.b_enc, &expected.b_enc),
        ("b_dec", &found.b_dec, &expected.b_dec),
        ("thresholds", &found.thresholds, &expected.thresholds),
    ];
    for (name, found, expected) in parts {
        assert_eq!(found.len(), expected.len(), "{what}: {name}");
        let largest = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        assert!(largest > 0.0 || expected.is_empty(), "{what}: {name} is 0");
        for (place, (a, b)) in found.iter().zip(expected).enumerate() {
            let is_near = (a - b).abs() <= 2e-5 * largest + 1e-4 * b.abs();
            assert!(is_near, "{what}: {name}[{place}] is {a}, not {b}");
        }
    }
}

#[test]
fn gradients_are_those_of_burn() {
    let devices = devices();
    let small = Sizes {
        width: 12,
        latents: 40,
        rows: 10,
        k: 3,
    };
    let larger = Sizes {
        width: 33,
        latents: 150,
        rows: 37,
        k: 5,
    };
    for sizes in [small, larger] {
        for (name, change) in CASES {
            let config = config(&sizes, change);
            // Where rounding might choose another latent, another seed is taken.
            let mut chosen = None;
            for seed in 1..200 {
                let parameters = parameters(&sizes, &config, seed);
                let inputs = numbers(sizes.rows * sizes.width, seed * 10 + 5);
                let dense = Dense::new(&parameters);
                let objective = dense.objective(&config, &inputs, VARIANCE);
                if objective.margin > 1e-5 {
                    chosen = Some((parameters, inputs, dense, objective));
                    break;
                }
            }
            let (parameters, inputs, dense, objective) =
                chosen.unwrap_or_else(|| panic!("{name}: no seed has a margin"));
            assert_eq!(objective.aux.is_some(), name.contains("AuxK"), "{name}");
            let loss = f64::from(values(objective.loss.clone())[0]);
            let mut total = objective.loss;
            let mut aux_loss = None;
            if let Some(aux) = objective.aux {
                aux_loss = Some(f64::from(values(aux.clone())[0]));
                total = total + aux.mul_scalar(config.aux_coefficient);
            }
            let expected = dense.gradients(&total.backward());
            let start = (VARIANCE, 1.0);
            let trainer = || {
                let parameters = parameters.clone();
                Trainer::from_parameters(config.clone(), parameters, start).unwrap()
            };
            let mut on_cpu = trainer();
            let (measured, found) = on_cpu.gradients_of(&inputs).unwrap();
            let near = |a: f64, b: f64| (a - b).abs() <= 2e-5 * b.abs();
            assert!(
                near(measured.loss, loss),
                "{name}: {} {loss}",
                measured.loss
            );
            match (measured.aux_loss, aux_loss) {
                (None, None) => {}
                (Some(a), Some(b)) => assert!(near(a, b), "{name}: AuxK {a}, not {b}"),
                other => panic!("{name}: {other:?}"),
            }
            same(name, found, &expected);
            if config.activation == Activation::Topk {
                for device in &devices {
                    let mut training = block_on(DeviceTrainer::new(device, trainer())).unwrap();
                    let (measured, found) = block_on(training.gradients_of(&inputs)).unwrap();
                    assert!(
                        near(measured.loss, loss),
                        "{name}: {} {loss}",
                        measured.loss
                    );
                    let what = format!("{name} on {}", device.adapter_name());
                    same(&what, &found, &expected);
                }
            }
        }
    }
}
