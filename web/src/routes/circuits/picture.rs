//! The graph in space, with the buttons that belong to it. The table lists the same nodes and edges.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::view::{GraphView, columns, inks, open_graph, save_file};
use crate::circuits::{Facts, Feature, Graph, Run};
use crate::context::use_controller;
use crate::dark::{media, use_dark, use_media};
use crate::engine::Fault;
use crate::js_value::get;
use crate::state::circuits::CircuitsAction;
use crate::state::{Action, Note};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The run.
    pub run: Run,
    /// What the atlas knows.
    pub facts: Facts,
    /// The graph.
    pub graph: Rc<Graph>,
    /// The selected feature.
    pub selected: Option<Feature>,
    /// Pinned features, which are held where they are.
    pub pins: Vec<Feature>,
    /// True while the graph stands still because a person looks at an earlier token, or paused.
    pub paused: bool,
    /// The state as JSON, for the file.
    pub json: Callback<(), String>,
    /// Receives whether the picture can be drawn.
    pub draws: Callback<bool>,
}

/// True if the browser says that a media query holds.
pub fn holds(query: &str) -> bool {
    media(query).is_some_and(|media| media.matches())
}

/// The query of people who want nothing to move.
pub const STILL: &str = "(prefers-reduced-motion: reduce)";

type Held = Rc<RefCell<Option<GraphView>>>;

fn with(held: &Held, call: impl FnOnce(&GraphView)) {
    let view = held.borrow().clone();
    if let Some(view) = view {
        call(&view);
    }
}

