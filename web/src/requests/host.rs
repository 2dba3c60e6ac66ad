//! The article that a figure stands in: the events that it gets, and how the figure looks.

use js_sys::Promise;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use yew::prelude::*;

use crate::state::State;

#[wasm_bindgen]
extern "C" {
    /// Of `figures.js`, as the next one; `boot.js` puts them on the global object.
    #[wasm_bindgen(js_name = tellHost)]
    fn tell_host(event: &str, detail: &str);

    #[wasm_bindgen(js_name = loadTurn)]
    fn begin_load_turn() -> Promise;

    /// Lets the next figure load.
    #[wasm_bindgen(js_name = endLoadTurn)]
    pub fn end_load_turn();

    /// The name under which a figure shares its engine with others; undefined for the page itself.
    #[wasm_bindgen(js_name = sharedName)]
    pub fn shared_name() -> Option<String>;

    #[wasm_bindgen(js_name = showAs)]
    fn show_as(figure: bool, theme: Option<&str>);
}

/// Waits until this figure may load; the page itself may at once.
pub async fn load_turn() {
    // It does not reject.
    let _ = JsFuture::from(begin_load_turn()).await;
}

/// Tells of each event once, whenever its detail changes; nothing where there is none.
#[hook]
fn use_told(event: &'static str, detail: Option<Value>) {
    use_effect_with(detail, move |detail| {
        if let Some(detail) = detail {
            tell_host(event, &detail.to_string());
        }
    });
}

/// Tells the article what a reader of the figure sees.
#[hook]
pub fn use_host(state: &State) {
    let shown = (state.place.figure, state.place.theme);
    // Before the first frame: nothing is drawn in other colours first.
    use_memo(shown, |(figure, theme)| {
        show_as(figure.is_some(), theme.map(|theme| theme.name()));
    });
    let figure = shown.0.is_some();
    // Where it goes on when the article takes it out and puts it in again.
    use_told(
        "place",
        figure.then(|| json!({ "hash": state.address().to_hash() })),
    );
    let ready = figure && state.word() == "ready";
    let model = state.model.as_ref().filter(|_| ready);
    use_told(
        "ready",
        model.map(|model| {
            let saes: Vec<_> = state.saes.iter().map(|sae| &sae.id).collect();
            json!({ "model": model.id, "saes": saes })
        }),
    );
    let trace = state.trace.as_ref().filter(|_| figure);
    let traced = use_memo(
        (trace.cloned(), state.recorded.is_some()),
        |(trace, recorded)| {
            trace.as_ref().map(|trace| {
            let tokens: Vec<_> = trace.tokens.iter().map(|token| &token.text).collect();
            json!({ "prompt": trace.prompt, "tokens": tokens, "loss": trace.loss, "recorded": recorded })
        })
        },
    );
    use_told("trace", (*traced).clone());
    let place = &state.place;
    use_told(
        "select",
        trace.map(|_| json!({ "token": place.token, "sae": place.sae, "feature": place.feature })),
    );
    let problem = state.problem.as_ref().filter(|_| figure);
    use_told(
        "error",
        problem.map(|problem| json!({ "code": problem.code, "message": problem.message })),
    );
}
