//! Devices, random numbers and comparisons that the tests share.

use std::io::Write as _;

use kernels::{Buffer, Device, DeviceOptions, DispatchProfile, Error, Recorder};
use proptest::test_runner::Config;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Cases of one property: few, because a software adapter is slow.
pub fn config() -> Config {
    Config {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    }
}

/// A GPU device, or `None` where there is no adapter and none is required.
pub fn gpu(options: DeviceOptions) -> Option<Device> {
    match pollster::block_on(Device::gpu(options)) {
        Ok(device) => Some(device),
        Err(error @ Error::NoAdapter { .. }) => {
            let required = std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_some_and(|v| v == "1");
            assert!(!required, "SAE_EXPLORER_REQUIRE_GPU=1, but {error}");
            let test = std::thread::current().name().unwrap_or("?").to_owned();
            // Past libtest's capture, which hides what a passing test prints.
            let _ = writeln!(
                std::io::stderr(),
                "NOT RUN on a GPU: kernels::{test}: {error}"
            );
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A CPU device and, where there is an adapter, two GPU devices with the same limit: one that divides the work as
/// suits a GPU, and one as suits an adapter in software. All fill scratch memory with NaN before it is used.
pub struct Devices {
    pub cpu: Device,
    pub gpus: Vec<Device>,
}

impl Devices {
    pub fn new() -> Self {
        Self::with(DeviceOptions::default())
    }

    /// Devices that bind at most `bytes` at once, which splits matrices into shards.
    pub fn binding_at_most(bytes: u64) -> Self {
        Self::with(DeviceOptions {
            max_binding_bytes: Some(bytes),
            ..DeviceOptions::default()
        })
    }

    pub fn with(options: DeviceOptions) -> Self {
        let options = DeviceOptions {
            poison: true,
            ..options
        };
        Self {
            cpu: Device::cpu_with(options),
            gpus: [DispatchProfile::Gpu, DispatchProfile::SoftwareAdapter]
                .into_iter()
                .map_while(|profile| gpu(DeviceOptions { profile, ..options }))
                .collect(),
        }
    }

    /// Every device there is.
    pub fn each(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(&self.cpu).chain(&self.gpus)
    }

    /// Runs `work` on every device and holds each result against `expected`.
    pub fn agree(
        &self,
        expected: &[f64],
        tolerance: f64,
        work: impl Fn(&Device) -> Result<Vec<f32>, Error>,
    ) {
        for device in self.each() {
            let actual =
                work(device).unwrap_or_else(|error| panic!("{:?}: {error}", device.kind()));
            assert_close(
                &format!("{:?}", device.kind()),
                &actual,
                expected,
                tolerance,
            );
        }
    }
}

/// Holds numbers to `tolerance`, relative above 1 and absolute below.
pub fn assert_close(what: &str, actual: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: length");
    for (place, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(*actual) - expected).abs();
        let same = actual.is_nan() && expected.is_nan();
        assert!(
            same || error <= tolerance * expected.abs().max(1.0),
            "{what}: {actual} at {place}, expected {expected}, off by {error:e}"
        );
    }
}

/// Runs what was recorded and reads `buffers` back whole.
pub fn run(mut recorder: Recorder, buffers: &[&Buffer]) -> Result<Vec<Vec<u32>>, Error> {
    let handles = buffers
        .iter()
        .map(|buffer| recorder.read_back(buffer, buffer.words()))
        .collect::<Result<Vec<_>, _>>()?;
    let readings = pollster::block_on(recorder.finish().run())?;
    Ok(handles
        .into_iter()
        .map(|handle| readings.words(handle).to_vec())
        .collect())
}

/// As [`run`] with one buffer of `f32`.
pub fn run_f32(recorder: Recorder, buffer: &Buffer) -> Result<Vec<f32>, Error> {
    Ok(floats(&run(recorder, &[buffer])?.remove(0)))
}

pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|word| f32::from_bits(*word)).collect()
}

/// Numbers rounded to f16.
pub fn halved(values: &[f32]) -> Vec<f32> {
    values
        .iter()
        .map(|value| half::f16::from_f32(*value).to_f32())
        .collect()
}

/// Random numbers that are the same everywhere.
pub struct Numbers(SplitMix64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::seed_from_u64(seed))
    }

    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.word() % end as u64) as usize
    }

    /// Numbers in [-scale, scale); one in sixteen is a zero, of either sign.
    pub fn floats(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count)
            .map(|_| match self.below(32) {
                0 => 0.0,
                1 => -0.0,
                _ => ((self.word() >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale,
            })
            .collect()
    }
}

pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// LayerNorm of one row, in `f64`.
pub fn layer_norm_row(row: &[f64], weight_bias: &[f32], epsilon: f32) -> Vec<f64> {
    let width = row.len();
    let mean = row.iter().sum::<f64>() / width as f64;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
    let scale = 1.0 / (variance + f64::from(epsilon)).sqrt();
    row.iter()
        .enumerate()
        .map(|(d, x)| {
            (x - mean) * scale * f64::from(weight_bias[d]) + f64::from(weight_bias[width + d])
        })
        .collect()
}
