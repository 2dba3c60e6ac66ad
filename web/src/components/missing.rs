//! An address that names an SAE which is not loaded: nothing of another one is shown in its place.

use yew::prelude::*;

use crate::controller::Controller;
use crate::state::State;
use crate::state::load::Section;
use crate::state::url::Reference;

/// The card instead of the features: which SAE is missing, and how to open it.
pub fn missing_sae(controller: &Controller, state: &State) -> Html {
    let Some(id) = state.missing_sae() else {
        return Html::default();
    };
    let subject = match state.place.feature {
        Some(feature) => format!("feature {feature} of the SAE"),
        None => "the SAE".to_owned(),
    };
    let (from, how) = match Reference::of(id) {
        Reference::File(name, hook) => (
            match hook {
                Some(hook) => format!("“{name}” at {hook}, which was opened from a file"),
                None => format!("“{name}”, which was opened from a file"),
            },
            "The page cannot open it by itself. Open that file again, by its name, or drop it on the page; or choose one of the SAEs above.",
        ),
        _ if state.requested.is_some() => (
            format!("“{id}”, which is not loaded"),
            "It is loaded when you say so, above.",
        ),
        _ => (
            format!("“{id}”, which is not loaded"),
            "Load it again from where it came, or choose one of the SAEs above.",
        ),
    };
    let open = {
        let controller = controller.clone();
        move |_| controller.open(Section::Files)
    };
    html! {
        <section class="card" aria-labelledby="features-title" data-testid="missing-sae">
            <h2 id="features-title">{ "This SAE is missing" }</h2>
            <p>{ format!("The address is about {subject} {from}. No feature of another SAE is shown in its place.") }</p>
            <p class="muted">{ how }</p>
            <div class="controls"><button type="button" onclick={open}>{ "Open files…" }</button></div>
        </section>
    }
}
