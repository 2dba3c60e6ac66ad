//! Circuits: concepts in space while a text is written.

mod concepts;
mod controls;
mod effects;
mod meaning;
mod picture;
mod timeline;
mod view;

use std::rc::Rc;

use gloo::timers::callback::Interval;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::prelude::*;

use crate::circuits::{Facts, Feature, Graph, Mode, export, timeline as rows};
use crate::components::term::defined;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::data::{SaeInfo, Trace};
use crate::definitions::{SEED, TEMPERATURE};
use crate::format::count;
use crate::shared::Shared;
use crate::state::circuits::{Circuits, CircuitsAction, Setting};
use crate::state::url::Place;
use crate::state::{Action, State};
use concepts::Props as ConceptProps;
use controls as chosen;
use meaning::meaning;
use picture::{Picture, STILL, holds};
use timeline::{Props as Times, timeline, written};

/// Milliseconds from token to token of a recording.
const PACE: u32 = 450;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The graph's state.
    pub circuits: Circuits,
    /// What the atlas knows of the run's features.
    pub facts: Facts,
    /// Address and index of the atlas.
    pub atlas: Option<(String, Shared<::atlas::AtlasInfo>)>,
    /// Pinned features of the run.
    pub pins: Vec<Feature>,
    /// The trace that is continued, if it is of the prompt as it stands.
    pub trace: Option<Shared<Trace>>,
    /// Id of the loaded model.
    pub model: Option<String>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// True while a load is under way that brings more SAEs.
    pub loading: bool,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        let address = state.atlas.address.get().map(|address| (**address).clone());
        Self {
            place: state.address(),
            circuits: state.circuits.clone(),
            facts: state.facts(),
            atlas: address.zip(state.atlas.info().cloned()),
            pins: state.pins_in_run(),
            trace: state.trace.clone().filter(|_| state.is_current()),
            model: state.model.as_ref().map(|model| model.id.clone()),
            saes: state.saes.clone(),
            loading: state.saes.len() < state.expected.len() && state.place.is_of_demo(),
        }
    }

    /// The SAEs whose features are watched: neurons are active everywhere.
    fn watched(&self) -> Vec<SaeInfo> {
        let saes = self.saes.iter().filter(|sae| sae.architecture != "neurons");
        saes.cloned().collect()
    }
}

