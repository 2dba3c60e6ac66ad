//! The demo model and its autoencoders, which the program carries.

use formats::gpt2::Gpt2Files;
use formats::sae::{SaeFile, saelens};
use formats::source::ByteSource;
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use serde::Deserialize;

use crate::error::Error;

include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

/// The manifest of the demo, `demo.json`.
#[derive(Debug, Deserialize)]
pub struct Demo {
    /// Its name for people.
    pub name: String,
    model: Model,
    /// Its autoencoders.
    pub saes: Vec<Autoencoder>,
    /// True if a BOS goes before a prompt.
    pub bos: bool,
}

#[derive(Debug, Deserialize)]
struct Model {
    config: File,
    weights: File,
    tokenizer: File,
}

/// An autoencoder of the demo.
#[derive(Debug, Deserialize)]
pub struct Autoencoder {
    /// Its id.
    pub id: String,
    /// Its hook point.
    pub hook: String,
    cfg: File,
    weights: File,
}

#[derive(Debug, Deserialize)]
struct File {
    path: String,
}

impl File {
    fn bytes(&self) -> Result<&'static [u8], Error> {
        FILES
            .iter()
            .find(|(path, _)| *path == self.path)
            .map(|&(_, bytes)| bytes)
            .ok_or_else(|| Error::Demo(format!("{} is not in it", self.path)))
    }
}

impl Demo {
    /// The manifest.
    pub fn manifest() -> Result<Self, Error> {
        serde_json::from_str(MANIFEST).map_err(|error| Error::Demo(error.to_string()))
    }

    /// The model's files and its tokenizer.
    pub fn model(&self) -> Result<(Gpt2Files, Tokenizer), Error> {
        let weights = TensorFile::from_safetensors(
            &self.model.weights.path,
            self.model.weights.bytes()?.to_vec(),
        );
        let files = Gpt2Files::new(self.model.config.bytes()?, weights.map_err(damaged)?);
        let files = block_on(files).map_err(damaged)?;
        let tokenizer =
            Tokenizer::from_tokenizer_json(self.model.tokenizer.bytes()?).map_err(damaged)?;
        Ok((files, tokenizer))
    }

    /// True if a folder's weights are the demo's own, so that what the manifest says of the demo holds for it as well.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn has_weights(&self, weights: &dyn ByteSource) -> formats::Result<bool> {
        let Ok(own) = self.model.weights.bytes() else {
            return Ok(false);
        };
        if own.len() as u64 != weights.len() {
            return Ok(false);
        }
        let found = weights.read(0, own.len()).await;
        let found = found.map_err(|reason| formats::Error::Unreadable {
            file: weights.name().to_owned(),
            reason,
        })?;
        Ok(found[..] == *own)
    }
}

impl Autoencoder {
    /// The autoencoder's file.
    pub fn open(&self) -> Result<SaeFile, Error> {
        let bytes = self.weights.bytes()?.to_vec();
        let weights = TensorFile::from_safetensors(&self.weights.path, bytes).map_err(damaged)?;
        block_on(saelens::open_folder(self.cfg.bytes()?, weights)).map_err(damaged)
    }
}

fn damaged(error: formats::Error) -> Error {
    Error::Demo(error.to_string())
}

#[cfg(test)]
mod tests {
    use formats::source::MemoryBytes;

    use super::*;

    #[test]
    fn everything_that_the_manifest_names_is_carried_whole() {
        let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
        let demo = Demo::manifest().unwrap();
        assert_eq!(FILES.len(), 3 + 2 * demo.saes.len());
        for (sae, stated) in demo.saes.iter().zip(manifest["saes"].as_array().unwrap()) {
            for (name, file) in [("cfg", &sae.cfg), ("weights", &sae.weights)] {
                let length = file.bytes().unwrap().len() as u64;
                assert_eq!(length, stated[name]["bytes"].as_u64().unwrap());
            }
        }
        let weights = demo.model.weights.bytes().unwrap();
        assert_eq!(
            weights.len() as u64,
            manifest["model"]["weights"]["bytes"].as_u64().unwrap()
        );
        let is_own = |bytes: &[u8]| {
            let source = MemoryBytes::new("model.safetensors", bytes.to_vec());
            block_on(demo.has_weights(&source)).unwrap()
        };
        let mut other = weights.to_vec();
        *other.last_mut().unwrap() ^= 1;
        assert!(is_own(weights) && !is_own(&weights[1..]) && !is_own(&other));
    }
}
