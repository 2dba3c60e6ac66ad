//! The introduction above the prompt, and the tour.

mod tour;

use gloo::timers::callback::Timeout;
use yew::prelude::*;

use crate::browser;
use crate::components::term::{defined, described};
use crate::definitions::{FEATURE, LAYER, SAE, TOKEN};
use crate::state::route::Route;
use crate::state::url::Place;
use tour::Tour;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// True once there is something to tour: a trace with its features.
    pub ready: bool,
}

/// What this page is, in one sentence, and where to go from here.
#[component]
pub fn Start(props: &Props) -> Html {
    let touring = use_state(|| false);
    let to = |route| props.place.clone().on(route).to_hash();
    let begin = {
        let touring = touring.clone();
        move |_| touring.set(true)
    };
    let onleave = {
        let touring = touring.clone();
        Callback::from(move |()| {
            touring.set(false);
            browser::focus(TOUR_BUTTON);
        })
    };
    // A link is as good for the keyboard as for the mouse: it puts the focus where the door leads.
    let find = Callback::from(|event: MouseEvent| {
        event.prevent_default();
        browser::focus("[data-testid=feature-row] button");
    });
    let change = Callback::from(|event: MouseEvent| {
        event.prevent_default();
        open_dock();
        // Once it is drawn.
        Timeout::new(0, || browser::focus("[data-testid=ablate]")).forget();
    });
    html! {
        <section class="intro" aria-labelledby="intro-title" data-testid="intro">
            <h2 id="intro-title">{ "See what a language model computes, feature by feature, on your own machine." }</h2>
            <p>
                { "A " }{ described(SAE, "sparse autoencoder (SAE)") }
                { " splits the model's activity at one " }{ defined(LAYER) }{ " into thousands of " }{ described(FEATURE, "features") }
                { ". Each orange " }{ defined(TOKEN) }{ " below is one where the selected feature is active. Nothing leaves this page. Words with a dotted line open their meaning." }
                { " " }<button type="button" data-testid="begin-tour" disabled={!props.ready} onclick={begin}>{ "One-minute tour" }</button></p>
            <ul class="doors">
                <li><a href={to(Route::Prompt)} data-testid="door" onclick={find}><b>{ "Find a feature" }</b><span>{ "Type a text, choose a token: its features, and what each pushes the model to say" }</span></a></li>
                <li><a href={to(Route::Prompt)} data-testid="door" onclick={change}><b>{ "Change its mind" }</b><span>{ "Set a feature to zero or to a value, and see what the model says then" }</span></a></li>
                <li><a href={to(Route::Library)} data-testid="door"><b>{ "Bring your own SAE" }</b><span>{ "All published releases for GPT-2, listed before any download; files of yours; links" }</span></a></li>
            </ul>
            if *touring {
                <Tour {onleave} />
            }
        </section>
    }
}

/// Opens the sheet with the selected feature, which a narrow screen shows closed.
fn open_dock() {
    browser::click("[data-testid=dock][data-open=false] .handle");
}

/// Where the focus goes after the tour.
const TOUR_BUTTON: &str = "[data-testid=begin-tour]";
