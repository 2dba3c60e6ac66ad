//! Medians of times.

use std::time::Instant;

use kernels::{Buffer, Device, Recorder};

use crate::Result;

/// Runs of one measurement.
const RUNS: usize = 5;
/// A measurement repeats a kernel until it takes about this long, so that the submission's own time is small beside it.
const ENOUGH_SECONDS: f64 = 0.04;
const MAX_REPETITIONS: usize = 64;

/// The median of some runs' seconds.
pub fn median(runs: usize, mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Seconds that one recording of `record` takes on the device: many of them in one submit, against none.
/// `result` is a buffer that the kernels write; a word of it is read back to know that they are done.
pub fn seconds(
    device: &Device,
    result: &Buffer,
    record: impl Fn(&mut Recorder) -> Result<()>,
) -> Result<f64> {
    let plan = |repetitions: usize| -> Result<_> {
        let mut recorder = Recorder::new(device);
        for _ in 0..repetitions {
            record(&mut recorder)?;
        }
        recorder.read_back(result, 1)?;
        Ok(recorder.finish())
    };
    let mut words = Vec::new();
    let mut time = |repetitions: usize, runs: usize| -> Result<f64> {
        let plan = plan(repetitions)?;
        // The first run compiles and warms up.
        pollster::block_on(plan.run_into(&mut words))?;
        median(runs, || Ok(pollster::block_on(plan.run_into(&mut words))?))
    };
    let once = time(1, 1)?;
    let repetitions = ((ENOUGH_SECONDS / once).ceil() as usize).clamp(1, MAX_REPETITIONS);
    let empty = time(0, RUNS)?;
    // A second and slower than that is not measured five times over.
    let runs = if once > 0.5 { 1 } else { RUNS };
    Ok(((time(repetitions, runs)? - empty) / repetitions as f64).max(1e-9))
}

/// Numbers in [-1, 1) that are the same everywhere.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
