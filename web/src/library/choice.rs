//! Something of the catalogue that a person is about to load: its parts, with the model that SAEs need.

use crate::data::{ModelInfo, SaeInfo};
use crate::download::repository_host;
use crate::format::{bytes, count};
use crate::library::pace::Pace;
use crate::offers::{Catalogue, CatalogueModel, CatalogueSae, Fits};
use crate::state::reference::catalogue as address;

/// An entry of the catalogue and, of a release of SAEs, some of its layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Id of the entry.
    pub entry: String,
    /// Layers of a release, in the order in which they were chosen; none for a model.
    pub layers: Vec<u32>,
}

impl Choice {
    /// A model.
    pub fn model(id: &str) -> Self {
        Self {
            entry: id.to_owned(),
            layers: Vec::new(),
        }
    }

    /// The choice after a layer of a release was chosen, or chosen no longer. Of two releases only one is chosen at a time.
    pub fn with_layer(before: Option<&Self>, release: &str, layer: u32) -> Option<Self> {
        let mut layers = before
            .filter(|choice| choice.entry == release)
            .map_or_else(Vec::new, |choice| choice.layers.clone());
        match layers.iter().position(|&one| one == layer) {
            Some(at) => drop(layers.remove(at)),
            None => layers.push(layer),
        }
        let entry = release.to_owned();
        (!layers.is_empty()).then_some(Self { entry, layers })
    }
}

/// A part of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Id of the entry.
    pub entry: String,
    /// Layer of an SAE; none for a model.
    pub layer: Option<u32>,
    /// Name for people.
    pub name: String,
    /// Size of its files, bytes.
    pub bytes: f64,
    /// Bytes of them that the browser stores.
    pub stored: f64,
}

/// Everything that a choice loads.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The parts in the order in which they are loaded: the model, where it is not there yet, before its SAEs.
    pub parts: Vec<Part>,
    /// Host of the files.
    pub host: String,
    /// Name of the loaded model whose place the plan's model takes, with the number of SAEs that go with it.
    pub replaces: Option<(String, usize)>,
    /// Memory that the parts need on the device, bytes: an estimate from their shapes.
    pub needed: f64,
    /// Memory that there is for them, bytes.
    pub available: f64,
}

/// The plan of a choice; nothing where the catalogue has no such entry, where it is loaded already, or where SAEs are for a model
/// that is neither in the catalogue nor loaded.
pub fn plan(
    choice: &Choice,
    catalogue: &Catalogue,
    loaded: Option<&ModelInfo>,
    saes: &[SaeInfo],
) -> Option<Plan> {
    let named = |id: &str| catalogue.models.iter().find(|model| model.offer.id == id);
    let (model, layers, release) = if let Some(model) = named(&choice.entry) {
        (Some(model), Vec::new(), None)
    } else {
        let release = catalogue
            .saes
            .iter()
            .find(|sae| sae.offer.id == choice.entry)?;
        let there = is_for(release, named(&release.model), loaded);
        let model = if there {
            None
        } else {
            Some(named(&release.model)?)
        };
        let missing = choice.layers.iter().copied().filter(|&layer| {
            release.layers.contains(&layer) && !(there && is_loaded(release, layer, saes))
        });
        (model, missing.collect(), Some(release))
    };
    let mut parts: Vec<Part> = model.into_iter().map(model_part).collect();
    if let Some(release) = release {
        parts.extend(layers.iter().map(|&layer| sae_part(release, layer)));
    }
    let fits = match (release, model) {
        (Some(release), Some(_)) => release.fits_with_model.clone().unwrap_or_default(),
        (Some(release), None) => release.offer.fits.clone(),
        (None, model) => model?.offer.fits.clone(),
    };
    let own = release.map_or(0.0, |release| release.offer.fits.needed_bytes);
    let more = own * layers.len().saturating_sub(1) as f64;
    (!parts.is_empty()).then(|| Plan {
        parts,
        host: repository_host(&catalogue.mirror),
        replaces: loaded
            .filter(|_| model.is_some())
            .map(|loaded| (loaded.name.clone(), saes.len())),
        needed: fits.needed_bytes + more,
        available: fits.available_bytes,
    })
}

/// True if a loaded model is the one that a release is for.
pub fn is_for(
    release: &CatalogueSae,
    entry: Option<&CatalogueModel>,
    loaded: Option<&ModelInfo>,
) -> bool {
    loaded.is_some_and(|loaded| entry.map_or(loaded.id == release.model, |entry| entry.is(loaded)))
}

