//! An autoencoder in another format.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use formats::sae::{openai, saelens};

use crate::args::{Export, Format};
use crate::error::Error;
use crate::load;
use crate::place::Places;

/// Reads an autoencoder and writes it again. What the format has no place for is said on the standard error.
pub async fn export(arguments: &Export) -> Result<(), Error> {
    let places = Places::new(&arguments.downloads);
    let (place, hook) = places.at_hook(&arguments.sae)?;
    let (sae, _) = load::open_sae(&place).await?;
    let sae = load::with_frequencies(sae, &place).await?;
    let mut sae = sae.read().await.map_err(Error::in_folder(&place))?;
    if let Some(hook) = hook {
        sae.config.hook_name = Some(hook.to_owned());
    }
    let out = &arguments.out;
    if out.exists() {
        return Err(Error::Exists { path: out.clone() });
    }
    let unfit = |error: formats::Error| Error::File(Box::new(error));
    let config = &sae.config;
    let left_out = match arguments.to {
        Format::Saelens => {
            let folder = saelens::write_folder(&sae).map_err(unfit)?;
            fs::create_dir_all(out).map_err(|source| Error::Write {
                path: out.clone(),
                source,
            })?;
            write(&out.join("cfg.json"), &folder.cfg_json)?;
            write(&out.join("sae_weights.safetensors"), &folder.weights)?;
            vec![("the firing frequency", sae.firing_frequency.is_some())]
        }
        Format::Openai => {
            write(out, &openai::write_pt(&sae).map_err(unfit)?)?;
            vec![
                ("the hook", config.hook_name.is_some()),
                ("the model's name", config.model_name.is_some()),
                ("whether a BOS goes first", config.prepend_bos.is_some()),
                ("the context's size", config.context_size.is_some()),
                (
                    "whether the model was centred",
                    config.center_writing_weights.is_some(),
                ),
                (
                    "the positions that training left out",
                    !config.counted.is_everything(),
                ),
            ]
        }
    };
    let left_out: Vec<&str> = left_out
        .into_iter()
        .filter_map(|(what, known)| known.then_some(what))
        .collect();
    if !left_out.is_empty() {
        let list = left_out.join(", ");
        writeln!(io::stderr(), "(the format has no place for: {list})")?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}
