//! Concepts in words: the strongest at a token as bars, the chosen one, and all of them as a table.

use std::rc::Rc;

use yew::prelude::*;

use crate::circuits::{Concept, Facts, Feature, Graph, Mode, Run, Tie};
use crate::components::bars::{Bar, bars};
use crate::controller::Controller;
use crate::format::{NONE, exact, fixed, grouped, share, share_of, small};
use crate::state::Action;
use crate::state::atlas::AtlasFeature;
use crate::state::circuits::CircuitsAction;
use crate::state::tray::{FeatureId, TrayAction};
use crate::state::url::Place;

/// Bars that are shown.
const BARS: usize = 8;
/// Chances below are not written out.
const LEAST: f64 = 1e-4;
/// Partners that are shown in a row of the table.
const PARTNERS: usize = 3;

/// Shown data.
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The run.
    pub run: Run,
    /// What the atlas knows.
    pub facts: Facts,
    /// The graph.
    pub graph: Rc<Graph>,
    /// What edges mean.
    pub mode: Mode,
    /// The selected feature.
    pub selected: Option<Feature>,
    /// The feature below the pointer.
    pub hovered: Option<Feature>,
    /// Pinned features.
    pub pins: Vec<Feature>,
}

impl Props {
    /// The name of a feature, which leads to its page where it has one.
    fn name(&self, feature: Feature) -> Html {
        let name = self.run.name(feature);
        match self.facts.set(feature.set) {
            Some(set) => {
                let to = AtlasFeature {
                    set: set.id.clone(),
                    latent: feature.latent,
                };
                html! { <a class="id" href={self.place.clone().at(to).to_hash()}>{ name }</a> }
            }
            None => html! { <span class="id">{ name }</span> },
        }
    }

    fn tie(&self, tie: &Tie) -> String {
        let mut words = format!("{} {}", self.mode.value(), fixed(tie.value.into(), 2));
        if let Some(both) = tie.both {
            words.push_str(&format!(", together on {}", many(both, "token")));
        }
        if let Some(chance) = tie.chance {
            words.push_str(&match tie.is_significant() {
                true if chance < LEAST => ", chance below 0.0001".to_owned(),
                true => format!(", chance {}", small(chance)),
                false => ", may be chance".to_owned(),
            });
        }
        words
    }
}

/// The strongest of the moment.
pub fn strongest(props: &Props) -> Html {
    let shown = props
        .graph
        .concepts
        .iter()
        .filter(|concept| concept.activation > 0.0)
        .take(BARS);
    let all = shown.map(|concept| Bar {
        text: html! { <span>{ props.name(concept.feature) }{ " " }{ props.facts.label(concept.feature) }</span> },
        value: fixed(concept.activation.into(), 2),
        share: share(concept.strength, 1.0),
        title: against(concept),
        marked: props.selected == Some(concept.feature),
    });
    html! {
        <section class="card" aria-labelledby="strongest-title" data-testid="strongest">
            <h2 id="strongest-title">{ "Strongest at this token" }</h2>
            <p class="notice">{ "Bar: share of the feature's largest activation on the corpus, or in this text where the atlas has none. Number: its activation." }</p>
            { bars("The strongest concepts at this token", "activation", all) }
            if props.graph.concepts.iter().all(|concept| concept.activation <= 0.0) {
                <p class="muted">{ "No feature that is shown is active at this token." }</p>
            }
        </section>
    }
}

