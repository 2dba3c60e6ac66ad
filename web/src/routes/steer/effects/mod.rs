//! What does each active feature of the prompt cause? Each is ablated by itself, and the model runs on.

mod along;
mod table;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::pages::pages;
use super::parts::{self, Shown, ended, labels_of, loaded_sae, sae_choice, value_of};
use crate::components::term::{defined, described};
use crate::context::use_controller;
use crate::data::{SaeInfo, Trace};
use crate::definitions::{ABLATION, EFFECT_KL, EFFECT_LOSS, LOGIT_DIFFERENCE};
use crate::export::effects_table;
use crate::format::{NONE, count, optional};
use crate::shared::Shared;
use crate::state::effects::{By, Effects, EffectsAction, Field};
use crate::state::route::Route;
use crate::state::url::Place;
use crate::state::{Action, State};
use table::Table;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Settings and what was measured.
    pub effects: Effects,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Id of the selected one, if it is loaded.
    pub sae: Option<String>,
    /// The trace that is measured, if it is of the prompt as it stands.
    pub trace: Option<Shared<Trace>>,
    /// Labels of the measured features that have one.
    pub labels: Shared<Vec<(u32, String)>>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        let effects = &state.effects;
        let sae = effects.about.as_ref().map_or("", |about| &about.sae);
        let measured = effects.effects.iter().map(|effect| effect.latent);
        Self {
            place: state.address(),
            effects: effects.clone(),
            saes: state.saes.clone(),
            sae: loaded_sae(state),
            trace: state.trace.clone().filter(|_| state.is_current()),
            labels: labels_of(state, sae, measured),
        }
    }
}

/// The route.
#[component]
pub fn EffectsRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        place,
        effects,
        saes,
        sae,
        trace,
        ..
    } = props;
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_effects()
    };
    let onsubmit = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let now = controller.now(Props::of);
            if let (Some(trace), Some(sae), false) = (&now.trace, now.sae, now.effects.running) {
                controller.measure_effects(trace, sae, &now.place.asked, now.effects.exact);
            }
        }
    };
    let asked = |field: Field, shown: Shown| {
        let oninput = controller.on(move |event: InputEvent| {
            Action::Effects(EffectsAction::Type(field, value_of(&event)))
        });
        parts::field(shown, place.asked.get(field.name()), oninput)
    };
    let onchange = controller.on(|event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::Effects(EffectsAction::Exact(input.checked()))
    });
    let idle = trace.is_none() || sae.is_none();
    html! {
        <div class="steer-route" data-testid="effects">
            { pages(place, Route::Effects) }
            <p>{ "Each feature that is active in the prompt is set to 0 by itself, with the SAE's error kept, and the model runs on: what changes is what the feature " }<em>{ "causes" }</em>{ " here (" }{ defined(ABLATION) }{ ")." }</p>
            <section class="card" aria-label="What is measured">
                <form class="controls" {onsubmit}>
                    if effects.running {
                        <button type="button" class="main" key="stop" data-testid="effects-stop" onclick={stop}>{ "Stop" }</button>
                    } else {
                        <button type="submit" class="main" key="start" data-testid="effects-start" disabled={idle}>{ "Measure" }</button>
                    }
                    { sae_choice(&controller, saes, sae.as_deref(), "effects-sae") }
                    { asked(Field::Positions, Shown { label: "at positions", size: "9", placeholder: "all".into(), testid: "effects-positions" }) }
                    { asked(Field::Target, Shown { label: "target token", size: "9", placeholder: " king".into(), testid: "effects-target" }) }
                    { asked(Field::Distractor, Shown { label: "against", size: "9", placeholder: " queen".into(), testid: "effects-distractor" }) }
                    <label title="Where the model runs on the CPU, KL is otherwise known within 5%, which is proven and said: that is faster. A GPU always measures everything."><input type="checkbox" data-testid="effects-exact" checked={effects.exact} {onchange} />{ " all exact" }</label>
                </form>
                { status(props, saes.is_empty()) }
            </section>
            if effects.about.is_some() && (effects.running || effects.ended.is_none() || !effects.effects.is_empty()) {
                { result(&controller, props) }
            }
        </div>
    }
}