/// The picture.
#[component]
pub fn Picture(props: &Props) -> Html {
    let controller = use_controller();
    let frame = use_node_ref();
    let held: Held = (*use_memo((), |()| Rc::new(RefCell::new(None)))).clone();
    // Set once the module is there.
    let open = use_state(|| false);
    let failed = use_state(|| None::<AttrValue>);
    let dark = use_dark();
    let still = use_media(|| media(STILL), || holds(STILL));

    {
        let (held, frame, controller) = (held.clone(), frame.clone(), controller.clone());
        let (open, failed, draws) = (open.setter(), failed.setter(), props.draws.clone());
        use_effect_with((), move |()| {
            let gone = Rc::new(Cell::new(false));
            let told = {
                let failed = failed.clone();
                Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
                    let feature = |name| {
                        get(&event, name)?
                            .as_f64()
                            .map(|id| (id >= 0.0).then(|| Feature::of_id(id as u32)))
                    };
                    if let Some(feature) = feature("hover") {
                        controller.dispatch(Action::Circuits(CircuitsAction::Hover(feature)));
                    } else if let Some(feature) = feature("press") {
                        controller.dispatch(Action::Circuits(CircuitsAction::Select(feature)));
                    } else if let Some(error) =
                        get(&event, "error").and_then(|error| error.as_string())
                    {
                        failed.set(Some(error.into()));
                    }
                })
            };
            let callback = told.as_ref().clone();
            let (closed, view) = (gone.clone(), held.clone());
            spawn_local(async move {
                let Some(frame) = frame.cast::<HtmlElement>() else {
                    return;
                };
                match open_graph(&frame, &callback).await {
                    Ok(opened) => {
                        let opened: GraphView = opened.unchecked_into();
                        // The person may have left meanwhile.
                        if closed.get() {
                            opened.close();
                            return;
                        }
                        draws.emit(opened.draws());
                        *view.borrow_mut() = Some(opened);
                        open.set(true);
                    }
                    Err(error) if !closed.get() => {
                        draws.emit(false);
                        failed.set(Some(Fault::from(error).message.into()));
                    }
                    Err(_) => {}
                }
            });
            move || {
                gone.set(true);
                if let Some(view) = held.take() {
                    view.close();
                }
                drop(told);
            }
        });
    }
    {
        let held = held.clone();
        use_effect_with((*open, dark, still), move |(_, dark, still)| {
            let (ink, ground) = inks(*dark);
            with(&held, |view| {
                view.look(
                    &Uint8Array::from(ink.as_slice()),
                    &Uint8Array::from(ground.as_slice()),
                    *still,
                );
            });
        });
    }
    {
        let (held, failed) = (held.clone(), failed.setter());
        let (run, facts) = (props.run.clone(), props.facts.clone());
        use_effect_with(
            (*open, props.graph.clone(), props.selected, dark),
            move |(_, graph, selected, dark)| {
                let marked = selected.and_then(|feature| graph.index_of(feature));
                let columns = columns(&run, &facts, graph, marked, *dark);
                with(&held, |view| {
                    if let Err(error) = view.set_graph(&columns) {
                        failed.set(Some(Fault::from(error).message.into()));
                    }
                });
            },
        );
    }
    {
        let held = held.clone();
        use_effect_with((*open, props.paused), move |(_, paused)| {
            with(&held, |view| view.pause(*paused))
        });
    }
    {
        let held = held.clone();
        use_effect_with((*open, props.pins.clone()), move |(_, pins)| {
            let pins = pins.clone();
            with(&held, |view| {
                pins.iter().for_each(|pin| view.fix(pin.id(), true))
            });
            move || {
                with(&held, |view| {
                    pins.iter().for_each(|pin| view.fix(pin.id(), false))
                })
            }
        });
    }

    let act = |call: fn(&GraphView)| {
        let held = held.clone();
        move |_: MouseEvent| with(&held, call)
    };
    let save_json = {
        let json = props.json.clone();
        move |_: MouseEvent| save_file("concepts.json", "application/json", &json.emit(()).into())
    };
    let save_svg = act(|view| save_file("concepts.svg", "image/svg+xml", &view.svg().into()));
    let save_png = {
        let (held, controller) = (held.clone(), controller);
        move |_: MouseEvent| {
            let controller = controller.clone();
            with(&held, |view| {
                let png = view.png();
                spawn_local(async move {
                    match JsFuture::from(png).await {
                        Ok(blob) => save_file("concepts.png", "image/png", &blob),
                        Err(error) => controller
                            .dispatch(Action::Note(Note::staying(Fault::from(error).message))),
                    }
                });
            });
        }
    };
    html! {
        <>
            <div class="graph-frame" ref={frame} role="group" tabindex="0" data-testid="graph" data-open={open.to_string()} data-nodes={props.graph.concepts.len().to_string()} data-edges={props.graph.ties.shown.len().to_string()}
                aria-label="Graph of concepts. Arrow keys turn it, plus and minus zoom, 0 shows everything. The table below lists the same.">
                <canvas aria-hidden="true" data-testid="graph-canvas"></canvas>
                <canvas aria-hidden="true"></canvas>
            </div>
            if let Some(error) = (*failed).clone() {
                <p class="error" role="alert">{ error }</p>
            }
            <div class="controls">
                <div class="seg small" role="group" aria-label="View">
                    <button type="button" aria-label="Zoom in" data-testid="graph-in" onclick={act(|view| view.zoom(1.3))}>{ "+" }</button>
                    <button type="button" aria-label="Zoom out" data-testid="graph-out" onclick={act(|view| view.zoom(1.0 / 1.3))}>{ "−" }</button>
                    <button type="button" data-testid="graph-fit" onclick={act(GraphView::fit)}>{ "Fit" }</button>
                </div>
                <div class="seg small" role="group" aria-label="Save as">
                    <button type="button" data-testid="save-json" onclick={save_json}>{ "JSON" }</button>
                    <button type="button" data-testid="save-png" onclick={save_png}>{ "PNG" }</button>
                    <button type="button" data-testid="save-svg" onclick={save_svg}>{ "SVG" }</button>
                </div>
                <span class="muted">{ "Drag to turn, Shift and drag to move, wheel or two fingers to zoom. Orange: active at this token; grey: fading." }</span>
            </div>
        </>
    }
}
