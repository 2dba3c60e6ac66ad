//! Paths of the checkout, the built site and the build folder.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that every command works with, all absolute.
pub struct Paths {
    /// The root of the checkout.
    pub root: PathBuf,
    /// The static site that `build` makes.
    pub dist: PathBuf,
    /// Build folder of cargo: `CARGO_TARGET_DIR`, or a folder in the user's cache so that a fresh checkout starts warm.
    pub target: PathBuf,
    /// Output of tests and benchmarks.
    pub output: PathBuf,
}

impl Paths {
    /// Finds the folders from where this program was built and from the environment.
    pub fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        // `cargo run` names the folder of the checkout it runs in, which can differ from the one that compiled a shared build.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .filter(|folder| folder.ends_with("xtask"))
            .unwrap_or_else(|| manifest.to_path_buf());
        let root = manifest
            .parent()
            .context("the folder of xtask has no parent")?
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => cache_folder(&root).join("target"),
        };
        Ok(Self {
            dist: root.join("dist"),
            output: root.join("tests/output"),
            target,
            root,
        })
    }
}

fn cache_folder(root: &Path) -> PathBuf {
    let folder = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .or_else(|| folder("LOCALAPPDATA"))
        .map(|cache| cache.join("sae-explorer"))
        // Without a home there is nowhere else to keep it.
        .unwrap_or_else(|| root.join("target/sae-explorer"))
}
