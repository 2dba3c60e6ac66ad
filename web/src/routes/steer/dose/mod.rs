//! One feature at many values: what becomes of the predictions.

mod curves;
mod table;

use yew::prelude::*;

use super::pages::pages;
use super::parts::{self, Shown, ended, value_of};
use crate::components::term::{defined, described};
use crate::context::use_controller;
use crate::data::Trace;
use crate::definitions::{DOSE, EFFECT_KL, LOSS, PROBABILITY, WRITTEN_LOSS};
use crate::format::fixed;
use crate::shared::Shared;
use crate::state::dose::{Dose, DoseAction, Field, Kind, Plan};
use crate::state::route::Route;
use crate::state::steer::Settings;
use crate::state::url::Place;
use crate::state::{Action, State};
use curves::{Chart, Curve};
use table::table;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Settings and what came.
    pub dose: Dose,
    /// The sweep that is typed, or why there is none.
    pub plan: Result<Plan, String>,
    /// What the values are.
    pub kind: Kind,
    /// The largest activation of the swept feature over the corpus of the atlas.
    pub usual: Option<f32>,
    /// The first and last value where none is typed.
    pub range: (f32, f32),
    /// The selected feature, as it stands in the field where that is empty.
    pub selected: Option<String>,
    /// Name of the swept feature.
    pub name: String,
    /// Settings of the texts that are written, those of steering.
    pub settings: Result<Settings, &'static str>,
    /// The trace that is run, if it is of the prompt as it stands.
    pub trace: Option<Shared<Trace>>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        let plan = state.dose_plan();
        let swept = state.dose.about.as_ref().map(|about| &about.plan.feature);
        Self {
            place: state.address(),
            usual: swept.and_then(|feature| state.usual_largest(feature)),
            plan,
            kind: state.dose_kind(),
            dose: state.dose.clone(),
            range: state.dose_range(),
            selected: state.selected().map(|feature| feature.to_text()),
            name: swept.map_or_else(String::new, |feature| {
                format!(
                    "feature {} of {}",
                    feature.latent,
                    state.sae_name(&feature.sae)
                )
            }),
            settings: state.steer.settings(),
            trace: state.trace.clone().filter(|_| state.is_current()),
        }
    }
}

/// The route.
#[component]
pub fn DoseRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        dose,
        plan,
        range,
        trace,
        ..
    } = props;
    let onsubmit = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let props = controller.now(Props::of);
            if props.dose.running {
                return;
            }
            let why = match (&props.plan, &props.settings, &props.trace) {
                (Ok(plan), Ok(settings), Some(trace)) => {
                    return controller.sweep(trace, plan.clone(), (*settings).into());
                }
                (Err(why), ..) => why.clone(),
                (_, Err(why), _) => (*why).to_owned(),
                (.., None) => return,
            };
            controller.dispatch(Action::Dose(DoseAction::Refused(why)));
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_sweep()
    };
    let asked = |field: Field, shown: Shown| {
        let oninput = controller
            .on(move |event: InputEvent| Action::Dose(DoseAction::Type(field, value_of(&event))));
        parts::field(shown, props.place.asked.get(field.name()), oninput)
    };
    let kind = |kind: Kind| match kind {
        Kind::Set => "set to",
        Kind::Add => "add",
        Kind::Scale => "times",
    };
    let number = |value: f32| fixed(value.into(), 1);
    let feature = props
        .selected
        .clone()
        .unwrap_or_else(|| "L3/903".to_owned());
    html! {
        <div class="steer-route" data-testid="dose">
            { pages(&props.place, Route::Dose) }
            <p>{ "One feature at many values: how the predictions of the prompt follow it (" }{ defined(DOSE) }{ ")." }</p>
            <section class="card" aria-label="What is swept">
                <form class="controls" {onsubmit}>
                    if dose.running {
                        <button type="button" class="main" key="stop" data-testid="dose-stop" onclick={stop}>{ "Stop" }</button>
                    } else {
                        <button type="submit" class="main" key="start" data-testid="dose-start" disabled={trace.is_none()}>{ "Sweep" }</button>
                    }
                    { asked(Field::Feature, Shown { label: "feature", size: "22", placeholder: feature.into(), testid: "dose-feature" }) }
                    <span class="seg small" role="group" aria-label="What the values are">
                        { for Kind::ALL.map(|one| html! {
                            <button type="button" data-testid="dose-kind" aria-pressed={(props.kind == one).to_string()} onclick={controller.on(move |_| Action::Dose(DoseAction::Kind(one)))}>{ kind(one) }</button>
                        }) }
                    </span>
                    { asked(Field::From, Shown { label: "from", size: "5", placeholder: number(range.0).into(), testid: "dose-from" }) }
                    { asked(Field::To, Shown { label: "to", size: "5", placeholder: number(range.1).into(), testid: "dose-to" }) }
                    { asked(Field::Steps, Shown { label: "values", size: "3", placeholder: "13".into(), testid: "dose-steps" }) }
                    { asked(Field::Positions, Shown { label: "at positions", size: "6", placeholder: "all".into(), testid: "dose-positions" }) }
                    { asked(Field::Watched, Shown { label: "tokens", size: "14", placeholder: " king| queen".into(), testid: "dose-watched" }) }
                    { asked(Field::Written, Shown { label: "write tokens at each value", size: "3", placeholder: "0".into(), testid: "dose-written" }) }
                </form>
                if trace.is_none() {
                    <p class="muted">{ "The prompt can be run once the model has read it." }</p>
                }
                <p class="line muted" role="status" data-testid="dose-status" data-running={dose.running.to_string()}>{ progress(dose) }</p>
                { ended(dose.ended.as_ref(), "dose-ended") }
                if let (Err(why), None) = (plan, &dose.ended) {
                    <p class="muted">{ why }</p>
                }
            </section>
            { result(props) }
        </div>
    }
}

