//! `cargo xtask fuzz`: the parsers of files against bytes that a fuzzer makes up.
//!
//! The targets lie in `fuzz/`, laid out as `cargo fuzz` has it; that tool and its nightly compiler are not needed. What
//! the fuzzer finds to be new is kept in the build folder, so that the next run begins with it; what makes a target fail
//! is left in `fuzz/artifacts/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::paths::Paths;
use crate::{packages, process};

/// Compiler options to count which branches were taken and to note comparisons, which guide libFuzzer.
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// Longest input in bytes. No parser needs a longer one to reach all of its code.
const LONGEST: usize = 4096;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The target to run (default: all of them, one after the other)
    target: Option<String>,
    /// Inputs to run on each target
    #[arg(long, default_value_t = 1_000_000)]
    executions: u64,
    /// Stop each target after this time even if it has inputs left
    #[arg(long)]
    seconds: Option<u64>,
}

impl Arguments {
    /// The bounded run that is a part of every check: about a minute once it is built.
    pub fn quick() -> Self {
        Self {
            target: None,
            executions: 100_000,
            seconds: Some(20),
        }
    }
}

/// Builds the targets and runs them. Fails after the last of them where any did.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let folder = paths.root.join("fuzz");
    let all = targets(&folder)?;
    let chosen: Vec<&String> = match &arguments.target {
        None => all.iter().collect(),
        Some(name) => all.iter().filter(|target| *target == name).collect(),
    };
    if chosen.is_empty() {
        let name = arguments.target.as_deref().unwrap_or_default();
        bail!("there is no target {name}; there are {}", all.join(", "));
    }
    let programs = build(paths, &folder)?;
    let mut failed = Vec::new();
    for name in chosen {
        if let Err(error) = fuzz(paths, &folder, &programs, name, arguments) {
            println!("  {name:16} FAILED: {error:#}");
            failed.push(name.as_str());
        }
    }
    if !failed.is_empty() {
        bail!("{} failed", failed.join(", "));
    }
    Ok(())
}

/// The targets' names, in order.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "rs").then_some(name)
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Builds every target, and says in which folder the programs are.
fn build(paths: &Paths, folder: &Path) -> Result<PathBuf> {
    if cfg!(windows) {
        bail!("the fuzzer does not run on Windows");
    }
    // libFuzzer is C++, compiled on the way.
    let compilers = ["c++", "g++", "clang++"];
    if !compilers.iter().any(|name| process::find(name).is_some()) {
        packages::install_debian(&["g++"]).context("a C++ compiler is needed")?;
    }
    let host = host()?;
    let target = paths.target.join("fuzz");
    let mut command = process::cargo(paths);
    // Naming the target keeps build scripts and macros from being built for the fuzzer.
    command
        .current_dir(folder)
        .args(["build", "--release", "--target", &host])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    process::run(&mut command)?;
    Ok(target.join(host).join("release"))
}

/// The name of this machine's target.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::output(Command::new(rustc).arg("-vV"));
    text.as_deref()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("host: ")))
        .map(str::to_owned)
        .context("`rustc -vV` does not name its host")
}

/// Runs one target.
fn fuzz(
    paths: &Paths,
    folder: &Path,
    programs: &Path,
    name: &str,
    arguments: &Arguments,
) -> Result<()> {
    let found = paths.target.join("fuzz/corpus").join(name);
    let artifacts = folder.join("artifacts").join(name);
    let logs = paths.output.join("fuzz");
    for folder in [&found, &artifacts, &logs] {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let log = logs.join(format!("{name}.log"));
    let file = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
    let mut command = Command::new(programs.join(name));
    command
        .arg(&found)
        .arg(folder.join("corpus").join(name))
        .arg(format!("-runs={}", arguments.executions))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        // libFuzzer puts the name right behind it.
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdout(file.try_clone()?)
        .stderr(file);
    if let Some(seconds) = arguments.seconds {
        command.arg(format!("-max_total_time={seconds}"));
    }
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("could not start the target {name}"))?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let said = text.lines().find(|line| line.contains("panicked at"));
        let said = said.or_else(|| text.lines().find(|line| line.starts_with("SUMMARY")));
        bail!(
            "{} (all of it is in {}, the input in {})",
            said.unwrap_or("it ended with an error"),
            log.display(),
            artifacts.display()
        );
    }
    println!(
        "  {name:16} {:>11} executions in {}",
        executions(&text).unwrap_or_default(),
        seconds(start.elapsed())
    );
    Ok(())
}

/// Number of inputs that a target ran, as it reports.
fn executions(log: &str) -> Option<&str> {
    log.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map(str::trim)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_named_in_the_manifest_and_has_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let names = targets(&folder).unwrap();
        assert!(names.len() >= 12, "{names:?}");
        for name in names {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            let seeds = fs::read_dir(folder.join("corpus").join(&name));
            assert!(seeds.unwrap().next().is_some(), "{name} has no seeds");
        }
    }

    #[test]
    fn the_number_of_executions_is_read_from_the_log() {
        let log = "Done 7 runs\nstat::number_of_executed_units: 123456\nstat::new_units_added: 1\n";
        assert_eq!(executions(log), Some("123456"));
        assert_eq!(executions("nothing"), None);
    }
}
