//! Models and SAEs in files of one's own or behind a link: what they are, before anything is loaded.

use yew::prelude::*;

use super::parts::{ActionButton, Choices, Load, row};
use crate::context::use_controller;
use crate::data::ModelInfo;
use crate::download::{Download, link_host, repository_host};
use crate::format::bytes;
use crate::library::pace::Pace;
use crate::offers::{Catalogue, Fits, Found, FoundPart, Trouble, does_not_belong};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::load::{LoadAction, Section, slot};
use crate::state::own_file::Wanted;
use crate::state::reference::{FILE, OwnFile};
use crate::state::task::{Kind, Task};

/// Hook points at which SAEs are trained, without their layer.
const POINTS: [&str; 7] = [
    "hook_resid_pre",
    "hook_resid_mid",
    "hook_resid_post",
    "hook_attn_out",
    "hook_mlp_out",
    "mlp.hook_post",
    "attn.hook_z",
];

/// Most parts that are loaded by one button.
const MOST_AT_ONCE: usize = 16;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Files or a link.
    pub section: Section,
    /// What was found there.
    pub found: Remote<Shared<Found>>,
    /// The hooks that were chosen, by slot and index.
    pub hooks: Vec<(usize, usize, String)>,
    /// The files for which the address waits.
    pub wanted: Wanted,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The catalogue, which may have the model that an SAE names.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// The expected rate of a download.
    pub pace: Pace,
    /// Format of the weights on the device.
    pub weights: String,
    /// True while something is being loaded.
    pub busy: bool,
}

/// The list, or that it is being made.
#[component]
pub fn FoundList(props: &Props) -> Html {
    match &props.found {
        Remote::Here(found) => list(props, found),
        Remote::Failed(message) => html! { <p class="error" role="alert">{ message }</p> },
        Remote::Waiting => html! { <Looking section={props.section} /> },
        Remote::Idle => Html::default(),
    }
}

#[derive(Clone, PartialEq, Properties)]
struct LookingProps {
    section: Section,
}

/// The line shown while files or a link are looked at, with a way to stop that.
#[component]
fn Looking(props: &LookingProps) -> Html {
    let (controller, section) = (use_controller(), props.section);
    html! {
        <div class="line looking" data-testid="looking">
            <span class="muted" role="status">{ "Looking…" }</span>
            <ActionButton testid="cancel-looking" class={classes!("quiet")} onclick={move |()| controller.stop_seeking(section)}>{ "Cancel" }</ActionButton>
        </div>
    }
}

fn list(props: &Props, found: &Found) -> Html {
    let Found {
        models,
        saes,
        problems,
    } = found;
    let first = models
        .first()
        .map(|model| Task::found(Kind::Model, model, None, &props.wanted));
    let hooks: Vec<_> = (0..)
        .zip(saes)
        .map(|(at, sae)| hook_of(props, at, sae))
        .collect();
    let lacks = |(sae, hook): (&FoundPart, &Option<String>)| sae.hook.is_none() && hook.is_none();
    let lacking = saes.iter().zip(&hooks).any(lacks);
    let of_sae = |at: usize| Task::found(Kind::Sae, &saes[at], hooks[at].as_deref(), &props.wanted);
    let all: Vec<Task> = first
        .into_iter()
        .chain((0..saes.len()).map(of_sae))
        .collect();
    let count = all.len();
    let alone = props.model.is_none();
    html! {
        <>
            if count == 0 && problems.is_empty() {
                <p class="muted" role="status">{ "Nothing was found there." }</p>
            }
            <ul class="rows" data-testid="found">
                { for models.iter().map(|model| {
                    let tasks = vec![Task::found(Kind::Model, model, None, &props.wanted)];
                    row(html! { &model.name }, about(model, Kind::Model, None), button(props, tasks, false, &model.name))
                }) }
                { for saes.iter().enumerate().map(|(at, sae)| {
                    let hook = hooks[at].as_deref();
                    // An SAE that comes with a model is for that one.
                    let model = props.model.as_ref().filter(|_| models.is_empty());
                    let stranger = model.and_then(|model| does_not_belong(model, sae.width(), sae.hook.as_deref().or(hook)));
                    let blocked = alone || lacks((sae, &hooks[at]));
                    let action = html! { <>
                        if sae.hook.is_none() {
                            { hook_choice(props, at, hook.unwrap_or_default()) }
                        }
                        { button(props, vec![of_sae(at)], blocked, &sae.name) }
                    </> };
                    let needs = models.is_empty().then(|| needed(props, sae, of_sae(at), lacks((sae, &hooks[at]))));
                    row(html! { &sae.name }, html! { <>{ about(sae, Kind::Sae, stranger) }{ needs }</> }, action)
                }) }
                { for problems.iter().map(|Trouble { file, message }| {
                    row(html! { <span class="bad">{ file }</span> }, html! { message }, Html::default())
                }) }
            </ul>
            if (2..=MOST_AT_ONCE).contains(&count) {
                <Load tasks={all} weights={props.weights.clone()} name="Load all" busy={props.busy} blocked={lacking || (models.is_empty() && alone)} />
            }
        </>
    }
}

