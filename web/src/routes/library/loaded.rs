//! The loaded model and SAEs with each SAE's numbers on the sample text, and what was removed.

use yew::prelude::*;

use super::parts::{ActionButton, Load};
use crate::components::notices::notices;
use crate::components::term::defined;
use crate::context::use_controller;
use crate::data::{self, ModelInfo, SaeInfo, SampleLoss, other_model};
use crate::definitions::{DELTA_CE, FVU, KL, L0};
use crate::display::hook_label;
use crate::format::{NONE, count, fixed, grouped, optional};
use crate::shared::Shared;
use crate::state::reference::readable;
use crate::state::removed::{Earlier, Removed, Row, rows};
use crate::state::task::Task;
use crate::state::{Remote, Sample};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Those that were removed.
    pub removed: Vec<Removed>,
    /// The model before.
    pub earlier: Option<Earlier>,
    /// Numbers on the sample text, by SAE.
    pub numbers: Vec<(String, Remote<Sample>)>,
    /// The model's loss on it.
    pub sample_loss: Remote<Option<SampleLoss>>,
    /// Format of the weights on the device.
    pub weights: String,
    /// True while something is being loaded.
    pub busy: bool,
}

/// The section.
#[component]
pub fn Loaded(props: &Props) -> Html {
    let list = rows(&props.saes, &props.removed);
    let title = match &props.model {
        Some(model) => format!("On the device: {}", model.name),
        None => "On the device".to_owned(),
    };
    html! {
        <section class="card loaded" aria-labelledby="loaded-title">
            <h2 id="loaded-title" tabindex="-1">{ title }</h2>
            if let Some(model) = &props.model {
                { notices(&model.notices) }
                { sample_loss(&props.sample_loss) }
                if list.is_empty() {
                    <p class="muted">{ "No SAE is loaded for it." }</p>
                } else {
                    { table(props, &list) }
                }
            } else {
                <p class="muted">{ "No model is loaded." }</p>
            }
            if let Some(earlier) = &props.earlier {
                <p class="line" data-testid="earlier">
                    <span>{ format!("Before: {}", before(earlier)) }</span>
                    <Load tasks={earlier.tasks.clone()} weights={props.weights.clone()} name="Load again" busy={props.busy} label={format!("Load {} again", earlier.name)} />
                </p>
            }
        </section>
    }
}

fn before(earlier: &Earlier) -> String {
    match earlier.tasks.len().saturating_sub(1) {
        0 => earlier.name.clone(),
        saes => format!("{} with {}", earlier.name, count(saes, "SAE")),
    }
}

fn table(props: &Props, list: &[Row]) -> Html {
    let numbers = |id: &str| {
        let found = props.numbers.iter().find(|one| one.0 == id);
        found.map_or(Remote::Idle, |one| one.1.clone())
    };
    html! {
        <table class="metrics" data-testid="loaded">
            <thead><tr>
                <th scope="col" title="The numbers are taken on a sample text of the page, right after an SAE is loaded">{ "on a sample text" }</th>
                { for [FVU, L0, DELTA_CE, KL].map(|term| html! { <th scope="col" class="number">{ defined(term) }</th> }) }
                <th scope="col"><span class="sr">{ "remove or load again" }</span></th>
            </tr></thead>
            <tbody>{ for list.iter().map(|row| match row {
                Row::Loaded(sae) => html! { <Line key={sae.id.clone()} sae={(*sae).clone()} numbers={numbers(&sae.id)} busy={props.busy} weights={props.weights.clone()} /> },
                Row::Removed(removed) => html! { <Line key={removed.sae.id.clone()} sae={removed.sae.clone()} removed={(*removed).clone()} busy={props.busy} weights={props.weights.clone()} /> },
            }) }</tbody>
        </table>
    }
}

/// An SAE.
#[derive(Clone, PartialEq, Properties)]
struct LineProps {
    sae: SaeInfo,
    /// Set where it was removed.
    #[prop_or_default]
    removed: Option<Removed>,
    #[prop_or_default]
    numbers: Remote<Sample>,
    busy: bool,
    weights: String,
}

