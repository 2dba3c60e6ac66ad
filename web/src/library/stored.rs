//! Stored files by the model that they belong to.

use crate::format::count;
use crate::offers::{Catalogue, Stored};

/// Id of the demo among the owners of stored files.
const DEMO: &str = "demo";

/// The files of one model and of the SAEs for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Id of the model; nothing for files that the catalogue does not name.
    pub model: Option<String>,
    /// Name for people.
    pub name: String,
    /// The model's own files before those of its SAEs, which are in the order of releases and layers.
    pub files: Vec<Stored>,
}

impl Group {
    /// Stored bytes.
    pub fn bytes(&self) -> f64 {
        self.files.iter().map(|file| file.stored_bytes).sum()
    }

    /// The parts that the files make up: `the model and 2 SAEs`, `3 files`.
    pub fn what(&self) -> String {
        if self.model.is_none() {
            return count(self.files.len(), "file");
        }
        if self.model.as_deref() == Some(DEMO) {
            return "its model and SAEs".to_owned();
        }
        let mut saes: Vec<_> = self.files.iter().filter_map(|file| sae_of(file)).collect();
        saes.dedup();
        let model = self.files.iter().any(|file| sae_of(file).is_none());
        match (model, saes.len()) {
            (true, 0) => "the model".to_owned(),
            (true, many) => format!("the model and {}", count(many, "SAE")),
            (false, many) => count(many, "SAE"),
        }
    }
}

fn sae_of(file: &Stored) -> Option<(&str, Option<u32>)> {
    file.sae.as_deref().map(|sae| (sae, file.layer))
}

/// Stored files in groups, in the order of the catalogue; the demo first, and what belongs to no entry last.
pub fn by_model(files: &[Stored], catalogue: Option<&Catalogue>) -> Vec<Group> {
    let models = catalogue.map_or(&[][..], |catalogue| &catalogue.models);
    let releases = catalogue.map_or(&[][..], |catalogue| &catalogue.saes);
    let mut names = vec![(DEMO.to_owned(), "Demo".to_owned())];
    names.extend(
        models
            .iter()
            .map(|model| (model.offer.id.clone(), model.offer.name.clone())),
    );
    // Releases may be for a model that the catalogue does not have.
    for file in files {
        if let Some(model) = file
            .model
            .as_ref()
            .filter(|&id| !names.iter().any(|one| one.0 == *id))
        {
            names.push((model.clone(), model.clone()));
        }
    }
    let place = |file: &Stored| {
        let release = file
            .sae
            .as_ref()
            .map(|id| releases.iter().position(|sae| sae.offer.id == *id));
        (release, file.layer)
    };
    let group = |model: Option<String>, name: String| {
        let mut files: Vec<_> = files
            .iter()
            .filter(|file| file.model == model)
            .cloned()
            .collect();
        files.sort_by_key(place);
        (!files.is_empty()).then_some(Group { model, name, files })
    };
    let mut groups: Vec<_> = names
        .into_iter()
        .filter_map(|(id, name)| group(Some(id), name))
        .collect();
    groups.extend(group(None, "Other files".to_owned()));
    groups
}

/// A file's name with the SAE that it is a part of: `res-jb, layer 8 · sae_weights.safetensors`.
pub fn name_of(file: &Stored, catalogue: Option<&Catalogue>) -> String {
    let release = file.sae.as_ref().map(|id| {
        let entry =
            catalogue.and_then(|catalogue| catalogue.saes.iter().find(|sae| sae.offer.id == *id));
        entry.map_or(id, |entry| &entry.offer.name)
    });
    match (release, file.layer) {
        (Some(release), Some(layer)) => format!("{release}, layer {layer} · {}", file.name),
        _ => file.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offers::{CatalogueModel, CatalogueSae, Offer};

    fn file(name: &str, model: Option<&str>, sae: Option<(&str, u32)>) -> Stored {
        Stored {
            name: name.to_owned(),
            model: model.map(str::to_owned),
            sae: sae.map(|(sae, _)| sae.to_owned()),
            layer: sae.map(|(_, layer)| layer),
            stored_bytes: 10.0,
            ..Stored::default()
        }
    }

    #[test]
    fn files_stand_with_their_model_its_own_before_its_saes() {
        let offer = |id: &str, name: &str| Offer {
            id: id.to_owned(),
            name: name.to_owned(),
            ..Offer::default()
        };
        let catalogue = Catalogue {
            models: vec![CatalogueModel {
                offer: offer("gpt2", "GPT-2 small"),
                ..CatalogueModel::default()
            }],
            saes: vec![
                CatalogueSae {
                    offer: offer("a", "First"),
                    ..CatalogueSae::default()
                },
                CatalogueSae {
                    offer: offer("b", "Second"),
                    ..CatalogueSae::default()
                },
            ],
            ..Catalogue::default()
        };
        let files = [
            file("x.pt", None, None),
            file("sae_weights.safetensors", Some("gpt2"), Some(("b", 2))),
            file("cfg.json", Some("gpt2"), Some(("a", 8))),
            file("layer_3.pt", Some("demo"), None),
            file("model.safetensors", Some("gpt2"), None),
            file("cfg.json", Some("gpt2"), Some(("a", 3))),
            file("y.pt", Some("llama"), Some(("c", 0))),
        ];
        let groups = by_model(&files, Some(&catalogue));
        let told: Vec<_> = groups
            .iter()
            .map(|group| (group.name.as_str(), group.what(), group.bytes()))
            .collect();
        assert_eq!(
            told,
            [
                ("Demo", "its model and SAEs".to_owned(), 10.0),
                ("GPT-2 small", "the model and 3 SAEs".to_owned(), 40.0),
                ("llama", "1 SAE".to_owned(), 10.0),
                ("Other files", "1 file".to_owned(), 10.0),
            ]
        );
        let names: Vec<_> = groups[1]
            .files
            .iter()
            .map(|file| name_of(file, Some(&catalogue)))
            .collect();
        assert_eq!(
            names,
            [
                "model.safetensors",
                "First, layer 3 · cfg.json",
                "First, layer 8 · cfg.json",
                "Second, layer 2 · sae_weights.safetensors",
            ]
        );
        // Without a catalogue nothing is lost but the names.
        let plain = by_model(&files, None);
        assert_eq!(
            plain.iter().map(|group| group.files.len()).sum::<usize>(),
            files.len()
        );
        assert_eq!(
            name_of(&files[1], None),
            "b, layer 2 · sae_weights.safetensors"
        );
    }
}
