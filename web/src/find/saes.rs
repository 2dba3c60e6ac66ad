//! SAEs: the loaded ones, and those of the catalogue.

use super::matching::{Match, match_any};
use super::{Hit, Source, Target};
use crate::data::SaeInfo;
use crate::display::{hook_label, layer_of};
use crate::offers::{Catalogue, CatalogueSae};
use crate::state::reference::readable;

/// The loaded SAEs and neurons.
pub struct LoadedSaes<'a>(pub &'a [SaeInfo]);

impl Source for LoadedSaes<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let hits = self.0.iter().filter_map(|sae| {
            let label = hook_label(&sae.hook);
            let short = layer_of(&sae.hook).map_or_else(String::new, |layer| format!("L{layer}"));
            let all = format!(
                "SAE {} {label} {short} {} {}",
                sae.id, sae.hook, sae.architecture
            );
            let quality = match_any(query, &[&sae.id, &label, &short, &all])?;
            let hit = Hit {
                target: Target::Sae(sae.id.clone()),
                name: readable(&sae.id),
                about: format!("{label} · {}, {} features", sae.architecture, sae.n_latents),
            };
            Some((quality, hit))
        });
        (hits.collect(), None)
    }

    fn has(&self, target: &Target) -> bool {
        matches!(target, Target::Sae(id) if self.0.iter().any(|sae| sae.id == *id))
    }
}

/// The releases of SAEs in the catalogue; the library loads them.
pub struct CatalogueSaes<'a>(pub Option<&'a Catalogue>);

impl CatalogueSaes<'_> {
    fn entries(&self) -> &[CatalogueSae] {
        self.0.map_or(&[], |catalogue| &catalogue.saes)
    }

    /// Name of the model that an entry is for.
    fn model<'a>(&'a self, sae: &'a CatalogueSae) -> &'a str {
        let models = self.0.map_or(&[][..], |catalogue| &catalogue.models);
        let model = models.iter().find(|model| model.offer.id == sae.model);
        model.map_or(&sae.model, |model| &model.offer.name)
    }
}

impl Source for CatalogueSaes<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let hits = self.entries().iter().filter_map(|sae| {
            let model = self.model(sae);
            let (id, name) = (&sae.offer.id, &sae.offer.name);
            let all = format!("SAE {id} {name} {} {model} library", sae.hook);
            let quality = match_any(query, &[id, name, &all])?;
            let hit = Hit {
                target: Target::CatalogueSae(id.clone()),
                name: name.clone(),
                about: format!("for {model}, not loaded"),
            };
            Some((quality, hit))
        });
        (hits.collect(), None)
    }

    fn has(&self, target: &Target) -> bool {
        matches!(target, Target::CatalogueSae(id) if self.entries().iter().any(|sae| sae.offer.id == *id))
    }
}
