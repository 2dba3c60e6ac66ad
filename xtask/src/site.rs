//! The static site: what lies where in `dist/`, and the package in `pkg/dist`.
//!
//! All code lies in `assets/`, under names that carry a hash of the content, so that a file of one version never meets one of
//! another, and browsers may keep it for good. What has a stable name is small or says itself which version it is:
//! `index.html`, `catalogue.json` and `demo/`, which a site's owner may exchange, `pkg/index.js`, by which scripts import
//! the package, and what browsers look for at one address: `sw.js` and `manifest.webmanifest`.

pub mod assets;
pub mod first_view;
mod headers;
mod offline;
pub mod precompressed;
mod sample;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle::Bundler;
use crate::paths::Paths;
use crate::wasm;
use assets::Assets;

/// Endings of the page's own files, at the top level of `web/`.
const PAGE_ENDINGS: [&str; 8] = [
    ".html",
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

/// Files of the site that keep their names: what its owner may edit, and the example of an article.
const STABLE: [&str; 2] = ["catalogue.json", "embed.html"];

/// The package's workers, each after those that it starts: module, and the name of its bundle.
const WORKERS: [(&str, &str); 4] = [
    ("pkg/fetcher.js", "fetcher"),
    ("pkg/worker.js", "worker"),
    ("pkg/scan-worker.js", "scan-worker"),
    ("pkg/train-worker.js", "train-worker"),
];

/// Modules of the page that are fetched when somebody opens a graph, each after those that it names.
const GRAPHS: [(&str, &str); 2] = [
    ("graph-worker.js", "graph-worker"),
    ("graph-view.js", "graph-view"),
];

/// The element for articles, which has a stable name in the site.
const ELEMENT: &str = "element.js";

/// What a script imports of the package: module, and the name of its bundle.
const PACKAGE: (&str, &str) = ("pkg/index.js", "sae-explorer");

/// Compressed copies of the site's files, beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// As a host of the site may use them: see [`precompressed`].
    Compressed,
    /// For this machine, whose server compresses what it sends: making them takes seconds.
    None,
}

/// Builds the site beside the old one, then swaps: a browser never sees half of it.
pub fn build(paths: &Paths, copies: Copies) -> Result<()> {
    let modules = modules(paths);
    remove(&modules)?;
    collect(paths, &modules)?;

    let fresh = paths.root.join("dist.new");
    remove(&fresh)?;
    fs::create_dir_all(fresh.join("pkg"))
        .with_context(|| format!("could not make {}", fresh.display()))?;
    let page = lay_out(&modules, &fresh)?;
    copy_demo(paths, &fresh)?;
    sample::write_into(paths, &fresh)?;
    let page = first_view::fill(&page, &fresh.join("demo"))?;
    offline::write_into(&Bundler::new(&modules).bundle("sw.js")?, &page, &fresh)?;
    // After the list of the service worker, which names what a browser asks for.
    headers::write_into(&page, &fresh)?;
    if copies == Copies::Compressed {
        precompressed::write_into(&fresh, &paths.target.join("precompressed"))?;
    }
    lay_out_package(paths, &modules)?;

    let old = paths.root.join("dist.old");
    remove(&old)?;
    if paths.dist.exists() {
        rename(&paths.dist, &old)?;
    }
    rename(&fresh, &paths.dist)?;
    remove(&old)
}

/// The folder in which a build puts all modules of page and package, side by side as they import each other.
pub fn modules(paths: &Paths) -> PathBuf {
    paths.target.join("site")
}

/// Puts the checkout's demo bundle into a site.
pub fn copy_demo(paths: &Paths, site: &Path) -> Result<()> {
    copy(&paths.root.join("web/demo"), &site.join("demo"))
}

/// All modules of page and package, compiled and written by hand, side by side as they import each other.
fn collect(paths: &Paths, modules: &Path) -> Result<()> {
    fs::create_dir_all(modules.join("pkg"))
        .with_context(|| format!("could not make {}", modules.display()))?;
    wasm::build(paths, modules)?;
    copy(&paths.root.join("index.html"), &modules.join("index.html"))?;
    copy_top_level(&paths.root.join("web"), modules, &PAGE_ENDINGS)?;
    copy_top_level(
        &paths.root.join("pkg"),
        &modules.join("pkg"),
        &PACKAGE_ENDINGS,
    )
}

/// The site without its demo: bundles and other files in `assets/`. Gives the page that names them, which does not know its version yet.
fn lay_out(modules: &Path, site: &Path) -> Result<String> {
    let mut assets = Assets::new(modules, site)?;
    assets.file("pkg/engine_bg.wasm", "engine")?;
    assets.file("pkg/scan-engine_bg.wasm", "scan-engine")?;
    assets.file("pkg/train-engine_bg.wasm", "train-engine")?;
    for (entry, name) in WORKERS {
        assets.bundle(entry, name)?;
    }
    assets.file("graph_bg.wasm", "graph")?;
    for (entry, name) in GRAPHS {
        assets.bundle(entry, name)?;
    }
    // The page has the package in its own bundle, as one file less to request; scripts have it by itself.
    assets.file("app_bg.wasm", "app")?;
    assets.bundle("boot.js", "boot")?;
    let page = assets.page("index.html")?;
    write(&site.join(assets::MANIFEST), &assets.manifest()?)?;
    let (entry, name) = PACKAGE;
    assets.bundle(entry, name)?;
    let package = assets.address(entry)?;
    write(
        &site.join("pkg/index.js"),
        &format!(
            "export * from '../assets/{}';\n",
            package.trim_start_matches("./")
        ),
    )?;
    let element = Bundler::new(modules).bundle(ELEMENT)?;
    write(&site.join("sae-explorer.js"), &element)?;
    for name in STABLE {
        copy(&modules.join(name), &site.join(name))?;
    }
    Ok(page)
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

/// `pkg/dist`: the package ready for `npm pack`: its modules, the same as bundles, its description and licences.
fn lay_out_package(paths: &Paths, modules: &Path) -> Result<()> {
    let folder = paths.root.join("pkg/dist");
    remove(&folder)?;
    copy(&modules.join("pkg"), &folder)?;
    let mut bundler = Bundler::new(modules);
    for (entry, name) in WORKERS.into_iter().chain([PACKAGE]) {
        let file = format!("{name}.bundle.js");
        write(&folder.join(&file), &bundler.bundle(entry)?)?;
        bundler.place(entry, format!("./{file}"));
    }
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

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
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
