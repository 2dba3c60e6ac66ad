//! Things to load, as the engine's API takes them: from the catalogue, files, links, and the page's own address.

use wasm_bindgen::prelude::*;

use crate::data::{DemoSae, SaeInfo};
use crate::js_value::{get, object};
use crate::library::choice::{Part, Plan};
use crate::offers::{FoundPart, Source};
use crate::state::State;
use crate::state::own_file::Wanted;
use crate::state::reference::{FILE, NEURONS, Reference, catalogue, public, repository};
use crate::state::removed::Removed;
use crate::state::task::{Kind, Task};
use crate::state::url::Place;

/// Id of the demo, and its name as a source for the engine's API.
const DEMO: &str = "demo";

impl Task {
    /// True for a part of the demo, which the engine's API finds by its id.
    pub fn is_of_demo(&self) -> bool {
        self.source.as_string().as_deref() == Some(DEMO)
    }

    /// The demo.
    pub fn demo() -> Self {
        Self {
            kind: Kind::Demo,
            name: "the demo".to_owned(),
            id: DEMO.to_owned(),
            source: DEMO.into(),
            hook: None,
            bytes: None,
            wanted: None,
        }
    }

    /// One of the demo's SAEs.
    pub fn demo_sae(sae: &DemoSae) -> Self {
        Self {
            kind: Kind::Sae,
            name: sae.id.clone(),
            id: sae.id.clone(),
            source: DEMO.into(),
            hook: None,
            bytes: None,
            wanted: None,
        }
    }

    /// True if it brings a model, to which SAEs belong.
    pub fn is_model(&self) -> bool {
        matches!(self.kind, Kind::Demo | Kind::Model | Kind::ModelLink)
    }

    /// Something of the catalogue.
    pub fn catalogue(
        kind: Kind,
        name: String,
        entry: &str,
        layer: Option<u32>,
        commit: Option<&str>,
    ) -> Self {
        let source = object([
            ("catalogue", entry.into()),
            ("layer", layer.map_or(JsValue::UNDEFINED, Into::into)),
            ("revision", commit.map_or(JsValue::UNDEFINED, Into::into)),
        ]);
        Self {
            kind,
            name,
            id: catalogue(entry, layer, commit),
            source,
            hook: None,
            bytes: None,
            wanted: None,
        }
    }

    /// The parts of a choice in the catalogue.
    pub fn of_plan(plan: &Plan) -> Vec<Self> {
        let task = |part: &Part| {
            let kind = match part.layer {
                Some(_) => Kind::Sae,
                None => Kind::Model,
            };
            Self {
                bytes: Some(part.bytes),
                ..Self::catalogue(kind, part.name.clone(), &part.entry, part.layer, None)
            }
        };
        plan.parts.iter().map(task).collect()
    }

    /// A removed SAE: as the page loaded it, or else from where it says that it came.
    pub fn again(removed: &Removed) -> Option<Self> {
        if removed.task.is_some() {
            return removed.task.clone();
        }
        let SaeInfo {
            id, hook, origin, ..
        } = &removed.sae;
        if let Some(hook) = id.strip_prefix(NEURONS) {
            return Some(Self::neurons(hook));
        }
        let origin = origin.as_ref()?;
        let (repository, commit) = (origin.repository.as_deref(), origin.commit.as_deref()?);
        let source = object([
            ("repo", repository.unwrap_or_default().into()),
            ("revision", commit.into()),
            ("path", origin.path.as_str().into()),
        ]);
        Some(Self {
            kind: Kind::Sae,
            name: id.clone(),
            id: id.clone(),
            source,
            hook: Some(hook.clone()),
            bytes: None,
            wanted: None,
        })
    }

    /// Something behind a link; `id` is as in the page's address.
    fn link(kind: Kind, id: &str, link: &str, hook: Option<&str>) -> Self {
        Self {
            kind,
            name: link.to_owned(),
            id: id.to_owned(),
            source: link.into(),
            hook: hook.map(str::to_owned),
            bytes: None,
            wanted: None,
        }
    }

    /// The neurons of a hook point.
    pub fn neurons(hook: &str) -> Self {
        Self {
            kind: Kind::Neurons,
            name: hook.to_owned(),
            id: format!("{}{hook}", NEURONS),
            source: JsValue::UNDEFINED,
            hook: Some(hook.to_owned()),
            bytes: None,
            wanted: None,
        }
    }

    /// Something that was found in files or behind a link. `hook` is where the person said that it belongs.
    /// `wanted` is what of its kind the address waits for.
    pub fn found(kind: Kind, part: &FoundPart, hook: Option<&str>, wanted: &Wanted) -> Self {
        let FoundPart { name, source, .. } = part;
        let (mut id, named, wanted) = match address_of(source) {
            Some(address) => (address, hook, None),
            // Whoever is to open the file again needs to know where it belongs, whoever said so. Its SHA-256 is added when it
            // is loaded.
            None => {
                let wanted = match kind {
                    Kind::Model => &wanted.model,
                    _ => &wanted.sae,
                };
                let hook = hook.or(part.hook.as_deref());
                (format!("{FILE}{name}"), hook, wanted.clone())
            }
        };
        if let Some(hook) = named {
            id.push('@');
            id.push_str(hook);
        }
        Self {
            kind,
            name: name.to_owned(),
            id,
            source: source.clone(),
            hook: hook.map(str::to_owned),
            bytes: None,
            wanted,
        }
    }
}

/// The address of a source that others can reach as well: of a file or folder in a repository, or a URL.
fn address_of(source: &Source) -> Option<String> {
    let text = |name| get(source, name).and_then(|value| value.as_string());
    if let Some(repo) = text("repo") {
        return Some(repository(&repo, text("revision"), text("path")));
    }
    source
        .as_string()
        .or_else(|| text("url"))
        .map(|url| public(&url))
}

/// Loads that the view of an address needs beyond what `state` has.
pub fn to_see(state: &State, place: &Place) -> Vec<Task> {
    let (model, saes) = state.missing(place);
    let model = model.and_then(|id| {
        Some(match Reference::of_model(&id) {
            Reference::Catalogue(entry, _, commit) => {
                Task::catalogue(Kind::Model, entry.to_owned(), entry, None, commit)
            }
            Reference::Link(link, _) => Task::link(Kind::ModelLink, &id, link, None),
            Reference::Part | Reference::Neurons(_) => Task::demo(),
            // Only the person has it.
            Reference::File(..) => return None,
        })
    });
    let saes = saes.into_iter().filter_map(|id| {
        Some(match Reference::of(&id) {
            Reference::Catalogue(entry, layer, commit) => {
                Task::catalogue(Kind::Sae, entry.to_owned(), entry, layer, commit)
            }
            Reference::Link(link, hook) => Task::link(Kind::SaeLink, &id, link, hook),
            Reference::Neurons(hook) => Task::neurons(hook),
            Reference::Part | Reference::File(..) => return None,
        })
    });
    model.into_iter().chain(saes).collect()
}
