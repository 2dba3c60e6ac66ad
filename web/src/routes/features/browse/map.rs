//! The map of a set's features: pan, zoom, what is below the pointer, and areas. The table lists the same features for the
//! keyboard and for screen readers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{
    Element, HtmlCanvasElement, HtmlElement, KeyboardEvent, PointerEvent, ResizeObserver,
    WheelEvent,
};
use yew::prelude::*;

use super::legend::legend;
use super::map_view::{Held, Moved, View, redraw, with};
use super::points::Painter;
use crate::browse::map::colour::{self, By};
use crate::browse::map::{Camera, Grid, lasso};
use crate::browse::{Listed, Query, Rows};
use crate::context::use_controller;
use crate::dark::use_dark;
use crate::format::{fixed, share_of};
use crate::shared::Shared;
use crate::state::atlas::{AtlasAction, AtlasFeature};
use crate::state::url::Place;
use crate::state::{Action, History};

/// Opacity of a point that is listed, and of one that is not.
const OPACITY: [u8; 2] = [225, 26];

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Id of the set.
    pub set: AttrValue,
    /// Coordinates per feature, within -1 to 1.
    pub points: Shared<Vec<[f32; 2]>>,
    /// The table.
    pub rows: Shared<Vec<::atlas::record::FeatureRow>>,
    /// Tokens that the statistics are over.
    pub tokens: u64,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// What is listed.
    pub listed: Rc<Listed>,
    /// What is asked for.
    pub query: Rc<Query>,
    /// Receives what is to be listed.
    pub ask: Callback<(Query, History)>,
}

/// Where a pointer is in the picture.
fn place_of(event: &PointerEvent) -> [f64; 2] {
    [f64::from(event.offset_x()), f64::from(event.offset_y())]
}

