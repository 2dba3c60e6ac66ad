//! The checks of `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::paths::Paths;
use crate::toolchain::{self, WasmToolchain};
use crate::{packages, process, random, single_file, site, size};

/// Names the folder in which the end-to-end tests leave pictures of the page; without it they make none.
const PICTURES: &str = "SAE_EXPLORER_SCREENSHOTS";

/// The workspace of SQL over atlases.
const QUERY: &str = "crates/atlas-query";

/// The folder of the tests in a browser.
const E2E: &str = "tests/e2e";

/// `cargo fmt --check` over the workspace and the fuzz targets.
pub fn format(paths: &Paths) -> Result<()> {
    toolchain::components(paths)?;
    process::run(process::cargo(paths).args(["fmt", "--all", "--check"]))?;
    for workspace in ["fuzz", QUERY] {
        let mut command = process::cargo(paths);
        command.current_dir(paths.root.join(workspace));
        process::run(command.args(["fmt", "--check"]))?;
    }
    Ok(())
}

/// SQL over atlases: its tests, among them a cluster of processes on this machine, and clippy.
pub fn query(paths: &Paths) -> Result<()> {
    toolchain::components(paths)?;
    let cargo = |arguments: &[&str]| {
        let mut command = process::cargo(paths);
        command
            .current_dir(paths.root.join(QUERY))
            .env("CARGO_TARGET_DIR", paths.target.join("query"))
            .args(arguments);
        process::run(&mut command)
    };
    cargo(&["test"])?;
    cargo(&["clippy", "--all-targets", "--", "-D", "warnings"])
}

/// Clippy over every crate and its tests, warnings denied.
pub fn clippy(paths: &Paths) -> Result<()> {
    toolchain::components(paths)?;
    let mut command = process::cargo(paths);
    command.args(["clippy", "--workspace", "--all-targets"]);
    process::run(command.args(["--", "-D", "warnings"]))
}

/// Clippy over what runs in the browser, which the native run does not see.
pub fn clippy_wasm(paths: &Paths) -> Result<()> {
    toolchain::components(paths)?;
    let toolchain = WasmToolchain::find(paths)?;
    let packages = [
        "--package",
        "web",
        "--package",
        "js",
        "--package",
        "graph",
        "--features",
        "js/scan,js/train",
    ];
    if toolchain == WasmToolchain::DebianBuildStd {
        println!("  Debian's compiler comes without clippy: compiling only");
        return process::run(toolchain.cargo(paths, "check").args(packages));
    }
    let mut command = toolchain.cargo(paths, "clippy");
    process::run(command.args(packages).args(["--", "-D", "warnings"]))
}

/// Rustdoc over the workspace, warnings denied: broken links are the usual find.
pub fn docs(paths: &Paths) -> Result<()> {
    let mut command = process::cargo(paths);
    command
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut command)
}

/// Every crate's tests. A machine without a GPU gets a software one; a test that finds none fails instead of passing by.
pub fn native(paths: &Paths) -> Result<()> {
    let mut command = process::cargo(paths);
    command
        .args(["test", "--workspace", "--exclude", "xtask"])
        .env("SAE_EXPLORER_REQUIRE_GPU", "1");
    packages::vulkan(paths, &mut command)?;
    process::run(&mut command)?;
    // By itself this program finds its dependencies built; within the workspace they would be built once more, with the
    // features that other crates ask of them.
    process::run(process::cargo(paths).args(["test", "--package", "xtask"]))
}

/// The site as it is published, and whether its compressed copies are those of its files.
pub fn build(paths: &Paths) -> Result<()> {
    site::build(paths, site::Copies::Compressed)?;
    site::precompressed::check(&paths.dist)?;
    let (file, bytes) = single_file::write(paths, Some(&one_file(paths)))?;
    single_file::print_size(&file, bytes);
    Ok(())
}

/// The page in one file, for the tests: it is no part of what a host gets.
fn one_file(paths: &Paths) -> PathBuf {
    paths.target.join(single_file::NAME)
}

/// Each part of the site against its budget, with a table of everything a visitor downloads.
pub fn size(paths: &Paths) -> Result<()> {
    let files = size::measure(&paths.dist)?;
    size::print_table(&files);
    let spent = size::check(&files)?;
    let before = size::history::note(paths, &spent)?;
    size::print_budgets(&spent, before.as_ref());
    Ok(())
}

/// The package's tests that need no browser.
pub fn package(paths: &Paths) -> Result<()> {
    let folder = paths.root.join(E2E);
    packages::npm(&folder)?;
    process::run(&mut node_tests(&folder, "unit"))
}

/// The package that the build left, packed by npm, installed from that file, and used without a browser; beside it the program, whose
/// JSON has to be the package's results.
pub fn tarball(paths: &Paths) -> Result<()> {
    let folder = paths.root.join(E2E);
    packages::npm(&folder)?;
    let mut command = node_tests(&folder, "tarball");
    command
        .env("SAE_EXPLORER_DIST", &paths.dist)
        .env("SAE_EXPLORER_PROGRAM", program(paths)?);
    process::run(&mut command)
}

/// The program of the native tests: after them there is nothing left to compile.
fn program(paths: &Paths) -> Result<PathBuf> {
    process::run(process::cargo(paths).args([
        "test",
        "--workspace",
        "--exclude",
        "xtask",
        "--test",
        "cli",
        "--no-run",
    ]))?;
    let program = format!("debug/sae-explorer{}", std::env::consts::EXE_SUFFIX);
    Ok(paths.target.join(program))
}

/// The tests that drive the built site in headless Chromium.
pub fn browser(paths: &Paths) -> Result<()> {
    let mut command = node_tests(&paths.root.join(E2E), "test");
    in_browser(paths, &mut command)?;
    command.env("SAE_EXPLORER_RANDOM", random::for_tests(paths)?);
    // Where the README's pictures go, as seen from the root and not from the tests' folder.
    if let Some(pictures) = std::env::var_os(PICTURES) {
        command.env(PICTURES, paths.root.join(pictures));
    }
    process::run(&mut command)
}

/// One file of them.
pub fn browser_file(paths: &Paths, file: &str) -> Result<()> {
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec", file])
        .current_dir(paths.root.join(E2E));
    in_browser(paths, &mut command)?;
    process::run(&mut command)
}

/// Installs what the tests in a browser need, and tells them where it is.
fn in_browser(paths: &Paths, command: &mut Command) -> Result<()> {
    let chromium = packages::chromium()?;
    packages::npm(&paths.root.join(E2E))?;
    command
        .env("CHROMIUM", chromium)
        .env("SAE_EXPLORER_DIST", &paths.dist)
        .env("SAE_EXPLORER_SINGLE_FILE", one_file(paths))
        .env("SAE_EXPLORER_PROGRAM", program(paths)?)
        // The server under test is this very program.
        .env("SAE_EXPLORER_XTASK", std::env::current_exe()?);
    Ok(())
}

/// A script of a folder's `package.json` that runs `node --test`.
fn node_tests(folder: &Path, script: &str) -> Command {
    let mut command = process::npm(folder);
    command
        .args(["run", "--silent", script])
        // Without a terminal the default is TAP, in which a failure is hard to find.
        .env("NODE_OPTIONS", "--test-reporter=spec");
    command
}
