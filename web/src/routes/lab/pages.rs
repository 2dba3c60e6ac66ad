//! Links between the pages of the laboratory.

use yew::prelude::*;

use crate::state::route::Route;
use crate::state::url::Place;

/// The links; `here` is the page on screen.
pub fn pages(place: &Place, here: Route) -> Html {
    html! {
        <nav class="seg" aria-label="Pages of the laboratory">
            { for Route::LAB.map(|route| html! {
                <a href={place.clone().on(route).to_hash()} data-testid="lab-page" data-route={route.name()} aria-current={(route == here).then_some("page")}>{ route.name() }</a>
            }) }
        </nav>
    }
}
