//! What a link asks for is loaded only when the person says so.

use yew::prelude::*;

use crate::controller::Controller;
use crate::format::{bytes, count};
use crate::offers::{Catalogue, CatalogueModel};
use crate::state::load::{Kind, LoadAction, Task};
use crate::state::{Remote, State};
use crate::tasks::to_see;

/// The question, where an address names something that is not loaded.
pub fn asked(controller: &Controller, state: &State) -> Html {
    let (Some(place), None, None) = (&state.asked, &state.job, &state.broken) else {
        return Html::default();
    };
    let tasks = to_see(state, place);
    let catalogue = match &state.open.catalogue {
        Remote::Here(catalogue) => Some(&**catalogue),
        _ => None,
    };
    let question = format!("Load {}?", what(&tasks, catalogue));
    let yes = {
        let (controller, place) = (controller.clone(), place.clone());
        let weights = state.open.weights().to_owned();
        move |_| controller.run(tasks.clone(), &weights, Some(place.clone()))
    };
    let no = if state.model.is_some() {
        html! { <button type="button" onclick={controller.on_load(|_: MouseEvent| LoadAction::Stay)}>{ "Stay with what is loaded" }</button> }
    } else {
        let controller = controller.clone();
        let demo = move |_| {
            controller.tell(LoadAction::Stay);
            controller.run(vec![Task::demo()], "auto", None);
        };
        html! { <button type="button" onclick={demo}>{ "Use the demo instead" }</button> }
    };
    html! {
        <div class="card asked" data-testid="asked">
            <p>{ "This link is about a model or an SAE that is not loaded. Nothing is downloaded until you say so." }</p>
            <div class="controls"><button type="button" class="main" data-testid="load-asked" onclick={yes}>{ question }</button>{ no }</div>
        </div>
    }
}

/// What is to be loaded, with the sizes that are known: `GPT-2 small (548 MB) and 1 SAE`.
fn what(tasks: &[Task], catalogue: Option<&Catalogue>) -> String {
    let mut saes = 0;
    let mut parts = Vec::new();
    for task in tasks {
        match task.kind {
            Kind::Model => {
                let mut offers = catalogue.iter().flat_map(|catalogue| &catalogue.models);
                parts.push(match offers.find(|model| model.offer.id == task.id) {
                    Some(CatalogueModel { offer, .. }) => {
                        format!("{} ({})", offer.name, bytes(offer.bytes))
                    }
                    None => task.name.clone(),
                });
            }
            Kind::Demo | Kind::ModelLink => parts.push(task.name.clone()),
            Kind::Sae | Kind::SaeLink | Kind::Neurons => saes += 1,
        }
    }
    if saes > 0 {
        parts.push(count(saes, "SAE"));
    }
    parts.join(" and ")
}
