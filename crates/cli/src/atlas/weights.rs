//! What the weights of a scanned model say of its features.

use atlas::Tally;
use explorer::{LimitsChoice, Session};
use scan::{Described, counted, describe};
use scan_folder::ScanInfo;

use super::args;
use super::error::AtlasError;
use crate::error::Error;
use crate::scan_corpus::sets::{self, Wanted};

/// The scanned model with its feature sets, loaded.
pub struct Weights {
    session: Session,
    ids: Vec<String>,
}

impl Weights {
    /// Loads what the arguments name, if they name a model, and compares it with what was scanned.
    pub async fn load(given: &args::Weights, scan: &ScanInfo) -> Result<Option<Self>, Error> {
        let Some(model) = &given.model else {
            return Ok(None);
        };
        let mut session = Session::new(given.backend.into(), LimitsChoice::Adapter).await?;
        let wanted = Wanted {
            model,
            saes: &given.sae,
            neurons: &given.neurons,
            downloads: &given.downloads,
        };
        let (key, loaded) = sets::load(&wanted, &mut session).await?;
        same("models", &scan.model.sha256, &key.sha256)?;
        same(
            "tokenizers",
            &scan.model.tokenizer_sha256,
            &key.tokenizer_sha256,
        )?;
        for set in &loaded {
            let scanned = scan.sets.iter().find(|scanned| scanned.id == set.id);
            if let Some(scanned) = scanned {
                same("feature sets", &scanned.sha256, &set.sha256)?;
            }
        }
        Ok(Some(Self {
            session,
            ids: loaded.into_iter().map(|set| set.id).collect(),
        }))
    }

    /// The bytes of each token.
    pub fn vocabulary(&self) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.session.vocabulary()?)
    }

    /// What tally and weights say of a set; the tally alone, if the set is not among those that were named.
    pub async fn describe(&self, tally: &Tally) -> Result<Described, AtlasError> {
        if !self.ids.contains(&tally.set().id) {
            return Ok(counted(tally));
        }
        let set = &tally.set().id;
        Ok(describe(&self.session, tally, set, &self.ids, true).await?)
    }
}

fn same(what: &'static str, scanned: &str, loaded: &str) -> Result<(), AtlasError> {
    if scanned == loaded {
        return Ok(());
    }
    Err(AtlasError::Tally(atlas::Error::Differs {
        what,
        one: format!("that of the scan has SHA-256 {scanned}"),
        other: format!("that which was named {loaded}"),
    }))
}