/// What goes on, or why nothing does.
fn status(props: &Props, no_sae: bool) -> Html {
    let Props { effects, trace, .. } = props;
    let about = effects.about.as_ref();
    let nothing = effects.effects.is_empty() && effects.ended.is_some();
    let measured = about.filter(|_| !nothing).map(|about| {
        let done = effects.effects.len();
        match effects.running {
            true => format!(
                "{done} of {} measured…",
                count(about.expected, "active feature")
            ),
            false if done < about.expected => format!(
                "{done} of {} were measured.",
                count(about.expected, "active feature")
            ),
            false => format!("{} measured.", count(done, "active feature")),
        }
    });
    let stale = match (about, trace) {
        (Some(about), Some(trace)) => {
            !effects.running
                && (about.prompt != trace.prompt || Some(&about.sae) != props.sae.as_ref())
        }
        _ => false,
    };
    html! {
        <>
            if no_sae {
                <p class="muted">{ "Load an SAE in the library: its features are what is ablated." }</p>
            } else if trace.is_none() {
                <p class="muted">{ "The features can be measured once the model has read the prompt." }</p>
            }
            <p class="line" role="status" data-testid="effects-status" data-running={effects.running.to_string()} data-measured={effects.effects.len().to_string()}>
                { measured.map(|text| html! { <span>{ text }</span> }).unwrap_or_default() }
                if stale {
                    <span class="muted" data-testid="effects-stale">{ "What is below is of another prompt or SAE: measure again." }</span>
                }
            </p>
            if effects.running && let Some(about) = about {
                <progress max={about.expected.max(1).to_string()} value={effects.effects.len().to_string()} aria-label="Features measured" />
            }
            { ended(effects.ended.as_ref(), "effects-ended") }
        </>
    }
}

/// The ranking of what was measured.
fn result(controller: &crate::controller::Controller, props: &Props) -> Html {
    let Props {
        effects, labels, ..
    } = props;
    let Some(about) = &effects.about else {
        return Html::default();
    };
    let rank = By::ALL
        .into_iter()
        .filter(|by| *by != By::Target || about.compared.is_some());
    let name = |by: By| match by {
        By::Kl => "KL",
        By::Loss => "loss",
        By::Target => "target − distractor",
    };
    let copy = {
        let (controller, effects) = (controller.clone(), effects.clone());
        move |_: MouseEvent| {
            if let Some(about) = &effects.about {
                controller.copy(
                    "the effects as a table",
                    effects_table(about, &effects.ranked()),
                );
            }
        }
    };
    let clean = effects.clean.as_ref();
    html! {
        <section class="card" data-testid="effects-result" aria-labelledby="effects-title">
            <h2 id="effects-title">{ format!("Effects of the features of {}", about.sae) }</h2>
            <div class="controls">
                <span class="seg small" role="group" aria-label="Rank by">
                    { for rank.map(|by| html! {
                        <button type="button" data-testid="effects-by" data-by={name(by)} aria-pressed={(effects.by == by).to_string()} onclick={controller.on(move |_| Action::Effects(EffectsAction::Rank(by)))}>{ format!("by {}", name(by)) }</button>
                    }) }
                </span>
                <span class="seg small" role="group" aria-label="Tokens listed with">
                    { for [(false, "logits"), (true, "probabilities")].map(|(on, name)| html! {
                        <button type="button" aria-pressed={(effects.probabilities == on).to_string()} onclick={controller.on(move |_| Action::Effects(EffectsAction::Probabilities(on)))}>{ name }</button>
                    }) }
                </span>
                <button type="button" class="quiet" data-testid="effects-copy" disabled={effects.effects.is_empty()} onclick={copy}>{ "Copy as table" }</button>
            </div>
            if let Some(clean) = clean {
                <p class="line"><span>{ "Clean run: loss " }<b>{ optional(clean.loss, 3) }</b>{ " nats" }</span>
                    if let Some((target, distractor)) = &about.compared {
                        <span>{ format!("logit of “{}” minus that of “{}” ", target.text, distractor.text) }<b>{ clean.logit_difference.map_or_else(|| NONE.to_owned(), |value| crate::format::signed(value, 3)) }</b></span>
                    }
                </p>
            }
            if effects.effects.is_empty() && !effects.running {
                <p class="muted">{ "No feature is active there: nothing can be ablated." }</p>
            } else {
                <Table effects={effects.clone()} labels={labels.clone()} />
            }
            if effects.effects.iter().any(|effect| effect.within > 0.0) {
                <p class="muted" data-testid="effects-bounded">{ "±: the most that KL and Δ loss are off, proven. The logits of tokens where little can change are bounded and not computed; " }<em>{ "all exact" }</em>{ " computes them." }</p>
            }
            <p class="muted">{ "Ablated minus clean, largest first. " }{ described(EFFECT_LOSS, "Δ loss") }{ ", " }{ described(EFFECT_KL, "KL") }{ ", " }{ described(LOGIT_DIFFERENCE, "Δ target − distractor") }{ ". Tokens: what may follow the last token of the prompt." }</p>
        </section>
    }
}