/// How far a sweep is.
fn progress(dose: &Dose) -> String {
    let Some(about) = dose.about.as_ref().filter(|_| dose.running) else {
        return String::new();
    };
    let values = about.plan.values.len();
    if dose.points.is_empty() {
        return format!("Running the prompt at {values} values…");
    }
    let written = dose.points.iter().filter(|point| point.written.is_some());
    format!("{} of {values} texts written…", written.count())
}

/// The curves and the table.
fn result(props: &Props) -> Html {
    let dose = &props.dose;
    let Some(about) = dose.about.as_ref().filter(|_| !dose.points.is_empty()) else {
        return Html::default();
    };
    let values = &about.plan.values;
    let column = |read: &dyn Fn(&crate::state::dose::Point) -> Option<f64>| {
        dose.points.iter().map(read).collect::<Vec<_>>()
    };
    let probabilities: Vec<Curve> = about
        .watched
        .iter()
        .enumerate()
        .map(|(index, token)| Curve {
            name: token.text.clone(),
            values: column(&|point| {
                point
                    .dosed
                    .tracked
                    .get(index)
                    .map(|next| f64::from(next.prob))
            }),
            clean: dose
                .clean
                .dosed
                .tracked
                .get(index)
                .map(|next| f64::from(next.prob)),
        })
        .collect();
    let loss = Curve {
        name: "loss".to_owned(),
        values: column(&|point| point.dosed.loss),
        clean: dose.clean.dosed.loss,
    };
    let kl = Curve {
        name: "KL".to_owned(),
        values: column(&|point| point.dosed.kl),
        clean: None,
    };
    let read =
        |point: &crate::state::dose::Point| point.written.as_ref().and_then(|(_, loss)| *loss);
    let written = Curve {
        name: "clean loss of the text".to_owned(),
        values: column(&read),
        clean: read(&dose.clean),
    };
    // Only activations can be compared with the atlas's.
    let usual = props.usual.filter(|_| about.plan.kind == Kind::Set);
    let chart = |title: Html, label: &'static str, hue: &'static str, curves: Vec<Curve>| {
        html! { <Chart {title} {label} {hue} {curves} xs={values.clone()} {usual} /> }
    };
    let axis = match about.plan.kind {
        Kind::Set => "activation that the feature is set to",
        Kind::Add => "multiples of the decoder direction that are added",
        Kind::Scale => "factor of the feature's activation",
    };
    html! {
        <section class="card" data-testid="dose-result" aria-labelledby="dose-title">
            <h2 id="dose-title">{ format!("What follows {}", props.name) }</h2>
            <div class="curves">
                { chart(html! { <>{ described(PROBABILITY, "probability") }{ " after the last token" }</> }, "Probabilities of the next token by value", "prob", probabilities) }
                { chart(html! { <>{ defined(LOSS) }{ " of the prompt, nats" }</> }, "Loss by value", "loss", vec![loss]) }
                { chart(html! { <>{ described(EFFECT_KL, "KL") }{ " from the clean run, nats" }</> }, "KL by value", "prob", vec![kl]) }
                if written.values.iter().any(Option::is_some) {
                    { chart(html! { <>{ defined(WRITTEN_LOSS) }{ ", nats" }</> }, "Clean loss of the written text by value", "loss", vec![written]) }
                }
            </div>
            <p class="muted">{ format!("Across: {axis}. ") }
                { "Thin horizontal lines: the clean run. " }
                if let Some(usual) = usual {
                    <span data-testid="dose-usual">{ format!("Shaded: what the feature does by itself, 0 to its largest activation over the atlas's corpus ({}).", fixed(usual.into(), 2)) }</span>
                }
            </p>
            { table(dose, about) }
        </section>
    }
}
