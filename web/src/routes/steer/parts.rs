//! Parts of the pages that ask something about a prompt.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::select::{Select, options};
use crate::controller::Controller;
use crate::data::SaeInfo;
use crate::display::hook_label;
use crate::shared::Shared;
use crate::state::tray::FeatureId;
use crate::state::{Action, State};

/// The text in the field of an event.
pub fn value_of(event: &InputEvent) -> String {
    event.target_unchecked_into::<HtmlInputElement>().value()
}

/// How a field is shown.
pub struct Shown {
    /// Before it.
    pub label: &'static str,
    /// Its width in characters.
    pub size: &'static str,
    /// In it, where nothing is typed.
    pub placeholder: AttrValue,
    /// For tests.
    pub testid: &'static str,
}

/// A labelled field for a text.
pub fn field(shown: Shown, value: &str, oninput: Callback<InputEvent>) -> Html {
    let Shown {
        label,
        size,
        placeholder,
        testid,
    } = shown;
    html! {
        <label class="field">{ label }<input type="text" {size} {placeholder} data-testid={testid} value={value.to_owned()} {oninput} /></label>
    }
}

/// The choice of the SAE whose features are meant.
pub fn sae_choice(
    controller: &Controller,
    saes: &[SaeInfo],
    chosen: Option<&str>,
    testid: &'static str,
) -> Html {
    let onchange = controller.on(Action::SelectSae);
    let name = |one: &SaeInfo| format!("{} ({})", hook_label(&one.hook), one.id);
    let options = options(saes.iter().map(|one| (one.id.clone(), name(one))));
    html! {
        <label class="field">{ "features of" }
            <Select {testid} value={chosen.unwrap_or_default().to_owned()} {options} {onchange} />
        </label>
    }
}

/// Why a run ended early, or did not begin.
pub fn ended(why: Option<&String>, testid: &'static str) -> Html {
    why.map(|why| {
        let class = if why == "Stopped." { "muted" } else { "error" };
        html! { <p {class} role="alert" data-testid={testid}>{ why }</p> }
    })
    .unwrap_or_default()
}

/// Id of the selected SAE, if it is loaded.
pub fn loaded_sae(state: &State) -> Option<String> {
    let id = state.place.sae.as_ref()?;
    let loaded = state.saes.iter().any(|sae| sae.id == *id);
    loaded.then(|| id.clone())
}

/// Labels of those of some features that have one.
pub fn labels_of(
    state: &State,
    sae: &str,
    latents: impl Iterator<Item = u32>,
) -> Shared<Vec<(u32, String)>> {
    let label = |latent: u32| {
        let sae = sae.to_owned();
        let label = state.label(&FeatureId { sae, latent })?;
        Some((latent, label.to_owned()))
    };
    Shared::new(latents.filter_map(label).collect())
}

/// The label of a feature among them.
pub fn label_of(labels: &[(u32, String)], latent: u32) -> Option<&str> {
    let found = labels.iter().find(|(of, _)| *of == latent);
    found.map(|(_, label)| label.as_str())
}
