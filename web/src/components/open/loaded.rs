//! The loaded model and SAEs, with each SAE's numbers on the sample text.

use yew::prelude::*;

use crate::components::notices::notices;
use crate::components::term::defined;
use crate::controller::Controller;
use crate::data::{SaeInfo, SampleLoss};
use crate::definitions::{DELTA_CE, FVU, KL, L0};
use crate::display::hook_label;
use crate::format::{count, fixed, optional};
use crate::state::{Remote, Sample, State};

/// The list.
pub fn loaded(controller: &Controller, state: &State) -> Html {
    let Some(model) = &state.model else {
        return Html::default();
    };
    if state.saes.is_empty() {
        return html! {
            <div class="loaded">
                <p class="line">{ format!("Loaded: {}, without an SAE.", model.name) }</p>
                { notices(&model.notices) }
                { sample_loss(&state.sample_loss) }
            </div>
        };
    }
    html! {
        <div class="loaded">
            <h3>{ format!("Loaded: {}", model.name) }</h3>
            { notices(&model.notices) }
            { sample_loss(&state.sample_loss) }
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

/// The doubts about numbers on plain prose: the engine's, or else a weaker one of the page's. That it was
/// trained on another model stands there already.
fn doubt(sae: &SaeInfo, sample: &Sample) -> Option<String> {
    let known = |caution: &&String| sae.other_model && caution.contains(&sae.model_name);
    let mut doubts: Vec<_> = sample
        .cautions
        .iter()
        .filter(|one| !known(one))
        .cloned()
        .collect();
    if doubts.is_empty() {
        doubts.extend(sample.metrics.doubt());
    }
    (!doubts.is_empty()).then(|| doubts.join(" "))
}

fn line(controller: &Controller, state: &State, sae: &SaeInfo) -> Html {
    let numbers = state.numbers_of(&sae.id);
    let cells = match numbers {
        Some(Remote::Here(Sample { metrics, .. })) => [
            (metrics.fvu, 3),
            (metrics.l0, 1),
            (metrics.delta_ce, 3),
            (metrics.kl, 3),
        ]
        .map(|(value, decimals)| optional(value, decimals)),
        Some(Remote::Waiting) => std::array::from_fn(|_| "…".to_owned()),
        _ => std::array::from_fn(|_| optional(None, 0)),
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
    let over = match numbers {
        Some(Remote::Here(Sample { metrics, .. })) => format!(" · N = {}", metrics.positions),
        _ => String::new(),
    };
    html! {
        <>
            <tr data-testid="loaded-sae" data-sae={sae.id.clone()}>
                <th scope="row" {title}>{ hook_label(&sae.hook) }{ " " }<span class="unit">{ format!("{} · {}{stays}{over}", sae.architecture, sae.n_latents) }</span></th>
                { for cells.map(|cell| html! { <td class="number">{ cell }</td> }) }
                <td class="number"><button type="button" class="quiet" title="Takes it off the device" disabled={state.job.is_some()} aria-label={format!("Remove {}", sae.id)} onclick={remove}>{ "×" }</button></td>
            </tr>
            if let Some(caution) = sae.other_model() {
                <tr><td colspan="6" class="caution" data-testid="other-model">{ caution }</td></tr>
            }
            if let Some(Remote::Here(sample)) = numbers {
                if let Some(doubt) = doubt(sae, sample) {
                    <tr><td colspan="6" class="caution" data-testid="doubt">{ doubt }</td></tr>
                }
            }
            if !sae.notices.is_empty() {
                <tr><td colspan="6">{ notices(&sae.notices) }</td></tr>
            }
            if let Some(Remote::Failed(message)) = numbers {
                <tr><td colspan="6" class="caution">{ message }</td></tr>
            }
        </>
    }
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
