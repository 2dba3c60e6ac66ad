//! The list of files by which the service worker keeps the site in the browser, and the version that page and worker are of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use super::assets::{self, FOLDER, MANIFEST, digits};
use super::write;

/// What stands in the page until its version is known.
const UNBUILT: &str = "data-version=\"unbuilt\"";

/// Files of [`FOLDER`] that the page does not use: the package by itself is for scripts.
const FOR_SCRIPTS: [&str; 1] = ["sae-explorer.js"];

/// Files of [`FOLDER`] that come over the network when somebody has said so, and not before.
const ON_CONSENT: [&str; 2] = ["train-engine.wasm", "train-worker.js"];

/// Folders with small descriptions among the demo's files.
const DESCRIPTIONS: [&str; 2] = ["demo", "demo/run"];

/// What `web/sw.js` finds as `SITE`.
#[derive(Serialize)]
struct Site {
    /// A hash over all code.
    version: String,
    /// Path and first digits of the SHA-256 of each file of the version; the path of `index.html` is empty.
    app: Vec<(String, String)>,
    /// Small files that a site's owner may exchange.
    beside: Vec<String>,
    /// The demo's larger files, without the weights.
    data: Vec<String>,
}

/// Writes `index.html`, with its version, and `sw.js` into a site that has all other files.
///
/// The version is one of code. The demo and the catalogue are not in it: they may be exchanged without a build.
pub fn write_into(worker: &str, page: &str, site: &Path) -> Result<()> {
    let mut app = code(site)?;
    let names: String = app.iter().map(|(path, _)| format!("{path}\n")).collect();
    let version = digits(format!("{names}{page}{worker}").as_bytes());
    if !page.contains(UNBUILT) {
        bail!("index.html has no {UNBUILT}");
    }
    let page = page.replace(UNBUILT, &format!("data-version=\"{version}\""));
    write(&site.join("index.html"), &page)?;
    app.push((String::new(), digits(page.as_bytes())));
    let mut beside = vec!["catalogue.json".to_owned(), MANIFEST.to_owned()];
    for folder in DESCRIPTIONS {
        let files = files(site, folder, false)?;
        beside.extend(files.into_iter().filter(|path| path.ends_with(".json")));
    }
    let weights = named_by_the_manifest(site)?;
    let data = files(site, "demo", true)?.into_iter().filter(|path| {
        let kind = path.ends_with(".json") || path.ends_with(".bin");
        kind && !beside.contains(path) && !weights.contains(path)
    });
    let list = Site {
        data: data.collect(),
        version,
        app,
        beside,
    };
    let list = serde_json::to_string(&list).context("could not write the list of sw.js")?;
    write(
        &site.join("sw.js"),
        &format!("const SITE={list};\n{worker}"),
    )
}

/// The files of [`FOLDER`] that the page uses, with the hashes in their names.
fn code(site: &Path) -> Result<Vec<(String, String)>> {
    let mut code = Vec::new();
    for path in files(site, FOLDER, false)? {
        let file = path.rsplit('/').next().unwrap_or(&path);
        let Some(hash) = assets::hash_in(file) else {
            bail!("{path} has no hash in its name");
        };
        let plain = assets::unhashed(file).unwrap_or_default();
        let others = [&FOR_SCRIPTS[..], &ON_CONSENT].concat();
        if !others.contains(&plain.as_str()) {
            code.push((path.clone(), hash.to_owned()));
        }
    }
    Ok(code)
}

/// Paths of the files of model and SAEs, which the package stores.
fn named_by_the_manifest(site: &Path) -> Result<BTreeSet<String>> {
    let path = site.join("demo/demo.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let manifest: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let mut named = BTreeSet::new();
    let saes = manifest["saes"].as_array().into_iter().flatten();
    for part in saes.chain([&manifest["model"]]) {
        let files = part.as_object().into_iter().flat_map(|part| part.values());
        let paths = files.filter_map(|file| file["path"].as_str());
        named.extend(paths.map(|path| format!("demo/{path}")));
    }
    Ok(named)
}

/// Paths of the files of a folder of the site, in order.
fn files(site: &Path, folder: &str, below: bool) -> Result<Vec<String>> {
    let place = site.join(folder);
    let Ok(entries) = fs::read_dir(&place) else {
        return Ok(Vec::new()); // a demo need not have all of them
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("could not read {}", place.display()))?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true if below => found.extend(files(site, &path, true)?),
            true => {}
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
