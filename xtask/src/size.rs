//! Download sizes of the site, and the limits that its parts must stay below.

pub mod history;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::compress::{Coding, source_of};
use crate::site::assets;
use history::Sizes;

/// A part of the site with a limit of its own.
struct Budget {
    name: &'static str,
    /// In bytes after `gzip -9`, each file compressed by itself.
    limit: usize,
    /// Its files, by their names without hashes.
    files: &'static [&'static str],
}

/// They keep the sizes in sight; what counts for a visitor is the time to the first content, which `cargo xtask bench --site` measures.
const BUDGETS: [Budget; 6] = [
    Budget {
        name: "app",
        limit: 955_000,
        files: &["assets/app.wasm"],
    },
    Budget {
        name: "engine",
        limit: 520_000,
        files: &["assets/engine.wasm"],
    },
    // With some 10 KB of bindings that are generated with the engine.
    Budget {
        name: "package",
        limit: 57_000,
        files: &[
            "assets/sae-explorer.js",
            "assets/worker.js",
            "assets/fetcher.js",
        ],
    },
    // Loaded when somebody scans a text.
    Budget {
        name: "scan",
        limit: 790_000,
        files: &SCAN,
    },
    // Loaded when somebody trains; the page says so much.
    Budget {
        name: "train",
        limit: 1_000_000,
        files: &TRAIN,
    },
    // Loaded when somebody opens a graph.
    Budget {
        name: "graph",
        limit: 150_000,
        files: &GRAPH,
    },
];

/// Files that a visit fetches when a text is scanned, and not before.
const SCAN: [&str; 2] = ["assets/scan-engine.wasm", "assets/scan-worker.js"];

/// Files that a visit fetches when somebody trains, and not before.
const TRAIN: [&str; 2] = ["assets/train-engine.wasm", "assets/train-worker.js"];

/// Files that a visit fetches when a graph is opened, and not before.
const GRAPH: [&str; 3] = [
    "assets/graph.wasm",
    "assets/graph-view.js",
    "assets/graph-worker.js",
];

/// Limit of all that a first visit requests but for the model and the SAEs, in bytes after `gzip -9`.
const FIRST_LOAD: usize = 1_575_000;

/// One file of the site.
pub struct FileSize {
    /// Its path below the site's root, with `/`.
    pub name: String,
    /// In bytes.
    pub raw: usize,
    /// In bytes, after `gzip -9`.
    pub gzip: usize,
}

impl FileSize {
    /// Its name without the hash of its content.
    fn plain(&self) -> String {
        let (folder, file) = self.name.rsplit_once('/').unwrap_or(("", &self.name));
        match assets::unhashed(file) {
            Some(plain) => format!("{folder}/{plain}"),
            None => self.name.clone(),
        }
    }
}

/// Every file of the site but for compressed copies, largest first.
pub fn measure(site: &Path) -> Result<Vec<FileSize>> {
    let mut files = Vec::new();
    collect(site, "", &mut files)
        .with_context(|| format!("could not measure {}", site.display()))?;
    files.sort_by(|a, b| b.gzip.cmp(&a.gzip).then(a.name.cmp(&b.name)));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<FileSize>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
            continue;
        }
        // A compressed copy is no further file: a visitor gets it instead of its source.
        if source_of(&name).is_some() {
            continue;
        }
        let bytes = fs::read(entry.path())?;
        files.push(FileSize {
            name,
            raw: bytes.len(),
            gzip: Coding::Gzip.compress(&bytes)?.len(),
        });
    }
    Ok(())
}

/// Prints one line per file of code, one for the demo's files, and the sums.
pub fn print_table(files: &[FileSize]) {
    let (demo, code): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.name.starts_with("demo/"));
    let width = code.iter().map(|file| file.name.len()).max().unwrap_or(0);
    let width = width.max("code and styles".len());
    let line = |name: &str, raw: usize, gzip: usize| {
        println!("  {name:width$}  {raw:>12}  {gzip:>12}");
    };
    println!("  {:width$}  {:>12}  {:>12}", "bytes", "raw", "gzip -9");
    for file in &code {
        line(&file.name, file.raw, file.gzip);
    }
    let sum = |name: &str, files: &[&FileSize]| {
        let raw: usize = files.iter().map(|file| file.raw).sum();
        let gzip: usize = files.iter().map(|file| file.gzip).sum();
        line(name, raw, gzip);
    };
    sum("code and styles", &code);
    sum("demo", &demo);
    sum("total", &files.iter().collect::<Vec<_>>());
}

/// Prints one line per budget, with the change since another commit.
pub fn print_budgets(spent: &[Spent], before: Option<&Sizes>) {
    let since = before.map_or(String::new(), |sizes| format!("since {}", sizes.commit));
    println!(
        "\n  {:12}  {:>12}  {:>12}  {:>8}  {since:>14}",
        "gzip -9", "bytes", "budget", "used"
    );
    for Spent { name, bytes, limit } in spent {
        let share = 100 * bytes / limit;
        let old = before.and_then(|sizes| sizes.bytes.get(*name));
        let change = old.map_or(String::new(), |old| {
            format!("{:+}", *bytes as i64 - *old as i64)
        });
        println!("  {name:12}  {bytes:>12}  {limit:>12}  {share:>6} %  {change:>14}");
    }
}

