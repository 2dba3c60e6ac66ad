//! Links between the pages of steering.

use yew::prelude::*;

use crate::state::route::Route;
use crate::state::url::Place;

/// The links; `here` is the page on screen.
pub fn pages(place: &Place, here: Route) -> Html {
    let name = |route: Route| match route {
        Route::Effects => "What each causes",
        Route::Patch => "Another prompt",
        Route::Dose => "Less and more",
        _ => "While it writes",
    };
    html! {
        <nav class="seg" aria-label="Pages of steering">
            { for Route::STEERING.map(|route| html! {
                <a href={place.clone().on(route).to_hash()} data-testid="steer-page" data-route={route.name()} aria-current={(route == here).then_some("page")}>{ name(route) }</a>
            }) }
        </nav>
    }
}
