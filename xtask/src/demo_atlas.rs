//! `cargo xtask demo-atlas`: the demo's atlas, made again from its corpus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::paths::Paths;
use crate::process;

/// Arguments of `cargo xtask demo-atlas`.
#[derive(clap::Args)]
pub struct Arguments {
    /// End the scan with the window that reaches so many tokens of the sample's five million
    #[arg(long, value_name = "N", default_value_t = 400_000)]
    limit_tokens: u64,
    /// The atlas [default: web/demo/atlas]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const CORPUS: &str = "demo/corpus/sample.jsonl.zst";
const NAME: &str = "sample of the demo's corpus";
const ATLAS: &str = "web/demo/atlas";

const INDEX: &str = "atlas.json";
const MANIFEST: &str = "web/demo/demo.json";
/// The beginning of the manifest's entry of the atlas.
const ENTRY: &str = ",\n \"atlas\":";

/// Bytes that the site's atlas may have.
const BUDGET: u64 = 30_000_000;

/// Examples per feature, with which all of it fits.
const EXAMPLES: [&str; 6] = ["--top", "5", "--per-interval", "1", "--random", "2"];

/// Blocks of the demo's model. Each has an MLP whose neurons are scanned.
const BLOCKS: usize = 6;

/// Scans the demo's corpus and writes its atlas. A scan that was interrupted goes on where it was.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let scan = paths
        .target
        .join(format!("demo-scan-{}", arguments.limit_tokens));
    let mut command = program(paths);
    command.args(["scan", "--model", "demo", "--sae", "demo"]);
    command.args(neurons());
    command.arg("--corpus").arg(paths.root.join(CORPUS));
    command.args(["--corpus-name", NAME, "--context", "64"]);
    command.args(["--limit-tokens", &arguments.limit_tokens.to_string()]);
    process::run(command.arg("--out").arg(&scan))?;

    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| paths.root.join(ATLAS));
    let mut command = program(paths);
    command.args(["atlas", "merge"]).arg(&scan);
    command.args(["--model", "demo", "--sae", "demo", "--no-tables"]);
    command.args(EXAMPLES);
    command.args(neurons());
    process::run(command.arg("--out").arg(&out))?;
    let bytes = size(&out)?;
    println!("{}: {:.1} MB", out.display(), bytes as f64 / 1e6);
    ensure!(
        bytes <= BUDGET,
        "{} has {bytes} bytes of {BUDGET} that it may have",
        out.display()
    );
    if arguments.out.is_none() {
        name_atlas(&paths.root.join(MANIFEST), &out.join(INDEX))?;
    }
    Ok(())
}

/// Names the atlas's index in the demo's manifest, as its last entry.
fn name_atlas(manifest: &Path, index: &Path) -> Result<()> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    let bytes = read(index)?.len();
    let text = read(manifest)?;
    let end = text.find(ENTRY).or_else(|| text.rfind("\n}"));
    let end = end.with_context(|| format!("{} is not a manifest", manifest.display()))?;
    let entry =
        format!("{ENTRY} {{\n  \"path\": \"atlas/{INDEX}\",\n  \"bytes\": {bytes}\n }}\n}}\n");
    fs::write(manifest, format!("{}{entry}", &text[..end]))?;
    Ok(())
}

/// Options that name the neurons of all MLPs.
fn neurons() -> Vec<String> {
    let hook = |block| {
        [
            "--neurons".to_owned(),
            format!("blocks.{block}.mlp.hook_post"),
        ]
    };
    (0..BLOCKS).flat_map(hook).collect()
}

/// The command-line program, optimised: a scan of 400,000 tokens takes four minutes on two cores.
fn program(paths: &Paths) -> Command {
    let mut command = process::cargo(paths);
    command.args(["run", "--quiet", "--release", "--package", "cli", "--"]);
    command
}

fn size(folder: &Path) -> Result<u64> {
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("could not read {}", folder.display()))?;
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            size(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}
