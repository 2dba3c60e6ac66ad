//! Tokens per second of a step of training, on the CPU, as kernels on a GPU, and densely as burn makes it: a table, and JSON into a file.
//!
//! `step [--json FILE] [--width D] [--latents N] [--k K] [--batch B] [--steps S] [--no-dense]`; `cargo xtask bench --train` runs it.

mod dense;

use std::time::Instant;

use dense::Dense;
use kernels::{Device, DeviceOptions};
use pollster::block_on;
use serde_json::json;
use train::{Config, DeviceTrainer, Trainer};

type Failure = Box<dyn std::error::Error>;

/// Sizes that are measured.
struct Sizes {
    width: usize,
    steps: usize,
    dense: bool,
    config: Config,
}

impl Sizes {
    /// Operations of a step: the encoder's product, and what the active latents take.
    fn operations(&self) -> f64 {
        let Config {
            latents, k, batch, ..
        } = self.config;
        let (batch, width) = (batch as f64, self.width as f64);
        2.0 * batch * latents as f64 * width + 8.0 * batch * k as f64 * width
    }

    /// Bytes that the optimiser reads and writes in a step: weights, gradients and two moments, of which all but the gradients are
    /// written.
    fn optimiser_bytes(&self) -> f64 {
        7.0 * 4.0 * 2.0 * self.config.latents as f64 * self.width as f64
    }
}

fn sizes() -> Result<(Sizes, Option<String>), Failure> {
    let mut sizes = Sizes {
        width: 256,
        steps: 5,
        dense: true,
        config: Config {
            dead_tokens: u64::MAX / 2,
            ..Config::default()
        },
    };
    let mut file = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--no-dense" {
            sizes.dense = false;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        match &name[..] {
            "--json" => file = Some(value),
            "--width" => sizes.width = value.parse()?,
            "--latents" => sizes.config.latents = value.parse()?,
            "--k" => sizes.config.k = value.parse()?,
            "--batch" => sizes.config.batch = value.parse()?,
            "--steps" => sizes.steps = value.parse()?,
            _ => return Err(format!("{name} is no option").into()),
        }
    }
    Ok((sizes, file))
}

/// Numbers that look random, from -1 to 1.
fn activations(count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Seconds of the fastest step of `steps`, after one more that is not counted.
fn fastest(steps: usize, mut step: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    step()?;
    let mut fastest = f64::INFINITY;
    for _ in 0..steps {
        let begun = Instant::now();
        step()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// Seconds of the median step of each of some kinds, which take turns, after one more of each that is not counted.
fn medians<const N: usize>(
    steps: usize,
    mut step: impl FnMut(usize) -> Result<(), Failure>,
) -> Result<[f64; N], Failure> {
    let mut seconds: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for turn in 0..=steps {
        for (kind, seconds) in seconds.iter_mut().enumerate() {
            let begun = Instant::now();
            step(kind)?;
            if turn > 0 {
                seconds.push(begun.elapsed().as_secs_f64());
            }
        }
    }
    Ok(seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    }))
}

fn main() -> Result<(), Failure> {
    let (sizes, file) = sizes()?;
    let Config {
        latents, k, batch, ..
    } = sizes.config;
    let data = activations(batch * sizes.width);
    let trainer = || Trainer::new(sizes.config.clone(), &data, sizes.width);
    println!(
        "A step of training, {latents} latents on activations {} wide, k = {k}, {batch} tokens; the fastest of {}",
        sizes.width, sizes.steps
    );
    println!(
        "  {:.1} billion operations; the optimiser moves {:.0} MB",
        sizes.operations() / 1e9,
        sizes.optimiser_bytes() / 1e6
    );
    println!("  {:<50}{:>10}{:>12}", "", "tokens/s", "Gop/s");
    let mut rows = Vec::new();
    let mut row = |name: &str, seconds: f64| {
        let (rate, speed) = (batch as f64 / seconds, sizes.operations() / seconds / 1e9);
        println!("  {name:<50}{rate:>10.0}{speed:>12.1}");
        rows.push(
            json!({ "row": name, "tokens_per_second": rate, "gigaoperations_per_second": speed }),
        );
    };
    let (mut training, _) = trainer()?;
    let cpu = fastest(sizes.steps, || Ok(training.step(&data).map(drop)?))?;
    row(&format!("CPU, {} threads", kernels::host::threads()), cpu);
    drop(training);
    if sizes.dense {
        let mut training = trainer()?.0;
        let mut dense = Dense::new(&sizes.config, training.parameters());
        let given = dense.choose(&data);
        let [sparse, chosen, spared] = medians(sizes.steps, |kind| {
            match kind {
                0 => drop(training.step(&data)?),
                1 => drop(dense.step(&data, None)?),
                _ => drop(dense.step(&data, Some(&given))?),
            }
            Ok(())
        })?;
        row("CPU, median, in turns with the following", sparse);
        row("burn, dense, median", chosen);
        row("burn, dense, latents given, median", spared);
        println!(
            "  a dense step takes {:.1} times as long, {:.1} times where it need not choose latents",
            chosen / sparse,
            spared / sparse
        );
    }
    match block_on(Device::gpu(DeviceOptions::default())) {
        Err(error) => println!("  no GPU: {error}"),
        Ok(device) => {
            let mut training = block_on(DeviceTrainer::new(&device, trainer()?.0))?;
            let step = || {
                block_on(async {
                    training.step(&data).await?;
                    // What was submitted counts.
                    device.drain().await?;
                    Ok(())
                })
            };
            let gpu = fastest(sizes.steps, step)?;
            row(&format!("GPU, {}", device.adapter_name()), gpu);
            let times = block_on(training.profile())?;
            for (kernel, nanoseconds) in times.iter().flatten() {
                println!("    {kernel:<48}{:>10.2} ms", nanoseconds / 1e6);
            }
        }
    }
    if let Some(file) = file {
        std::fs::write(file, format!("{:#}\n", json!({ "train": rows })))?;
    }
    Ok(())
}
