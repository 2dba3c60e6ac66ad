//! The sets of the atlas, with some of their features.

use yew::prelude::*;

use super::Table;
use crate::display::hook_label;
use crate::format::count;
use crate::shared::Shared;
use crate::state::atlas::AtlasFeature;
use crate::state::url::Place;

/// Features that are listed per set.
const LISTED: u32 = 100;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The index.
    pub info: Shared<::atlas::AtlasInfo>,
    /// The table of each set.
    pub tables: Vec<Table>,
}

/// The list.
#[component]
pub fn List(props: &Props) -> Html {
    let set = |(index, set): (usize, &::atlas::SetInfo)| {
        let table = props.tables.get(index).and_then(|table| table.get());
        let feature = |latent: u32| {
            let to = AtlasFeature {
                set: set.id.clone(),
                latent,
            };
            let label = table
                .and_then(|rows| rows.get(latent as usize))
                .map(|row| row.label.clone());
            html! {
                <li><a href={props.place.clone().at(to).to_hash()} data-testid="atlas-feature">
                    <span class="id">{ latent }</span>{ label.unwrap_or_default() }
                </a></li>
            }
        };
        html! {
            <section class="card">
                <h2>{ hook_label(&set.hook) }{ format!(" · {}", count(set.n_latents as usize, "feature")) }</h2>
                <ul class="feature-links">{ for (0..set.n_latents.min(LISTED)).map(feature) }</ul>
            </section>
        }
    };
    html! { <>{ for props.info.sets.iter().enumerate().map(set) }</> }
}
