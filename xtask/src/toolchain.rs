//! A compiler with which the wasm crates can be built, and the components that the checks need.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::paths::Paths;
use crate::{packages, process};

/// The target of the page and of the package.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Rustup is a matter of seconds where it is reachable at all.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

const DEBIAN_PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "lld-22",
];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Source of the standard library for wasm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WasmToolchain {
    /// It is installed beside the compiler.
    Installed,
    /// Debian's compiler builds it from the source it ships.
    DebianBuildStd,
}

impl WasmToolchain {
    /// Finds or installs a toolchain, in the order: what is there, rustup, Debian's packages, a sentence that says what to
    /// install.
    pub fn find(paths: &Paths) -> Result<Self> {
        if has_wasm_library() {
            return Ok(Self::Installed);
        }
        if process::find("rustup").is_some() {
            let mut command = Command::new("rustup");
            command.args(["target", "add", WASM_TARGET]);
            match process::run_within(command.current_dir(&paths.root), RUSTUP_LIMIT) {
                Ok(()) if has_wasm_library() => return Ok(Self::Installed),
                Ok(()) => {}
                Err(error) => eprintln!("note: {error:#}"),
            }
        }
        if !debian_can_build() {
            packages::install_debian(&DEBIAN_PACKAGES).with_context(|| {
                format!("no Rust for {WASM_TARGET} was found: `rustup target add {WASM_TARGET}`")
            })?;
        }
        if debian_can_build() {
            return Ok(Self::DebianBuildStd);
        }
        bail!("no Rust for {WASM_TARGET} was found: `rustup target add {WASM_TARGET}`")
    }

    /// Cargo with this toolchain and a subcommand for the wasm target. Flags come from `.cargo/config.toml` alone.
    pub fn cargo(self, paths: &Paths, subcommand: &str) -> Command {
        let mut command = process::cargo(paths);
        if self == Self::DebianBuildStd {
            command = Command::new(DEBIAN_CARGO);
            command
                .current_dir(&paths.root)
                .env("CARGO_TARGET_DIR", &paths.target)
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        command.args([subcommand, "--target", WASM_TARGET]);
        if self == Self::DebianBuildStd {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        // Either of these would replace the flags of the configuration file, SIMD among them.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }
}

/// Queries the compiler itself, so that it is right with and without rustup.
fn has_wasm_library() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", WASM_TARGET]);
    process::output(&mut command).is_some_and(|folder| {
        fs::read_dir(folder.trim()).is_ok_and(|mut entries| entries.next().is_some())
    })
}

fn debian_can_build() -> bool {
    if !Path::new(DEBIAN_CARGO).is_file() {
        return false;
    }
    process::output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])).is_some_and(|root| {
        Path::new(root.trim())
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .is_file()
    })
}

/// Sees to it that `cargo fmt` and `cargo clippy` exist: a minimal toolchain comes without them.
pub fn components(paths: &Paths) -> Result<()> {
    let missing: Vec<&str> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(subcommand, _)| {
            process::output(process::cargo(paths).args([subcommand, "--version"])).is_none()
        })
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let mut command = Command::new("rustup");
    command
        .args(["component", "add"])
        .args(&missing)
        .current_dir(&paths.root);
    process::run_within(&mut command, RUSTUP_LIMIT)
        .with_context(|| format!("{list} not found: `rustup component add {list}`"))
}
