//! Activations of a feature: their histogram, the contexts in which it fires, and a text of one's own. The token under the pointer
//! is marked in the histogram.

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::context::Context;
use super::contexts::Contexts;
use super::histogram::Chart;
use super::own_text::{Own, OwnTextPart};
use super::strip::Hovered;
use crate::atlas::stated;
use crate::components::term::described;
use crate::components::token_text::quoted_token;
use crate::definitions::ACTIVATION;
use crate::format::{fixed, grouped};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
    /// The person's own text.
    pub own: Own,
}

/// The part.
#[component]
pub fn Activations(props: &Props) -> Html {
    let hovered = use_state(|| None::<Hovered>);
    let logarithmic = use_state(|| true);
    let on_hover = {
        let hovered = hovered.clone();
        use_callback((), move |now: Option<Hovered>, ()| hovered.set(now))
    };
    let Some(record) = props.context.record.get() else {
        return Html::default();
    };
    let scale = |name: &'static str, value: bool| {
        let set = logarithmic.clone();
        html! { <button type="button" aria-pressed={(*logarithmic == value).to_string()} onclick={move |_| set.set(value)}>{ name }</button> }
    };
    html! {
        <>
            <section class="card feature-histogram" aria-labelledby="histogram-title">
                <div class="card-head">
                    <h3 id="histogram-title">{ described(ACTIVATION, "Activations") }{ format!(" above 0 on {} tokens", stated(&props.context.info, Quantity::Fired, || grouped(record.moments.fired))) }</h3>
                    <div class="seg small" role="group" aria-label="Scale of the counts">{ scale("linear", false) }{ scale("log", true) }</div>
                </div>
                <Chart histogram={record.histogram.clone()} label="Activations" unit="activation" marker={hovered.as_ref().map(|hovered| hovered.activation)} logarithmic={*logarithmic} />
                <p class="line hovered" aria-live="polite" data-testid="hovered">
                    if let Some(Hovered { text, activation, .. }) = &*hovered {
                        <span>{ quoted_token(text) }{ " " }<b>{ fixed((*activation).into(), 3) }</b></span>
                    } else {
                        <span>{ "Point at a token below: its activation is marked here." }</span>
                    }
                </p>
            </section>
            <OwnTextPart context={props.context.clone()} own={props.own.clone()} on_hover={on_hover.clone()} />
            <Contexts context={props.context.clone()} {on_hover} />
        </>
    }
}
