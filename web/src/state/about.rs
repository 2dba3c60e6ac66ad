//! What the atlas is about: the loaded model, and which of the loaded SAEs. An SAE is known by the SHA-256 of its numbers: two of one
//! hook and one width may be of different trainings, and then nothing that is said of one's features is true of the other's.

use std::collections::BTreeMap;

use ::atlas::{SetInfo, SetKind};

use super::atlas::AtlasFeature;
use super::tray::FeatureId;
use super::{Remote, State};
use crate::data::SaeInfo;

/// SHA-256 of SAEs' numbers, where an atlas may be about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identities {
    /// By the ids of the SAEs.
    known: BTreeMap<String, Remote<String>>,
    /// Grows when another SAE may have come under an id: what was requested before is of no use then.
    round: u32,
}

impl Identities {
    /// Another SAE may be under an id, or, of none, under any.
    pub(super) fn forget(&mut self, id: Option<&str>) {
        self.round = self.round.wrapping_add(1);
        self.known.retain(|known, identity| {
            id.is_some_and(|id| id != known) && !matches!(identity, Remote::Waiting)
        });
    }
}

/// A request for an SAE's identity: its id, and the round.
pub type IdentityRequest = (String, u32);

/// Something about the identities of loaded SAEs.
#[derive(Clone, Debug)]
pub enum IdentityAction {
    /// It is being computed.
    Requested(IdentityRequest),
    /// It is there, or why not.
    Received(IdentityRequest, Result<String, String>),
}

impl State {
    pub(super) fn identity_action(&mut self, action: IdentityAction) {
        let Identities { known, round } = &mut self.identities;
        match action {
            IdentityAction::Requested((id, of)) if of == *round => {
                known.insert(id, Remote::Waiting);
            }
            IdentityAction::Received((id, of), result) if of == *round => {
                known.insert(id, result.map_or_else(Remote::Failed, Remote::Here));
            }
            // Of an SAE that another one may have replaced.
            IdentityAction::Requested(_) | IdentityAction::Received(..) => {}
        }
    }

    /// Why the atlas is not about the loaded model; nothing where it is, or none is loaded.
    pub fn atlas_misfit(&self) -> Option<String> {
        let (info, model) = (self.atlas.info()?, self.model.as_ref()?);
        let key = &info.model;
        let why = if key.name != model.name && key.name != model.id {
            format!("the loaded model is {}", model.name)
        } else if key.vocabulary as usize != model.vocab {
            format!(
                "the loaded model has {} tokens in its vocabulary, and that of the atlas {}",
                model.vocab, key.vocabulary
            )
        } else {
            return None;
        };
        Some(format!("This atlas is of {}; {why}.", key.name))
    }

    /// Why the atlas is not about the selected SAE, where it is about another one at its hook, of as many latents.
    pub fn sae_misfit(&self) -> Option<String> {
        let id = self.place.sae.as_deref()?;
        let sae = self.saes.iter().find(|sae| sae.id == id)?;
        let mut sets = self.atlas.info()?.sets.iter();
        let set = sets.find(|set| is_alike(sae, set))?;
        if self.atlas_misfit().is_some() || self.is_about(set, sae) != Some(false) {
            return None;
        }
        let why = match self.identities.known.get(id) {
            Some(Remote::Failed(why)) => {
                format!("whether it is about {id} could not be found out: {why}")
            }
            _ => format!("{id} has other numbers, though it has the same hook and as many latents"),
        };
        Some(format!("This atlas is of {}; {why}.", set.id))
    }

    /// Requests for the identities that have to be known, because the atlas may be about the SAEs, and that nobody has requested.
    pub fn wanted_identities(&self) -> Vec<IdentityRequest> {
        let Some(info) = self.atlas.info() else {
            return Vec::new();
        };
        if self.atlas_misfit().is_some() {
            return Vec::new();
        }
        let unknown = |sae: &&SaeInfo| {
            let mut sets = info.sets.iter();
            !self.identities.known.contains_key(&sae.id)
                && sets.any(|set| is_alike(sae, set) && self.is_about(set, sae).is_none())
        };
        let wanted = self.saes.iter().filter(unknown);
        wanted
            .map(|sae| (sae.id.clone(), self.identities.round))
            .collect()
    }