/// The route.
#[component]
pub fn CircuitsRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Circuits { run, cursor, .. } = &props.circuits;
    let controls = &props.place.graph;
    let cursor = *cursor;
    let draws = use_state(|| true);
    let text = use_node_ref();
    let listed = use_state(|| false);
    {
        let controller = controller.clone();
        use_effect_with(
            props.circuits.requested || run.is_some(),
            move |requested| {
                if !requested {
                    controller.fetch_run(!holds(STILL));
                }
            },
        );
    }
    {
        let controller = controller.clone();
        let ticks = props.circuits.playing;
        use_effect_with(ticks, move |ticks| {
            let timer = ticks.then(|| {
                Interval::new(PACE, move || {
                    controller.dispatch(Action::Circuits(CircuitsAction::Tick))
                })
            });
            move || drop(timer)
        });
    }
    let shown = use_memo(
        (
            run.clone(),
            cursor,
            props.facts.clone(),
            controls.clone(),
            props.pins.clone(),
            props.circuits.links_here().to_vec(),
        ),
        |(run, cursor, facts, controls, pins, links)| match run {
            Some(run) => (
                Rc::new(match controls.mode {
                    Mode::Effect => Graph::at(run, *cursor, facts, controls, pins).linked(links),
                    _ => Graph::at(run, *cursor, facts, controls, pins),
                }),
                rows::rows(run, facts, controls, pins),
            ),
            None => Default::default(),
        },
    );
    let (graph, lanes) = &*shown;
    {
        let controller = controller.clone();
        let wanted = match &props.atlas {
            Some((address, info)) => {
                let features = graph.concepts.iter().map(|concept| concept.feature);
                props
                    .circuits
                    .wanted_shards(features, &props.facts, (address, info), controls.mode)
            }
            None => Vec::new(),
        };
        let info = props.atlas.as_ref().map(|(_, info)| info.clone());
        use_effect_with(wanted, move |wanted| {
            for (id, request) in wanted {
                if let Some(info) = &info {
                    controller.fetch_shard(id.clone(), request.clone(), info.clone());
                }
            }
        });
    }
    {
        // The token in view stays in sight in a long text, without moving the page.
        let text = text.clone();
        use_effect_with(
            (cursor, run.as_ref().map(|run| run.frames.len())),
            move |_| {
                let shown = text.cast::<HtmlElement>();
                let here = shown
                    .as_ref()
                    .and_then(|text| text.query_selector("[aria-current]").ok().flatten());
                if let (Some(text), Some(here)) = (
                    shown,
                    here.and_then(|here| here.dyn_into::<HtmlElement>().ok()),
                ) {
                    let middle = here.offset_top() - text.offset_top() - text.client_height() / 2;
                    text.set_scroll_top(middle.max(0));
                }
            },
        );
    }
    let Some(run) = run else {
        return html! {
            <section class="card" data-testid="circuits" aria-busy={props.circuits.unrecorded.is_none().to_string()}>
                <h2>{ "Watch it write" }</h2>
                { writing(props, &controller) }
                <p class="muted">{ match &props.circuits.unrecorded {
                    Some(why) => format!("The recorded text is not to be had: {why}"),
                    None => "Reading the recorded text…".to_owned(),
                } }</p>
            </section>
        };
    };
    let concept_props = ConceptProps {
        place: props.place.clone(),
        run: run.clone(),
        facts: props.facts.clone(),
        graph: graph.clone(),
        mode: controls.mode,
        selected: props.circuits.selected,
        hovered: props.circuits.hovered,
        pins: props.pins.clone(),
    };
    let times = Times {
        run,
        facts: &props.facts,
        rows: lanes,
        cursor,
        selected: props.circuits.selected,
        playing: props.circuits.playing,
        running: props.circuits.running,
    };
    let json = {
        let (run, facts, controls, graph) = (
            run.clone(),
            props.facts.clone(),
            controls.clone(),
            graph.clone(),
        );
        Callback::from(move |()| export::json(&run, cursor, &facts, &controls, &graph))
    };
    let toggled = {
        let listed = listed.setter();
        move |event: Event| {
            listed.set(
                event
                    .target_unchecked_into::<Element>()
                    .has_attribute("open"),
            );
        }
    };
    let on_draws = {
        let (draws, listed) = (draws.setter(), listed.setter());
        Callback::from(move |can: bool| {
            draws.set(can);
            if !can {
                listed.set(true);
            }
        })
    };
    // A person who looks back wants to see what is there, not what moves.
    let paused = !props.circuits.playing && props.circuits.running;
    html! {
        <div class="circuits-route" data-testid="circuits" data-recorded={run.recorded.to_string()} data-running={props.circuits.running.to_string()} data-waiting={graph.ties.waiting.to_string()}>
            <section class="card" aria-labelledby="circuits-title">
                <div class="card-head">
                    <h2 id="circuits-title">{ "Watch it write" }</h2>
                    <span class="liveness muted" data-testid="liveness">{ match (run.recorded, props.circuits.running) {
                        (true, _) => "recorded: written by the demo's model when this site was built",
                        (false, true) => "live: the model writes",
                        (false, false) => "live: written here",
                    } }</span>
                </div>
                { writing(props, &controller) }
                { written(&times, text, &controller) }
                if let Some(ended) = &props.circuits.ended {
                    <p class="muted" role="status" data-testid="circuits-ended">{ ended }</p>
                }
            </section>
            { chosen::controls(controls, &run.sets, &controller) }
            <div class="circuits-columns">
                <section class="card" aria-label="Graph">
                    <Picture run={run.clone()} facts={props.facts.clone()} graph={graph.clone()} selected={props.circuits.selected} pins={props.pins.clone()} {paused} {json} draws={on_draws} />
                    if !*draws {
                        <p class="error" role="alert" data-testid="no-picture">{ "This browser draws no pictures in space (WebGL2 is missing or switched off). The table below has the same content." }</p>
                    }
                    if controls.mode == Mode::Effect {
                        { effects::effects(graph, props, &controller) }
                    } else {
                        { meaning(graph, controls, &props.circuits, &controller) }
                    }
                </section>
                <div class="circuits-side">
                    { concepts::inspector(&concept_props, &controller) }
                    { concepts::strongest(&concept_props) }
                </div>
            </div>
            { timeline(&times, &controller) }
            <details class="card" open={*listed} ontoggle={toggled}>
                <summary>{ format!("All {} and {} as a table", count(graph.concepts.len(), "concept"), count(graph.ties.shown.len(), "edge")) }</summary>
                // Hundreds of rows, which nobody sees, would be drawn anew with every token.
                if *listed {
                    { concepts::table(&concept_props, &controller) }
                }
            </details>
        </div>
    }
}

/// What starts and stops the model.
fn writing(props: &Props, controller: &Controller) -> Html {
    let circuits = &props.circuits;
    let settings = circuits.settings();
    let saes = props.watched();
    let start = {
        let controller = controller.clone();
        move |_: MouseEvent| {
            let now = controller.now(Props::of);
            let settings = now.circuits.settings();
            if let (Some(trace), Some(model), Ok(settings)) = (&now.trace, &now.model, settings) {
                controller.watch(trace, model, &now.watched(), (settings, holds(STILL)));
            }
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_watching()
    };
    let field = |setting: Setting| {
        let (label, name) = match setting {
            Setting::MaxTokens => ("tokens at most", "tokens at most".into()),
            Setting::Temperature => ("temperature", defined(TEMPERATURE)),
            Setting::Seed => ("seed", defined(SEED)),
        };
        let oninput = controller.on(move |event: InputEvent| {
            let value = event.target_unchecked_into::<HtmlInputElement>().value();
            Action::Circuits(CircuitsAction::Set(setting, value))
        });
        html! { <span class="field">{ name }<input type="text" inputmode="decimal" size="4" aria-label={label} value={circuits.typed(setting).to_owned()} {oninput} /></span> }
    };
    let idle = props.trace.is_none() || settings.is_err() || saes.is_empty();
    html! {
        <>
            <div class="controls">
                if circuits.running {
                    <button type="button" class="main" key="stop" data-testid="watch-stop" onclick={stop}>{ "Stop" }</button>
                } else {
                    <button type="button" class="main" key="start" data-testid="watch-start" disabled={idle} onclick={start}>{ "Continue the prompt" }</button>
                }
                { for Setting::ALL.map(field) }
            </div>
            if let Err(message) = settings {
                <p class="error" role="alert">{ message }</p>
            }
            if props.trace.is_none() {
                <p class="muted">{ "The prompt can be continued once the model has read it." }</p>
            } else if props.loading {
                <p class="muted">{ format!("{} loaded so far; what is written now has the features of these.", count(saes.len(), "SAE")) }</p>
            }
        </>
    }
}