/// A number of things in words.
pub fn many(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// What the strength of a concept is a part of.
fn against(concept: &Concept) -> String {
    match concept.max {
        Some(max) => format!(
            "{} of its largest activation on the corpus, {}",
            share_of((concept.activation / max).into()),
            fixed(max.into(), 2)
        ),
        None => format!(
            "{} of its largest activation in this text",
            share_of((concept.activation / concept.peak.max(f32::MIN_POSITIVE)).into())
        ),
    }
}

/// The feature below the pointer, or the selected one.
pub fn inspector(props: &Props, controller: &Controller) -> Html {
    let feature = props.hovered.or(props.selected);
    let found = feature.and_then(|feature| props.graph.index_of(feature).map(|at| (feature, at)));
    let Some(feature) = feature else {
        return html! {
            <section class="card inspector" data-testid="inspector"><h2>{ "Concept" }</h2><p class="muted">{ "Point at a node, or press it, to see what it is and what it goes with." }</p></section>
        };
    };
    let concept = found.map(|(_, at)| props.graph.concepts[at]);
    let partners = found
        .map(|(_, at)| props.graph.partners(at))
        .unwrap_or_default();
    let set = props.run.sets.get(usize::from(feature.set));
    let pinned = props.pins.contains(&feature);
    let pin = set.map(|set| {
        let id = FeatureId {
            sae: set.sae.clone(),
            latent: feature.latent,
        };
        let toggle = controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Pin(id.clone())));
        html! { <button type="button" class="quiet" data-testid="concept-pin" aria-pressed={pinned.to_string()} title="Pinned concepts stay in the graph, where they are" onclick={toggle}>{ if pinned { "Unpin" } else { "Pin" } }</button> }
    });
    let chosen = props.selected == Some(feature);
    let number =
        |value: Option<f32>| value.map_or_else(|| NONE.to_owned(), |value| fixed(value.into(), 2));
    html! {
        <section class="card inspector" data-testid="inspector" data-feature={feature.latent.to_string()}>
            <div class="card-head"><h2>{ props.name(feature) }{ " " }{ props.facts.label(feature) }</h2>{ pin }
                if chosen {
                    <button type="button" class="quiet" data-testid="unselect" onclick={controller.on(|_: MouseEvent| Action::Circuits(CircuitsAction::Select(None)))}>{ "Close" }</button>
                }
            </div>
            <p class="line">
                <span>{ "now " }<b data-testid="concept-now">{ number(concept.map(|concept| concept.activation)) }</b></span>
                <span>{ "peak in this text " }<b>{ number(concept.map(|concept| concept.peak)) }</b></span>
                <span>{ "largest on the corpus " }<b>{ number(props.facts.max(feature)) }</b></span>
                <span>{ "density " }<b>{ props.facts.density(feature).map_or_else(|| NONE.to_owned(), share_of) }</b></span>
            </p>
            if concept.is_none() {
                <p class="muted">{ "It is not in the graph at this token." }</p>
            } else {
                <h3>{ format!("Partners by {}", props.mode.name()) }</h3>
                <ul class="partners">
                    { for partners.iter().take(12).map(|(other, tie)| {
                        let other = props.graph.concepts[*other].feature;
                        let select = controller.on(move |_: MouseEvent| Action::Circuits(CircuitsAction::Select(Some(other))));
                        html! { <li><button type="button" class="plain" onclick={select}><span class="id">{ props.run.name(other) }</span>{ " " }{ props.facts.label(other) }</button><span class="muted">{ props.tie(tie) }</span></li> }
                    }) }
                </ul>
                if partners.is_empty() {
                    <p class="muted">{ "None among the nodes that are shown." }</p>
                }
            }
        </section>
    }
}

/// All nodes and edges in words.
pub fn table(props: &Props, controller: &Controller) -> Html {
    let row = |(at, concept): (usize, &Concept)| {
        let feature = concept.feature;
        let partners = props.graph.partners(at);
        let more = partners.len().saturating_sub(PARTNERS);
        let select = controller
            .on(move |_: MouseEvent| Action::Circuits(CircuitsAction::Select(Some(feature))));
        html! {
            <tr data-testid="concept-row" data-id={feature.id().to_string()} data-latent={feature.latent.to_string()} data-strength={exact(concept.strength.into())}>
                <td>{ props.name(feature) }</td>
                <td><button type="button" class="plain" aria-pressed={(props.selected == Some(feature)).to_string()} onclick={select}>{ match props.facts.label(feature) { "" => "no label", label => label } }</button></td>
                <td class="number">{ fixed(concept.activation.into(), 2) }</td>
                <td class="number">{ fixed(concept.peak.into(), 2) }</td>
                <td class="number">{ share_of(concept.strength.into()) }</td>
                <td>
                    { for partners.iter().take(PARTNERS).map(|(other, tie)| html! { <span class="partner" title={props.tie(tie)}>{ format!("{} ({})", props.run.name(props.graph.concepts[*other].feature), fixed(tie.value.into(), 2)) }</span> }) }
                    if more > 0 { <span class="muted">{ format!("and {}", grouped(more as u32)) }</span> }
                </td>
            </tr>
        }
    };
    html! {
        <div class="concept-table" tabindex="0" role="region" aria-label="Concepts">
            <table data-testid="concept-table">
                <thead><tr><th scope="col">{ "feature" }</th><th scope="col">{ "label" }</th><th scope="col" class="number">{ "now" }</th><th scope="col" class="number">{ "peak" }</th><th scope="col" class="number">{ "strength" }</th><th scope="col">{ format!("partners ({})", props.mode.value()) }</th></tr></thead>
                <tbody>{ for props.graph.concepts.iter().enumerate().map(row) }</tbody>
            </table>
        </div>
    }
}
