//! How much a visitor downloads, and the limit that the page's wasm must stay below.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The page's wasm, all modules together, after `gzip -9`. In bytes.
pub const WASM_BUDGET: usize = 500_000;

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

/// Prints a line a file of code, one for the demo's files, and the sums.
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

/// The page's wasm after `gzip -9`, in bytes. Fails where it reaches the budget, or where there is none.
pub fn check(files: &[FileSize]) -> Result<usize> {
    let wasm: Vec<_> = files
        .iter()
        .filter(|file| file.name.ends_with(".wasm"))
        .collect();
    if wasm.is_empty() {
        bail!("the site has no wasm file: run `cargo xtask build`");
    }
    let sum = wasm.iter().map(|file| file.gzip).sum();
    if sum >= WASM_BUDGET {
        bail!("the page's wasm is {sum} bytes after gzip -9, and must stay below {WASM_BUDGET}");
    }
    Ok(sum)
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
    fn the_budget_is_for_all_modules_together() {
        let files = [
            file("app_bg.wasm", 200_000),
            file("app.js", 900_000),
            file("pkg/engine_bg.wasm", 299_999),
        ];
        assert_eq!(check(&files).unwrap(), 499_999);
        let files = [
            file("app_bg.wasm", 200_000),
            file("pkg/engine_bg.wasm", 300_000),
        ];
        assert!(check(&files).is_err());
        assert!(check(&[file("app.js", 1)]).is_err());
    }
}
