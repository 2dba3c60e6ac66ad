//! The CPU device beside PyTorch on the same cores.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::paths::Paths;
use crate::process;

/// Fails where `python3` has no torch.
pub fn require() -> Result<()> {
    let found = Command::new("python3")
        .args(["-c", "import torch"])
        .output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(
            "--torch needs PyTorch, which python3 cannot import (try `python3 -m pip install torch`): {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) => bail!("--torch needs python3 with PyTorch; python3 cannot be run: {error}"),
    }
}

/// Runs PyTorch's half and prints both, with the ratio of the medians. `native` is what the native half wrote.
pub fn compare(paths: &Paths, native: &Path) -> Result<()> {
    let torch = script(paths, "torch_cpu.py", "bench-torch.json")?;
    let native = read(native)?;
    let ours = native["cpu"]["full_size"]
        .as_object()
        .context("the native half has no rows cpu.full_size")?;

    println!(
        "This CPU device and PyTorch {} on {}, {} and {} threads; medians",
        torch["torch"].as_str().unwrap_or("?"),
        processor(),
        native["cpu"]["threads"],
        torch["threads"]
    );
    println!("  {:<28}{:>12}{:>12}{:>8}", "", "ms", "PyTorch ms", "ratio");
    let mut compared = 0;
    for (name, seconds) in ours {
        let (Some(ours), Some(torch)) = (seconds.as_f64(), torch["rows"][name].as_f64()) else {
            continue;
        };
        println!(
            "  {name:<28}{:>12.2}{:>12.2}{:>8.2}",
            ours * 1e3,
            torch * 1e3,
            ours / torch
        );
        compared += 1;
    }
    ensure!(compared > 0, "no row has the same name in both halves");
    Ok(())
}

/// What a script of `tests/bench` finds, which it writes to a file of the output folder.
pub fn script(paths: &Paths, name: &str, json: &str) -> Result<Value> {
    let json = paths.output.join(json);
    let mut command = Command::new("python3");
    command
        .arg(paths.root.join("tests/bench").join(name))
        .arg("--json")
        .arg(&json);
    process::run(&mut command)?;
    read(&json)
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
