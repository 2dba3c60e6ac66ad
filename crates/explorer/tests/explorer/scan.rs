//! Scans: the values that a visitor gets are those of a trace of the same windows, alone.

use crate::common::{RELU, token_ids, with_demo};
use explorer::{Bos, Error, Input, ScanOptions, ScanValues, ScanWindow, Session, TraceOptions};
use pollster::block_on;

/// A window's values, as a trace or a scan gives them: per set its counted tokens, and per token the pairs or the values.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    tokens: Vec<u32>,
    counted: Vec<Vec<bool>>,
    pairs: Vec<Vec<Vec<(i32, u32)>>>,
}

fn pairs(slots: usize, latents: &[i32], activations: &[f32]) -> Vec<Vec<(i32, u32)>> {
    let pairs = latents.iter().zip(activations);
    let pairs: Vec<(i32, u32)> = pairs.map(|(l, a)| (*l, a.to_bits())).collect();
    let rows = pairs.chunks_exact(slots);
    rows.map(|row| {
        row.iter()
            .copied()
            .filter(|(latent, _)| *latent >= 0)
            .collect()
    })
    .collect()
}

fn scanned(session: &Session, sets: &[String], windows: &[Vec<u32>]) -> Vec<Found> {
    let options = ScanOptions {
        sets,
        bos: Bos::Auto,
        clock: None,
    };
    let mut windows = windows.iter().enumerate();
    let mut found = Vec::new();
    let next = || {
        Ok::<_, Error>(windows.next().map(|(origin, tokens)| ScanWindow {
            tokens: tokens.clone(),
            origin,
        }))
    };
    let scan = session.scan(&options, next, |batch| {
        assert!(!batch.is_empty());
        for window in 0..batch.len() {
            assert_eq!(batch.origin(window), Some(&found.len()));
            let tokens = batch.tokens(window).unwrap().to_vec();
            let set = |set| {
                let pairs = match batch.values(set, window).unwrap() {
                    ScanValues::Listed {
                        slots,
                        latents,
                        activations,
                    } => pairs(slots, latents, activations),
                    ScanValues::Dimensions(values) => {
                        let rows = values.chunks_exact(values.len() / tokens.len());
                        rows.map(dimensions).collect()
                    }
                };
                (batch.counted(set, window).unwrap().to_vec(), pairs)
            };
            let (counted, pairs) = (0..sets.len()).map(set).unzip();
            found.push(Found {
                tokens,
                counted,
                pairs,
            });
        }
        Ok(())
    });
    block_on(scan).unwrap();
    found
}

fn dimensions(row: &[f32]) -> Vec<(i32, u32)> {
    let values = (0..).zip(row).filter(|(_, value)| **value != 0.0);
    values.map(|(at, value)| (at, value.to_bits())).collect()
}

fn traced(session: &Session, sets: &[String], windows: &[Vec<u32>], bos: u32) -> Vec<Found> {
    let options = TraceOptions {
        saes: Some(sets.to_vec()),
        ..TraceOptions::default()
    };
    let trace = |window: &Vec<u32>| {
        let ids = [&[bos], &window[..]].concat();
        let trace = block_on(session.trace(Input::Tokens(&ids), &options)).unwrap();
        let sets = trace.saes.iter().map(|set| {
            let counted = (0..ids.len()).map(|at| !set.skipped.contains(&(at as u32)));
            let mut pairs = pairs(set.k, &set.latents, &set.activations);
            if set.architecture == "neurons" {
                // A trace lists them by strength.
                pairs.iter_mut().for_each(|row| row.sort_unstable());
            }
            (counted.skip(1).collect(), pairs.split_off(1))
        });
        let (counted, pairs) = sets.unzip();
        Found {
            tokens: window.clone(),
            counted,
            pairs,
        }
    };
    windows.iter().map(trace).collect()
}

