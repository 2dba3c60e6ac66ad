//! Links to the routes. On a phone they stand at the lower edge.

use yew::prelude::*;

use crate::state::route::Route;
use crate::state::url::Place;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is; a tab leads to the same place on another route.
    pub place: Place,
}

/// The tabs. They are links, so that a browser can open them elsewhere; following one changes the address, which the
/// application reads.
#[component]
pub fn Tabs(props: &Props) -> Html {
    let Props { place } = props;
    html! {
        <nav class="tabs" aria-label="Pages">
            { for Route::TABS.map(|route| {
                let here = place.route.tab() == route;
                html! {
                    <a href={place.clone().on(route).to_hash()} data-testid="tab" data-route={route.name()} aria-current={here.then_some("page")}>{ route.tab_name() }</a>
                }
            }) }
        </nav>
    }
}