/// True if a layer of a release is among the loaded SAEs.
pub fn is_loaded(release: &CatalogueSae, layer: u32, saes: &[SaeInfo]) -> bool {
    let id = address(&release.offer.id, Some(layer), None);
    // It may be one of another commit than the branch's.
    let is_it = |sae: &SaeInfo| {
        sae.id
            .strip_prefix(&id)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    saes.iter().any(is_it)
}

/// Fit of one SAE of a release: by itself where its model is loaded, else together with that.
pub fn fits_of(release: &CatalogueSae, there: bool) -> &Fits {
    match &release.fits_with_model {
        Some(fits) if !there => fits,
        _ => &release.offer.fits,
    }
}

fn model_part(model: &CatalogueModel) -> Part {
    Part {
        entry: model.offer.id.clone(),
        layer: None,
        name: model.offer.name.clone(),
        bytes: model.offer.bytes,
        stored: model.stored_bytes,
    }
}

fn sae_part(release: &CatalogueSae, layer: u32) -> Part {
    let at = release.layers.iter().position(|&one| one == layer);
    let stored = at.and_then(|at| release.stored_bytes.get(at));
    Part {
        entry: release.offer.id.clone(),
        layer: Some(layer),
        name: format!("{}, layer {layer}", release.offer.name),
        bytes: release.offer.bytes,
        stored: stored.copied().unwrap_or_default(),
    }
}

impl Plan {
    /// Size of all files, bytes.
    pub fn bytes(&self) -> f64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Bytes that are still to be downloaded.
    pub fn left(&self) -> f64 {
        let left = |part: &Part| (part.bytes - part.stored).max(0.0);
        self.parts.iter().map(left).sum()
    }

    /// The parts in words: `GPT-2 small and 2 SAEs`.
    pub fn what(&self) -> String {
        let models = self.parts.iter().filter(|part| part.layer.is_none());
        let mut words: Vec<String> = models.map(|part| part.name.clone()).collect();
        let saes: Vec<&Part> = self
            .parts
            .iter()
            .filter(|part| part.layer.is_some())
            .collect();
        match saes.as_slice() {
            [] => {}
            [one] => words.push(one.name.clone()),
            several => words.push(count(several.len(), "SAE")),
        }
        words.join(" and ")
    }

    /// Total size, host and time as a sentence, with the way in which the time is estimated.
    pub fn download(&self, pace: &Pace) -> String {
        let (all, left) = (self.bytes(), self.left());
        if left <= 0.0 {
            return format!(
                "{}, stored in this browser: nothing is downloaded.",
                bytes(all)
            );
        }
        let stored = all - left;
        let of = if stored > 0.0 {
            format!(" ({} of {} are stored already)", bytes(stored), bytes(all))
        } else {
            String::new()
        };
        format!(
            "{}{of} from {}: {}.",
            bytes(left),
            self.host,
            pace.sentence(left)
        )
    }

    /// The memory that it needs on the device, and that there is for it.
    pub fn memory(&self) -> String {
        let (needed, available) = (bytes(self.needed), bytes(self.available));
        if self.needed > self.available {
            format!(
                "It needs about {needed} on the device, and {available} are available: it may not fit."
            )
        } else {
            format!("It needs about {needed} of the {available} available on the device.")
        }
    }

    /// The loss that comes with it, if any.
    pub fn loss(&self) -> Option<String> {
        let (name, saes) = self.replaces.as_ref()?;
        Some(match saes {
            0 => format!("It takes the place of {name}."),
            many => format!(
                "It takes the place of {name} and its {}.",
                count(*many, "SAE")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offers::Offer;

    fn fits(needed_bytes: f64, available_bytes: f64) -> Fits {
        Fits {
            ok: needed_bytes <= available_bytes,
            needed_bytes,
            available_bytes,
            ..Fits::default()
        }
    }

    fn catalogue() -> Catalogue {
        let offer = |id: &str, name: &str, bytes, fits| Offer {
            id: id.to_owned(),
            name: name.to_owned(),
            bytes,
            fits,
            ..Offer::default()
        };
        let model = CatalogueModel {
            offer: offer("gpt2", "GPT-2 small", 548e6, fits(600e6, 2e9)),
            layers: 12,
            d_model: 768,
            vocab: 50257,
            ..CatalogueModel::default()
        };
        let release = |id: &str, model: &str| CatalogueSae {
            offer: offer(id, "res-jb", 151e6, fits(200e6, 900e6)),
            model: model.to_owned(),
            layers: vec![5, 8],
            stored_bytes: vec![0.0, 151e6],
            fits_with_model: Some(fits(800e6, 2e9)),
            ..CatalogueSae::default()
        };
        Catalogue {
            models: vec![model],
            saes: vec![release("res-jb", "gpt2"), release("stray", "llama")],
            ..Catalogue::default()
        }
    }

    fn model(id: &str) -> ModelInfo {
        ModelInfo {
            id: id.to_owned(),
            name: id.to_owned(),
            ..ModelInfo::default()
        }
    }

    fn chosen(layers: &[u32]) -> Choice {
        Choice {
            entry: "res-jb".to_owned(),
            layers: layers.to_vec(),
        }
    }

    #[test]
    fn an_sae_brings_its_model_and_the_question_says_size_host_and_time() {
        let demo = model("demo");
        let saes = vec![SaeInfo::default(); 3];
        let plan = plan(&chosen(&[5]), &catalogue(), Some(&demo), &saes).expect("a plan");
        assert_eq!(plan.what(), "GPT-2 small and res-jb, layer 5");
        assert_eq!(
            plan.download(&Pace::of(Some(10e6), None)),
            "699 MB from huggingface.co: about 70 s at 10 MB/s, measured on the last download."
        );
        assert_eq!(
            plan.loss().as_deref(),
            Some("It takes the place of demo and its 3 SAEs.")
        );
        assert_eq!((plan.needed, plan.available), (800e6, 2e9));
        assert!(plan.memory().contains("800 MB of the 2.00 GB"));
    }

    #[test]
    fn what_is_stored_or_loaded_is_not_downloaded_again() {
        let pace = Pace::of(Some(10e6), None);
        let gpt2 = model("gpt2");
        let plan_of = |layers: &[u32], saes: &[SaeInfo]| {
            plan(&chosen(layers), &catalogue(), Some(&gpt2), saes)
        };
        let stored = plan_of(&[8], &[]).expect("a plan");
        assert_eq!(stored.loss(), None);
        assert_eq!(
            stored.download(&pace),
            "151 MB, stored in this browser: nothing is downloaded."
        );
        let both = plan_of(&[8, 5], &[]).expect("a plan");
        assert_eq!(both.what(), "2 SAEs");
        assert!(both.download(&pace).starts_with(
            "151 MB (151 MB of 302 MB are stored already) from huggingface.co: about 15 s"
        ));
        assert_eq!((both.needed, both.available), (400e6, 900e6));
        let loaded = SaeInfo {
            id: "res-jb@8".to_owned(),
            ..SaeInfo::default()
        };
        assert_eq!(plan_of(&[8], std::slice::from_ref(&loaded)), None);
        let pinned = SaeInfo {
            id: "res-jb@8@0123456789abcdef0123456789abcdef01234567".to_owned(),
            ..SaeInfo::default()
        };
        assert_eq!(plan_of(&[8], &[pinned]), None);
        let other = plan_of(&[8, 5], &[loaded]).expect("a plan");
        assert_eq!(other.what(), "res-jb, layer 5");
    }

    #[test]
    fn too_many_layers_at_once_are_seen_before_they_are_loaded() {
        let catalogue = Catalogue {
            saes: vec![CatalogueSae {
                layers: (0..12).collect(),
                ..catalogue().saes[0].clone()
            }],
            ..catalogue()
        };
        let all: Vec<u32> = (0..12).collect();
        let plan = plan(&chosen(&all), &catalogue, Some(&model("gpt2")), &[]).expect("a plan");
        assert!(
            plan.memory().ends_with("it may not fit."),
            "{}",
            plan.memory()
        );
    }

    #[test]
    fn there_is_no_plan_for_what_cannot_be_loaded() {
        let catalogue = catalogue();
        let stray = Choice {
            entry: "stray".to_owned(),
            layers: vec![5],
        };
        assert_eq!(plan(&stray, &catalogue, Some(&model("gpt2")), &[]), None);
        assert!(plan(&stray, &catalogue, Some(&model("llama")), &[]).is_some());
        assert_eq!(plan(&Choice::model("none"), &catalogue, None, &[]), None);
        assert_eq!(
            plan(&chosen(&[3]), &catalogue, Some(&model("gpt2")), &[]),
            None
        );
        let own = plan(&Choice::model("gpt2"), &catalogue, None, &[]).expect("a plan");
        assert_eq!((own.what(), own.loss()), ("GPT-2 small".to_owned(), None));
    }

    #[test]
    fn layers_of_one_release_are_chosen_and_given_up() {
        let one = Choice::with_layer(None, "a", 3);
        let two = Choice::with_layer(one.as_ref(), "a", 5);
        assert_eq!(
            two.as_ref().map(|choice| choice.layers.clone()),
            Some(vec![3, 5])
        );
        let back = Choice::with_layer(two.as_ref(), "a", 3);
        assert_eq!(
            back.as_ref().map(|choice| choice.layers.clone()),
            Some(vec![5])
        );
        assert_eq!(Choice::with_layer(back.as_ref(), "a", 5), None);
        let other = Choice::with_layer(two.as_ref(), "b", 5);
        assert_eq!(
            other.map(|choice| (choice.entry, choice.layers)),
            Some(("b".to_owned(), vec![5]))
        );
    }
}
