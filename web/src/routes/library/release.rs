//! A release of SAEs as a row of its model's table.

use yew::prelude::*;

use crate::browser;
use crate::context::use_controller;
use crate::format::{bytes, grouped};
use crate::library::choice::{Choice, fits_of};
use crate::offers::{CatalogueSae, Fits};
use crate::state::load::LoadAction;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The release.
    pub release: CatalogueSae,
    /// True if its model is the loaded one.
    pub there: bool,
    /// Its layers that are loaded.
    pub loaded: Vec<u32>,
    /// Its layers that are chosen.
    pub chosen: Vec<u32>,
    /// Why it cannot belong to the loaded model.
    pub stranger: Option<String>,
    /// The question about the chosen ones.
    pub children: Html,
}

/// The row, and the question below it. Narrow pages stack its cells, so each one states its role.
#[component]
pub fn Release(props: &Props) -> Html {
    let Props { release, there, .. } = props;
    let offer = &release.offer;
    let kind = match (release.architecture.as_str(), release.k) {
        ("topk", Some(k)) => format!("TopK, k = {k}"),
        ("standard", _) => "ReLU".to_owned(),
        (other, _) => other.to_owned(),
    };
    let hook = release.hook.strip_prefix("blocks.{L}.");
    let fits = match &props.stranger {
        Some(stranger) => html! { <span class="bad" data-testid="stranger">{ stranger }</span> },
        None => room(fits_of(release, *there)),
    };
    html! {
        <>
            <tr role="row" data-testid="release" data-release={offer.id.clone()}>
                <th role="rowheader" scope="row" class="name"><b>{ &offer.name }</b>{ " " }<span class="muted">{ kind }</span></th>
                <td role="cell" class="hook"><code>{ hook.unwrap_or(&release.hook) }</code></td>
                <td role="cell" class="number latents">{ grouped(release.d_sae) }<span class="small-only">{ " latents" }</span></td>
                <td role="cell" class="strip">{ strip(props) }</td>
                <td role="cell" class="number size">{ bytes(offer.bytes) }<span class="small-only">{ " each" }</span></td>
                <td role="cell" class="room">{ fits }</td>
                <td role="cell" class="licence">{ licence(&offer.licence) }</td>
                <td role="cell" class="source">{ source(&offer.repo, &offer.name) }</td>
            </tr>
            if !props.chosen.is_empty() {
                <tr role="row" class="asks"><td role="cell" colspan="8">{ props.children.clone() }</td></tr>
            }
        </>
    }
}

/// The layers as buttons: pressed where chosen, marked where stored, a tick where loaded.
fn strip(props: &Props) -> Html {
    let Props { release, .. } = props;
    let label = format!("Layers of {}", release.offer.name);
    let one = |(at, &layer): (usize, &u32)| {
        let stored = release.stored_bytes.get(at).copied().unwrap_or_default();
        let loaded = props.there && props.loaded.contains(&layer);
        html! {
            <Layer release={release.offer.id.clone()} {layer} {loaded} whole={stored >= release.offer.bytes} part={stored > 0.0} chosen={props.chosen.contains(&layer)} />
        }
    };
    html! { <div class="layers" role="group" aria-label={label}>{ for release.layers.iter().enumerate().map(one) }</div> }
}

/// A layer of a release.
#[derive(Clone, PartialEq, Properties)]
struct LayerProps {
    release: String,
    layer: u32,
    chosen: bool,
    loaded: bool,
    /// True if the browser stores all of it, or a part.
    whole: bool,
    part: bool,
}

#[component]
fn Layer(props: &LayerProps) -> Html {
    let controller = use_controller();
    let LayerProps { layer, loaded, .. } = *props;
    let state = match (loaded, props.whole, props.part) {
        (true, ..) => ", loaded",
        (_, true, _) => ", stored in this browser",
        (_, _, true) => ", partly stored in this browser",
        _ => "",
    };
    let onclick = {
        let release = props.release.clone();
        move |_: MouseEvent| {
            if !loaded {
                controller.dispatch_load(LoadAction::Layer(release.clone(), layer));
            }
        }
    };
    html! {
        <button type="button" class={classes!(loaded.then_some("loaded"), props.whole.then_some("whole"))} data-testid="layer" data-layer={layer.to_string()}
            aria-pressed={props.chosen.to_string()} aria-disabled={loaded.then_some("true")} aria-label={format!("layer {layer}{state}")} title={format!("layer {layer}{state}")} {onclick}>{ layer }</button>
    }
}

/// Selector of the button of the first chosen layer.
pub fn layer_button(choice: &Choice) -> String {
    let layer = choice.layers.first().copied().unwrap_or_default();
    format!(
        "[data-release=\"{}\"] [data-layer=\"{layer}\"]",
        choice.entry
    )
}

/// Fit on this device in a few words; the reason in full is part of the question.
pub fn room(fits: &Fits) -> Html {
    let numbers = format!(
        "needs {}, {} available",
        bytes(fits.needed_bytes),
        bytes(fits.available_bytes)
    );
    let (class, text) = match (fits.ok, fits.reason.is_empty()) {
        (true, true) => ("good", "fits".to_owned()),
        (true, false) => (
            "",
            format!("stays in its file, needs {}", bytes(fits.needed_bytes)),
        ),
        (false, _) => ("bad", format!("does not fit: {numbers}")),
    };
    html! { <span {class} title={fits.reason.clone()}>{ text }</span> }
}

/// A licence, or that none is stated.
pub fn licence(licence: &str) -> Html {
    match licence {
        "" | "unknown" => html! { <span class="muted">{ "not stated" }</span> },
        licence => html! { { licence } },
    }
}

/// A link to where something was published.
pub fn source(repository: &str, name: &str) -> Html {
    html! {
        <a href={browser::published(repository)} target="_blank" rel="noreferrer" title={repository.to_owned()}>{ "source" }<span class="sr">{ format!(" of {name}, opens huggingface.co in a new tab") }</span></a>
    }
}