/// The model that an SAE needs and that is not loaded: a question to load both, where the site offers that model; else its name.
fn needed(props: &Props, sae: &FoundPart, task: Task, lacking: bool) -> Html {
    let catalogue = match &props.catalogue {
        Remote::Here(catalogue) => Some(&**catalogue),
        _ => None,
    };
    let name = sae.model.as_deref().unwrap_or_default();
    let offered = catalogue.and_then(|catalogue| catalogue.named(name));
    let loaded = props.model.as_deref();
    let (entry, mirror) = match (offered, loaded) {
        (Some(entry), Some(model)) if entry.is(model) => return Html::default(),
        (Some(entry), _) => (entry, catalogue.map_or("", |catalogue| &catalogue.mirror)),
        (None, Some(_)) => return Html::default(),
        (None, None) => {
            let text = match name {
                "" => "No model is loaded, and its files do not say which one it was trained on: load that one first, from the list above or from files.".to_owned(),
                name => format!("It was trained on {name}, which the list above does not have: load that model first, from files or a link."),
            };
            return html! { <span class="needs" data-testid="needs-model">{ text }</span> };
        }
    };
    let offer = &entry.offer;
    let mut download = Download::default();
    let left = (offer.bytes - entry.stored_bytes).max(0.0);
    if left > 0.0 {
        download.add(repository_host(mirror), Some(left));
    }
    // A file is on this device already.
    if !task.id.starts_with(FILE) {
        download.add(link_host(&task.id, mirror), None);
    }
    let model = Task {
        bytes: Some(offer.bytes),
        ..Task::catalogue(Kind::Model, offer.name.clone(), &offer.id, None, None)
    };
    let gone = loaded.map_or_else(String::new, |model| {
        format!(
            " {} and its SAEs make room for them; they can be had back.",
            model.name
        )
    });
    let question = format!(
        "It was trained on {}. Load that model ({}) with it? {}{gone}",
        offer.name,
        bytes(offer.bytes),
        download.sentence(&props.pace)
    );
    html! {
        <span class="needs" data-testid="needs-model">
            { question }
            if !offer.fits.ok {
                { " " }<span class="bad">{ format!("It {}.", offer.fits.reason) }</span>
            }
            { " " }<Load tasks={vec![model, task]} weights={props.weights.clone()} name="Load both" busy={props.busy} blocked={lacking || !offer.fits.ok} label={format!("Load both: {} and {}", offer.name, sae.name)} />
        </span>
    }
}

fn button(props: &Props, tasks: Vec<Task>, blocked: bool, name: &str) -> Html {
    html! { <Load {tasks} weights={props.weights.clone()} busy={props.busy} {blocked} label={format!("Load {name}")} /> }
}

/// A part's kind, hook and room on the device; of one that does not belong to the model, that.
fn about(part: &FoundPart, kind: Kind, stranger: Option<String>) -> Html {
    let text = match (kind, &part.hook) {
        (Kind::Model, _) => format!("model · {}", part.summary),
        (_, Some(hook)) => format!("SAE · {} · {hook}", part.summary),
        (_, None) => format!("SAE · {} · it does not say where it belongs", part.summary),
    };
    html! {
        <>
            { text }
            if let Some(stranger) = stranger {
                { " · " }<span class="bad" data-testid="stranger">{ stranger }</span>
            } else if let Some(fits) = &part.fits {
                { " · " }{ room(fits) }
            }
        </>
    }
}

/// True if something fits the device, or how.
fn room(fits: &Fits) -> Html {
    let (class, text) = match (fits.ok, fits.reason.as_str()) {
        (true, "") => ("good", "fits"),
        (true, reason) => ("", reason),
        (false, reason) => ("bad", reason),
    };
    html! { <span {class}>{ text }</span> }
}

/// The hook that was chosen for an SAE that does not say where it belongs; or that the address names together with it.
fn hook_of(props: &Props, at: usize, sae: &FoundPart) -> Option<String> {
    let slot = slot(props.section);
    let chosen = props.hooks.iter().find(|one| (one.0, one.1) == (slot, at));
    let chosen = chosen.map(|one| one.2.clone());
    let wanted = props.wanted.sae.as_deref().and_then(OwnFile::of);
    let wanted = wanted.filter(|file| file.name == sae.name);
    let hook = chosen.or_else(|| wanted?.hook.map(str::to_owned));
    hook.filter(|hook| !hook.is_empty())
}

/// The hooks of the loaded model at which SAEs are trained.
fn hook_choice(props: &Props, at: usize, now: &str) -> Html {
    let layers = props
        .model
        .as_ref()
        .map_or(0, |model| model.n_layers as u32);
    let mut hooks: Vec<_> = (0..layers)
        .flat_map(|layer| POINTS.map(|point| format!("blocks.{layer}.{point}")))
        .collect();
    if !now.is_empty() && !hooks.iter().any(|hook| hook == now) {
        hooks.push(now.to_owned());
    }
    let none = (String::new(), "where does it belong?".to_owned());
    let values = std::iter::once(none).chain(hooks.into_iter().map(|hook| (hook.clone(), hook)));
    html! { <HookChoice slot={slot(props.section)} {at} values={values.collect::<Vec<_>>()} now={now.to_owned()} /> }
}

#[derive(Clone, PartialEq, Properties)]
struct HookChoiceProps {
    slot: usize,
    at: usize,
    values: Vec<(String, String)>,
    now: String,
}

#[component]
fn HookChoice(props: &HookChoiceProps) -> Html {
    let HookChoiceProps { slot, at, .. } = *props;
    let chosen = use_controller().on_load(move |hook| LoadAction::Hook(slot, at, hook));
    html! { <Choices label="hook" values={props.values.clone()} now={props.now.clone()} {chosen} /> }
}
