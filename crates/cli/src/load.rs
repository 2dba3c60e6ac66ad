//! From what the command line names to files in memory.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use explorer::Session;
use formats::gpt2::Gpt2Files;
use formats::sae::{FileKind, Sae, openai, saelens, sniff};
use formats::source::MemoryBytes;
use formats::tensors::{ShardIndex, TensorFile, TensorSet};
use formats::tokenizer::Tokenizer;
use pollster::block_on;

use crate::args::Common;
use crate::demo::Demo;
use crate::error::Error;

/// The word that stands for the built-in demo.
const DEMO: &str = "demo";

/// The prompt's text.
pub fn prompt(common: &Common) -> Result<String, Error> {
    let path = match (&common.prompt, &common.prompt_file) {
        (Some(text), _) => return Ok(text.clone()),
        (None, Some(path)) => path,
        // The parser asks for one of the two.
        (None, None) => return Ok(String::new()),
    };
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        read.map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        bytes
    } else {
        read(path, "the prompt's file")?
    };
    String::from_utf8(bytes).map_err(|error| Error::NotText {
        path: path.clone(),
        at: error.utf8_error().valid_up_to(),
    })
}

/// Puts the model on the session's device. The tokenizer comes back as well, for bytes that are a part of a character.
pub async fn model(session: &mut Session, name: &str) -> Result<Tokenizer, Error> {
    let demo = Demo::manifest()?;
    let (shown, files, tokenizer, prepend_bos) = if name == DEMO {
        let (files, tokenizer) = demo.model()?;
        (demo.name, files, tokenizer, demo.bos)
    } else {
        let folder = Path::new(name);
        let config = read(
            &folder.join("config.json"),
            "a model's folder has it; `demo` is the built-in model",
        )?;
        let (weights, is_demo) = weights(folder, &demo)?;
        let prepend_bos = is_demo && demo.bos;
        let files = Gpt2Files::new(&config, weights)
            .await
            .map_err(Error::in_folder(folder))?;
        (name.to_owned(), files, tokenizer(folder)?, prepend_bos)
    };
    session
        .load_model(name, &shown, files, tokenizer.clone())
        .await?;
    session.set_prepend_bos(prepend_bos)?;
    Ok(tokenizer)
}

/// A folder's weights, in one file or in several, and whether they are the demo's own.
pub fn weights(folder: &Path, demo: &Demo) -> Result<(TensorSet, bool), Error> {
    const WHOLE: &str = "model.safetensors";
    const INDEX: &str = "model.safetensors.index.json";
    let in_folder = Error::in_folder(folder);
    let index = folder.join(INDEX);
    if folder.join(WHOLE).exists() || !index.exists() {
        let needed = if folder.join("pytorch_model.bin").exists() {
            "pytorch_model.bin is not read; convert it to safetensors"
        } else {
            "it, or model.safetensors.index.json with the files that it names, holds the model's weights"
        };
        let bytes = read(&folder.join(WHOLE), needed)?;
        let is_demo = demo.has_weights(&bytes);
        let file = TensorFile::from_safetensors(WHOLE, bytes).map_err(in_folder)?;
        return Ok((file.into(), is_demo));
    }
    let index = ShardIndex::from_json(INDEX, &read(&index, "the index of the weights")?);
    let index = index.map_err(in_folder)?;
    let shards = index.files().iter().map(|name| {
        let needed = "model.safetensors.index.json says that it holds a part of the weights";
        let bytes = read(&folder.join(name), needed)?;
        TensorFile::from_safetensors(name, bytes).map_err(in_folder)
    });
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    Ok((index.join(shards).map_err(in_folder)?, false))
}

