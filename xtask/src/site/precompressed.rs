//! Compressed copies beside the site's files, `NAME.gz` and `NAME.br`, for hosts that send such instead of compressing each answer.
//!
//! Files that a site's owner may exchange (`catalogue.json`, `demo/`) have none: hosts do not compare a copy with its source, and
//! would go on sending the old content. So only what the build itself names and writes is compressed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::assets;
use crate::compress::{Coding, source_of};

/// Files that are compressed beside those in [`assets::FOLDER`].
const BY_NAME: [&str; 4] = ["index.html", "sw.js", assets::MANIFEST, "pkg/index.js"];
/// Endings of texts and code. Pictures are compressed already.
const ENDINGS: [&str; 7] = [
    ".css",
    ".html",
    ".js",
    ".json",
    ".svg",
    ".wasm",
    ".webmanifest",
];
/// A smaller file fits into the first packets of an answer, compressed or not.
const LEAST_BYTES: usize = 1000;
/// A copy that is larger than this share of its source, in percent, is not worth its place.
const MOST_PERCENT: usize = 95;

/// Writes the copies into a site that has all its files.
///
/// `kept` is a folder in which compressed contents stay from build to build, named by their hash: brotli takes seconds for the
/// larger files, and most of them do not change. It holds those of the last build only.
pub fn write_into(site: &Path, kept: &Path) -> Result<()> {
    fs::create_dir_all(kept).with_context(|| format!("could not make {}", kept.display()))?;
    let mut sources = sources(site)?;
    // The largest last, from where they are taken first: no thread is left alone with them.
    sources.sort_by_key(|(_, bytes)| bytes.len());
    let queue = Mutex::new(sources);
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    let used = Mutex::new(BTreeSet::new());
    let work = || -> Result<()> {
        while let Some((path, bytes)) = next() {
            for coding in Coding::ALL {
                let (name, copy) = compressed(coding, &bytes, kept)?;
                if is_worth_it(bytes.len(), copy.len()) {
                    let mut place = path.clone().into_os_string();
                    place.push(coding.ending());
                    write(Path::new(&place), &copy)?;
                }
                used.lock()
                    .map_err(|_| anyhow!("another thread failed"))?
                    .insert(name);
            }
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("compressing panicked"))?)
    })?;
    let used = used
        .into_inner()
        .map_err(|_| anyhow!("a thread that compressed failed"))?;
    forget_others(kept, &used)
}

/// Checks a site's copies: each is of the file beside it, is smaller, is one that cannot grow old, and is unknown to the service worker,
/// which asks for files by their own names.
pub fn check(site: &Path) -> Result<()> {
    let mut found = 0;
    check_folder(site, "", &mut found)?;
    ensure!(found > 0, "the site has no compressed files");
    let worker = fs::read_to_string(site.join("sw.js")).context("could not read sw.js")?;
    for coding in Coding::ALL {
        let listed = worker.contains(&format!("{}\"", coding.ending()));
        ensure!(!listed, "sw.js names {} files", coding.ending());
    }
    Ok(())
}

fn check_folder(folder: &Path, below: &str, found: &mut usize) -> Result<()> {
    let context = || format!("could not read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{below}{file}");
        if path.is_dir() {
            check_folder(&path, &format!("{name}/"), found)?;
            continue;
        }
        let Some((coding, source)) = source_of(&name) else {
            continue;
        };
        let lasting = source.starts_with(assets::FOLDER) || BY_NAME.contains(&source);
        ensure!(lasting, "{name}: its source may be exchanged without it");
        let plain = path.with_file_name(source.rsplit('/').next().unwrap_or(source));
        let bytes = fs::read(&plain).with_context(|| format!("{name} has no source"))?;
        let copy = fs::read(&path).with_context(|| format!("could not read {name}"))?;
        if coding.decompress(&copy).with_context(|| name.clone())? != bytes {
            bail!("{name} is not {source}");
        }
        ensure!(
            is_worth_it(bytes.len(), copy.len()),
            "{name} saves too little"
        );
        *found += 1;
    }
    Ok(())
}

/// True if a copy is to be written for a file.
fn is_worth_it(source: usize, copy: usize) -> bool {
    copy * 100 <= source * MOST_PERCENT
}

/// The files that are to be compressed, with their contents.
fn sources(site: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = site.join(assets::FOLDER);
    let mut paths: Vec<PathBuf> = BY_NAME.iter().map(|name| site.join(name)).collect();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?
    {
        paths.push(entry?.path());
    }
    let mut found = Vec::new();
    for path in paths {
        let name = path.to_string_lossy();
        if !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let bytes =
            fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        if bytes.len() >= LEAST_BYTES {
            found.push((path, bytes));
        }
    }
    Ok(found)
}

/// The compressed bytes, as kept from an earlier build or made now, and the name by which they are kept.
fn compressed(coding: Coding, bytes: &[u8], kept: &Path) -> Result<(String, Vec<u8>)> {
    let name = format!("{}{}", assets::sha256(bytes), coding.ending());
    let place = kept.join(&name);
    if let Ok(copy) = fs::read(&place) {
        return Ok((name, copy));
    }
    let copy = coding.compress(bytes)?;
    // Under a name of its own until it is whole: a build that was stopped leaves no part of it, and another thread may be at the same
    // content, of another file.
    let context = || format!("could not write {}", place.display());
    let part = tempfile::NamedTempFile::new_in(kept).with_context(context)?;
    write(part.path(), &copy)?;
    part.persist(&place).with_context(context)?;
    Ok((name, copy))
}

/// Removes what the last build did not use.
fn forget_others(kept: &Path, used: &BTreeSet<String>) -> Result<()> {
    let context = || format!("could not tidy {}", kept.display());
    for entry in fs::read_dir(kept).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What does not end as a copy does is being written, perhaps by another build.
        if source_of(&name).is_some() && !used.contains(&name) {
            fs::remove_file(entry.path()).with_context(context)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests;
