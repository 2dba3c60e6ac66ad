//! The package's handle of a training under way.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// A training under way; see `pkg/index.d.ts`.
    #[derive(Clone)]
    pub type Training;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn done(this: &Training) -> js_sys::Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn pause(this: &Training);

    #[wasm_bindgen(method)]
    pub(crate) fn resume(this: &Training);

    #[wasm_bindgen(method)]
    pub(crate) fn stop(this: &Training);
}
