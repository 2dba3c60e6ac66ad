//! Conversion of SAEs from OpenAI's `.pt` files to SAELens folders, for the site: safetensors of f16 take half the bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use formats::sae::openai;
use formats::sae::saelens::{Folder, Precision, write_folder_in};
use formats::source::MemoryBytes;
use pollster::block_on;

use crate::manifest::{File, Sae};

/// An SAE's `.pt` file, whose name states its layer: `layer_3.pt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PtFile {
    /// The file.
    pub path: PathBuf,
    /// The block whose output it reads.
    pub layer: u32,
}

impl PtFile {
    /// The file by its path.
    ///
    /// # Errors
    /// An error where the name states no layer: the file itself has no place for it.
    pub fn new(path: PathBuf) -> Result<Self> {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let layer = stem.and_then(|stem| stem.strip_prefix("layer_")?.parse().ok());
        let Some(layer) = layer else {
            bail!(
                "{} does not say which block's output the SAE reads: call it layer_N.pt",
                path.display()
            );
        };
        Ok(Self { path, layer })
    }

    /// The SAE's folder in the bundle.
    fn folder(&self) -> String {
        format!("sae/layer_{}", self.layer)
    }

    /// Its id.
    pub fn id(&self) -> String {
        format!("openai.layer_{}", self.layer)
    }

    /// Its hook point.
    pub fn hook(&self) -> String {
        format!("blocks.{}.hook_resid_post", self.layer)
    }

    /// Writes the SAE's folder into the bundle; `say` gets a sentence where it takes more bytes than f16 does.
    ///
    /// # Errors
    /// An error where the file cannot be read, is damaged, or cannot be written.
    pub fn convert(&self, bundle: &Path, bos: bool, say: &mut dyn FnMut(String)) -> Result<Sae> {
        let shown = self.path.display();
        let bytes = fs::read(&self.path).with_context(|| format!("could not read {shown}"))?;
        let source = Rc::new(MemoryBytes::new(&shown.to_string(), bytes));
        let mut sae = block_on(async { openai::open_pt(source).await?.read().await })
            .with_context(|| format!("{shown} is not an SAE in OpenAI's layout"))?;
        sae.config.hook_name = Some(self.hook());
        sae.config.prepend_bos = Some(bos);
        let written = match write_folder_in(&sae, Precision::F16) {
            Ok(written) => written,
            Err(reason) => {
                let whole = write_folder_in(&sae, Precision::F32)?;
                say(format!("{shown} is stored in f32, twice as long: {reason}"));
                whole
            }
        };
        let Folder { cfg_json, weights } = written;
        let folder = self.folder();
        let at = bundle.join(&folder);
        fs::create_dir_all(&at).with_context(|| format!("could not make {}", at.display()))?;
        let mut entries = Vec::new();
        for (name, bytes) in [("cfg.json", cfg_json), ("sae_weights.safetensors", weights)] {
            let path = format!("{folder}/{name}");
            let to = bundle.join(&path);
            fs::write(&to, bytes).with_context(|| format!("could not write {}", to.display()))?;
            entries.push(File::of(bundle, &path)?);
        }
        let [cfg, weights] =
            <[File; 2]>::try_from(entries).map_err(|_| anyhow::anyhow!("an SAE has two files"))?;
        Ok(Sae {
            id: self.id(),
            hook: self.hook(),
            bos,
            cfg,
            weights,
        })
    }
}
