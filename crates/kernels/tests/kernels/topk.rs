//! `topk` is exact: indices and values equal a plain sort's, whatever the values are.

use kernels::{Device, Error, Recorder, TopK, topk};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, floats, run};

/// Indices, values and the number of NaNs of every row.
#[derive(Debug, PartialEq)]
struct Winners {
    indices: Vec<u32>,
    values: Vec<u32>,
    nans: Vec<u32>,
}

/// A sort of everything: numbers first, larger first, then the lower index.
fn by_sorting(values: &[f32], n: usize, k: usize, relu: bool) -> Winners {
    let mut winners = Winners {
        indices: Vec::new(),
        values: Vec::new(),
        nans: Vec::new(),
    };
    for row in values.chunks(n) {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| {
            let (x, y) = (row[a], row[b]);
            y.partial_cmp(&x)
                .unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
                .then(a.cmp(&b))
        });
        for place in 0..k {
            let Some(&index) = order.get(place) else {
                winners.indices.push(u32::MAX);
                winners.values.push(0);
                continue;
            };
            let value = row[index];
            winners.indices.push(index as u32);
            winners.values.push(match value {
                _ if value.is_nan() => f32::NAN.to_bits(),
                _ if value == 0.0 || (relu && value < 0.0) => 0,
                _ => value.to_bits(),
            });
        }
        winners
            .nans
            .push(row.iter().filter(|value| value.is_nan()).count() as u32);
    }
    winners
}

fn select(
    device: &Device,
    values: &[f32],
    n: usize,
    k: usize,
    relu: bool,
) -> Result<Winners, Error> {
    let rows = values.len() / n;
    let values = device.buffer_with("values", values)?;
    let top_indices = device.buffer("indices", rows * k)?;
    let top_values = device.buffer("top values", rows * k)?;
    let nan_counts = device.buffer("nans", rows)?;
    let mut recorder = Recorder::new(device);
    topk(
        &mut recorder,
        &TopK {
            values: &values,
            rows,
            n,
            k,
            relu,
            top_indices: &top_indices,
            top_values: &top_values,
            nan_counts: &nan_counts,
        },
    )?;
    let mut words = run(recorder, &[&top_indices, &top_values, &nan_counts])?.into_iter();
    let mut next = || words.next().unwrap_or_default();
    let (indices, values, nans) = (next(), next(), next());
    Ok(Winners {
        indices,
        // All NaNs count as one.
        values: floats(&values)
            .iter()
            .map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits())
            .collect(),
        nans,
    })
}

fn check(devices: &Devices, values: &[f32], n: usize, k: usize, relu: bool) {
    let expected = by_sorting(values, n, k, relu);
    for device in devices.each() {
        let actual = select(device, values, n, k, relu).unwrap_or_else(|error| panic!("{error}"));
        for (what, actual, expected) in [
            ("index", &actual.indices, &expected.indices),
            ("value", &actual.values, &expected.values),
            ("NaN count", &actual.nans, &expected.nans),
        ] {
            let place = actual.iter().zip(expected).position(|(a, b)| a != b);
            assert_eq!(
                place,
                None,
                "{:?}, n = {n}, k = {k}: {what} is {:?}, not {:?}",
                device.kind(),
                place.map(|place| actual[place]),
                place.map(|place| expected[place]),
            );
            assert_eq!(actual.len(), expected.len());
        }
    }
}

/// How the values of a case are drawn.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Spread,
    /// Few values, so that the k-th is contested by many.
    Ties,
    AllEqual,
    /// Infinities, zeros of both signs, subnormals, the extremes, NaNs of both signs.
    Special,
    /// Any bit pattern.
    Bits,
    AllNan,
}

const SPECIAL: [f32; 13] = [
    0.0,
    -0.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    -f32::NAN,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    1.0e-40,
    -1.0e-40,
    1.0,
    -1.0,
];

fn draw(kind: Kind, numbers: &mut Numbers, count: usize) -> Vec<f32> {
    match kind {
        Kind::Spread => numbers.floats(count, 10.0),
        Kind::Ties => (0..count).map(|_| numbers.below(5) as f32 - 2.0).collect(),
        Kind::AllEqual => vec![numbers.floats(1, 3.0)[0]; count],
        Kind::Special => (0..count)
            .map(|_| SPECIAL[numbers.below(SPECIAL.len())])
            .collect(),
        Kind::Bits => (0..count)
            .map(|_| f32::from_bits(numbers.word() as u32))
            .collect(),
        Kind::AllNan => vec![f32::NAN; count],
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Spread,
        Kind::Ties,
        Kind::AllEqual,
        Kind::Special,
        Kind::Bits,
        Kind::AllNan,
    ])
}

#[test]
fn any_row_is_exact() {
    let devices = Devices::new();
    let config = proptest::test_runner::Config {
        cases: 96,
        ..config()
    };
    proptest!(config, |(
        rows in 1_usize..4, n in 1_usize..5000, k in 1_usize..513, relu: bool, kind in kinds(), seed: u64,
    )| {
        check(&devices, &draw(kind, &mut Numbers::new(seed), rows * n), n, k, relu);
    });
}

#[test]
fn short_rows_leave_empty_places() {
    let devices = Devices::new();
    proptest!(config(), |(n in 1_usize..40, k in 1_usize..513, relu: bool, kind in kinds(), seed: u64)| {
        check(&devices, &draw(kind, &mut Numbers::new(seed), 2 * n), n, k, relu);
    });
}

#[test]
fn wide_rows_are_exact() {
    let devices = Devices::new();
    for n in [32_768, 131_072] {
        for kind in [
            Kind::Spread,
            Kind::Ties,
            Kind::AllEqual,
            Kind::Special,
            Kind::Bits,
        ] {
            check(
                &devices,
                &draw(kind, &mut Numbers::new(n as u64), n),
                n,
                32,
                true,
            );
        }
        check(
            &devices,
            &draw(Kind::Spread, &mut Numbers::new(1), 2 * n),
            n,
            512,
            false,
        );
    }
}

#[test]
fn a_sorted_row_is_exact_both_ways() {
    let devices = Devices::new();
    let rising: Vec<f32> = (0..4097).map(|i| i as f32 - 2000.0).collect();
    let falling: Vec<f32> = rising.iter().rev().copied().collect();
    for values in [rising, falling] {
        for k in [1, 2, 31, 32, 33, 511, 512] {
            check(&devices, &values, values.len(), k, false);
        }
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    for device in Devices::new().each() {
        for (n, k, message) in [
            (8, 0, "topk: k = 0 is not in 1..=512"),
            (8, 513, "topk: k = 513 is not in 1..=512"),
        ] {
            let error =
                select(device, &vec![0.0; n], n, k, false).map_err(|error| error.to_string());
            assert_eq!(error.err().as_deref(), Some(message));
        }
    }
}
