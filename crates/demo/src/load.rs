//! The demo bundle on a session's device.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use explorer::{ModelInfo, SaeInfo, SaeOptions, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::{SaeFile, saelens};
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use pollster::block_on;

use crate::manifest::{File, Manifest, Sae};

/// Loads the bundle's model, and prepends a BOS where the manifest says so.
///
/// # Errors
/// An error where a file is missing or damaged, or the device has no room.
pub fn model(session: &mut Session, bundle: &Path, manifest: &Manifest) -> Result<ModelInfo> {
    let files = &manifest.model;
    let weights = TensorFile::from_safetensors(&files.weights.path, read(bundle, &files.weights)?)?;
    let config = read(bundle, &files.config)?;
    let gpt2 = block_on(Gpt2Files::new(&config, weights))?;
    let tokenizer = Tokenizer::from_tokenizer_json(&read(bundle, &files.tokenizer)?)?;
    let loading = session.load_model(
        &manifest.id,
        &manifest.name,
        gpt2,
        tokenizer,
        WeightChoice::Auto,
    );
    let info = block_on(loading)?;
    session.set_prepend_bos(manifest.bos)?;
    Ok(info)
}

/// Loads one of the bundle's SAEs.
///
/// # Errors
/// As [`model`].
pub fn sae(session: &mut Session, bundle: &Path, sae: &Sae) -> Result<SaeInfo> {
    let options = SaeOptions {
        hook: Some(sae.hook.clone()),
        prepend_bos: Some(sae.bos),
        ..SaeOptions::default()
    };
    let file = open_sae(bundle, sae)?;
    Ok(block_on(session.load_sae(&sae.id, &file, &options))?)
}

/// Opens one of the bundle's SAEs.
///
/// # Errors
/// An error where a file is missing or damaged.
pub fn open_sae(bundle: &Path, sae: &Sae) -> Result<SaeFile> {
    let weights = TensorFile::from_safetensors(&sae.weights.path, read(bundle, &sae.weights)?)?;
    let opened = block_on(saelens::open_folder(&read(bundle, &sae.cfg)?, weights));
    opened.with_context(|| format!("the SAE {} cannot be read", sae.id))
}

fn read(bundle: &Path, file: &File) -> Result<Vec<u8>> {
    let path = bundle.join(&file.path);
    fs::read(&path).with_context(|| format!("could not read {}", path.display()))
}
