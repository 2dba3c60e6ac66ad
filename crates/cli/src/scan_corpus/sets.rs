//! The model and the feature sets of a scan, by the ids under which an atlas knows them.

use atlas::ModelKey;
use atlas::tally::TallySet;
use explorer::Session;
use scan::identity;
use scan_folder::set_name;

use crate::args::{self, Downloads};
use crate::error::Error;
use crate::load;
use crate::place::Places;

/// A model and feature sets, as the command line names them.
pub struct Wanted<'a> {
    /// The model.
    pub model: &'a str,
    /// Autoencoders.
    pub saes: &'a [String],
    /// Hook points of neurons.
    pub neurons: &'a [String],
    /// Sources of files of hosts.
    pub downloads: &'a Downloads,
}

impl<'a> From<&'a args::Scan> for Wanted<'a> {
    fn from(arguments: &'a args::Scan) -> Self {
        Self {
            model: &arguments.common.model,
            saes: &arguments.sae,
            neurons: &arguments.neurons,
            downloads: &arguments.common.downloads,
        }
    }
}

/// Loads the model and the feature sets, and identifies them.
///
/// # Errors
/// Whatever keeps them from being read or loaded; [`Error::SameName`].
pub async fn load(
    wanted: &Wanted<'_>,
    session: &mut Session,
) -> Result<(ModelKey, Vec<TallySet>), Error> {
    let places = Places::new(wanted.downloads);
    let name = wanted.model;
    let model = load::open_model(&places, name).await?;
    let unread = |error| Error::File(Box::new(error));
    let key = ModelKey {
        name: model.shown.clone(),
        sha256: identity::model(&model.files).await.map_err(unread)?,
        tokenizer_sha256: identity::tokenizer(&model.tokenizer),
        vocabulary: u32::try_from(model.files.config().vocab_size).unwrap_or(u32::MAX),
    };
    load::put_model(session, name, model).await?;
    let mut hashes = Vec::new();
    let (mut ids, mut used) = (Vec::new(), Vec::new());
    for given in wanted.saes {
        for mut sae in load::open_saes(&places, given, &mut ids).await? {
            sae.id = set_name(&sae.id);
            if used.contains(&sae.id) {
                return Err(Error::SameName { id: sae.id });
            }
            used.push(sae.id.clone());
            hashes.push(identity::sae(&sae.file).await.map_err(unread)?);
            load::put_sae(session, sae, false).await?;
        }
    }
    for hook in wanted.neurons {
        let id = set_name(&format!("neurons.{hook}"));
        if used.contains(&id) {
            return Err(Error::SameName { id });
        }
        session.load_neurons(&id, hook)?;
        used.push(id);
        hashes.push(key.sha256.clone());
    }
    let loaded = session.info().saes;
    let sets = loaded.iter().zip(hashes);
    let sets = sets.map(|(set, sha256)| identity::tally_set(set.id.clone(), set, sha256));
    Ok((key, sets.collect()))
}
