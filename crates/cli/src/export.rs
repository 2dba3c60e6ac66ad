//! An autoencoder in another format.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use formats::sae::{Normalization, Sae, openai, saelens};

use crate::args::{Export, Format};
use crate::error::Error;
use crate::load;
use crate::notices;
use crate::place::Places;

/// Writes what every reader understands in the place of what only some do, and says so.
fn changed(sae: &mut Sae) -> Vec<String> {
    let mut said = Vec::new();
    if let Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: Some(factor),
    } = sae.config.normalization
        && let Some(folded) = sae.with_folded_factor()
    {
        said.push(format!("norm_scaling_factor = {factor} is folded into the weights (W_enc·s, W_dec/s, b_dec/s), and normalize_activations is none: SAELens does not know that setting"));
        *sae = folded;
    }
    let name = sae.config.hook_name.take();
    // Names of modules are not among those of TransformerLens, which SAELens looks for.
    let shown = name
        .as_deref()
        .filter(|name| !name.contains("hook_"))
        .and_then(explorer::hook_name);
    if let (Some(name), Some(shown)) = (&name, &shown) {
        said.push(format!("the hook {name} is written as {shown}"));
    }
    sae.config.hook_name = shown.or(name);
    if !sae.config.counted.skipped_positions.is_empty() {
        said.push(
            "skipped_positions is a setting that SAELens does not know: it counts these positions"
                .to_owned(),
        );
    }
    said
}

/// Reads an autoencoder and writes it again. What the format has no place for is said on the standard error.
pub async fn export(arguments: &Export) -> Result<(), Error> {
    let places = Places::new(&arguments.downloads);
    let (place, hook) = places.at_hook(&arguments.sae)?;
    let (file, name) = load::open_sae(&place).await?;
    notices::say(&name, &file.notices)?;
    let file = load::with_frequencies(file, &place).await?;
    let mut sae = file.read().await.map_err(Error::in_folder(place.name()))?;
    if let Some(hook) = hook {
        sae.config.hook_name = Some(hook.to_owned());
    }
    notices::say(&name, &changed(&mut sae))?;
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
