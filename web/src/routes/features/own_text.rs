//! A text of one's own on the page of a feature, run by the loaded model.

use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::context::Context;
use super::strip::{Hovered, Strip};
use crate::context::use_controller;
use crate::data::Trace;
use crate::format::{count, fixed};
use crate::ranking;
use crate::shared::Shared;
use crate::state::live::{LiveAction, OwnText};
use crate::state::reference::NEURONS;
use crate::state::{Action, Remote};

/// The text, and what runs it.
#[derive(Clone, PartialEq)]
pub struct Own {
    /// Id of the feature's SAE once that is loaded.
    pub sae: Option<AttrValue>,
    /// True while that is on its way.
    pub coming: bool,
    /// True if a model is there.
    pub modelled: bool,
    /// The text as typed.
    pub typed: String,
    /// The run of it.
    pub traced: Option<(OwnText, Remote<Shared<Trace>>)>,
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
    /// The text.
    pub own: Own,
    /// Receiver of the token under the pointer.
    pub on_hover: Callback<Option<Hovered>>,
}

/// The part.
#[component]
pub fn OwnTextPart(props: &Props) -> Html {
    let controller = use_controller();
    let oninput = controller.on(|event: InputEvent| {
        let field: HtmlTextAreaElement = event.target_unchecked_into();
        Action::Live(LiveAction::Type(field.value()))
    });
    html! {
        <section class="card own-text" aria-labelledby="own-text-title">
            <h2 id="own-text-title">{ "Test your own text" }</h2>
            <textarea data-testid="own-text" rows="2" placeholder="Type a text: the feature's activation at each of its tokens" aria-labelledby="own-text-title" spellcheck="false" value={props.own.typed.clone()} {oninput} />
            <div class="own-text-result" aria-live="polite" data-testid="own-text-result">{ result(props) }</div>
        </section>
    }
}

fn result(props: &Props) -> Html {
    let muted = |text: String| html! { <p class="muted">{ text }</p> };
    let Some(sae) = &props.own.sae else {
        return absent(&props.context, props.own.coming, props.own.modelled);
    };
    if props.own.typed.trim().is_empty() {
        return muted("It is run by the model on this machine.".to_owned());
    }
    match &props.own.traced {
        Some((own, Remote::Here(trace))) if own.sae.as_str() == sae.as_str() => {
            shown(props, own, trace)
        }
        Some((_, Remote::Failed(why))) => {
            html! { <div class="error" role="alert"><p>{ why }</p><Retry /></div> }
        }
        _ => html! { <p class="muted" aria-busy="true">{ "Running the model…" }</p> },
    }
}

/// Runs the text again.
#[component]
fn Retry() -> Html {
    let controller = use_controller();
    html! { <button type="button" onclick={controller.on(|_| Action::Live(LiveAction::Retry))}>{ "Try again" }</button> }
}

/// Why the model cannot run with this feature, and what leads there.
pub fn absent(context: &Context, coming: bool, modelled: bool) -> Html {
    let neurons = context
        .set()
        .filter(|set| set.kind == ::atlas::SetKind::Neurons);
    if coming {
        html! { <p class="muted" aria-busy="true">{ "The model and its SAEs are on their way…" }</p> }
    } else if !modelled {
        html! { <p class="muted">{ "No model is loaded, so nothing can be run here." }</p> }
    } else if let Some(set) = neurons {
        let mut place = context.place.clone();
        place.sae = Some(format!("{NEURONS}{}", set.hook));
        place.feature = None;
        html! { <p class="muted">{ "These neurons are not among what is loaded. " }<a href={place.to_hash()}>{ "Load them" }</a></p> }
    } else {
        html! { <p class="muted">{ "The SAE of this feature is not loaded, so nothing can be run here." }</p> }
    }
}

fn shown(props: &Props, own: &OwnText, trace: &Trace) -> Html {
    let Some((sae, record)) = trace.sae(&own.sae).zip(props.context.record.get()) else {
        return Html::default();
    };
    let first = trace.first_own();
    let along = ranking::along(sae, trace.tokens.len(), record.latent);
    let texts: Vec<String> = trace
        .tokens
        .iter()
        .map(|token| token.text.clone())
        .collect();
    let active = along
        .iter()
        .skip(first)
        .filter(|value| **value > 0.0)
        .count();
    let strongest = ranking::strongest(&along, first, 1)
        .first()
        .copied()
        .unwrap_or(first);
    let largest = along.get(strongest).copied().unwrap_or(0.0);
    let on_choose = {
        let mut place = props
            .context
            .place
            .clone()
            .on(crate::state::route::Route::Prompt);
        place.prompt = Some(own.text.clone());
        place.sae = Some(own.sae.clone());
        place.feature = Some(record.latent);
        place.switch_positions_off();
        Callback::from(move |token: usize| {
            let mut place = place.clone();
            place.token = Some(token);
            crate::browser::follow(&place.to_hash());
        })
    };
    let stale = own.text != props.own.typed;
    html! {
        <>
            <Strip {texts} max={record.moments.max.max(largest)} {first} last={trace.tokens.len()} focus={strongest} label="Your text" on_hover={props.on_hover.clone()} {on_choose} along={along.clone()} />
            <p class="line">
                <span>{ "active on " }<b>{ active }</b>{ format!(" of {}", count(trace.tokens.len() - first, "token")) }</span>
                <span>{ "largest activation " }<b>{ fixed(largest.into(), 3) }</b></span>
                if stale { <span>{ "running the model for what was typed since…" }</span> }
            </p>
        </>
    }
}