/// The map.
#[component]
pub fn Map(props: &Props) -> Html {
    let controller = use_controller();
    let held: Held = (*use_memo((), |()| Rc::new(RefCell::new(None)))).clone();
    let canvas = use_node_ref();
    let outline = use_node_ref();
    let by = use_state(By::default);
    let dark = use_dark();
    let drawing = use_state(|| false);
    let hovered = use_state(|| None::<u32>);
    let painter = use_state(|| "");
    // Counts up when the browser gives a lost canvas back.
    let epoch = use_state(|| 0u32);

    {
        let (held, canvas, outline, painter) = (
            held.clone(),
            canvas.clone(),
            outline.clone(),
            painter.setter(),
        );
        use_effect_with((props.points.clone(), *epoch), move |(points, _)| {
            let made = canvas
                .cast::<HtmlCanvasElement>()
                .and_then(|canvas| Some((Painter::new(&canvas)?, canvas)));
            match made {
                Some((mut drawer, canvas)) => {
                    painter.set(drawer.name());
                    drawer.place(points);
                    let mut view = View {
                        painter: drawer,
                        canvas,
                        outline: outline.cast(),
                        camera: Camera::whole([1.0, 1.0]),
                        dots: 1.0,
                        grid: Grid::new(points),
                        points: points.clone(),
                        shown: Vec::new(),
                        marked: None,
                        dark: false,
                        area: Vec::new(),
                        pointers: BTreeMap::new(),
                        moved: false,
                        line: None,
                        frame: None,
                        drawn: 0,
                    };
                    view.measure();
                    *held.borrow_mut() = Some(view);
                }
                None => painter.set("none"),
            }
            let held = held.clone();
            move || drop(held.borrow_mut().take())
        });
    }
    {
        let held = held.clone();
        let (rows, tokens) = (props.rows.clone(), props.tokens);
        let area = props.query.area.clone();
        use_effect_with(
            (
                props.points.clone(),
                *epoch,
                *by,
                dark,
                props.listed.clone(),
                area,
            ),
            move |(_, _, by, dark, listed, area)| {
                with(&held, |view| {
                    let all = Rows::new(&rows, tokens);
                    view.shown = vec![false; view.points.len()];
                    for index in &listed.rows {
                        if let Some(shown) = view.shown.get_mut(*index as usize) {
                            *shown = true;
                        }
                    }
                    let colours: Vec<[u8; 4]> = view
                        .shown
                        .iter()
                        .zip(rows.iter())
                        .map(|(shown, row)| {
                            let [red, green, blue] = colour::of(row, all, *by, *dark);
                            [red, green, blue, OPACITY[usize::from(!shown)]]
                        })
                        .collect();
                    view.painter.colour(&colours);
                    view.area.clone_from(area);
                    view.dark = *dark;
                });
            },
        );
    }
    {
        let (held, canvas, epoch) = (held.clone(), canvas.clone(), epoch.clone());
        use_effect_with((), move |()| {
            let mut listeners = Vec::new();
            let restored = std::cell::Cell::new(0u32);
            if let Some(canvas) = canvas.cast::<HtmlElement>() {
                let wheel = held.clone();
                // The page would scroll by it.
                let options = EventListenerOptions::enable_prevent_default();
                listeners.push(EventListener::new_with_options(
                    &canvas,
                    "wheel",
                    options,
                    move |event| {
                        if let Some(event) = event.dyn_ref::<WheelEvent>() {
                            event.prevent_default();
                            let lines = if event.delta_mode() == WheelEvent::DOM_DELTA_PIXEL {
                                1.0
                            } else {
                                30.0
                            };
                            let factor = (-event.delta_y() * lines / 400.0).clamp(-1.5, 1.5).exp();
                            let about = [f64::from(event.offset_x()), f64::from(event.offset_y())];
                            with(&wheel, |view| {
                                view.camera = view.camera.zoomed(factor, about)
                            });
                        }
                    },
                ));
                listeners.push(EventListener::new_with_options(
                    &canvas,
                    "webglcontextlost",
                    options,
                    |event| event.prevent_default(),
                ));
                listeners.push(EventListener::new(
                    &canvas,
                    "webglcontextrestored",
                    move |_| {
                        restored.set(restored.get().wrapping_add(1));
                        epoch.set(restored.get());
                    },
                ));
            }
            // The window may change, or what stands beside the map.
            let resized = Closure::<dyn FnMut()>::new(move || {
                with(&held, View::measure);
            });
            let observer = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(canvas)) = (&observer, canvas.cast::<Element>()) {
                observer.observe(&canvas);
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop((resized, listeners));
            }
        });
    }
    {
        let held = held.clone();
        use_effect_with(*hovered, move |hovered| {
            let hovered = *hovered;
            with(&held, |view| view.marked = hovered);
        });
    }

    let down = {
        let (held, drawing) = (held.clone(), *drawing);
        move |event: PointerEvent| {
            if event.button() != 0 {
                return;
            }
            let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
            if let Some(target) = target {
                // A pointer that is gone already cannot be captured.
                let _ = target.set_pointer_capture(event.pointer_id());
            }
            let place = place_of(&event);
            with(&held, |view| {
                view.moved &= !view.pointers.is_empty();
                view.pointers.insert(event.pointer_id(), place);
                // A second finger pinches.
                let draws = (drawing || event.shift_key()) && view.pointers.len() == 1;
                view.line = draws.then(|| vec![view.camera.to_map(place)]);
            });
        }
    };
    let moved = {
        let (held, hovered) = (held.clone(), hovered.clone());
        move |event: PointerEvent| {
            let place = place_of(&event);
            // The view is given back before a component hears of it: that may draw at once.
            let moved = held
                .borrow_mut()
                .as_mut()
                .map(|view| view.pointer_moved(event.pointer_id(), place));
            let Some(moved) = moved else { return };
            match moved {
                // What is below the pointer is marked where it changes.
                Moved::Over(below) => set_hover(&hovered, below),
                Moved::Still => {}
                Moved::Dragged => {
                    set_hover(&hovered, None);
                    redraw(&held);
                }
            }
        }
    };
    let open = {
        let (controller, set, rows) = (
            controller.clone(),
            props.set.to_string(),
            props.rows.clone(),
        );
        move |index: u32| {
            if let Some(row) = rows.get(index as usize) {
                let feature = AtlasFeature {
                    set: set.clone(),
                    latent: row.latent,
                };
                controller.dispatch(Action::Atlas(AtlasAction::Open(Some(feature))));
            }
        }
    };
    let up = {
        let (held, hovered, drawing) = (held.clone(), hovered.clone(), drawing.clone());
        let (query, ask) = (props.query.clone(), props.ask.clone());
        move |event: PointerEvent| {
            let ended = with(&held, |view| {
                view.pointers.remove(&event.pointer_id());
                let pressed = (!view.moved && view.pointers.is_empty())
                    .then(|| view.below(place_of(&event)))
                    .flatten();
                (view.line.take().filter(|_| view.moved), pressed)
            });
            let Some((line, pressed)) = ended else { return };
            if let Some(line) = line {
                drawing.set(false);
                let area = lasso::area(&line);
                if !area.is_empty() {
                    ask.emit((
                        Query {
                            area,
                            ..(*query).clone()
                        },
                        History::Push,
                    ));
                }
            } else if event.pointer_type() == "mouse" {
                if let Some(index) = pressed {
                    open(index);
                }
            } else {
                // A finger cannot hover: it shows the feature, and the line below opens it.
                hovered.set(pressed);
            }
        }
    };
    let cancel = {
        let held = held.clone();
        move |event: PointerEvent| {
            with(&held, |view| {
                view.pointers.remove(&event.pointer_id());
                view.line = None;
            });
        }
    };
    let leave = {
        let hovered = hovered.clone();
        move |event: PointerEvent| {
            if event.pointer_type() == "mouse" {
                set_hover(&hovered, None);
            }
        }
    };
    let zoom = |factor: f64| {
        let held = held.clone();
        move |_: MouseEvent| {
            with(&held, |view| {
                let middle = view.camera.size.map(|side| side / 2.0);
                view.camera = view.camera.zoomed(factor, middle);
            });
        }
    };
    let whole = {
        let held = held.clone();
        move |_: MouseEvent| {
            with(&held, |view| view.camera = Camera::whole(view.camera.size));
        }
    };
    let keys = {
        let held = held.clone();
        move |event: KeyboardEvent| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            let change: fn(Camera) -> Camera = match event.key().as_str() {
                "ArrowLeft" => |camera| camera.dragged([60.0, 0.0]),
                "ArrowRight" => |camera| camera.dragged([-60.0, 0.0]),
                "ArrowUp" => |camera| camera.dragged([0.0, 60.0]),
                "ArrowDown" => |camera| camera.dragged([0.0, -60.0]),
                "+" | "=" => |camera| camera.zoomed(1.4, camera.size.map(|side| side / 2.0)),
                "-" => |camera| camera.zoomed(1.0 / 1.4, camera.size.map(|side| side / 2.0)),
                "0" => |camera| Camera::whole(camera.size),
                _ => return,
            };
            event.prevent_default();
            with(&held, |view| view.camera = change(view.camera));
        }
    };
    let draw = {
        let drawing = drawing.clone();
        move |_: MouseEvent| drawing.set(!*drawing)
    };
    let all = Rows::new(&props.rows, props.tokens);
    let below = (*hovered).and_then(|index| all.at(index));
    html! {
        <section class="card map" aria-labelledby="map-title" data-testid="map">
            <div class="card-head">
                <h2 id="map-title">{ "Map of decoder directions" }</h2>
                <div class="seg small" role="group" aria-label="Colours">
                    { for [(By::Source, "by source", "source"), (By::Density, "by density", "density")].map(|(one, name, key)| {
                        let set = by.clone();
                        html! { <button type="button" data-colour={key} aria-pressed={(*by == one).to_string()} onclick={move |_| set.set(one)}>{ name }</button> }
                    }) }
                </div>
                <button type="button" aria-pressed={drawing.to_string()} data-testid="lasso" title="Draw around points to list them (or hold Shift)" onclick={draw}>{ "Lasso" }</button>
                <div class="seg small" role="group" aria-label="Zoom">
                    <button type="button" aria-label="Zoom in" data-testid="zoom-in" onclick={zoom(1.6)}>{ "+" }</button>
                    <button type="button" aria-label="Zoom out" data-testid="zoom-out" onclick={zoom(1.0 / 1.6)}>{ "−" }</button>
                    <button type="button" data-testid="zoom-whole" onclick={whole}>{ "Whole" }</button>
                </div>
            </div>
            <div class={classes!("map-frame", drawing.then_some("drawing"))} role="group" tabindex="0" aria-label="Map. Arrow keys move it, plus and minus zoom, 0 shows the whole. The table below lists the same features." onkeydown={keys}>
                <canvas ref={canvas} aria-hidden="true" data-testid="map-canvas" data-painter={*painter} onpointerdown={down} onpointermove={moved} onpointerup={up} onpointercancel={cancel} onpointerleave={leave}></canvas>
                <svg class="map-outline" aria-hidden="true" focusable="false"><polygon ref={outline} /></svg>
            </div>
            if *painter == "none" {
                <p class="error" role="alert">{ "This browser draws no pictures, so there is no map. The table lists the same features." }</p>
            }
            <p class="below" data-testid="map-below">
                { match below {
                    Some(row) => {
                        let to = AtlasFeature { set: props.set.to_string(), latent: row.latent };
                        html! {
                            <>
                                <a href={props.place.clone().at(to).to_hash()} tabindex="-1" class="id">{ row.latent }</a>{ " " }{ row.label.clone() }{ " " }
                                <span class="muted">{ format!("density {}, largest {}", share_of(all.density(row)), fixed(row.max.into(), 2)) }</span>
                            </>
                        }
                    }
                    None => html! { <span class="muted">{ "Point at a feature to see what it is; press it to open its page. Features that are not listed are faint." }</span> },
                } }
            </p>
            { legend(*by, &props.info.corpus.sources, dark) }
        </section>
    }
}

/// Sets what is below the pointer, where it changes.
fn set_hover(hovered: &UseStateHandle<Option<u32>>, below: Option<u32>) {
    if **hovered != below {
        hovered.set(below);
    }
}
