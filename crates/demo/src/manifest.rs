//! The manifest of the demo bundle, `demo.json`: the page, the package and the program find the bundle's files by it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Name of the manifest in the bundle.
pub const FILE: &str = "demo.json";

/// What `demo.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Id of the model, as in the page's address.
    pub id: String,
    /// Name of the model for people.
    pub name: String,
    /// The model's files.
    pub model: Model,
    /// The SAEs, in the order of their hooks.
    pub saes: Vec<Sae>,
    /// True if a BOS goes before a prompt.
    pub bos: bool,
    /// Example prompts; the first one is traced when the page opens.
    pub prompts: Vec<Prompt>,
    /// The index of an atlas of the model's features, if the bundle has one. What it names lies beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas: Option<File>,
}

/// The model's files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// `config.json`.
    pub config: File,
    /// `model.safetensors`.
    pub weights: File,
    /// `tokenizer.json`.
    pub tokenizer: File,
}

/// An SAE: a SAELens folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sae {
    /// Its id, as in the page's address.
    pub id: String,
    /// Its hook point.
    pub hook: String,
    /// True if it was trained with a BOS before each context.
    pub bos: bool,
    /// `cfg.json`.
    pub cfg: File,
    /// `sae_weights.safetensors`.
    pub weights: File,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path from the manifest.
    pub path: String,
    /// Length.
    pub bytes: u64,
}

/// An example prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Name on its button.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Manifest {
    /// Reads the manifest of a bundle.
    ///
    /// # Errors
    /// An error that names the file where it cannot be read or is no manifest.
    pub fn read(bundle: &Path) -> Result<Self> {
        let path = bundle.join(FILE);
        let json = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        serde_json::from_slice(&json)
            .with_context(|| format!("{} is not a demo manifest", path.display()))
    }

    /// The manifest as the file has it.
    ///
    /// # Errors
    /// Never for a manifest: it has only texts, numbers and lists.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.serialize(&mut serde_json::Serializer::with_formatter(
            &mut json, format,
        ))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The SAE that is shown first: of several layers the middle one has the most to see.
    pub fn middle(&self) -> Option<&Sae> {
        self.saes.get(self.saes.len() / 2)
    }
}

impl File {
    /// An entry for a file that lies in the bundle.
    ///
    /// # Errors
    /// An error that names the file where it is missing.
    pub fn of(bundle: &Path, path: &str) -> Result<Self> {
        let at = bundle.join(path);
        let found =
            fs::metadata(&at).with_context(|| format!("could not read {}", at.display()))?;
        Ok(Self {
            path: path.to_owned(),
            bytes: found.len(),
        })
    }
}
