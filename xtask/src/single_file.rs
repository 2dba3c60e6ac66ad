//! The page in one file: app, modules, the demo's model, its SAEs and a small atlas in one HTML document, which opens from a disk
//! without a server and without a request.
//!
//! The files are elements of the document, compressed, as text ([`text`]). `web/single-file-page.js` takes them out, and what asks for one
//! by its address gets it from memory (`web/single-file.js`), in the page and in its workers, whose scripts are among the files.

mod atlas;
mod page;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::bundle::Bundler;
use crate::compress::Coding;
use crate::paths::Paths;
use crate::site::{self, first_view};

/// Name of the file.
pub const NAME: &str = "sae-explorer.html";

/// Bytes that it may have.
const LIMIT: usize = 35_000_000;

/// The address that stands for that of the bundles. Nothing answers there: the name is reserved.
const ADDRESS: &str = "https://sae-explorer.invalid/assets/bundle.js";

/// Where the files lie below the address that stands for the site.
const FOLDER: &str = "assets";

/// The modules that are files of their own in a site, too: their path below the modules, and their name here.
const MODULES: [(&str, &str); 4] = [
    ("app_bg.wasm", "app.wasm"),
    ("pkg/engine_bg.wasm", "engine.wasm"),
    ("pkg/scan-engine_bg.wasm", "scan-engine.wasm"),
    ("graph_bg.wasm", "graph.wasm"),
];

/// The workers: entry, and name.
const WORKERS: [(&str, &str); 4] = [
    ("pkg/fetcher.js", "fetcher.js"),
    ("pkg/worker.js", "worker.js"),
    ("pkg/scan-worker.js", "scan-worker.js"),
    ("graph-worker.js", "graph-worker.js"),
];

/// What runs first in a worker, and in the page.
const FIRST: (&str, &str) = ("single-file-worker.js", "single-file-page.js");

/// Files of the demo that the page and the package read, beside those that its manifest names.
const DEMO: [&str; 2] = ["recorded.json", "run/run.json"];

/// A file of the site, as the document holds it.
pub struct Part {
    /// Its path below the site's root.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Writes the page, from the modules of a site that was just built, to `out`, or beside that site. Gives the file and its size.
pub fn write(paths: &Paths, out: Option<&Path>) -> Result<(PathBuf, usize)> {
    let modules = site::modules(paths);
    let demo = paths.root.join("web/demo");
    let mut parts = code(&modules)?;
    parts.push(part("catalogue.json", &modules.join("catalogue.json"))?);
    let lacks = add_demo(&demo, &mut parts)?;
    let packed = pack(&parts)?;
    let document = page::document(&page::Parts {
        page: &first_view::fill(&read(&modules.join("index.html"))?, &demo)?,
        style: &read(&modules.join("style.css"))?,
        icon: &read(&modules.join("icon.svg"))?,
        guard: &read(&modules.join("guard.js"))?,
        script: &bundler(&modules).bundle_after(&[FIRST.1], "boot.js")?,
        lacks: &lacks,
        files: &packed,
    })?;
    ensure!(
        document.len() < LIMIT,
        "the page in one file has {} bytes, and must stay below {LIMIT}: keep fewer contexts per feature (single_file/atlas.rs)",
        document.len()
    );
    let out = out.map_or_else(|| paths.dist.join(NAME), |out| paths.root.join(out));
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
    }
    fs::write(&out, &document).with_context(|| format!("could not write {}", out.display()))?;
    Ok((out, document.len()))
}

/// Prints where the file is, and its size beside the limit.
pub fn print_size(out: &Path, bytes: usize) {
    println!("{}: {bytes} bytes, of at most {LIMIT}", out.display());
}

fn bundler(modules: &Path) -> Bundler {
    let mut bundler = Bundler::in_one_file(modules, ADDRESS);
    for (path, name) in MODULES.into_iter().chain(WORKERS) {
        bundler.place(path, format!("./{name}"));
    }
    bundler
}

