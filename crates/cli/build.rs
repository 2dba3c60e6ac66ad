//! Lists the demo's files, which its manifest names, so that the program carries them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const DEMO: &str = "../../web/demo";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let demo = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join(DEMO)
        .canonicalize()?;
    let manifest = demo.join("demo.json");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&manifest)?)?;
    // The page's alone: the program reads atlases from folders.
    if let Some(entries) = json.as_object_mut() {
        entries.remove("atlas");
    }

    let mut paths = Vec::new();
    collect(&json, &mut paths);
    let mut out = String::new();
    writeln!(out, "const MANIFEST: &str = include_str!({manifest:?});")?;
    writeln!(out, "const FILES: &[(&str, &[u8])] = &[")?;
    for path in paths {
        let file = demo.join(path);
        println!("cargo::rerun-if-changed={}", file.display());
        writeln!(out, "    ({path:?}, include_bytes!({file:?})),")?;
    }
    writeln!(out, "];")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("demo_files.rs"), out)?;
    Ok(())
}

/// Every `path` in the manifest.
fn collect<'a>(value: &'a serde_json::Value, paths: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(entries) => {
            paths.extend(entries.get("path").and_then(|path| path.as_str()));
            entries.values().for_each(|value| collect(value, paths));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, paths)),
        _ => {}
    }
}
