//! Tests of `train` through its public face.

mod dense;
mod device;
mod gradients;
mod oracle;
mod reference;
mod resume;
mod threads;

use std::io::Write as _;

use kernels::{Device, DeviceOptions, DispatchProfile, Error};

/// The devices that train: the kernels' CPU references, and where there is an adapter two GPU devices, which divide the work as suits
/// a GPU and an adapter in software. With `SAE_EXPLORER_REQUIRE_GPU=1` their absence is a failure.
fn devices() -> Vec<Device> {
    let options = DeviceOptions {
        poison: true,
        ..DeviceOptions::default()
    };
    let mut devices = vec![Device::cpu_with(options)];
    for profile in [DispatchProfile::Gpu, DispatchProfile::SoftwareAdapter] {
        match pollster::block_on(Device::gpu(DeviceOptions { profile, ..options })) {
            Ok(device) => devices.push(device),
            Err(error @ Error::NoAdapter { .. }) => {
                let required = std::env::var_os("SAE_EXPLORER_REQUIRE_GPU");
                assert!(required.is_none_or(|value| value != "1"), "{error}");
                let _ = writeln!(std::io::stderr(), "NOT RUN on a GPU: train: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    devices
}

/// Numbers that look random, from -1 to 1.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Activations with structure: few directions, each in few of the rows, and a mean.
fn activations(rows: usize, width: usize, seed: u64) -> Vec<f32> {
    let directions = numbers(3 * width * width, 7);
    let amounts = numbers(rows * 3 * width, seed);
    let mut all = Vec::with_capacity(rows * width);
    for amounts in amounts.chunks_exact(3 * width) {
        let mut row = vec![0.3; width];
        for (amount, direction) in amounts.iter().zip(directions.chunks_exact(width)) {
            if *amount > 0.7 {
                for (value, direction) in row.iter_mut().zip(direction) {
                    *value += amount * direction;
                }
            }
        }
        all.extend(row);
    }
    all
}