#[test]
fn every_value_is_that_of_a_trace_of_the_window_alone() {
    with_demo(|device, session| {
        session
            .load_neurons("neurons", "blocks.4.mlp.hook_post")
            .unwrap();
        let ids = token_ids(400);
        let bos = ids[0];
        // Batches of several windows, of one, and windows of other lengths between them.
        let mut windows: Vec<Vec<u32>> = ids[1..].chunks(63).map(<[u32]>::to_vec).collect();
        windows.insert(2, ids[5..14].to_vec());
        windows.insert(7, ids[20..21].to_vec());
        windows.push(ids[1..256].to_vec());
        windows.push(ids[300..340].to_vec());
        let sets = ["openai.layer_5", RELU, "neurons", "openai.layer_1"].map(str::to_owned);
        let found = scanned(session, &sets, &windows);
        let expected = traced(session, &sets, &windows, bos);
        assert_eq!(found.len(), expected.len());
        let mut compared = 0;
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found.tokens, expected.tokens, "{device}, window {number}");
            assert_eq!(found.counted, expected.counted, "{device}, window {number}");
            for (set, (found, expected)) in found.pairs.iter().zip(&expected.pairs).enumerate() {
                for (found, expected) in found.iter().zip(expected) {
                    same_row(
                        found,
                        expected,
                        &format!("{device}, window {number}, set {set}"),
                    );
                    compared += found.len();
                }
            }
        }
        assert!(compared > 100_000, "{compared}");
    });
}

/// The same latents with the same activations; on a GPU the order of a row's sums depends on its place in the batch.
#[track_caller]
fn same_row(found: &[(i32, u32)], expected: &[(i32, u32)], what: &str) {
    if what.starts_with("cpu") {
        assert_eq!(found, expected, "{what}");
        return;
    }
    let value = |row: &[(i32, u32)], latent: i32| {
        let found = row.iter().find(|(other, _)| *other == latent);
        found.map_or(0.0, |(_, bits)| f32::from_bits(*bits))
    };
    let scale = |row: &[(i32, u32)]| {
        row.iter()
            .map(|(_, bits)| f32::from_bits(*bits).abs())
            .fold(0.0, f32::max)
    };
    let largest = scale(expected).max(1.0);
    for (latent, _) in found.iter().chain(expected) {
        let (one, other) = (value(found, *latent), value(expected, *latent));
        // The weakest of k latents may be another one, with nearly the same activation.
        let weakest = expected
            .iter()
            .map(|(_, bits)| f32::from_bits(*bits).abs())
            .fold(f32::MAX, f32::min);
        let difference = (one - other).abs();
        let allowed = 1e-3 * largest;
        let swapped = one.abs().max(other.abs()) <= weakest + allowed;
        assert!(
            difference <= allowed || swapped,
            "{what}, latent {latent}: {one} and {other}"
        );
        assert!(one.is_finite() && other.is_finite());
    }
}

#[test]
fn wrong_windows_and_sets_are_refused() {
    with_demo(|_, session| {
        let scan = |session: &Session, set: &[&str], tokens: &[u32]| {
            let sets: Vec<String> = set.iter().map(|id| (*id).to_owned()).collect();
            let options = ScanOptions {
                sets: &sets,
                bos: Bos::Auto,
                clock: None,
            };
            let mut window = Some(ScanWindow {
                tokens: tokens.to_vec(),
                origin: (),
            });
            let next = || Ok::<_, Error>(window.take());
            block_on(session.scan(&options, next, |_| Ok(())))
        };
        let one = ["openai.layer_1"];
        assert!(scan(session, &one, &[1, 2]).is_ok());
        for (sets, tokens, code) in [
            (&one[..], &[][..], "empty-prompt"),
            (&one, &[u32::MAX], "bad-option"),
            (&one, &[1; 256], "prompt-too-long"),
            (&[], &[1], "bad-option"),
            (&["absent"], &[1], "unknown-sae"),
        ] {
            let error = scan(session, sets, tokens).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
        }
    });
}

#[test]
fn a_scan_ends_between_batches_when_it_is_cancelled_or_its_visitor_fails() {
    with_demo(|_, session| {
        let sets = ["openai.layer_1".to_owned()];
        let options = ScanOptions {
            sets: &sets,
            bos: Bos::Auto,
            clock: None,
        };
        let endless = || {
            Ok::<_, Error>(Some(ScanWindow {
                tokens: vec![1; 100],
                origin: (),
            }))
        };
        let cancel = session.cancel();
        let mut batches = 0;
        let scan = session.scan(&options, endless, |_| {
            batches += 1;
            if batches == 3 {
                cancel.cancel();
            }
            Ok(())
        });
        assert!(matches!(block_on(scan), Err(Error::Cancelled)));
        assert_eq!(batches, 3);
        let failed = session.scan(&options, endless, |_| Err(Error::NoModel));
        assert!(matches!(block_on(failed), Err(Error::NoModel)));
    });
}
