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
        let mut numbers = Numbers::new(seed);
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

/// KL(clean ‖ edited) of every row, as a device computes it.
fn divergences(
    device: &Device,
    clean: &[f32],
    edited: &[f32],
    vocabulary: usize,
) -> Result<Vec<f32>, Error> {
    divergences_from(device, clean, None, edited, vocabulary)
}

/// The same, with the clean row of each edited one.
fn divergences_from(
    device: &Device,
    clean: &[f32],
    clean_rows: Option<&[u32]>,
    edited: &[f32],
    vocabulary: usize,
) -> Result<Vec<f32>, Error> {
    let clean_rows = clean_rows.map(|rows| device.buffer_with("clean rows", rows));
    let clean_rows = clean_rows.transpose()?;
    let divergences = device.buffer("divergences", edited.len() / vocabulary)?;
    let mut recorder = Recorder::new(device);
    let mut sides = Vec::new();
    for logits in [clean, edited] {
        let rows = logits.len() / vocabulary;
        let targets = device.buffer_with("targets", &vec![u32::MAX; rows])?;
        let logits = device.buffer_with("logits", logits)?;
        let statistics = device.buffer("statistics", rows * STATISTICS_PER_ROW)?;
        cross_entropy(
            &mut recorder,
            &CrossEntropy {
                logits: &logits,
                targets: &targets,
                first_target: 0,
                rows,
                vocabulary,
                statistics: &statistics,
            },
        )?;
        sides.push((logits, statistics));
    }
    kl_divergence(
        &mut recorder,
        &KlDivergence {
            clean_logits: &sides[0].0,
            clean_statistics: &sides[0].1,
            clean_rows: clean_rows.as_ref(),
            edited_logits: &sides[1].0,
            edited_statistics: &sides[1].1,
            rows: edited.len() / vocabulary,
            vocabulary,
            divergences: &divergences,
        },
    )?;
    run_f32(recorder, &divergences)
}

/// The same in f64 from the definition.
fn expected_divergences(clean: &[f32], edited: &[f32], vocabulary: usize) -> Vec<f64> {
    let (clean, edited) = (widen(clean), widen(edited));
    let rows = clean.chunks(vocabulary).zip(edited.chunks(vocabulary));
    rows.map(|(clean, edited)| {
        let (clean_sum, edited_sum) = (log_sum_exp(clean), log_sum_exp(edited));
        clean
            .iter()
            .zip(edited)
            .map(|(clean, edited)| {
                (clean - clean_sum).exp() * ((clean - clean_sum) - (edited - edited_sum))
            })
            .sum::<f64>()
    })
    .collect()
}

#[test]
fn small_divergences_are_resolved() {
    // Logits as GPT-2's lie, around -100, and edits that change them by as little as their rounding.
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..4, vocabulary in 2_usize..3000, power in -5_i32..0, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let clean: Vec<f32> = numbers.floats(rows * vocabulary, 15.0).iter().map(|x| x - 100.0).collect();
        let edited: Vec<f32> = clean.iter().zip(numbers.floats(rows * vocabulary, 10.0_f32.powi(power)))
            .map(|(clean, change)| clean + change)
            .collect();
        let expected = expected_divergences(&clean, &edited, vocabulary);
        for device in devices.each() {
            let found = divergences(device, &clean, &edited, vocabulary);
            let found = found.unwrap_or_else(|error| panic!("{error}"));
            for (found, expected) in found.iter().zip(&expected) {
                let error = (f64::from(*found) - expected).abs();
                // The f64 reference itself cancels down to about 1e-14.
                prop_assert!(
                    error <= 1e-3 * expected + 1e-13,
                    "{:?}: {found:e} instead of {expected:e}", device.kind()
                );
            }
        }
    });
}

#[test]
fn equal_and_shifted_distributions_do_not_diverge() {
    let clean: Vec<f32> = (0..999).map(|i| (i as f32 * 0.37).sin() * 12.0).collect();
    let shifted: Vec<f32> = clean.iter().map(|x| x + 4.0).collect();
    for device in Devices::new().each() {
        let found = |edited: &[f32]| {
            let found = divergences(device, &clean, edited, 999);
            found.unwrap_or_else(|error| panic!("{error}"))
        };
        assert_eq!(found(&clean), [0.0], "{:?}", device.kind());
        // The shift itself is rounded, by up to 5e-7 a logit.
        let shifted = found(&shifted)[0];
        assert!((0.0..1e-12).contains(&shifted), "{shifted:e}");
    }
}

#[test]
fn large_divergences_do_not_overflow() {
    for device in Devices::new().each() {
        let found = divergences(device, &[200.0, 0.0, -5.0], &[0.0, 200.0, -5.0], 3);
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        assert!((found[0] - 200.0).abs() < 1e-3, "{found:?}");
        let found = divergences(device, &[f32::NAN, 0.0, 1.0], &[0.0, 1.0, 2.0], 3);
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        assert!(found[0].is_nan(), "{:?}: {found:?}", device.kind());
    }
}

#[test]
fn kl_divergence_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..7, vocabulary in 1_usize..3000, scale in 0.1_f32..20.0, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let clean = numbers.floats(rows * vocabulary, scale);
        let edited: Vec<f32> = clean.iter().zip(numbers.floats(rows * vocabulary, 0.3 * scale))
            .map(|(clean, change)| clean + change)
            .collect();
        let expected = expected_divergences(&clean, &edited, vocabulary);
        devices.agree(&expected, 5e-5, |device| divergences(device, &clean, &edited, vocabulary));
    });
}

/// Several edited sequences against rows of one clean sequence: what comparing gathered rows gives, bit for bit.
#[test]
fn clean_rows_choose_what_is_compared() {
    let devices = Devices::new();
    proptest!(config(), |(clean_rows in 1_usize..5, rows in 1_usize..9, vocabulary in 1_usize..600, seed: u64)| {
        let mut numbers = Numbers::new(seed);
        let clean = numbers.floats(clean_rows * vocabulary, 5.0);
        // One in eight lies beyond the clean rows.
        let index: Vec<u32> = (0..rows)
            .map(|_| match numbers.below(16) {
                0 => clean_rows as u32,
                1 => u32::MAX,
                _ => numbers.below(clean_rows) as u32,
            })
            .collect();
        let gathered: Vec<f32> = index
            .iter()
            .flat_map(|row| {
                let row = if (*row as usize) < clean_rows { *row as usize } else { 0 };
                &clean[row * vocabulary..][..vocabulary]
            })
            .copied()
            .collect();
        let edited: Vec<f32> = gathered.iter().zip(numbers.floats(rows * vocabulary, 1.0))
            .map(|(clean, change)| clean + change)
            .collect();
        for device in devices.each() {
            let found = divergences_from(device, &clean, Some(&index), &edited, vocabulary);
            let found = found.unwrap_or_else(|error| panic!("{error}"));
            let expected = divergences(device, &gathered, &edited, vocabulary);
            let expected = expected.unwrap_or_else(|error| panic!("{error}"));
            for ((row, found), expected) in index.iter().zip(&found).zip(&expected) {
                if (*row as usize) < clean_rows {
                    prop_assert_eq!(found.to_bits(), expected.to_bits());
                } else {
                    prop_assert!(found.is_nan(), "row {} gives {}", row, found);
                }
            }
        }
    });
}
