//! Files whose names carry a hash of their content, and the pages and bundles that name them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::bundle::Bundler;

/// The folder of such files below the site's root. All of it may be cached for good.
pub const FOLDER: &str = "assets";

/// Digits of a hash in a name: enough that two versions of one file differ.
const DIGITS: usize = 10;

/// Beginnings of addresses that stay as they are: places in the page, and files that keep their names.
const STABLE: [&str; 3] = ["#", "demo/", MANIFEST];

/// The web app manifest: browsers know an installed page by where it begins, and look for its manifest at one address.
pub const MANIFEST: &str = "manifest.webmanifest";

/// Attributes by which a page names files.
const ATTRIBUTES: [&str; 2] = ["href", "src"];

/// The folder while it is filled.
pub struct Assets {
    /// The folder that the files are taken from.
    modules: PathBuf,
    folder: PathBuf,
    bundler: Bundler,
}

impl Assets {
    /// Takes files from `modules`, for the folder [`FOLDER`] of `site`.
    pub fn new(modules: &Path, site: &Path) -> Result<Self> {
        let folder = site.join(FOLDER);
        fs::create_dir_all(&folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        Ok(Self {
            modules: modules.to_owned(),
            folder,
            bundler: Bundler::new(modules),
        })
    }

    /// A file as it is.
    pub fn file(&mut self, path: &str, name: &str) -> Result<()> {
        let from = self.modules.join(path);
        let bytes =
            fs::read(&from).with_context(|| format!("could not read {}", from.display()))?;
        self.add(path, name, &bytes)
    }

    /// A module with those that it imports, which name what was added before.
    pub fn bundle(&mut self, entry: &str, name: &str) -> Result<()> {
        let code = self.bundler.bundle(entry)?;
        self.add(entry, name, code.as_bytes())
    }

    /// The address of a file that was added, as others in the folder name it.
    pub fn address(&self, path: &str) -> Result<&str> {
        self.bundler
            .address(path)
            .with_context(|| format!("{path} is not in {FOLDER}/"))
    }

    /// A page that names its files by the addresses that they have got; what it names and was not added yet is added as it is.
    pub fn page(&mut self, path: &str) -> Result<String> {
        let from = self.modules.join(path);
        let mut page = fs::read_to_string(&from)
            .with_context(|| format!("could not read {}", from.display()))?;
        for attribute in ATTRIBUTES {
            let start = format!(" {attribute}=\"");
            let mut pieces = page.split(&start);
            let mut done = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let Some((named, rest)) = piece.split_once('"') else {
                    bail!("{path} has an unfinished {attribute}");
                };
                let address = self.named(named)?;
                done.push_str(&format!("{start}{address}\"{rest}"));
            }
            page = done;
        }
        Ok(page)
    }

    /// The web app manifest with the addresses that its icons have got.
    pub fn manifest(&mut self) -> Result<String> {
        let from = self.modules.join(MANIFEST);
        let text = fs::read_to_string(&from)
            .with_context(|| format!("could not read {}", from.display()))?;
        let mut manifest: Value =
            serde_json::from_str(&text).with_context(|| format!("{MANIFEST} is not JSON"))?;
        let icons = manifest.get_mut("icons").and_then(Value::as_array_mut);
        for icon in icons.into_iter().flatten() {
            let Some(Value::String(source)) = icon.get_mut("src") else {
                bail!("{MANIFEST} has an icon without src");
            };
            *source = self.named(source)?;
        }
        Ok(manifest.to_string())
    }

    fn named(&mut self, path: &str) -> Result<String> {
        if STABLE.iter().any(|start| path.starts_with(start)) {
            return Ok(path.to_owned());
        }
        if self.bundler.address(path).is_none() {
            let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
            self.file(path, stem.unwrap_or(path))?;
        }
        let address = self.address(path)?;
        Ok(format!("{FOLDER}/{}", address.trim_start_matches("./")))
    }

    fn add(&mut self, path: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let ending = Path::new(path)
            .extension()
            .and_then(|ending| ending.to_str())
            .with_context(|| format!("{path} has no ending"))?;
        let file = format!("{name}-{}.{ending}", digits(bytes));
        let to = self.folder.join(&file);
        fs::write(&to, bytes).with_context(|| format!("could not write {}", to.display()))?;
        self.bundler.place(path, format!("./{file}"));
        Ok(())
    }
}

/// The first digits of the SHA-256 of some bytes, as names carry them.
pub fn digits(bytes: &[u8]) -> String {
    let mut digits = sha256(bytes);
    digits.truncate(DIGITS);
    digits
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digits of the hash in the name of a file of [`FOLDER`]; `None` for another name.
pub fn hash_in(file: &str) -> Option<&str> {
    let (stem, _) = file.rsplit_once('.')?;
    let (_, hash) = stem.rsplit_once('-')?;
    let whole = hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then_some(hash)
}

/// The name that a file of [`FOLDER`] had before its hash, with its ending: `engine.wasm` for `engine-0123456789.wasm`. `None` for
/// another name.
pub fn unhashed(file: &str) -> Option<String> {
    hash_in(file)?;
    let (stem, ending) = file.rsplit_once('.')?;
    let (name, _) = stem.rsplit_once('-')?;
    Some(format!("{name}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_what_is_in_the_folder() {
        let root = std::env::temp_dir().join(format!("xtask-assets-{}", std::process::id()));
        let (modules, site) = (root.join("modules"), root.join("site"));
        fs::create_dir_all(&modules).unwrap();
        let page = "<link rel=\"x\" href=\"style.css\"><script src=\"boot.js\"></script><link href=\"boot.js\"><link href=\"demo/a.json\">";
        fs::write(modules.join("index.html"), page).unwrap();
        fs::write(modules.join("style.css"), "a {}").unwrap();
        fs::write(modules.join("boot.js"), "export const a = 1;").unwrap();
        let mut assets = Assets::new(&modules, &site).unwrap();
        assets.bundle("boot.js", "boot").unwrap();
        let html = assets.page("index.html").unwrap();
        let boot = assets.address("boot.js").unwrap().trim_start_matches("./");
        assert_eq!(unhashed(boot).as_deref(), Some("boot.js"));
        assert_eq!(
            html.matches(&format!("=\"assets/{boot}\"")).count(),
            2,
            "{html}"
        );
        assert!(html.contains("href=\"demo/a.json\""), "{html}");
        let style = html.split('"').find(|part| part.ends_with(".css")).unwrap();
        assert_eq!(fs::read_to_string(site.join(style)).unwrap(), "a {}");
        // Other content, another name.
        fs::write(modules.join("style.css"), "b {}").unwrap();
        let again = Assets::new(&modules, &site).unwrap().page("index.html");
        assert!(!again.unwrap().contains(style));
        fs::write(modules.join("index.html"), "<img src=\"none.png\">").unwrap();
        let missing = Assets::new(&modules, &site).unwrap().page("index.html");
        assert!(format!("{:#}", missing.unwrap_err()).contains("none.png"));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn names_without_a_hash() {
        assert_eq!(
            unhashed("sae-explorer-0123456789.js").as_deref(),
            Some("sae-explorer.js")
        );
        for name in [
            "index.html",
            "sae-explorer.js",
            "a-012345678.js",
            "a-012345678x.js",
        ] {
            assert_eq!(unhashed(name), None, "{name}");
        }
    }
}
