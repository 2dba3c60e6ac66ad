//! `cross_entropy` and `kl_divergence`.

use kernels::{
    CrossEntropy, Device, Error, KlDivergence, Recorder, STATISTICS_PER_ROW, cross_entropy,
    kl_divergence,
};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, run_f32, widen};

fn log_sum_exp(row: &[f64]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

fn statistics(
    device: &Device,
    logits: &[f32],
    targets: &[u32],
    first_target: usize,
    vocabulary: usize,
) -> Result<Vec<f32>, Error> {
    let rows = logits.len() / vocabulary;
    let logits = device.buffer_with("logits", logits)?;
    let targets = device.buffer_with("targets", targets)?;
    let statistics = device.buffer("statistics", rows * STATISTICS_PER_ROW)?;
    let mut recorder = Recorder::new(device);
    cross_entropy(
        &mut recorder,
        &CrossEntropy {
            logits: &logits,
            targets: &targets,
            first_target,
            rows,
            vocabulary,
            statistics: &statistics,
        },
    )?;
    run_f32(recorder, &statistics)
}

#[test]
fn cross_entropy_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(
        rows in 1_usize..7, vocabulary in 1_usize..3000, first in 0_usize..3, scale in 0.1_f32..60.0, seed: u64,
    )| {
        let mut numbers = Numbers(seed);
        let logits = numbers.floats(rows * vocabulary, scale);
        let targets: Vec<u32> = (0..first + rows)
            .map(|_| if numbers.below(4) == 0 { u32::MAX } else { numbers.below(vocabulary) as u32 })
            .collect();
        let mut expected = Vec::new();
        for (row, logits) in widen(&logits).chunks(vocabulary).enumerate() {
            let sum = log_sum_exp(logits);
            let target = logits.get(targets[first + row] as usize);
            expected.extend([
                logits.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                sum,
                target.copied().unwrap_or(0.0),
                target.map_or(0.0, |logit| sum - logit),
            ]);
        }
        devices.agree(&expected, 2e-5, |device| {
            statistics(device, &logits, &targets, first, vocabulary)
        });
    });
}

#[test]
fn equal_logits_lose_the_log_of_their_number() {
    for device in Devices::new().each() {
        let actual = statistics(device, &[-7.5; 2 * 512], &[3, 511], 0, 512);
        let actual = actual.unwrap_or_else(|error| panic!("{error}"));
        for row in actual.chunks(STATISTICS_PER_ROW) {
            assert!((f64::from(row[3]) - 512_f64.ln()).abs() < 1e-5, "{row:?}");
        }
    }
}

#[test]
fn kl_divergence_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..7, vocabulary in 1_usize..3000, scale in 0.1_f32..20.0, seed: u64)| {
        let mut numbers = Numbers(seed);
        let clean = numbers.floats(rows * vocabulary, scale);
        let edited: Vec<f32> = clean.iter().zip(numbers.floats(rows * vocabulary, 0.3 * scale))
            .map(|(clean, change)| clean + change)
            .collect();
        let targets = vec![u32::MAX; rows];
        let mut expected = Vec::new();
        for (clean, edited) in widen(&clean).chunks(vocabulary).zip(widen(&edited).chunks(vocabulary)) {
            let (clean_sum, edited_sum) = (log_sum_exp(clean), log_sum_exp(edited));
            expected.push(clean.iter().zip(edited).map(|(clean, edited)| {
                (clean - clean_sum).exp() * ((clean - clean_sum) - (edited - edited_sum))
            }).sum::<f64>());
        }
        devices.agree(&expected, 5e-5, |device| {
            let divergences = device.buffer("divergences", rows)?;
            let mut recorder = Recorder::new(device);
            let mut sides = Vec::new();
            for logits in [&clean, &edited] {
                let logits = device.buffer_with("logits", logits)?;
                let statistics = device.buffer("statistics", rows * STATISTICS_PER_ROW)?;
                let targets = device.buffer_with("targets", &targets)?;
                cross_entropy(&mut recorder, &CrossEntropy {
                    logits: &logits, targets: &targets, first_target: 0, rows, vocabulary, statistics: &statistics,
                })?;
                sides.push((logits, statistics));
            }
            kl_divergence(&mut recorder, &KlDivergence {
                clean_logits: &sides[0].0,
                clean_statistics: &sides[0].1,
                edited_logits: &sides[1].0,
                edited_statistics: &sides[1].1,
                rows,
                vocabulary,
                divergences: &divergences,
            })?;
            run_f32(recorder, &divergences)
        });
    });
}