/// The wasm modules, and the workers' bundles.
fn code(modules: &Path) -> Result<Vec<Part>> {
    let bundler = bundler(modules);
    let mut parts = Vec::new();
    for (path, name) in MODULES {
        parts.push(part(&format!("{FOLDER}/{name}"), &modules.join(path))?);
    }
    for (entry, name) in WORKERS {
        let script = bundler.bundle_after(&[FIRST.0], entry)?;
        // It is started as a classic script, with a module's rules.
        parts.push(Part {
            path: format!("{FOLDER}/{name}"),
            bytes: format!("\"use strict\";{script}").into_bytes(),
        });
    }
    Ok(parts)
}

/// Adds the demo's files. Gives a sentence of what of the demo is not among them.
fn add_demo(demo: &Path, parts: &mut Vec<Part>) -> Result<String> {
    let text = read(&demo.join("demo.json"))?;
    let mut manifest: Value = serde_json::from_str(&text).context("demo.json is not JSON")?;
    for path in DEMO {
        parts.push(part(&format!("demo/{path}"), &demo.join(path))?);
    }
    let mut named = Vec::new();
    named_files(&manifest["model"], &mut named);
    named_files(&manifest["saes"], &mut named);
    for path in named {
        parts.push(part(&format!("demo/{path}"), &demo.join(&path))?);
    }
    let Some(index) = manifest["atlas"]["path"].as_str().map(str::to_owned) else {
        parts.push(manifest_part(&manifest)?);
        return Ok("It has the demo's model and SAEs.".to_owned());
    };
    let Some((folder, _)) = index.rsplit_once('/') else {
        bail!("demo.json names the atlas {index}, which lies in no folder");
    };
    let recorded: Value = serde_json::from_str(&read(&demo.join("recorded.json"))?)
        .context("recorded.json is not JSON")?;
    let sae = recorded["sae"]["id"].as_str();
    let sae = sae.context("recorded.json names no SAE")?;
    let small = atlas::small(&demo.join(folder), sae)?;
    for (path, bytes) in small.files {
        let path = format!("demo/{folder}/{path}");
        parts.push(Part { path, bytes });
    }
    manifest["atlas"]["bytes"] = Value::from(small.index.len());
    parts.push(Part {
        path: format!("demo/{index}"),
        bytes: small.index,
    });
    parts.push(manifest_part(&manifest)?);
    Ok(small.lacks)
}

fn manifest_part(manifest: &Value) -> Result<Part> {
    Ok(Part {
        path: "demo/demo.json".to_owned(),
        bytes: serde_json::to_vec(manifest).context("could not write demo.json")?,
    })
}

/// All values of `path` below a part of the manifest.
fn named_files(value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| named_files(one, paths)),
        Value::Object(fields) => {
            paths.extend(
                fields
                    .get("path")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|one| named_files(one, paths));
        }
        _ => {}
    }
}

/// The parts as elements, each compressed; on all of the machine's cores, because a build waits for it.
fn pack(parts: &[Part]) -> Result<Vec<String>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let shares = thread::scope(|scope| {
        let share = |first: usize| {
            let mine = parts.iter().skip(first).step_by(threads);
            mine.map(packed).collect::<Result<Vec<_>>>()
        };
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || share(first)))
            .collect();
        let joined = running.into_iter().map(|thread| {
            let result = thread.join();
            result.map_err(|_| anyhow!("compressing panicked"))?
        });
        joined.collect::<Result<Vec<_>>>()
    })?;
    // In the order of the parts again.
    let at = |index: usize| shares[index % threads][index / threads].clone();
    Ok((0..parts.len()).map(at).collect())
}

fn packed(part: &Part) -> Result<String> {
    // Weights are numbers of 16 bits.
    let planes = part.path.ends_with(".safetensors");
    let compressed = if planes {
        Coding::Gzip.compress(&text::apart(&part.bytes))?
    } else {
        Coding::Gzip.compress(&part.bytes)?
    };
    Ok(page::element(
        &part.path,
        planes,
        &text::encode(&compressed),
    ))
}

fn part(path: &str, file: &Path) -> Result<Part> {
    let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(Part {
        path: path.to_owned(),
        bytes,
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}
