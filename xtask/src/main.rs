//! `cargo xtask serve | build | test | fuzz | bench | demo | random-model | random-sae`: everything that is done with the project from a terminal.
//!
//! Each module has one subject: where things lie ([`paths`]), how a command is run ([`process`]), what a bare machine
//! lacks ([`packages`], [`toolchain`]), how the page is made ([`wasm`], [`bundle`], [`site`], [`size`], [`compress`], [`single_file`]) and its demo ([`demo`]), how it is served
//! ([`server`], [`policy`]), checked ([`mod@test`], [`fuzz`]) and measured ([`mod@bench`]), and on what ([`random`]).

mod bench;
mod bench_scan;
mod bench_torch;
mod bundle;
mod compress;
mod demo;
mod demo_atlas;
mod fuzz;
mod packages;
mod paths;
mod policy;
mod process;
mod random;
mod server;
mod single_file;
mod site;
mod size;
mod test;
mod toolchain;
mod wasm;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::paths::Paths;
use crate::site::Copies;

/// Builds, serves, tests and measures sae-explorer.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the page and serve it on this machine
    Serve(ServeArguments),
    /// Build the static site into dist/
    Build(BuildArguments),
    /// Run every check: format, lints, docs, native tests, the page in a browser
    Test(test::Arguments),
    /// Run the parsers of files on bytes that a fuzzer makes up
    Fuzz(fuzz::Arguments),
    /// Measure kernels, engine and page, and print tables
    Bench(bench::Arguments),
    /// Replace the demo by that of a folder, or record its trace again
    Demo(demo::Arguments),
    /// Make the demo's atlas again: statistics of its features over its corpus
    DemoAtlas(demo_atlas::Arguments),
    /// Write a full-size GPT-2 of random weights
    RandomModel(random::ModelArguments),
    /// Write a full-size sparse autoencoder of random weights
    RandomSae(random::SaeArguments),
}

#[derive(clap::Args)]
struct BuildArguments {
    /// Write the page with the demo into one file as well, which opens from a disk without a server
    #[arg(long)]
    single_file: bool,
    /// That file (default: dist/sae-explorer.html)
    #[arg(long, requires = "single_file")]
    out: Option<PathBuf>,
}

#[derive(clap::Args)]
struct ServeArguments {
    /// Open the page in the default browser
    #[arg(long)]
    open: bool,
    /// The port to listen on; 0 takes any free one (default: 8080 or the next free one)
    #[arg(long)]
    port: Option<u16>,
    /// Serve what is in the folder, without building first
    #[arg(long)]
    no_build: bool,
    /// The folder to serve with --no-build (default: dist/)
    #[arg(long, requires = "no_build")]
    dir: Option<PathBuf>,
    /// Serve below this path instead of at the root, as some hosts do
    #[arg(long, default_value = "")]
    prefix: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let paths = Paths::find()?;
    match command {
        Command::Serve(arguments) => serve(&paths, arguments),
        Command::Build(arguments) => build(&paths, &arguments),
        Command::Test(arguments) => test::run(&paths, &arguments),
        Command::Fuzz(arguments) => fuzz::run(&paths, &arguments),
        Command::Bench(arguments) => bench::run(&paths, &arguments),
        Command::Demo(arguments) => demo::run(&paths, &arguments),
        Command::DemoAtlas(arguments) => demo_atlas::run(&paths, &arguments),
        Command::RandomModel(arguments) => random::model(&arguments),
        Command::RandomSae(arguments) => random::sae(&arguments),
    }
}

fn build(paths: &Paths, arguments: &BuildArguments) -> Result<()> {
    site::build(paths, Copies::Compressed)?;
    size::print_table(&size::measure(&paths.dist)?);
    if arguments.single_file {
        // Relative to where the person is.
        let out = arguments.out.as_deref().map(std::path::absolute);
        let (out, bytes) = single_file::write(paths, out.transpose()?.as_deref())?;
        single_file::print_size(&out, bytes);
    }
    Ok(())
}

fn serve(paths: &Paths, arguments: ServeArguments) -> Result<()> {
    if !arguments.no_build {
        site::build(paths, Copies::None)?;
    }
    let folder = arguments.dir.unwrap_or_else(|| paths.dist.clone());
    let server = server::Server::bind(&folder, arguments.port, &arguments.prefix)?;
    let address = server.address();
    // The first line of standard output is the address alone: scripts read it.
    println!("{address}");
    if arguments.open {
        process::open_in_browser(&address);
    }
    server.run()
}
