//! `cache`: what was downloaded, and how to be rid of it.

use std::io::{self, Write as _};

use hub::{Cache, Entry};
use serde::Serialize;

use crate::args::{self, CacheCommand};
use crate::error::Error;
use crate::place;
use crate::progress::size;

/// The cache, as `--json` prints it.
#[derive(Serialize)]
struct JsonCache<'a> {
    folder: String,
    stored_bytes: u64,
    entries: &'a [Entry],
}

/// Lists or deletes.
pub fn cache(arguments: &args::Cache) -> Result<(), Error> {
    let cache = Cache::new(place::cache(arguments.cache.as_ref())?);
    let entries = cache.entries().map_err(unusable)?;
    let mut out = io::stdout().lock();
    match &arguments.command {
        CacheCommand::List { json: true } => {
            let json = JsonCache {
                folder: cache.root().display().to_string(),
                stored_bytes: stored(&entries),
                entries: &entries,
            };
            serde_json::to_writer(&mut out, &json).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        CacheCommand::List { json: false } => {
            let folder = cache.root().display();
            writeln!(out, "{folder}: {}", size(stored(&entries)))?;
            for entry in &entries {
                writeln!(
                    out,
                    "{:>10}  {}",
                    size(entry.stored_bytes),
                    described(entry)
                )?;
            }
        }
        CacheCommand::Clear { names } => {
            let chosen: Vec<&Entry> = entries
                .iter()
                .filter(|entry| names.is_empty() || names.iter().any(|name| is_of(entry, name)))
                .collect();
            let mut freed = 0;
            for entry in chosen {
                if cache.delete(entry).map_err(unusable)? {
                    freed += entry.stored_bytes;
                    writeln!(out, "deleted {}", described(entry))?;
                } else {
                    writeln!(
                        io::stderr(),
                        "{} is being downloaded and stays",
                        described(entry)
                    )?;
                }
            }
            writeln!(out, "{} freed", size(freed))?;
        }
    }
    Ok(())
}

fn unusable(source: hub::Error) -> Error {
    Error::Hub {
        source: Box::new(source),
        hint: String::new(),
    }
}

fn stored(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.stored_bytes).sum()
}

fn described(entry: &Entry) -> String {
    let names = if entry.names.is_empty() {
        "(no address leads to it any more)".to_owned()
    } else {
        entry.names.join(", ")
    };
    match (entry.complete, entry.bytes) {
        (true, _) => names,
        (false, Some(bytes)) => format!("{names} (a part of {})", size(bytes)),
        (false, None) => format!("{names} (a part)"),
    }
}

/// True if it came from a file, a folder or a repository of this name.
fn is_of(entry: &Entry, name: &str) -> bool {
    entry.names.iter().any(|full| {
        let rest = full.strip_prefix(name.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '@']))
    })
}