    /// True if a set of the atlas is about a loaded SAE that is like it, `None` while that is not known.
    fn is_about(&self, set: &SetInfo, sae: &SaeInfo) -> Option<bool> {
        // Neurons are the model's, which is compared as a whole. Other tools' files state no hashes: `Quantity::Hashes`.
        if set.kind == SetKind::Neurons || set.sha256.is_empty() {
            return Some(true);
        }
        // The site's atlas and the demo belong together: the site's makers have that checked.
        if self.atlas.is_site() && self.is_of_demo(sae) {
            return Some(true);
        }
        match self.identities.known.get(&sae.id)? {
            Remote::Here(sha256) => Some(*sha256 == set.sha256),
            Remote::Failed(_) => Some(false),
            Remote::Idle | Remote::Waiting => None,
        }
    }

    fn is_of_demo(&self, sae: &SaeInfo) -> bool {
        self.expected.iter().any(|one| one.id == sae.id)
    }

    /// The loaded SAE, or the loaded neurons, that a set of the atlas is about.
    pub fn sae_of_set(&self, set: &SetInfo) -> Option<&SaeInfo> {
        if self.atlas_misfit().is_some() {
            return None;
        }
        let is = |sae: &&SaeInfo| is_alike(sae, set) && self.is_about(set, sae) == Some(true);
        // Where a person loaded the same once more, the demo's own is meant.
        let mut saes = self.saes.iter().filter(is);
        let of_demo = saes.clone().find(|sae| self.is_of_demo(sae));
        of_demo.or_else(|| saes.next())
    }

    /// Id of the SAE that a set is about; of the demo's also before it is loaded.
    pub fn sae_id_of_set(&self, set: &SetInfo) -> Option<String> {
        if let Some(sae) = self.sae_of_set(set) {
            return Some(sae.id.clone());
        }
        if set.kind != SetKind::Sae || !self.atlas.is_site() || self.atlas_misfit().is_some() {
            return None;
        }
        let mut expected = self.expected.iter();
        expected
            .find(|sae| sae.hook == set.hook)
            .map(|sae| sae.id.clone())
    }

    /// The atlas's name of a feature of a loaded SAE.
    pub fn in_atlas(&self, feature: &FeatureId) -> Option<AtlasFeature> {
        if self.atlas_misfit().is_some() {
            return None;
        }
        let sae = self.saes.iter().find(|sae| sae.id == feature.sae)?;
        // Of two SAEs at one hook the atlas is about one.
        let mut sets = self.atlas.info()?.sets.iter();
        let set = sets.find(|set| {
            is_alike(sae, set) && self.sae_id_of_set(set).as_ref() == Some(&feature.sae)
        })?;
        (feature.latent < set.n_latents).then(|| AtlasFeature {
            set: set.id.clone(),
            latent: feature.latent,
        })
    }

    /// The page of a feature of a loaded SAE. Before the index is there, which nothing but the features' own pages fetches, its set
    /// is named by its hook, for the demo's SAEs.
    pub fn page_of(&self, feature: &FeatureId) -> Option<AtlasFeature> {
        if self.atlas.info().is_some() {
            return self.in_atlas(feature);
        }
        self.atlas.address.get()?;
        let sae = self.expected.iter().find(|sae| sae.id == feature.sae)?;
        Some(AtlasFeature {
            set: sae.hook.clone(),
            latent: feature.latent,
        })
    }

    /// The label of a feature of a loaded SAE, where the atlas's table is there and has one.
    pub fn label(&self, feature: &FeatureId) -> Option<&str> {
        let AtlasFeature { set, latent } = self.in_atlas(feature)?;
        let label = &self.atlas.row(&set, latent)?.label;
        (!label.is_empty()).then_some(label)
    }
}

/// True if an SAE, or neurons, are at a set's hook and have as many latents.
fn is_alike(sae: &SaeInfo, set: &SetInfo) -> bool {
    let neurons = sae.architecture == "neurons";
    neurons == (set.kind == SetKind::Neurons)
        && sae.hook == set.hook
        && sae.n_latents == set.n_latents as usize
}
