//! Models, SAEs and neurons: what can be loaded, what is loaded, and what is stored.

use yew::prelude::*;

use crate::components::open::sections;
use crate::context::use_controller;
use crate::state::State;
use crate::state::load::{LoadAction, Section};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The whole state.
    pub state: State,
}

/// The page.
#[component]
pub fn Library(props: &Props) -> Html {
    let controller = use_controller();
    {
        let controller = controller.clone();
        use_effect_with((), move |()| {
            controller.open(Section::Catalogue);
            move || controller.dispatch_load(LoadAction::Open(None))
        });
    }
    let section = props.state.open.section.unwrap_or(Section::Catalogue);
    html! {
        <section class="card library" aria-labelledby="library-title" data-testid="library">
            <h2 id="library-title">{ "Library" }</h2>
            { sections(&controller, &props.state, section) }
        </section>
    }
}