/// Its row. A removed one keeps its place and its button, so that the focus stays where it is.
#[component]
fn Line(props: &LineProps) -> Html {
    let controller = use_controller();
    let LineProps { sae, numbers, .. } = props;
    let cells = match numbers {
        Remote::Here(Sample { metrics, .. }) => [
            (metrics.fvu, 3),
            (metrics.l0, 1),
            (metrics.delta_ce, 3),
            (metrics.kl, 3),
        ]
        .map(|(value, decimals)| optional(value, decimals)),
        Remote::Waiting => std::array::from_fn(|_| "…".to_owned()),
        _ => std::array::from_fn(|_| NONE.to_owned()),
    };
    let title = format!(
        "{} at {}: {}, {} latents",
        sae.id,
        sae.hook,
        sae.architecture,
        grouped(u32::try_from(sae.n_latents).unwrap_or(u32::MAX))
    );
    let away = props.removed.is_some();
    let onclick = {
        let (removed, id, weights) = (props.removed.clone(), sae.id.clone(), props.weights.clone());
        move |()| match &removed {
            Some(removed) => {
                let task = Task::again(removed);
                controller.run(task.into_iter().collect(), &weights, None);
            }
            None => controller.unload(id.clone()),
        }
    };
    let (name, label) = if away {
        ("Load again", format!("Load {} again", sae.id))
    } else {
        ("×", format!("Remove {}", sae.id))
    };
    let blocked = props.removed.as_ref().is_some_and(|one| !one.comes_back());
    html! {
        <>
            <tr data-testid={if away { "removed-sae" } else { "loaded-sae" }} data-sae={sae.id.clone()} class={classes!(away.then_some("away"))}>
                <th scope="row" {title}>{ hook_label(&sae.hook) }{ " " }<span class="unit">{ about(props) }</span></th>
                { for cells.map(|cell| html! { <td class="number">{ cell }</td> }) }
                <td class="number"><ActionButton class={classes!("quiet")} {label} busy={props.busy} {blocked} {onclick}>{ name }</ActionButton></td>
            </tr>
            if let (Some(caution), false) = (other_model(sae), away) {
                <tr><td colspan="6" class="caution" data-testid="other-model">{ caution }</td></tr>
            }
            if let Remote::Here(sample) = numbers {
                if let Some(doubt) = doubt(sae, sample) {
                    <tr><td colspan="6" class="caution" data-testid="doubt">{ doubt }</td></tr>
                }
            }
            if !sae.notices.is_empty() && !away {
                <tr><td colspan="6">{ notices(&sae.notices) }</td></tr>
            }
            if let Remote::Failed(message) = numbers {
                <tr><td colspan="6" class="caution">{ message }</td></tr>
            }
        </>
    }
}

/// Architecture, width, and where the weights are or the sample ends.
fn about(props: &LineProps) -> String {
    let LineProps { sae, numbers, .. } = props;
    let latents = u32::try_from(sae.n_latents).unwrap_or(u32::MAX);
    let mut text = format!("{} · {} latents", sae.architecture, grouped(latents));
    match &props.removed {
        Some(removed) if removed.comes_back() => text.push_str(" · removed"),
        Some(_) => text.push_str(" · removed; a script loaded it, and only that can load it again"),
        None if sae.weights == "streamed" => text.push_str(" · in its file"),
        None => {}
    }
    if let Remote::Here(Sample { metrics, .. }) = numbers {
        text.push_str(&format!(" · N = {}", metrics.positions));
    }
    text
}

/// The doubts about numbers on plain prose: the engine's, or else a weaker one of the page's. That it was
/// trained on another model stands there already.
fn doubt(sae: &SaeInfo, sample: &Sample) -> Option<String> {
    let known = |caution: &&String| {
        sae.other_model && caution.contains(sae.model_name.as_deref().unwrap_or_default())
    };
    let mut doubts: Vec<_> = sample
        .cautions
        .iter()
        .filter(|one| !known(one))
        .map(|one| one.replace(&sae.id, &readable(&sae.id)))
        .collect();
    if doubts.is_empty() {
        doubts.extend(data::doubt(&sample.metrics));
    }
    (!doubts.is_empty()).then(|| doubts.join(" "))
}

/// The model's loss on the sample text beside what is usual.
fn sample_loss(found: &Remote<Option<SampleLoss>>) -> Html {
    match found {
        Remote::Idle | Remote::Here(None) => Html::default(),
        Remote::Waiting => {
            html! { <p class="line" role="status">{ "Loss on the sample text: …" }</p> }
        }
        Remote::Failed(why) => html! { <p class="line caution">{ why }</p> },
        Remote::Here(Some(found)) => html! {
            <>
                <p class="line" data-testid="sample-loss">{ format!(
                    "Loss on the sample text: {} nats per token (N = {}; usual for a trained model: {}; chance: {})",
                    fixed(found.loss, 2), found.predictions, found.usual, fixed(found.chance, 2),
                ) }</p>
                if let Some(caution) = &found.caution {
                    <p class="caution" data-testid="sample-loss-caution">{ caution }</p>
                }
            </>
        },
    }
}
