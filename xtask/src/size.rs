//! Download sizes of the site, and the limit that each wasm module must stay below.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Each wasm module's budget after `gzip -9`, in bytes. They keep the sizes in sight; what counts for a visitor is the time to
/// the first content.
const BUDGETS: [(&str, usize); 2] = [("app_bg.wasm", 420_000), ("pkg/engine_bg.wasm", 460_000)];

/// One file of the site.
pub struct FileSize {
    /// Its path below the site's root, with `/`.
    pub name: String,
    /// In bytes.
    pub raw: usize,
    /// In bytes, after `gzip -9`.
    pub gzip: usize,
}

/// Every file of the site, largest first.
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
        let bytes = fs::read(entry.path())?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        files.push(FileSize {
            name,
            raw: bytes.len(),
            gzip: encoder.finish()?.len(),
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

/// Each wasm module with its size after `gzip -9` and its budget, in bytes. Fails where a module exceeds its budget, has none,
/// or is missing.
pub fn check(files: &[FileSize]) -> Result<Vec<(&str, usize, usize)>> {
    let modules = files.iter().filter(|file| file.name.ends_with(".wasm"));
    let mut found = Vec::new();
    for FileSize { name, gzip, .. } in modules {
        let Some((_, budget)) = BUDGETS.iter().find(|(module, _)| module == name) else {
            bail!("{name} has no budget: give it one in xtask/src/size.rs");
        };
        if gzip > budget {
            bail!("{name} is {gzip} bytes after gzip -9, and its budget is {budget}");
        }
        found.push((name.as_str(), *gzip, *budget));
    }
    for (module, _) in BUDGETS {
        if !found.iter().any(|(name, ..)| *name == module) {
            bail!("the site has no {module}: run `cargo xtask build`");
        }
    }
    Ok(found)
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

    #[test]
    fn every_module_has_a_budget_of_its_own() {
        let engine = || file("pkg/engine_bg.wasm", 419_999);
        let files = [
            file("app_bg.wasm", 420_000),
            file("app.js", 900_000),
            engine(),
        ];
        assert_eq!(check(&files).unwrap().len(), 2);
        for files in [
            vec![file("app_bg.wasm", 420_001), engine()],
            vec![file("app_bg.wasm", 1), engine(), file("other_bg.wasm", 1)],
            vec![engine()],
        ] {
            assert!(check(&files).is_err());
        }
    }
}
