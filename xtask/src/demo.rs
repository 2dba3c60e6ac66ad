//! `cargo xtask demo`: another demo in the place of the checkout's, or its trace recorded again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::paths::Paths;
use crate::process;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A folder with model/, sae/, fixtures/, corpus/ and MODEL_CARD.md (see docs/demo.md); without it the demo stays, and its
    /// trace is recorded again
    folder: Option<PathBuf>,
    /// Take the README's pictures again, which runs all tests in a browser
    #[arg(long)]
    pictures: bool,
}

/// A program that computes reference values of the demo, the Python modules that it needs, and what it writes.
pub struct Reference {
    program: &'static str,
    modules: &'static [&'static str],
    /// The file with the values.
    pub writes: &'static str,
}

const REFERENCES: [Reference; 6] = [
    Reference {
        program: "tests/reference/demo_metrics.py",
        modules: &["numpy"],
        writes: "tests/fixtures/demo-metrics.json",
    },
    Reference {
        program: "tests/reference/demo_edits.py",
        modules: &["numpy"],
        writes: "tests/fixtures/demo-edits.json",
    },
    Reference {
        program: "tests/reference/demo_steering.py",
        modules: &["numpy", "torch"],
        writes: "tests/fixtures/demo-steering.json",
    },
    Reference {
        program: "tests/reference/demo_patching.py",
        modules: &["numpy", "torch"],
        writes: "tests/fixtures/demo-patching.json",
    },
    Reference {
        program: "tests/reference/demo_taps.py",
        modules: &["torch"],
        writes: "tests/fixtures/demo-taps.json",
    },
    Reference {
        program: "tests/reference/demo_scan.py",
        modules: &["numpy"],
        writes: "tests/fixtures/demo-scan.json",
    },
];

/// Needed where the vocabulary is another one.
const TOKENIZER_REFERENCE: Reference = Reference {
    program: "tests/fixtures/tokenizer/generate.py",
    modules: &["tokenizers"],
    writes: "tests/fixtures/tokenizer/reference.json",
};

const TOKENIZER: &str = "web/demo/model/tokenizer.json";
const PICTURES: &str =
    "SAE_EXPLORER_SCREENSHOTS=docs/images cargo xtask test --only build --only browser";

/// Makes the demo, its reference values and, where wanted, the README's pictures; says what is left to be done.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let folder = arguments.folder.as_deref();
    let left = make(paths, folder, &paths.root)?;
    for Reference {
        program,
        modules,
        writes,
    } in &left
    {
        println!(
            "left to do: python3 {program}, which writes {writes} and needs {}",
            modules.join(", ")
        );
    }
    if arguments.pictures {
        return take_pictures();
    }
    println!("the README's pictures are taken again by `cargo xtask demo --pictures`, or by");
    println!("  {PICTURES}");
    Ok(())
}

/// Makes the demo and its reference values in a checkout; gives the programs that could not be run here.
pub fn make(paths: &Paths, folder: Option<&Path>, checkout: &Path) -> Result<Vec<Reference>> {
    let tokenizer = || {
        let path = checkout.join(TOKENIZER);
        fs::read(&path).with_context(|| format!("could not read {}", path.display()))
    };
    let before = tokenizer()?;
    let mut command = process::cargo(paths);
    // The tests' own profile: what they have built is used, and the CPU device is not left unoptimised.
    command.args([
        "run",
        "--quiet",
        "--profile",
        "test",
        "--package",
        "demo",
        "--",
    ]);
    if let Some(folder) = folder {
        let absolute = folder
            .canonicalize()
            .with_context(|| format!("could not read {}", folder.display()))?;
        command.arg(absolute);
    }
    process::run(command.arg("--checkout").arg(checkout))?;
    if folder.is_none() {
        return Ok(Vec::new());
    }
    let mut wanted = Vec::from(REFERENCES);
    if tokenizer()? != before {
        wanted.push(TOKENIZER_REFERENCE);
    }
    let mut left = Vec::new();
    for reference in wanted {
        if has_modules(reference.modules) {
            println!("{}", reference.program);
            let mut python = Command::new("python3");
            python.arg(reference.program).current_dir(checkout);
            process::run(python.stdout(Stdio::null()))?;
        } else {
            left.push(reference);
        }
    }
    Ok(left)
}

fn has_modules(modules: &[&str]) -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", &format!("import {}", modules.join(", "))]);
    process::output(&mut python).is_some()
}

fn take_pictures() -> Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command
        .args(["test", "--only", "build", "--only", "browser"])
        .env("SAE_EXPLORER_SCREENSHOTS", "docs/images");
    process::run(&mut command)
}
