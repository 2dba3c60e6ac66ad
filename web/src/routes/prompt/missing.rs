//! An address that names an SAE which is not loaded: nothing of another one is shown in its place.

use yew::prelude::*;

use crate::components::own_file::which_file;
use crate::context::use_controller;
use crate::state::load::Section;
use crate::state::reference::{OwnFile, Reference};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The id that the address names.
    pub id: AttrValue,
    /// The feature that it names.
    pub feature: Option<u32>,
    /// True if the page can load it when the person says so.
    pub requested: bool,
}

/// The card instead of the features: which SAE is missing, and how to open it.
#[component]
pub fn MissingSae(props: &Props) -> Html {
    let controller = use_controller();
    let Props { id, feature, .. } = props;
    let subject = match feature {
        Some(feature) => format!("feature {feature} of the SAE"),
        None => "the SAE".to_owned(),
    };
    let mut which = None;
    let (from, how) = match Reference::of(id) {
        Reference::File(file) => {
            let OwnFile { name, hook, .. } = file;
            which = Some(which_file(file, "the file with its weights"));
            (
                match hook {
                    Some(hook) => format!("“{name}” at {hook}, which was opened from a file"),
                    None => format!("“{name}”, which was opened from a file"),
                },
                "The page cannot open it by itself. Open that file, or drop it on the page; or choose one of the SAEs above.",
            )
        }
        _ if props.requested => (
            format!("“{id}”, which is not loaded"),
            "It is loaded when you say so, above.",
        ),
        _ => (
            format!("“{id}”, which is not loaded"),
            "Load it again from where it came, or choose one of the SAEs above.",
        ),
    };
    let open = move |_| controller.open_library(Section::Files);
    html! {
        <section class="card" aria-labelledby="features-title" data-testid="missing-sae">
            <h2 id="features-title">{ "This SAE is missing" }</h2>
            <p>{ format!("The address is about {subject} {from}. No feature of another SAE is shown in its place.") }</p>
            <p class="muted">{ how }</p>
            if let Some(which) = which {
                <p class="muted">{ which }</p>
            }
            <div class="controls"><button type="button" onclick={open}>{ "Open files…" }</button></div>
        </section>
    }
}
