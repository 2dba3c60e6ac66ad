//! The picture's JavaScript (`graph-view.js`), which is fetched when the first graph is opened.

use js_sys::{Array, Float32Array, Promise, Uint8Array, Uint32Array};
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use crate::circuits::{Facts, Graph, Run};
use crate::js_value::object;

#[wasm_bindgen]
extern "C" {
    /// Of `graph-view.js`; `boot.js` puts it on the global object.
    #[wasm_bindgen(js_name = openGraph, catch)]
    pub async fn open_graph(frame: &HtmlElement, told: &JsValue) -> Result<JsValue, JsValue>;

    /// An open picture.
    #[derive(Clone)]
    pub type GraphView;

    #[wasm_bindgen(method, getter)]
    pub fn draws(this: &GraphView) -> bool;
    #[wasm_bindgen(method, js_name = setGraph, catch)]
    pub fn set_graph(this: &GraphView, graph: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    pub fn fix(this: &GraphView, id: u32, fixed: bool);
    #[wasm_bindgen(method)]
    pub fn pause(this: &GraphView, paused: bool);
    #[wasm_bindgen(method)]
    pub fn look(this: &GraphView, ink: &Uint8Array, ground: &Uint8Array, still: bool);
    #[wasm_bindgen(method)]
    pub fn zoom(this: &GraphView, factor: f64);
    #[wasm_bindgen(method)]
    pub fn fit(this: &GraphView);
    #[wasm_bindgen(method)]
    pub fn svg(this: &GraphView) -> String;
    #[wasm_bindgen(method)]
    pub fn png(this: &GraphView) -> Promise;
    #[wasm_bindgen(method)]
    pub fn close(this: &GraphView);

    /// Of `boot.js`: hands a text or a Blob to the person as a file.
    #[wasm_bindgen(js_name = saveFile)]
    pub fn save_file(name: &str, kind: &str, content: &JsValue);
}

/// Colours of text and background, as in the style sheet.
pub fn inks(dark: bool) -> ([u8; 3], [u8; 3]) {
    if dark {
        ([236, 232, 226], [20, 19, 18])
    } else {
        ([29, 27, 25], [251, 250, 248])
    }
}

/// The graph in columns, as the picture takes it. Orange is a feature that is active at this token; one that fades is grey.
pub fn columns(
    run: &Run,
    facts: &Facts,
    graph: &Graph,
    marked: Option<usize>,
    dark: bool,
) -> JsValue {
    let (ink, _) = inks(dark);
    let orange: [u8; 3] = if dark { [255, 140, 66] } else { [232, 93, 4] };
    let nodes = graph.concepts.iter();
    let ids: Vec<u32> = nodes.clone().map(|concept| concept.feature.id()).collect();
    // The area is in proportion to the strength.
    let radii: Vec<f32> = nodes
        .clone()
        .map(|concept| 0.3 + 1.1 * concept.strength.sqrt())
        .collect();
    let colour = |(strength, active): (f32, bool)| {
        let [red, green, blue] = if active { orange } else { ink };
        let opacity = if active {
            110.0 + 145.0 * strength
        } else {
            40.0 + 130.0 * strength
        };
        [red, green, blue, opacity as u8]
    };
    let colours: Vec<u8> = nodes
        .clone()
        .flat_map(|concept| colour((concept.strength, concept.activation > 0.0)))
        .collect();
    let marks: Vec<u8> = (0..ids.len())
        .map(|at| u8::from(marked == Some(at)))
        .collect();
    let ties = graph.ties.shown.iter();
    let ends: Vec<u32> = ties
        .clone()
        .flat_map(|tie| [tie.from as u32, tie.to as u32])
        .collect();
    let weights: Vec<f32> = ties.clone().map(|tie| 0.1 + 0.9 * tie.weight).collect();
    let widths: Vec<f32> = ties.clone().map(|tie| 0.6 + 2.2 * tie.weight).collect();
    let [red, green, blue] = ink;
    let tints: Vec<u8> = ties
        .flat_map(|tie| {
            let opacity = if tie.is_significant() {
                50.0 + 110.0 * tie.weight
            } else {
                22.0
            };
            [red, green, blue, opacity as u8]
        })
        .collect();
    let name = |at: usize| {
        let feature = graph.concepts[at].feature;
        let name = format!("{} {}", run.name(feature), facts.label(feature));
        JsValue::from(name.trim_end())
    };
    let names: Array = (0..ids.len()).map(name).collect();
    let named: Vec<u32> = (0..ids.len() as u32).collect();
    object([
        ("ids", Uint32Array::from(ids.as_slice()).into()),
        ("radii", Float32Array::from(radii.as_slice()).into()),
        ("colours", Uint8Array::from(colours.as_slice()).into()),
        ("marks", Uint8Array::from(marks.as_slice()).into()),
        ("ends", Uint32Array::from(ends.as_slice()).into()),
        ("weights", Float32Array::from(weights.as_slice()).into()),
        ("widths", Float32Array::from(widths.as_slice()).into()),
        ("tints", Uint8Array::from(tints.as_slice()).into()),
        ("named", Uint32Array::from(named.as_slice()).into()),
        ("names", names.into()),
    ])
}
