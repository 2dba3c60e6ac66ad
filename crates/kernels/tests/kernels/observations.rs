//! `attention_pattern` and `norm_scale`: what is observed of attention and LayerNorm.

use kernels::{
    AttentionCache, AttentionPattern, Device, Error, NormScale, Recorder, attention_pattern,
    norm_scale,
};
use proptest::prelude::*;

use crate::attention::{Case, Data, Mode, apart, shared};
use crate::common::{Devices, Numbers, config, run_f32, widen};

/// The first `keys` weights of every row and head, 0 beyond the row's keys.
fn expected(case: &Case, data: &Data, keys: usize) -> Vec<f64> {
    let rows = case.weights(data);
    let padded = rows.iter().flatten().map(|weights| {
        let mut weights = weights.clone();
        weights.resize(keys, 0.0);
        weights
    });
    padded.collect::<Vec<_>>().concat()
}

fn pattern(case: &Case, device: &Device, data: &Data, keys: usize) -> Result<Vec<f32>, Error> {
    let cache = device.buffer_with("cache", &data.cache)?;
    let words = case.rows() * case.n_heads * keys;
    let pattern = device.buffer_with("pattern", &vec![f32::NAN; words])?;
    let mut recorder = Recorder::new(device);
    attention_pattern(
        &mut recorder,
        &AttentionPattern {
            row_table: &device.buffer_with("row table", &case.table())?,
            qkv: &device.buffer_with("qkv", &data.qkv)?,
            cache: match case.mode {
                Mode::None => AttentionCache::None,
                Mode::Read => AttentionCache::Read(&cache),
                Mode::Append => AttentionCache::Append(&cache),
            },
            rows: case.rows(),
            n_heads: case.n_heads,
            head_dim: case.head_dim,
            scale: case.factor(),
            keys,
            pattern: &pattern,
        },
    )?;
    run_f32(recorder, &pattern)
}

fn check(case: &Case, devices: &Devices, keys: usize) {
    let data = case.data();
    devices.agree(&expected(case, &data, keys), 1e-4, |device| {
        pattern(case, device, &data, keys)
    });
}

#[test]
fn patterns_agree() {
    let devices = Devices::new();
    proptest!(config(), |(
        lengths in proptest::collection::vec((1_usize..20, 0_usize..80), 1..4), n_heads in 1_usize..4,
        head_dim in 1_usize..70, mode in 0..3, keys in 1_usize..110, scale in 0.5_f32..4.0, seed: u64,
    )| {
        let mode = [Mode::None, Mode::Read, Mode::Append][mode as usize];
        let case = Case { scale, seed, ..Case::new(apart(&lengths), mode, (n_heads, head_dim)) };
        check(&case, &devices, keys);
    });
}

#[test]
fn patterns_of_wide_heads_and_shared_pasts_agree() {
    let devices = Devices::new();
    check(
        &Case::new(shared(&[3, 1, 9], 70), Mode::Read, (2, 256)),
        &devices,
        79,
    );
    check(
        &Case::new(apart(&[(150, 0)]), Mode::None, (1, 33)),
        &devices,
        150,
    );
}

#[test]
fn a_pattern_without_keys_is_refused() {
    let case = Case::new(apart(&[(1, 0)]), Mode::None, (1, 4));
    for device in Devices::new().each() {
        let refused = pattern(&case, device, &case.data(), 0);
        assert!(matches!(
            refused,
            Err(Error::Shape {
                kernel: "attention_pattern",
                ..
            })
        ));
    }
}

fn scales(device: &Device, input: &[f32], width: usize) -> Result<Vec<f32>, Error> {
    let rows = input.len() / width;
    let scales = device.buffer("scales", rows)?;
    let mut recorder = Recorder::new(device);
    norm_scale(
        &mut recorder,
        &NormScale {
            input: &device.buffer_with("input", input)?,
            rows,
            width,
            epsilon: 1e-5,
            scales: &scales,
        },
    )?;
    run_f32(recorder, &scales)
}

fn expected_scales(input: &[f32], width: usize) -> Vec<f64> {
    let rows = widen(input);
    let scale = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        (variance + f64::from(1e-5_f32)).sqrt()
    };
    rows.chunks(width).map(scale).collect()
}

#[test]
fn scales_agree() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..20, width in 1_usize..300, scale in 0.01_f32..50.0, seed: u64)| {
        let input = Numbers::new(seed).floats(rows * width, scale);
        devices.agree(&expected_scales(&input, width), 1e-5, |device| scales(device, &input, width));
    });
}

#[test]
fn scales_of_zeros_equal_numbers_and_nan_agree() {
    let devices = Devices::new();
    let width = 70;
    let mut input = vec![0.0; 4 * width];
    input[width..2 * width].fill(3.5);
    input[2 * width + 69] = f32::NAN;
    let expected = expected_scales(&input, width);
    assert!(expected[2].is_nan() && expected[3].is_finite());
    devices.agree(&expected, 1e-5, |device| scales(device, &input, width));
}
