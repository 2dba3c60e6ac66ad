//! What the bundle's atlas says of pairs of features of a run: a small part of many files, so that the page can draw the run's
//! graph without fetching these.
//!
//! ```text
//! table     SHA-256 of the set's table in the atlas, by which the page knows whether the atlas is still the same
//! partners  [one, other, tokens on which both fire, …]: pairs of features of the set, each once
//! similar   [one, other, …]: pairs with near decoder directions, each once, and `similarCosines`
//! elsewhere [one, index of the other's set in the run, other, …]: the nearest feature of another set, and `elsewhereCosines`
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use atlas::{SetInfo, SetKind};
use atlas_folder::Folder;
use explorer::SaeTrace;
use serde_json::{Value, json};

use crate::manifest::Manifest;
use crate::record::short;

/// The bundle's atlas and the features of a run.
pub struct Relations {
    folder: Folder,
    /// Per set of the run its id in the atlas, and the features that are active anywhere.
    sets: Vec<(String, BTreeSet<u32>)>,
}

impl Relations {
    /// Opens the atlas; nothing where the bundle has none.
    pub fn open(bundle: &Path, manifest: &Manifest, saes: &[SaeTrace]) -> Result<Option<Self>> {
        let Some(index) = &manifest.atlas else {
            return Ok(None);
        };
        let path = bundle.join(&index.path);
        let folder = path.parent().context("the atlas lies in a folder")?;
        let folder = Folder::open(folder)?;
        let sets = saes.iter().map(|sae| {
            let set = set_of(&folder, sae)?;
            let active = sae
                .latents
                .iter()
                .filter_map(|latent| u32::try_from(*latent).ok());
            Ok((set.id.clone(), active.collect()))
        });
        let sets = sets.collect::<Result<_>>()?;
        Ok(Some(Self { folder, sets }))
    }

    /// The relations of one set's features.
    pub fn of(&self, sae: &SaeTrace) -> Result<Value> {
        let set = set_of(&self.folder, sae)?;
        let here = self.sets.iter().find(|(id, _)| *id == set.id);
        let (_, features) = here.context("the set is one of the run's")?;
        let (mut partners, mut similar, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        let (mut similar_cosines, mut elsewhere_cosines) = (Vec::new(), Vec::new());
        let (mut paired, mut near) = (BTreeSet::new(), BTreeSet::new());
        for latent in features {
            let record = self.folder.feature(set, *latent)?;
            let pair = |other: u32| (other.min(*latent), other.max(*latent));
            for partner in &record.coactive {
                if features.contains(&partner.latent) && paired.insert(pair(partner.latent)) {
                    partners.extend([u64::from(*latent), partner.latent.into(), partner.count]);
                }
            }
            for one in &record.similar {
                if features.contains(&one.latent) && near.insert(pair(one.latent)) {
                    similar.extend([*latent, one.latent]);
                    similar_cosines.push(one.cosine);
                }
            }
            for one in &record.elsewhere {
                let other = self.sets.iter().position(|(id, _)| *id == one.set);
                if let Some(other) = other.filter(|other| self.sets[*other].1.contains(&one.latent))
                {
                    elsewhere.extend([*latent, u32::try_from(other)?, one.latent]);
                    elsewhere_cosines.push(one.cosine);
                }
            }
        }
        Ok(json!({
            "table": set.table.as_ref().map(|table| &table.sha256),
            "partners": partners,
            "similar": similar,
            "similarCosines": short(&similar_cosines)?,
            "elsewhere": elsewhere,
            "elsewhereCosines": short(&elsewhere_cosines)?,
        }))
    }
}

/// The atlas's set of an SAE, by its hook, as the page finds it.
fn set_of<'a>(folder: &'a Folder, sae: &SaeTrace) -> Result<&'a SetInfo> {
    let mut sets = folder.info().sets.iter();
    let found = sets.find(|set| set.kind == SetKind::Sae && set.hook == sae.hook);
    found.with_context(|| format!("the atlas has no set of {}", sae.hook))
}
