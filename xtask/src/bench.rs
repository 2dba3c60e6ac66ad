//! `cargo xtask bench`: the engine natively, then the page in Chromium; a step of training; a first visit over slow lines; figures in an
//! article.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::paths::Paths;
use crate::{bench_scan, bench_torch, packages, process, single_file, site, size};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("beside_torch").args(["native", "scan"]))]
#[command(group = clap::ArgGroup::new("visits").args(["site", "figure"]))]
pub struct Arguments {
    /// A GPT-2 folder to measure in the browser instead of the demo, such as `cargo xtask random-model` makes
    #[arg(long, value_name = "FOLDER", conflicts_with = "native")]
    model: Option<PathBuf>,
    /// A folder of an SAE for it (may be repeated)
    #[arg(long, value_name = "FOLDER", requires = "model")]
    sae: Vec<PathBuf>,
    /// An ONNX export of the same model (see tests/reference) to measure ONNX Runtime Web with, in the same browser
    #[arg(long, value_name = "FILE", env = "SAE_EXPLORER_PEER")]
    peer: Option<PathBuf>,
    /// Only the native half
    #[arg(long, conflicts_with = "browser")]
    native: bool,
    /// Of the native half only the CPU device
    #[arg(long, requires = "native")]
    cpu: bool,
    /// PyTorch as well, on the same cores as the CPU device (with --native or --scan); needs python3 with torch
    #[arg(long, requires = "beside_torch")]
    torch: bool,
    /// Only scans of the demo's corpus
    #[arg(long, conflicts_with_all = ["native", "browser", "model", "peer", "site"])]
    scan: bool,
    /// Only a step of training an autoencoder
    #[arg(long, conflicts_with_all = ["native", "browser", "model", "peer", "site", "scan"])]
    train: bool,
    /// Only the half in the browser
    #[arg(long)]
    browser: bool,
    /// Only a first visit to the page over slow lines
    #[arg(long, conflicts_with_all = ["native", "browser", "model", "peer"])]
    site: bool,
    /// Only figures in an article, and the page in one file
    #[arg(long, conflicts_with_all = ["native", "browser", "model", "peer", "site"])]
    figure: bool,
    /// Visits on each line, or to the article
    #[arg(long, requires = "visits", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// Runs both parts; tables go to standard output, JSON into `tests/output/`.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<()> {
    fs::create_dir_all(&paths.output)
        .with_context(|| format!("could not make {}", paths.output.display()))?;
    if arguments.torch {
        bench_torch::require()?;
    }
    if arguments.scan {
        return bench_scan::run(paths, arguments.torch);
    }
    if arguments.train {
        return train(paths);
    }
    if arguments.site {
        return first_visit(paths, arguments.runs);
    }
    if arguments.figure {
        return figures(paths, arguments.runs);
    }
    if !arguments.browser && arguments.model.is_none() {
        let json = native(paths, arguments.cpu)?;
        if arguments.torch {
            bench_torch::compare(paths, &json)?;
        }
    }
    if !arguments.native {
        browser(paths, arguments)?;
    }
    Ok(())
}

/// Returns the path of its JSON.
fn native(paths: &Paths, only_cpu: bool) -> Result<PathBuf> {
    let json = paths.output.join("bench-native.json");
    let mut command = process::cargo(paths);
    command
        .args(["run", "--release", "--package", "explorer"])
        .args(["--example", "bench", "--", "--json"])
        .arg(&json);
    if only_cpu {
        command.args(["--only", "cpu"]);
    } else {
        packages::vulkan(paths, &mut command)?;
    }
    process::run(&mut command)?;
    Ok(json)
}

/// A step of training on the CPU and on the GPU.
fn train(paths: &Paths) -> Result<()> {
    let mut command = process::cargo(paths);
    command
        .args(["run", "--release", "--package", "train"])
        .args(["--example", "step", "--", "--json"])
        .arg(paths.output.join("bench-train.json"));
    packages::vulkan(paths, &mut command)?;
    process::run(&mut command)
}

/// A script of `tests/bench` on the site that was just built. It writes its results to a file of the output folder.
fn script(paths: &Paths, name: &str, json: &str) -> Result<Command> {
    let folder = paths.root.join("tests/bench");
    let chromium = packages::chromium()?;
    packages::npm(&folder)?;
    let mut command = Command::new("node");
    command
        .arg(folder.join(name))
        .arg("--json")
        .arg(paths.output.join(json))
        .current_dir(&folder)
        .env("CHROMIUM", chromium)
        .env("SAE_EXPLORER_DIST", &paths.dist)
        .env("SAE_EXPLORER_XTASK", std::env::current_exe()?);
    Ok(command)
}

fn first_visit(paths: &Paths, runs: u32) -> Result<()> {
    let mut command = script(paths, "site.mjs", "bench-site.json")?;
    command.arg("--runs").arg(runs.to_string());
    site::build(paths, site::Copies::None)?;
    transfer(paths)?;
    process::run(&mut command)
}

fn figures(paths: &Paths, runs: u32) -> Result<()> {
    let mut command = script(paths, "figure.mjs", "bench-figure.json")?;
    command.arg("--runs").arg(runs.to_string());
    site::build(paths, site::Copies::None)?;
    let one_file = paths.output.join(single_file::NAME);
    let (one_file, _) = single_file::write(paths, Some(&one_file))?;
    command.arg("--file").arg(one_file);
    process::run(&mut command)
}

fn browser(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let json = match arguments.model {
        None => "bench-browser.json",
        Some(_) => "bench-full-size.json",
    };
    let mut command = script(paths, "browser.mjs", json)?;
    site::build(paths, site::Copies::None)?;
    transfer(paths)?;
    let given = [("--model", &arguments.model), ("--peer", &arguments.peer)];
    let given = given
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.as_ref()?)))
        .chain(arguments.sae.iter().map(|sae| ("--sae", sae)));
    for (name, path) in given {
        let path = path
            .canonicalize()
            .with_context(|| format!("could not read {}", path.display()))?;
        command.arg(name).arg(path);
    }
    process::run(&mut command)
}

/// Sizes of what a visitor downloads, as a table and as JSON.
fn transfer(paths: &Paths) -> Result<()> {
    let files = size::measure(&paths.dist)?;
    println!("\nTransfer sizes");
    size::print_table(&files);
    let rows: Vec<_> = files
        .iter()
        .map(|file| json!({ "file": file.name, "bytes": file.raw, "gzip_bytes": file.gzip }))
        .collect();
    let path = paths.output.join("bench-size.json");
    fs::write(&path, format!("{:#}\n", json!({ "files": rows })))
        .with_context(|| format!("could not write {}", path.display()))
}
