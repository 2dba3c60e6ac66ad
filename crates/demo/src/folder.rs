//! The folder that a demo is made from, as training leaves it:
//!
//! ```text
//! MODEL_CARD.md
//! model/     config.json  model.safetensors  tokenizer.json  vocab.json  merges.txt
//! sae/       openai/layer_N.pt …   saelens/NAME/{cfg.json, sae_weights.safetensors} …
//! fixtures/  NAME.json  NAME.safetensors …       what PyTorch computes for prompts
//! corpus/    SOURCES.md  licenses/
//! prompts.json                                   optional: [{"name", "text"}, …]
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::manifest::Prompt;
use crate::saes::PtFile;

/// The files of such a folder, all of which are there.
#[derive(Debug)]
pub struct Source {
    /// The folder.
    pub root: PathBuf,
    /// The SAEs for the site, by their layers.
    pub saes: Vec<PtFile>,
    /// SAELens folders, for the tests, by their names.
    pub saelens: Vec<String>,
    /// Names of the prompts that there are reference values for.
    pub fixtures: Vec<String>,
    /// Example prompts, if the folder has its own.
    pub prompts: Option<Vec<Prompt>>,
}

/// Files of the model that the site needs.
pub const MODEL: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];
/// The tokenizer once more, in GPT-2's own two files: for the tests.
pub const TOKENIZER: [&str; 2] = ["vocab.json", "merges.txt"];

impl Source {
    /// Looks at a folder.
    ///
    /// # Errors
    /// An error that names what is missing.
    pub fn open(root: &Path) -> Result<Self> {
        let needed = [
            "MODEL_CARD.md",
            "corpus/SOURCES.md",
            "corpus/licenses",
            "fixtures",
        ];
        let model = MODEL.iter().chain(&TOKENIZER);
        let needed = needed.map(str::to_owned).into_iter();
        for path in needed.chain(model.map(|name| format!("model/{name}"))) {
            ensure!(
                root.join(&path).exists(),
                "{} has no {path}, which a demo needs",
                root.display()
            );
        }
        let files = list(&root.join("sae/openai"))?.into_iter();
        let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "pt"));
        let mut saes = files.map(PtFile::new).collect::<Result<Vec<_>>>()?;
        saes.sort_by_key(|sae| sae.layer);
        ensure!(
            !saes.is_empty(),
            "{} has no SAEs: sae/openai/layer_N.pt",
            root.display()
        );
        let saelens = root.join("sae/saelens");
        let folders = if saelens.exists() {
            list(&saelens)?
        } else {
            Vec::new()
        };
        let prompts = root.join("prompts.json");
        let prompts = prompts
            .exists()
            .then(|| read_prompts(&prompts))
            .transpose()?;
        Ok(Self {
            root: root.to_owned(),
            saes,
            saelens: folders.iter().filter_map(|path| name_of(path)).collect(),
            fixtures: fixtures_in(&root.join("fixtures"))?,
            prompts,
        })
    }
}

fn read_prompts(path: &Path) -> Result<Vec<Prompt>> {
    let json = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let prompts: Vec<Prompt> = serde_json::from_slice(&json).with_context(|| {
        format!(
            "{} is not a list of prompts with name and text",
            path.display()
        )
    })?;
    ensure!(!prompts.is_empty(), "{} has no prompt", path.display());
    Ok(prompts)
}

/// Names of the prompts that a folder has reference values for: those with a `.json` and a `.safetensors` file.
///
/// # Errors
/// An error where the folder cannot be read.
pub fn fixtures_in(folder: &Path) -> Result<Vec<String>> {
    let files = list(folder)?;
    let with = |ending: &str| -> BTreeSet<String> {
        let stems = files
            .iter()
            .filter_map(|path| name_of(path)?.strip_suffix(ending).map(str::to_owned));
        stems.collect()
    };
    let (tensors, texts) = (with(".safetensors"), with(".json"));
    Ok(tensors.intersection(&texts).cloned().collect())
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

/// What lies in a folder, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("could not read {}", folder.display());
    let entries = fs::read_dir(folder).with_context(failed)?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths = paths
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(failed)?;
    paths.sort();
    Ok(paths)
}
