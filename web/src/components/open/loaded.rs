//! What is loaded, with each SAE's numbers on the sample text.

use yew::prelude::*;

use crate::components::term::defined;
use crate::controller::Controller;
use crate::data::{Metrics, SaeInfo};
use crate::definitions::{DELTA_CE, FVU, KL, L0};
use crate::display::hook_label;
use crate::format::{count, optional};
use crate::state::{Remote, State};

/// The list.
pub fn loaded(controller: &Controller, state: &State) -> Html {
    let Some(model) = &state.model else {
        return Html::default();
    };
    if state.saes.is_empty() {
        return html! { <p class="line loaded">{ format!("Loaded: {}, without an SAE.", model.name) }</p> };
    }
    html! {
        <div class="loaded">
            <h3>{ format!("Loaded: {}", model.name) }</h3>
            <table class="metrics" data-testid="loaded">
                <thead><tr>
                    <th scope="col" title="The numbers are taken on a sample text of the page, right after an SAE is loaded">{ "on a sample text" }</th>
                    { for [FVU, L0, DELTA_CE, KL].map(|term| html! { <th scope="col" class="number">{ defined(term) }</th> }) }
                    <th scope="col"><span class="sr">{ "remove" }</span></th>
                </tr></thead>
                <tbody>{ for state.saes.iter().map(|sae| line(controller, state, sae)) }</tbody>
            </table>
        </div>
    }
}

fn line(controller: &Controller, state: &State, sae: &SaeInfo) -> Html {
    let numbers = state.numbers_of(&sae.id);
    let cells = match numbers {
        Some(Remote::Here(Metrics {
            fvu,
            l0,
            delta_ce,
            kl,
            ..
        })) => [(*fvu, 3), (*l0, 1), (*delta_ce, 3), (*kl, 3)]
            .map(|(value, decimals)| optional(value, decimals)),
        Some(Remote::Waiting) => std::array::from_fn(|_| "…".to_owned()),
        _ => std::array::from_fn(|_| "—".to_owned()),
    };
    let remove = {
        let (controller, id) = (controller.clone(), sae.id.clone());
        move |_| controller.unload(id.clone())
    };
    let title = format!(
        "{} at {}: {}, {}",
        sae.id,
        sae.hook,
        sae.architecture,
        count(sae.n_latents, "latent")
    );
    let stays = match sae.weights.as_str() {
        "streamed" => " · in its file",
        _ => "",
    };
    html! {
        <>
            <tr data-testid="loaded-sae" data-sae={sae.id.clone()}>
                <th scope="row" {title}>{ hook_label(&sae.hook) }{ " " }<span class="unit">{ format!("{} · {}{stays}", sae.architecture, sae.n_latents) }</span></th>
                { for cells.map(|cell| html! { <td class="number">{ cell }</td> }) }
                <td class="number"><button type="button" class="quiet" title="Takes it off the device" disabled={state.job.is_some()} aria-label={format!("Remove {}", sae.id)} onclick={remove}>{ "×" }</button></td>
            </tr>
            if let Some(caution) = sae.other_model() {
                <tr><td colspan="6" class="caution" data-testid="other-model">{ caution }</td></tr>
            }
            if let Some(Remote::Here(metrics)) = numbers {
                if let Some(doubt) = metrics.doubt() {
                    <tr><td colspan="6" class="caution" data-testid="doubt">{ doubt }</td></tr>
                }
            }
            if let Some(Remote::Failed(message)) = numbers {
                <tr><td colspan="6" class="caution">{ message }</td></tr>
            }
        </>
    }
}