/// A budget and what is used of it, in bytes after `gzip -9`.
#[derive(Debug, PartialEq, Eq)]
pub struct Spent {
    /// The part of the site.
    pub name: &'static str,
    /// Its size.
    pub bytes: usize,
    /// At most this.
    pub limit: usize,
}

/// Each budget with what is used of it. Fails where one is exceeded, where a file of one is missing, and where a wasm module has none.
pub fn check(files: &[FileSize]) -> Result<Vec<Spent>> {
    let named: Vec<(String, &FileSize)> = files.iter().map(|file| (file.plain(), file)).collect();
    let planned = |name: &str| BUDGETS.iter().any(|budget| budget.files.contains(&name));
    let stray = named
        .iter()
        .find(|(name, _)| name.ends_with(".wasm") && !planned(name));
    if let Some((name, _)) = stray {
        bail!("{name} has no budget: give it one in xtask/src/size.rs");
    }
    let mut spent = Vec::new();
    for Budget { name, limit, files } in BUDGETS {
        let mut bytes = 0;
        for part in files {
            let Some((_, file)) = named.iter().find(|(name, _)| name == part) else {
                bail!("the site has no {part}: run `cargo xtask build`");
            };
            bytes += file.gzip;
        }
        spent.push(Spent { name, bytes, limit });
    }
    let first = named.iter().filter(|(name, _)| is_of_first_load(name));
    spent.push(Spent {
        name: "first load",
        bytes: first.map(|(_, file)| file.gzip).sum(),
        limit: FIRST_LOAD,
    });
    if let Some(Spent { name, bytes, limit }) = spent.iter().find(|part| part.bytes > part.limit) {
        bail!("{name}: {bytes} bytes after gzip -9, and its budget is {limit}");
    }
    Ok(spent)
}

/// The page, its code (the package by itself is for scripts), and the demo's own descriptions beside its model and SAEs.
fn is_of_first_load(name: &str) -> bool {
    let description = name
        .strip_prefix("demo/")
        .is_some_and(|name| !name.contains('/') && name.ends_with(".json"));
    let later = [&SCAN[..], &TRAIN, &GRAPH].concat();
    let later = name == "assets/sae-explorer.js" || later.contains(&name);
    let code = name.starts_with("assets/") && !later;
    ["index.html", "sw.js", assets::MANIFEST].contains(&name) || code || description
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, gzip: usize) -> FileSize {
        FileSize {
            name: name.to_owned(),
            raw: gzip,
            gzip,
        }
    }

    fn site(app: usize, style: usize) -> Vec<FileSize> {
        vec![
            file("index.html", 1_000),
            file("assets/app-0123456789.wasm", app),
            file("assets/engine-0123456789.wasm", 420_000),
            file("assets/sae-explorer-0123456789.js", 9_000),
            file("assets/worker-0123456789.js", 30_000),
            file("assets/fetcher-0123456789.js", 1_000),
            file("assets/scan-engine-0123456789.wasm", 600_000),
            file("assets/scan-worker-0123456789.js", 31_000),
            file("assets/train-engine-0123456789.wasm", 700_000),
            file("assets/train-worker-0123456789.js", 32_000),
            file("assets/graph-0123456789.wasm", 40_000),
            file("assets/graph-view-0123456789.js", 9_000),
            file("assets/graph-worker-0123456789.js", 5_000),
            file("assets/style-0123456789.css", style),
            file("demo/demo.json", 500),
            file("demo/model/model.safetensors", 9_000_000),
        ]
    }

    #[test]
    fn every_part_has_a_budget_of_its_own() {
        let spent = check(&site(300_000, 4_000)).unwrap();
        let bytes: Vec<_> = spent.iter().map(|part| (part.name, part.bytes)).collect();
        assert_eq!(
            bytes,
            [
                ("app", 300_000),
                ("engine", 420_000),
                ("package", 40_000),
                ("scan", 631_000),
                ("train", 732_000),
                ("graph", 54_000),
                ("first load", 756_500)
            ]
        );
        let failed = |files: &[FileSize]| check(files).unwrap_err().to_string();
        let over = BUDGETS[0].limit + 1;
        assert!(failed(&site(over, 4_000)).starts_with(&format!("app: {over} bytes")));
        // The rest of a first load is some 0.75 MB.
        let far = failed(&site(300_000, FIRST_LOAD));
        assert!(far.starts_with("first load: "), "{far}");
        let mut more = site(1, 1);
        more.push(file("assets/other-0123456789.wasm", 1));
        assert!(failed(&more).contains("assets/other.wasm has no budget"));
        let mut less = site(1, 1);
        less.retain(|file| !file.name.contains("assets/worker"));
        assert!(failed(&less).contains("assets/worker.js"));
    }
}
