//! Confirmation of a load that a link requests.

use yew::prelude::*;

use crate::browser;
use crate::components::own_file::which_file;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::download::{Download, link_host, repository_host};
use crate::format::{bytes, count};
use crate::library::pace::Pace;
use crate::offers::{Catalogue, Offer};
use crate::shared::Shared;
use crate::state::load::{LoadAction, Section};
use crate::state::reference::{OwnFile, Reference};
use crate::state::task::{Kind, Task};
use crate::state::url::Place;
use crate::state::{Remote, State};
use crate::tasks::to_see;

/// What an address requests that is not loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The place that the address names.
    pub place: Place,
    /// The loads that it needs.
    pub tasks: Vec<Task>,
    /// The id of a model from somebody's files: nothing can be loaded for it before it is there.
    pub model_from_files: Option<String>,
}

impl Request {
    /// The request that is to be answered, if there is one and nothing is being loaded.
    pub fn of(state: &State) -> Option<Self> {
        let (Some(place), None, None) = (&state.requested, &state.job, &state.broken) else {
            return None;
        };
        let (model, _) = state.missing(place);
        let model_from_files = match model.as_deref().map(Reference::of_model) {
            Some(Reference::File(_)) => model.clone(),
            _ => None,
        };
        Some(Self {
            tasks: to_see(state, place),
            place: place.clone(),
            model_from_files,
        })
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The request.
    pub request: Request,
    /// The catalogue, which knows sizes and hosts.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// Format of the weights on the device.
    pub weights: AttrValue,
    /// The expected rate of the download.
    pub pace: Pace,
    /// True if a model is loaded, with which the person can stay.
    pub loaded: bool,
}

/// The question, where an address names something that is not loaded.
#[component]
pub fn LoadRequest(props: &Props) -> Html {
    let controller = use_controller();
    let Request {
        place,
        tasks,
        model_from_files,
    } = &props.request;
    let no = no(&controller, props.loaded);
    if let Some(file) = model_from_files.as_deref().and_then(OwnFile::of) {
        return missing_model(&controller, file, no);
    }
    let catalogue = match &props.catalogue {
        Remote::Here(catalogue) => Some(&**catalogue),
        _ => None,
    };
    // With the sizes that the catalogue knows, so that the load has one total.
    let sized = |task: &Task| Task {
        bytes: entry(task, catalogue).map(|offer| offer.bytes),
        ..task.clone()
    };
    let tasks: Vec<Task> = tasks.iter().map(sized).collect();
    let question = format!("Load {}?", what(&tasks, catalogue));
    // The catalogue may name a mirror; without an answer nothing is said of hosts.
    let from = match &props.catalogue {
        Remote::Idle | Remote::Waiting => String::new(),
        Remote::Here(_) | Remote::Failed(_) => {
            Download::of(&tasks, catalogue).sentence(&props.pace)
        }
    };
    let yes = {
        let (controller, place, tasks) = (controller.clone(), place.clone(), tasks.clone());
        let weights = props.weights.clone();
        move |_| controller.run(tasks.clone(), &weights, Some(place.clone()))
    };
    html! {
        <div class="card asked" data-testid="asked">
            <p>{ "This link is about a model or an SAE that is not loaded. Nothing is downloaded until you say so." }</p>
            if !from.is_empty() {
                <p data-testid="download">{ from }</p>
            }
            <div class="controls"><button type="button" class="main" data-testid="load-asked" onclick={yes}>{ question }</button>{ no }</div>
        </div>
    }
}

/// The button for those who do not want what the link requests.
fn no(controller: &Controller, loaded: bool) -> Html {
    if loaded {
        return html! { <button type="button" onclick={controller.on_load(|_: MouseEvent| LoadAction::Stay)}>{ "Stay with what is loaded" }</button> };
    }
    let controller = controller.clone();
    let demo = move |_| {
        controller.dispatch_load(LoadAction::Stay);
        controller.run(vec![Task::demo()], "auto", None);
    };
    html! { <button type="button" onclick={demo}>{ "Use the demo instead" }</button> }
}

/// A model that was opened from files: only a person has them.
fn missing_model(controller: &Controller, file: OwnFile<'_>, no: Html) -> Html {
    let name = file.name;
    let open = {
        let controller = controller.clone();
        move |_| controller.open_library(Section::Files)
    };
    html! {
        <div class="card asked" data-testid="asked">
            <p>{ format!("This link is about the model “{name}”, which was opened from files. The page cannot open them by itself: open that folder, or drop it on the page. Nothing of another model is shown in its place.") }</p>
            <p class="muted">{ which_file(file, "its model.safetensors") }</p>
            <div class="controls"><button type="button" class="main" onclick={open}>{ "Open files…" }</button>{ no }</div>
        </div>
    }
}

/// Description of the requested parts, with their known sizes: `GPT-2 small (548 MB) and 1 SAE`.
fn what(tasks: &[Task], catalogue: Option<&Catalogue>) -> String {
    let mut saes = 0;
    let mut parts = Vec::new();
    for task in tasks {
        match task.kind {
            Kind::Model => parts.push(match entry(task, catalogue) {
                Some(offer) => format!("{} ({})", offer.name, bytes(offer.bytes)),
                None => task.name.clone(),
            }),
            Kind::Demo | Kind::ModelLink => parts.push(task.name.clone()),
            Kind::Sae | Kind::SaeLink | Kind::Neurons => saes += 1,
        }
    }
    if saes > 0 {
        parts.push(count(saes, "SAE"));
    }
    parts.join(" and ")
}

/// The entry of the catalogue that a task loads.
fn entry<'a>(task: &Task, catalogue: Option<&'a Catalogue>) -> Option<&'a Offer> {
    let catalogue = catalogue?;
    let name = task.id.split('@').next().unwrap_or_default();
    let models = catalogue.models.iter().map(|model| &model.offer);
    let saes = catalogue.saes.iter().map(|sae| &sae.offer);
    match task.kind {
        Kind::Model => models.into_iter().find(|offer| offer.id == name),
        Kind::Sae => saes.into_iter().find(|offer| offer.id == name),
        Kind::Demo | Kind::ModelLink | Kind::SaeLink | Kind::Neurons => None,
    }
}

impl Download {
    /// The download that tasks need: the catalogue's entries have sizes, links have none before their host answers.
    fn of(tasks: &[Task], catalogue: Option<&Catalogue>) -> Self {
        let mut download = Self::default();
        let mirror = catalogue.map_or("", |catalogue| &catalogue.mirror);
        for task in tasks {
            match task.kind {
                Kind::Model | Kind::Sae => {
                    let size = entry(task, catalogue).map(|offer| offer.bytes);
                    download.add(repository_host(mirror), size);
                }
                Kind::ModelLink | Kind::SaeLink => download.add(link_host(&task.id, mirror), None),
                Kind::Demo => download.add(browser::host(), None),
                Kind::Neurons => {}
            }
        }
        download
    }
}
