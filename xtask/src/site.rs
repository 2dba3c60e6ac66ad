//! The static site: what lies where in `dist/`.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};

use crate::paths::Paths;
use crate::wasm;

/// Endings of the page's own files, at the top level of `web/`.
const PAGE_ENDINGS: [&str; 7] = [
    ".css",
    ".js",
    ".json",
    ".svg",
    ".png",
    ".ico",
    ".webmanifest",
];

/// Endings of the hand-written part of the package that a browser or a compiler reads.
const PACKAGE_ENDINGS: [&str; 2] = [".js", ".d.ts"];

/// Builds the site beside the old one, then swaps: a browser never sees half of it.
pub fn build(paths: &Paths) -> Result<()> {
    let fresh = paths.root.join("dist.new");
    remove(&fresh)?;
    fs::create_dir_all(&fresh).with_context(|| format!("could not make {}", fresh.display()))?;
    wasm::build(paths, &fresh)?;
    copy(&paths.root.join("index.html"), &fresh.join("index.html"))?;
    copy_top_level(&paths.root.join("web"), &fresh, &PAGE_ENDINGS)?;
    copy_demo(paths, &fresh)?;
    copy_top_level(
        &paths.root.join("pkg"),
        &fresh.join("pkg"),
        &PACKAGE_ENDINGS,
    )?;
    lay_out_package(paths, &fresh)?;

    let old = paths.root.join("dist.old");
    remove(&old)?;
    if paths.dist.exists() {
        rename(&paths.dist, &old)?;
    }
    rename(&fresh, &paths.dist)?;
    remove(&old)
}

/// Puts the checkout's demo bundle into a site.
pub fn copy_demo(paths: &Paths, site: &Path) -> Result<()> {
    copy(&paths.root.join("web/demo"), &site.join("demo"))
}

/// The files of a folder with one of these endings, without those in folders below it.
fn copy_top_level(from: &Path, to: &Path, endings: &[&str]) -> Result<()> {
    let entries =
        fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// `pkg/dist`: the package ready for `npm pack`, with its description and licences.
fn lay_out_package(paths: &Paths, site: &Path) -> Result<()> {
    let folder = paths.root.join("pkg/dist");
    remove(&folder)?;
    copy(&site.join("pkg"), &folder)?;
    for file in [
        "pkg/package.json",
        "pkg/README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        let from = paths.root.join(file);
        copy(&from, &folder.join(from.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Copies a file, or a folder with everything in it.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("could not copy {} to {}", from.display(), to.display());
    if from.is_dir() {
        fs::create_dir_all(to).with_context(context)?;
        for entry in fs::read_dir(from).with_context(context)? {
            let entry = entry.with_context(context)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::copy(from, to).with_context(context)?;
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("could not rename {} to {}", from.display(), to.display()))
}

/// Removes a folder with everything in it, if it is there.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
