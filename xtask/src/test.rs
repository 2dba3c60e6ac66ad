//! `cargo xtask test`: every check, the quick ones first.

mod stand_in;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::paths::Paths;

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run only these steps
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Go on after a step that failed, with the steps that do not need it
    #[arg(long)]
    keep_going: bool,
}

/// One check.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// rustfmt finds nothing to change
    Format,
    /// clippy without warnings, on this machine's target
    Clippy,
    /// clippy without warnings, on wasm
    ClippyWasm,
    /// rustdoc without warnings
    Docs,
    /// the crates' own tests, on the CPU and on a GPU device
    Native,
    /// the parsers of files on bytes that a fuzzer makes up, for about a minute
    Fuzz,
    /// SQL over atlases, which has a workspace of its own, and its cluster on this machine
    Query,
    /// the package's JavaScript, without a browser
    Package,
    /// the site is built
    Build,
    /// the package's tarball as a person installs it, without a browser
    Tarball,
    /// each part of the site stays within its budget
    Size,
    /// the page and the package in a real browser
    Browser,
    /// replacing the demo is one command: shown on a stand-in; runs only when it is named
    DemoStandIn,
}

/// In the order in which they run: what fails soonest comes first.
const STEPS: [Step; 13] = [
    Step::Format,
    Step::Clippy,
    Step::ClippyWasm,
    Step::Docs,
    Step::Package,
    Step::Native,
    Step::Fuzz,
    Step::Query,
    Step::Build,
    Step::Tarball,
    Step::Size,
    Step::Browser,
    Step::DemoStandIn,
];

impl Step {
    fn title(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::ClippyWasm => "clippy on wasm",
            Self::Docs => "docs",
            Self::Native => "native tests",
            Self::Fuzz => "fuzz",
            Self::Query => "SQL",
            Self::Package => "package",
            Self::Build => "build of the site",
            Self::Tarball => "package as installed",
            Self::Size => "size",
            Self::Browser => "end to end in a browser",
            Self::DemoStandIn => "stand-in for the demo",
        }
    }

    /// True if this step needs the output of `build`.
    fn needs_build(self) -> bool {
        matches!(
            self,
            Self::Tarball | Self::Size | Self::Browser | Self::DemoStandIn
        )
    }

    fn run(self, paths: &Paths) -> Result<()> {
        match self {
            Self::Format => steps::format(paths),
            Self::Clippy => steps::clippy(paths),
            Self::ClippyWasm => steps::clippy_wasm(paths),
            Self::Docs => steps::docs(paths),
            Self::Native => steps::native(paths),
            Self::Fuzz => crate::fuzz::run(paths, &crate::fuzz::Arguments::quick()),
            Self::Query => steps::query(paths),
            Self::Package => steps::package(paths),
            Self::Build => steps::build(paths),
            Self::Tarball => steps::tarball(paths),
            Self::Size => steps::size(paths),
            Self::Browser => steps::browser(paths),
            Self::DemoStandIn => stand_in::run(paths),
        }
    }
}

enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    NotRun,
}

/// Runs the steps, then prints one line a step and the sum. Fails when any step failed.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let chosen = STEPS
        .into_iter()
        .filter(|step| match arguments.only.as_slice() {
            [] => *step != Step::DemoStandIn,
            only => only.contains(step),
        });
    let mut results: Vec<(Step, Outcome)> = Vec::new();
    for step in chosen {
        let failed = |step: Option<Step>| {
            results.iter().any(|(other, outcome)| {
                matches!(outcome, Outcome::Failed(..)) && step.is_none_or(|step| step == *other)
            })
        };
        let skip = if arguments.keep_going {
            step.needs_build() && failed(Some(Step::Build))
        } else {
            failed(None)
        };
        let outcome = if skip {
            Outcome::NotRun
        } else {
            run_step(step, paths)
        };
        results.push((step, outcome));
    }
    summarise(&results)
}

fn run_step(step: Step, paths: &Paths) -> Outcome {
    println!("\n━━ {} ━━", step.title());
    let start = Instant::now();
    match step.run(paths) {
        Ok(()) => {
            println!(
                "── {}: passed in {}",
                step.title(),
                seconds(start.elapsed())
            );
            Outcome::Passed(start.elapsed())
        }
        Err(error) => {
            let reason = format!("{error:#}");
            println!("── {}: FAILED: {reason}", step.title());
            Outcome::Failed(start.elapsed(), reason)
        }
    }
}

fn summarise(results: &[(Step, Outcome)]) -> Result<()> {
    let (mut passed, mut failed) = (0, 0);
    println!("\n━━ summary ━━");
    for (step, outcome) in results {
        let title = step.title();
        match outcome {
            Outcome::Passed(time) => {
                passed += 1;
                println!("  passed   {title:24} {:>9}", seconds(*time));
            }
            Outcome::Failed(time, reason) => {
                failed += 1;
                println!("  FAILED   {title:24} {:>9}  {reason}", seconds(*time));
            }
            Outcome::NotRun => println!("  not run  {title}"),
        }
    }
    println!("\n{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("a check failed");
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
