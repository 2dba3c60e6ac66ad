//! A panic ends in a trap, after which the module's memory is in no state to go on. The worker is told why, so that
//! the page can start another one.

use std::sync::Once;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Set by the worker before it makes an engine; does not return to Rust's caller in any usable state.
    #[wasm_bindgen(js_namespace = globalThis, js_name = saeExplorerPanicked, catch)]
    fn panicked(message: &str) -> Result<(), JsValue>;
}

/// Reports panics to the worker from now on.
pub fn report_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            // Without a worker that listens the trap itself is all there is to see.
            let _ = panicked(&info.to_string());
        }));
    });
}
