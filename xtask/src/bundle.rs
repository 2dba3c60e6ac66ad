//! Bundling of ES modules into one file each: what a page loads in one request instead of one per module.
//!
//! Each module becomes a function that returns its exports, called once, in the order of the imports. That is right for the
//! modules that are bundled here, which import in no circle and export nothing that changes later; anything else is refused by
//! name. `oxc` parses, minifies and prints.

mod module;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oxc::allocator::Allocator;
use oxc::codegen::{Codegen, CodegenOptions};
use oxc::minifier::{Minifier, MinifierOptions};
use oxc::parser::Parser;
use oxc::span::SourceType;

use module::{Import, Module};

/// Sources of bundles: a folder of modules, and the files that take the place of some of them.
pub struct Bundler {
    /// The folder below which all modules lie.
    root: PathBuf,
    /// Path of a file below `root`, with `/` → its address as seen from the bundles. A module in it is imported instead of being
    /// bundled, and `new URL(…, import.meta.url)` of a file in it gets the address.
    placed: BTreeMap<String, String>,
    /// The address of the bundles, where they do not come from one: see [`Bundler::in_one_file`].
    address: Option<String>,
}

impl Bundler {
    /// Bundles modules below a folder.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            placed: BTreeMap::new(),
            address: None,
        }
    }

    /// Bundles for a page in one file, which have no address of their own: `address` stands in the place of `import.meta.url`, and
    /// modules that are imported at run time are part of the bundle, unless they have a place.
    pub fn in_one_file(root: &Path, address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            ..Self::new(root)
        }
    }

    /// From now on a file is found at an address, relative to the bundles.
    pub fn place(&mut self, path: &str, address: String) {
        self.placed.insert(path.to_owned(), address);
    }

    /// The address of a file, as seen from the bundles.
    pub fn address(&self, path: &str) -> Option<&str> {
        self.placed.get(path).map(String::as_str)
    }

    /// One minified module with everything that `entry` imports and that has no place of its own; it exports what `entry` exports.
    pub fn bundle(&self, entry: &str) -> Result<String> {
        self.bundle_after(&[], entry)
    }

    /// The same, with modules that run before those that `entry` imports.
    pub fn bundle_after(&self, first: &[&str], entry: &str) -> Result<String> {
        let mut order = Order {
            bundler: self,
            modules: Vec::new(),
            outside: BTreeSet::new(),
            under_way: Vec::new(),
        };
        for module in first {
            order.visit(module)?;
        }
        order.visit(entry)?;
        minify(&order.written()).with_context(|| format!("the bundle of {entry}"))
    }
}

/// The modules of a bundle, each after those that it imports.
struct Order<'a> {
    bundler: &'a Bundler,
    modules: Vec<(String, Module)>,
    /// Addresses of modules that stay outside.
    outside: BTreeSet<String>,
    under_way: Vec<String>,
}

impl Order<'_> {
    fn visit(&mut self, path: &str) -> Result<()> {
        if self.modules.iter().any(|(seen, _)| seen == path) {
            return Ok(());
        }
        if self.under_way.iter().any(|seen| seen == path) {
            bail!(
                "modules import each other in a circle: {}",
                self.under_way.join(" → ")
            );
        }
        self.under_way.push(path.to_owned());
        let file = self.bundler.root.join(path);
        let source = fs::read_to_string(&file)
            .with_context(|| format!("could not read {}", file.display()))?;
        let module = Module::parse(path, &source, self.bundler)?;
        for Import { from, .. } in &module.imports {
            match self.bundler.address(from) {
                Some(address) => {
                    self.outside.insert(address.to_owned());
                }
                None => self.visit(from)?,
            }
        }
        self.under_way.pop();
        self.modules.push((path.to_owned(), module));
        Ok(())
    }

    /// The name by which the bundle knows a module's exports.
    fn name(&self, path: &str) -> String {
        let inside = self.modules.iter().position(|(seen, _)| seen == path);
        let outside = || {
            let address = self.bundler.address(path)?;
            self.outside.iter().position(|seen| seen == address)
        };
        match inside {
            Some(at) => format!("module{at}"),
            None => format!("outside{}", outside().unwrap_or_default()),
        }
    }

    fn written(&self) -> String {
        let mut code = String::new();
        // Writing into a string does not fail.
        for (at, address) in self.outside.iter().enumerate() {
            let _ = writeln!(code, "import * as outside{at} from {address:?};");
        }
        for (at, (_, module)) in self.modules.iter().enumerate() {
            let _ = writeln!(code, "const module{at} = (() => {{");
            for Import { from, pattern } in &module.imports {
                if let Some(pattern) = pattern {
                    let _ = writeln!(code, "const {pattern} = {};", self.name(from));
                }
            }
            let exports: Vec<String> = module
                .exports
                .iter()
                .map(|(exported, local)| format!("{exported}: {local}"))
                .collect();
            let _ = writeln!(
                code,
                "{}\nreturn {{ {} }};\n}})();",
                module.body,
                exports.join(", ")
            );
        }
        if let Some((at, (_, entry))) = self.modules.iter().enumerate().next_back() {
            for (index, (exported, _)) in entry.exports.iter().enumerate() {
                let _ = writeln!(code, "const export{index} = module{at}.{exported};");
                let _ = writeln!(code, "export {{ export{index} as {exported} }};");
            }
        }
        code
    }
}

/// Smaller code that does the same.
fn minify(code: &str) -> Result<String> {
    let allocator = Allocator::default();
    let mut program = parsed(&allocator, code)?;
    let minified = Minifier::new(MinifierOptions::default()).minify(&allocator, &mut program);
    let mut printer = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(minified.scoping);
    printer = printer.with_private_member_mappings(minified.class_private_mappings);
    Ok(printer.build(&program).code)
}

/// A module's syntax tree. Fails with the parser's own words.
fn parsed<'a>(allocator: &'a Allocator, source: &'a str) -> Result<oxc::ast::ast::Program<'a>> {
    let parsed = Parser::new(allocator, source, SourceType::mjs()).parse();
    if let Some(error) = parsed.errors.first() {
        bail!("{error}");
    }
    Ok(parsed.program)
}

#[cfg(test)]
mod tests;
