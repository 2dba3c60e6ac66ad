//! A training does not depend on the number of threads.

use train::{Activation, Config, Origin, Parameters, Trainer};

use crate::activations;

/// Enough for several threads, and no multiple of what a thread takes at a time.
const WIDTH: usize = 70;

fn trained(config: &Config) -> (Parameters, formats::sae::Sae, Vec<f64>) {
    let size = config.batch * WIDTH;
    let data = activations(config.batch * config.steps() as usize, WIDTH, 3);
    let (mut trainer, _) = Trainer::new(config.clone(), &data, WIDTH).unwrap();
    let mut numbers = Vec::new();
    for batch in data.chunks_exact(size) {
        let measured = trainer.step(batch).unwrap();
        numbers.extend([
            measured.fvu,
            measured.loss,
            measured.aux_loss.unwrap_or(0.0),
        ]);
    }
    (
        trainer.parameters().clone(),
        trainer.sae(&Origin::default()),
        numbers,
    )
}

#[test]
fn one_thread_and_three_train_the_same_bits() {
    let plain = Config {
        latents: 999,
        k: 3,
        batch: 300,
        tokens: 2100,
        warmup_steps: Some(2),
        dead_tokens: 300,
        ema: 0.9,
        ..Config::default()
    };
    let others = [
        Config {
            multi_topk_factor: 4,
            aux_pre_bias_gradient: true,
            ..plain.clone()
        },
        Config {
            activation: Activation::BatchTopk,
            matryoshka: vec![50, 333],
            ..plain.clone()
        },
    ];
    for config in [&[plain][..], &others].concat() {
        let with_threads = |count: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
            pool.unwrap().install(|| trained(&config))
        };
        let (one, three) = (with_threads(1), with_threads(3));
        assert!(one == three, "{config:?}");
        let aux = one.2.iter().skip(2).step_by(3);
        assert!(aux.into_iter().any(|loss| *loss > 0.0), "AuxK took part");
        let fvu: Vec<f64> = one.2.iter().step_by(3).copied().collect();
        assert!(fvu[6] < fvu[0], "{fvu:?}");
    }
}
