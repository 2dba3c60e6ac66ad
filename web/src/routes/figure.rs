//! A figure in an article: one view without the page's frame, and a link to the page.

use wire::figure::View as Figure;
use yew::prelude::*;

use super::circuits::{CircuitsRoute, Props as CircuitsProps};
use super::prompt::{PromptRoute, Props as PromptProps};
use super::steer::{Props as SteerProps, SteerRoute};
use crate::components::prompt_field::PromptField;
use crate::shell::progress::Progress;
use crate::state::State;

/// What the figure shows. `dock` is the selected feature, where one is.
pub fn figure(state: &State, figure: Figure, dock: Option<Html>) -> Html {
    let content = match figure {
        Figure::Prompt | Figure::NextToken => html! { <PromptRoute ..PromptProps::of(state) /> },
        Figure::Feature => {
            html! { <><PromptRoute ..PromptProps::of(state) />{ dock.unwrap_or_default() }</> }
        }
        Figure::Steer => html! {
            <>
                <div class="prompt-line"><PromptField testid="prompt-line" prompt={state.prompt().to_owned()} invalid=false rows=1 /></div>
                <SteerRoute ..SteerProps::of(state) />
            </>
        },
        Figure::Graph => html! { <CircuitsRoute ..CircuitsProps::of(state) /> },
    };
    html! {
        <div class="figure" data-testid="figure" data-figure={figure.name()}>
            { content }
            { foot(state) }
        </div>
    }
}

/// What is under way, and the way to the page.
fn foot(state: &State) -> Html {
    let place = state.address();
    let route = place.route;
    let model = state.shown_model().map(|model| model.name.clone());
    html! {
        <p class="line">
            <span>{ model }</span>
            <Progress job={state.job.clone()} meter={state.meter.clone()} phase={state.phase.clone()} first={state.model.is_some() && state.trace.is_none()} />
            <a class="end" data-testid="figure-page" href={place.on(route).to_hash()}>{ "Open in sae-explorer" }</a>
        </p>
    }
}
