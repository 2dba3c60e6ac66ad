//! What of a run is shown: layers, numbers of nodes, thresholds, meaning of edges.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::circuits::{Controls as Chosen, Mode, RunSet};
use crate::components::select::{Select, options};
use crate::controller::Controller;
use crate::state::Action;
use crate::state::circuits::CircuitsAction;

/// Shares of the corpus's tokens that can be chosen, with their names.
const DENSITIES: [(f64, &str); 5] = [
    (1.0, "all features"),
    (0.2, "on at most 20 % of tokens"),
    (0.05, "on at most 5 % of tokens"),
    (0.01, "on at most 1 % of tokens"),
    (0.001, "on at most 0.1 % of tokens"),
];

/// Numbers of nodes that can be chosen.
const NODES: [usize; 6] = [20, 40, 80, 120, 250, 500];

/// The controls of a run with these sets.
pub fn controls(controls: &Chosen, sets: &[RunSet], controller: &Controller) -> Html {
    let change = |change: fn(&mut Chosen, &str)| {
        let controller = controller.clone();
        move |value: &str| {
            let mut controls = controller.now(|state| state.place.graph.clone());
            change(&mut controls, value);
            controller.dispatch(Action::Circuits(CircuitsAction::Control(controls)));
        }
    };
    let select = |label: &'static str,
                  testid: &'static str,
                  (value, options): (String, Vec<(AttrValue, AttrValue)>),
                  set: fn(&mut Chosen, &str)| {
        let set = change(set);
        let onchange = Callback::from(move |value: String| set(&value));
        html! { <label>{ label }<Select {testid} {value} {options} {onchange} /></label> }
    };
    let nodes = options(NODES.map(|nodes| (nodes.to_string(), nodes.to_string())));
    let density = DENSITIES
        .iter()
        .position(|(density, _)| *density == controls.density);
    let density = density.map_or_else(String::new, |at| at.to_string());
    let densities = DENSITIES.iter().enumerate();
    let densities = options(densities.map(|(at, (_, name))| (at.to_string(), *name)));
    let modes = options(Mode::ALL.map(|mode| (mode.key(), mode.name())));
    let threshold = {
        let set = change(|controls, value| {
            if let Some(threshold) = crate::format::number(value) {
                controls.threshold = threshold as f32;
            }
        });
        move |event: InputEvent| set(&event.target_unchecked_into::<HtmlInputElement>().value())
    };
    let all_ties = {
        let set = change(|controls, _| controls.all_ties = !controls.all_ties);
        move |_: Event| set("")
    };
    html! {
        <section class="card circuits-controls" aria-label="What is shown" data-testid="circuits-controls">
            <div class="controls">
                <div class="seg small" role="group" aria-label="Layers">
                    { for sets.iter().map(|set| {
                        let shown = !controls.hidden.contains(&set.sae);
                        let sae = set.sae.clone();
                        let toggle = controller.on(move |_: MouseEvent| Action::Circuits(CircuitsAction::Hide(sae.clone(), shown)));
                        html! { <button type="button" title={set.sae.clone()} data-testid="layer" aria-pressed={shown.to_string()} onclick={toggle}>{ set.short() }</button> }
                    }) }
                </div>
                { select("nodes", "nodes", (controls.nodes.to_string(), nodes), |controls, value| controls.nodes = value.parse().unwrap_or(controls.nodes)) }
                { select("specificity", "specificity", (density, densities), |controls, value| {
                    let at: usize = value.parse().unwrap_or(0);
                    controls.density = DENSITIES.get(at).map_or(1.0, |(density, _)| *density);
                }) }
                <label>{ "threshold" }
                    <input type="range" min="0" max="0.9" step="0.05" value={crate::format::exact_single(controls.threshold)} data-testid="threshold" aria-valuetext={format!("{} of the largest activation", crate::format::share_of(controls.threshold.into()))} oninput={threshold} />
                    <span class="number">{ crate::format::share_of(controls.threshold.into()) }</span>
                </label>
                { select("edges", "edges", (controls.mode.key().to_owned(), modes), |controls, value| {
                    controls.mode = Mode::ALL.into_iter().find(|mode| mode.key() == value).unwrap_or_default();
                }) }
                if controls.mode.is_tested() {
                    <label class="check"><input type="checkbox" data-testid="all-edges" checked={controls.all_ties} onchange={all_ties} />{ "also edges that may be chance" }</label>
                }
            </div>
        </section>
    }
}