/// A folder's tokenizer, in one file or in two.
pub fn tokenizer(folder: &Path) -> Result<Tokenizer, Error> {
    let json = folder.join("tokenizer.json");
    let (vocab, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let in_folder = Error::in_folder(folder);
    if json.exists() {
        return Tokenizer::from_tokenizer_json(&read(&json, "the tokenizer")?).map_err(in_folder);
    }
    if !vocab.exists() && !merges.exists() {
        return Err(Error::Missing {
            path: json,
            needed: "it, or vocab.json with merges.txt, is the tokenizer".into(),
        });
    }
    let needed = "without tokenizer.json, both vocab.json and merges.txt are needed";
    Tokenizer::from_vocab_merges(&read(&vocab, needed)?, &read(&merges, needed)?).map_err(in_folder)
}

/// Puts an autoencoder, or all of the demo's, on the session's device.
pub async fn saes(session: &mut Session, given: &str) -> Result<(), Error> {
    if given == DEMO {
        let demo = Demo::manifest()?;
        for sae in &demo.saes {
            session
                .load_sae(&sae.id, sae.read()?, Some(&sae.hook))
                .await?;
        }
        return Ok(session.set_prepend_bos(demo.bos)?);
    }
    let (path, hook) = path_and_hook(given);
    let sae = read_sae(path)?;
    if hook.is_none() && sae.config.hook_name.is_none() {
        return Err(Error::NoHook {
            given: given.to_owned(),
        });
    }
    let taken: Vec<String> = session.info().saes.into_iter().map(|sae| sae.id).collect();
    session.load_sae(&id_for(path, &taken), sae, hook).await?;
    Ok(())
}

/// `PATH@HOOK` at its last `@`, unless a file of the whole name is there.
pub fn path_and_hook(given: &str) -> (&Path, Option<&str>) {
    match given.rsplit_once('@') {
        Some((path, hook)) if !hook.contains(['/', '\\']) && !Path::new(given).exists() => {
            (Path::new(path), Some(hook))
        }
        _ => (Path::new(given), None),
    }
}

/// An autoencoder from a `.pt` file or a SAELens folder.
pub fn read_sae(path: &Path) -> Result<Sae, Error> {
    // A folder's name may end in `.pt` as well: what it is decides.
    if !path.is_dir() {
        let bytes = read(
            path,
            "an autoencoder is an OpenAI .pt file or a SAELens folder; `demo` is the built-in one",
        )?;
        let found = match sniff(&bytes) {
            FileKind::Safetensors => {
                "a safetensors file, so perhaps a part of a SAELens folder: give the folder"
            }
            FileKind::Json => "a JSON file, so perhaps a part of a SAELens folder: give the folder",
            // Anything else is given to the reader, which says what it misses.
            _ => {
                let name = path.display().to_string();
                let source = Rc::new(MemoryBytes::new(&name, bytes));
                let read = async { openai::open_pt(source).await?.read().await };
                return block_on(read).map_err(|error| Error::File(Box::new(error)));
            }
        };
        return Err(Error::NoAutoencoder {
            path: path.to_owned(),
            found,
        });
    }
    let needed = "a SAELens folder has cfg.json and sae_weights.safetensors";
    let cfg = read(&path.join("cfg.json"), needed)?;
    let weights = read(&path.join("sae_weights.safetensors"), needed)?;
    let in_folder = Error::in_folder(path);
    let weights =
        TensorFile::from_safetensors("sae_weights.safetensors", weights).map_err(in_folder)?;
    let read = async { saelens::open_folder(&cfg, weights).await?.read().await };
    block_on(read).map_err(in_folder)
}

/// The file's name without its ending; with a number where several have the same.
fn id_for(path: &Path, taken: &[String]) -> String {
    let name = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    let name = name.map_or_else(
        || "sae".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    if !taken.contains(&name) {
        return name;
    }
    (2..)
        .map(|n| format!("{name}-{n}"))
        .find(|id| !taken.contains(id))
        .unwrap_or(name)
}

/// A file's bytes. `needed` says what a missing file is for, and what would do instead.
pub fn read(path: &Path, needed: &str) -> Result<Vec<u8>, Error> {
    let path: PathBuf = path.to_owned();
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Err(Error::Missing {
            path,
            needed: needed.to_owned(),
        }),
        Err(source) => Err(Error::Read { path, source }),
    }
}
