//! `cargo xtask bench --scan`: tokens per second of a scan of the demo, and what its time goes into; PyTorch beside it.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::paths::Paths;
use crate::{bench_torch, packages, process};

const CORPUS: &str = "demo/corpus/sample.jsonl.zst";

/// Scans of each row, of which the median counts.
const RUNS: usize = 3;

/// The parts of a scan's time, as `scan --json` names them. Bookkeeping goes on beside them.
const PARTS: [&str; 4] = ["corpus", "model", "read_back", "waiting"];

/// A row: its name, its tokens, and what it adds to the command.
struct Row {
    name: &'static str,
    tokens: u32,
    arguments: &'static [&'static str],
}

const ROWS: [Row; 3] = [
    Row {
        name: "CPU, 3 SAEs",
        tokens: 60_000,
        arguments: &["--backend", "cpu", "--sae", "demo"],
    },
    Row {
        name: "CPU, 3 SAEs and the neurons of a layer",
        tokens: 60_000,
        arguments: &[
            "--backend",
            "cpu",
            "--sae",
            "demo",
            "--neurons",
            "blocks.3.mlp.hook_post",
        ],
    },
    Row {
        name: "GPU (software, where there is none), 3 SAEs",
        tokens: 10_000,
        arguments: &["--backend", "gpu", "--sae", "demo"],
    },
];

/// Prints a table and writes it as JSON.
pub fn run(paths: &Paths, torch: bool) -> Result<()> {
    let mut build = process::cargo(paths);
    process::run(build.args(["build", "--release", "--package", "cli"]))?;
    println!("Scans of the demo's corpus, windows of 64 tokens; medians of {RUNS}");
    print!("  {:<46}{:>10}", "", "tokens/s");
    PARTS.iter().for_each(|part| print!("{part:>13}"));
    println!("{:>13}", "bookkeeping");
    println!(
        "  Of the time, saving left out; bookkeeping of all {} cores' time",
        cores()
    );
    let mut rows = Vec::new();
    for row in ROWS {
        let mut found = Vec::new();
        for _ in 0..RUNS {
            found.push(scan(paths, &row)?);
        }
        found.sort_by(|one, other| rate(one).total_cmp(&rate(other)));
        let median = found.swap_remove(RUNS / 2);
        let shares = shares(&median);
        print!("  {:<46}{:>10.0}", row.name, rate(&median));
        shares
            .iter()
            .chain([&bookkeeping(&median)])
            .for_each(|share| print!("{:>11.1} %", 100.0 * share));
        println!();
        rows.push(json!({
            "row": row.name,
            "tokens_per_second": rate(&median),
            "seconds": median["seconds"],
            "shares": shares,
            "bookkeeping": bookkeeping(&median),
        }));
    }
    if torch {
        let theirs = torch_rate(paths)?;
        let ours = rows
            .first()
            .and_then(|row| row["tokens_per_second"].as_f64());
        let ratio = ours.unwrap_or(0.0) / theirs;
        println!(
            "  {:<46}{theirs:>10.0}  (this one: {ratio:.2} times as fast)",
            "PyTorch, CPU, 3 SAEs"
        );
        rows.push(json!({ "row": "PyTorch", "tokens_per_second": theirs }));
    }
    let path = paths.output.join("bench-scan.json");
    fs::write(&path, format!("{:#}\n", json!({ "rows": rows })))
        .with_context(|| format!("could not write {}", path.display()))
}

/// One scan, as `--json` prints it.
fn scan(paths: &Paths, row: &Row) -> Result<Value> {
    let out = paths.target.join("bench-scan");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("removing {}", out.display()))?;
    }
    let mut command = Command::new(paths.target.join("release/sae-explorer"));
    command
        .args(["scan", "--json", "--model", "demo", "--context", "64"])
        .args(row.arguments)
        .arg("--corpus")
        .arg(paths.root.join(CORPUS))
        .args(["--limit-tokens", &row.tokens.to_string()])
        .arg("--out")
        .arg(&out);
    packages::vulkan(paths, &mut command)?;
    let ended = command.stderr(Stdio::inherit()).output();
    let ended = ended.context("the program could not be started")?;
    ensure!(
        ended.status.success(),
        "the scan of \"{}\" failed",
        row.name
    );
    let found: Value = serde_json::from_slice(&ended.stdout).context("a scan printed no JSON")?;
    ensure!(rate(&found) > 0.0, "a scan printed no rate");
    Ok(found)
}

fn rate(scan: &Value) -> f64 {
    scan["tokens_per_second"].as_f64().unwrap_or(0.0)
}

/// Seconds of the parts, without that of saving.
fn parts(scan: &Value) -> [f64; PARTS.len()] {
    PARTS.map(|part| scan["seconds"][part].as_f64().unwrap_or(0.0))
}

/// Shares of the time, without that of saving.
fn shares(scan: &Value) -> [f64; PARTS.len()] {
    let sum: f64 = parts(scan).iter().sum();
    parts(scan).map(|part| part / sum.max(1e-9))
}

/// Share of bookkeeping in the time of all cores.
fn bookkeeping(scan: &Value) -> f64 {
    let seconds = scan["seconds"]["bookkeeping"].as_f64().unwrap_or(0.0);
    let all = parts(scan).iter().sum::<f64>() * cores() as f64;
    seconds / all.max(1e-9)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn torch_rate(paths: &Paths) -> Result<f64> {
    let found = bench_torch::script(paths, "torch_scan.py", "bench-scan-torch.json")?;
    found["tokens_per_second"]
        .as_f64()
        .context("PyTorch's half has no rate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_parts() {
        let scan = json!({ "seconds": { "corpus": 1.0, "model": 6.0, "read_back": 0.0, "waiting": 3.0, "bookkeeping": 4.0, "saving": 9.0 } });
        assert_eq!(shares(&scan), [0.1, 0.6, 0.0, 0.3]);
        assert_eq!(bookkeeping(&scan), 0.4 / cores() as f64);
        assert_eq!(shares(&json!({})), [0.0; 4]);
    }
}
