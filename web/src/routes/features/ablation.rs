//! What ablating a feature does in its strongest contexts, measured by the loaded model.

use web_sys::AbortController;
use yew::prelude::*;

use super::context::Context;
use super::own_text::absent;
use crate::atlas::{Effect, Shift, text_of};
use crate::components::bars::{Bar, bars};
use crate::components::spark::spark;
use crate::components::term::{defined, described};
use crate::components::token_text::{quoted_token, token_text};
use crate::context::use_controller;
use crate::definitions::{ABLATION, KL_ABLATED};
use crate::display::quoted;
use crate::format::{NONE, percent, share, signed, small};
use crate::requests::live::{Context as Run, ablate};
use crate::state::atlas::AtlasFeature;
use crate::state::live::Ablations;

/// Contexts that are run.
const CONTEXTS: usize = 5;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
    /// Id of its SAE once that is loaded.
    pub sae: Option<AttrValue>,
    /// True while that is on its way.
    pub coming: bool,
    /// The token that goes before a text.
    pub bos: Option<u32>,
    /// The last ablations, of this feature or another one.
    pub ablations: Ablations,
}

/// The part.
#[component]
pub fn Ablation(props: &Props) -> Html {
    let controller = use_controller();
    let stop = use_mut_ref(|| None::<AbortController>);
    let context = &props.context;
    let feature = {
        let record = context.record.get();
        let set = context.set();
        set.zip(record).map(|(set, record)| AtlasFeature {
            set: set.id.clone(),
            latent: record.latent,
        })
    };
    {
        // Another feature, or another page: nobody waits for these any more.
        let stop = stop.clone();
        use_effect_with(feature.clone(), move |_| {
            move || {
                if let Some(stop) = stop.take() {
                    stop.abort();
                }
            }
        });
    }
    let Some((record, feature)) = context.record.get().zip(feature) else {
        return Html::default();
    };
    let examples: Vec<_> = record.top.iter().take(CONTEXTS).cloned().collect();
    let ablations = Some(&props.ablations)
        .filter(|ablations| ablations.feature == feature && ablations.total > 0);
    let running = ablations.is_some_and(|ablations| ablations.running);
    let begin = {
        let (stop, sae, feature) = (stop.clone(), props.sae.clone(), feature.clone());
        let bos = props.bos.filter(|_| context.info.settings.bos);
        let runs: Vec<Run> = examples
            .iter()
            .map(|example| Run::new(example, bos))
            .collect();
        move |_: MouseEvent| {
            if let Some(sae) = &sae {
                *stop.borrow_mut() =
                    ablate(&controller, feature.clone(), sae.to_string(), runs.clone());
            }
        }
    };
    let cancel = move |_: MouseEvent| {
        if let Some(stop) = stop.take() {
            stop.abort();
        }
    };
    let effects = ablations
        .map(|ablations| ablations.effects.as_slice())
        .unwrap_or_default();
    let results = effects.iter().zip(&examples).map(|(effect, example)| {
        let at = example.tokens.get(usize::from(example.peak)).copied();
        let text = at
            .map(|token| text_of(context.vocabulary.as_deref(), token))
            .unwrap_or_default();
        html! { <li>{ shown(effect, &text) }</li> }
    });
    html! {
        <section class="card" aria-labelledby="ablation-title" data-testid="atlas-ablation">
            <div class="card-head">
                <h2 id="ablation-title">{ described(ABLATION, "What it does when ablated") }{ ", measured" }</h2>
                if running {
                    <button type="button" data-testid="ablation-cancel" onclick={cancel}>{ "Cancel" }</button>
                } else if props.sae.is_some() && !examples.is_empty() {
                    <button type="button" data-testid="ablation-run" onclick={begin}>{ format!("Run in its {} strongest contexts", examples.len()) }</button>
                }
            </div>
            if examples.is_empty() {
                <p class="muted">{ "It has no context in which to ablate it." }</p>
            } else if props.sae.is_none() {
                { absent(context, props.coming, true) }
            } else if ablations.is_none() {
                <p class="muted">{ "The feature is set to 0 at its strongest token alone, and the model goes on from there; the SAE's error stays." }</p>
            }
            <div role="status">
                if let Some(ablations) = ablations.filter(|ablations| ablations.running) {
                    <p class="line"><progress max={ablations.total.to_string()} value={ablations.effects.len().to_string()} aria-label="Ablations" />{ format!("{} of {} contexts", ablations.effects.len(), ablations.total) }</p>
                }
                if let Some(why) = ablations.and_then(|ablations| ablations.ended.as_ref()) {
                    <p class="muted">{ why }</p>
                }
            </div>
            <ol class="ablations" data-testid="ablation-results">{ for results }</ol>
        </section>
    }
}

fn shown(effect: &Effect, at: &str) -> Html {
    let largest = effect
        .loss_changes
        .iter()
        .map(|change| change.abs())
        .fold(0.0, f32::max);
    let most = effect.kl.iter().copied().fold(0.0, f32::max);
    html! {
        <>
            <p class="line">
                <span>{ "ablated at " }{ quoted_token(at) }</span>
                <span>{ "loss of later tokens " }<b>{ effect.loss_change.map_or_else(|| NONE.to_owned(), |change| signed(change, 3)) }</b>{ format!(" nats, N = {}", effect.loss_changes.len()) }</span>
                <span>{ defined(KL_ABLATED) }{ " " }<b>{ effect.mean_kl().map_or_else(|| NONE.to_owned(), small) }</b>{ format!(" nats, N = {}", effect.kl.len()) }</span>
            </p>
            <div class="two">
                <div>
                    <h3>{ "loss of each later token, ablated − clean" }</h3>
                    { spark(&effect.loss_changes, largest, true, "Change of each later token's loss") }
                </div>
                <div>
                    <h3>{ format!("KL after each token, at most {} nats", small(most.into())) }</h3>
                    <span class="kl">{ spark(&effect.kl, most, false, "KL after each token") }</span>
                </div>
            </div>
            <div class="two">
                { shifts("Tokens that become likelier", "up", &effect.up) }
                { shifts("Tokens that become less likely", "down", &effect.down) }
            </div>
        </>
    }
}

fn shifts(name: &'static str, kind: &'static str, shifts: &[Shift]) -> Html {
    if shifts.is_empty() {
        return html! { <p class="muted">{ "none among the likeliest" }</p> };
    }
    let largest = shifts
        .iter()
        .map(|one| (one.ablated - one.clean).abs())
        .fold(0.0, f32::max);
    let line = |one: &Shift| Bar {
        text: token_text(&one.text),
        value: format!(
            "{} → {}",
            percent(one.clean.into()),
            percent(one.ablated.into())
        ),
        share: share((one.ablated - one.clean).abs(), largest),
        title: format!("{} right after the ablated token", quoted(&one.text)),
        marked: false,
    };
    bars(name, kind, shifts.iter().map(line))
}
