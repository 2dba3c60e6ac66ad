//! The legend of the map's colours.

use yew::prelude::*;

use crate::browse::map::colour::{By, css, has_its_own, of_density, of_source};
use crate::format::share_of;

/// Steps of the scale of densities.
const STEPS: i32 = 6;

fn swatch(colour: String) -> Html {
    html! { <svg class="swatch" width="11" height="11" aria-hidden="true" focusable="false"><rect width="11" height="11" rx="3" fill={colour} /></svg> }
}

/// What each colour means.
pub fn legend(by: By, sources: &[String], dark: bool) -> Html {
    match by {
        By::Source => {
            let named = sources
                .iter()
                .enumerate()
                .filter(|(index, _)| has_its_own(*index));
            let others = sources.len() > named.clone().count();
            html! {
                <ul class="legend" aria-label="Colours of the map" data-testid="map-legend">
                    { for named.map(|(index, name)| html! { <li>{ swatch(css(of_source(u16::try_from(index).ok(), dark))) }{ name }</li> }) }
                    <li>{ swatch(css(of_source(None, dark))) }{ if others { "another, or never fires" } else { "never fires" } }</li>
                </ul>
            }
        }
        By::Density => html! {
            <ul class="legend" aria-label="Colours of the map" data-testid="map-legend">
                { for (0..=STEPS).map(|step| {
                    let density = 10f64.powi(step - STEPS);
                    html! { <li>{ swatch(css(of_density(density, dark))) }{ share_of(density) }</li> }
                }) }
                <li>{ swatch(css(of_source(None, dark))) }{ "never fires" }</li>
            </ul>
        },
    }
}
