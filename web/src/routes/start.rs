//! The introduction above the prompt.

use yew::prelude::*;

use crate::components::term::{defined, described};
use crate::definitions::{FEATURE, LAYER, SAE, TOKEN};
use crate::state::route::Route;
use crate::state::url::Place;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
}

/// What this page is, in one sentence, and where to go from here.
#[component]
pub fn Start(props: &Props) -> Html {
    let to = |route| props.place.clone().on(route).to_hash();
    html! {
        <section class="intro" aria-labelledby="intro-title" data-testid="intro">
            <h2 id="intro-title">{ "See what a language model computes, feature by feature, on your own machine." }</h2>
            <p>
                { "A " }{ described(SAE, "sparse autoencoder (SAE)") }
                { " splits the model's activity at one " }{ defined(LAYER) }{ " into thousands of " }{ described(FEATURE, "features") }
                { ". Each coloured " }{ defined(TOKEN) }{ " below is one where the selected feature is active. Nothing leaves this page. Words with a dotted line open their meaning." }
            </p>
            <ul class="doors">
                <li><a href={to(Route::Prompt)}><b>{ "Look into a prompt" }</b><span>{ "Type any text: its features, what they push the model to say, and what changes without them" }</span></a></li>
                <li><a href={to(Route::Library)}><b>{ "Bring your own SAE" }</b><span>{ "Published models and SAEs, files of your own, links" }</span></a></li>
            </ul>
        </section>
    }
}
