//! The wasm modules: the page, the engine that the worker and the npm package load, the engine with scans, that with trainings, and graphs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::paths::Paths;
use crate::process;
use crate::toolchain::{WASM_TARGET, WasmToolchain};

/// The profile in the root `Cargo.toml` that makes small modules.
const PROFILE: &str = "web";

/// A crate, and the name under which its module reaches the browser.
struct Module {
    /// Cargo's name of the crate, and of the file without its ending.
    file: &'static str,
    /// `NAME.js` and `NAME_bg.wasm`.
    name: &'static str,
    /// The folder below the site's root.
    folder: &'static str,
    /// Features of the crate.
    features: &'static [&'static str],
}

const MODULES: [Module; 5] = [
    Module {
        file: "web",
        name: "app",
        folder: "",
        features: &[],
    },
    Module {
        file: "js",
        name: "engine",
        folder: "pkg",
        features: &[],
    },
    Module {
        file: "js",
        name: "scan-engine",
        folder: "pkg",
        features: &["scan"],
    },
    Module {
        file: "js",
        name: "train-engine",
        folder: "pkg",
        features: &["train"],
    },
    Module {
        file: "graph",
        name: "graph",
        folder: "",
        features: &[],
    },
];

/// Compiles the crates and writes the modules with their JavaScript glue into `site`.
pub fn build(paths: &Paths, site: &Path) -> Result<()> {
    let toolchain = WasmToolchain::find(paths)?;
    let compiled = paths.target.join(WASM_TARGET).join(PROFILE);
    for module in MODULES {
        // Each by itself: built together, each would have the features that the other asks of what both use.
        let mut command = toolchain.cargo(paths, "build");
        command.args(["--profile", PROFILE, "--package", module.file]);
        command.args(
            module
                .features
                .iter()
                .flat_map(|name| ["--features", *name]),
        );
        process::run(&mut command)?;
        let folder = site.join(module.folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        let input = compiled.join(module.file).with_extension("wasm");
        bind(&input, module.name, &folder)
            .with_context(|| format!("wasm-bindgen on {}", input.display()))?;
    }
    Ok(())
}

fn bind(input: &Path, name: &str, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .out_name(name)
        .web(true)?
        // The package's typings are written by hand, for its own API rather than for the worker's.
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(folder)
}
