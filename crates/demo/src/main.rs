//! `demo`: makes the demo bundle of a checkout; `cargo xtask demo` runs it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use demo::replace::{record_again, replace};

/// Replaces a checkout's demo by that of a folder.
#[derive(Parser)]
struct Arguments {
    /// The folder with model, SAEs and fixtures; without it the demo stays, and its trace is recorded again
    folder: Option<PathBuf>,
    /// The root of the checkout
    #[arg(long, default_value = ".")]
    checkout: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.folder {
        Some(folder) => replace(folder, &arguments.checkout, &mut |said| println!("{said}")),
        None => record_again(&arguments.checkout),
    }
}
