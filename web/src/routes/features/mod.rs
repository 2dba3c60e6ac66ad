//! Features of the atlas: the list of all, and the page of one.

mod ablation;
mod activations;
mod browse;
mod context;
mod contexts;
mod head;
mod histogram;
pub mod keys;
mod own_text;
mod page;
mod parts;
mod scan;
mod strip;
mod usage;
mod weights;

use yew::prelude::*;

use crate::shared::Shared;
use crate::state::State;
use crate::state::atlas::{Atlas, AtlasFeature, Part};
use crate::state::url::Place;

use crate::atlas::{PartId, key_of};
use crate::components::own_note::OwnNote;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The atlas.
    pub atlas: Atlas,
    /// Why the atlas is not about the loaded model, or not about the selected SAE.
    pub misfit: Option<AttrValue>,
    /// The page of a feature, where one is shown.
    pub page: Option<page::Props>,
    /// The list of features, where that is shown.
    pub list: Option<browse::Props>,
    /// Atlases of one's own.
    pub scan: scan::Props,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        Self {
            place: state.address(),
            atlas: state.atlas.clone(),
            misfit: state
                .atlas_misfit()
                .or_else(|| state.sae_misfit())
                .map(AttrValue::from),
            page: page::Props::of(state),
            list: browse::Props::of(state).filter(|_| state.place.page.is_none()),
            scan: scan::Props::of(state),
        }
    }
}

/// The route.
#[component]
pub fn FeaturesRoute(props: &Props) -> Html {
    let Props { place, atlas, .. } = props;
    let body = match (&atlas.address, &atlas.index) {
        (Part::Missing, _) => parts::missing(
            "This site has no atlas: nobody has put statistics of its features over a corpus beside its model.",
        ),
        (Part::Failed(why), _) => parts::missing(why),
        (_, Part::Ready(info)) => match (&place.page, &props.page) {
            (Some(_), Some(page)) => html! {
                <>
                    <page::FeaturePage ..page.clone() />
                    { own_note(page) }
                </>
            },
            (Some(feature), None) => no_feature(place, info, feature),
            (None, _) => match &props.list {
                Some(list) => html! { <browse::Browse ..list.clone() /> },
                None => no_set(place, info, place.listed.as_deref().unwrap_or_default()),
            },
        },
        (_, index) => parts::waiting("The index of the atlas", PartId::Index, &index.state()),
    };
    html! {
        <div class="atlas" data-testid="atlas">
            if let Some(misfit) = &props.misfit {
                <p class="caution" data-testid="atlas-misfit">{ misfit }{ " Its numbers are not about what is loaded, and are not used for it." }</p>
            }
            if place.page.is_none() {
                <scan::Scan ..props.scan.clone() />
            }
            { body }
        </div>
    }
}

/// One's own words about the feature whose page is shown.
fn own_note(page: &page::Props) -> Html {
    page.info
        .sets
        .get(page.set)
        .map_or_else(Html::default, |set| {
            html! { <OwnNote key_of_set={key_of(&page.info, set)} latent={page.latent} /> }
        })
}

/// Why there is no page for a feature that the address names.
fn no_feature(place: &Place, info: &Shared<::atlas::AtlasInfo>, feature: &AtlasFeature) -> Html {
    match info.sets.iter().find(|set| set.id == feature.set) {
        Some(set) => parts::missing(&crate::format::no_feature(
            &feature.latent.to_string(),
            set.n_latents as usize,
        )),
        None => no_set(place, info, &feature.set),
    }
}

/// Why there is no list of a set that the address names, and the lists that there are.
fn no_set(place: &Place, info: &Shared<::atlas::AtlasInfo>, set: &str) -> Html {
    let lists = info.sets.iter().map(|set| {
        let mut place = place.clone();
        place.page = None;
        place.listed = Some(set.id.clone());
        html! { <li><a href={place.to_hash()}>{ &set.id }</a></li> }
    });
    html! {
        <section class="card" data-testid="atlas-missing">
            <p class="muted">{ format!("The atlas has no set {set}. It has:") }</p>
            <ul>{ for lists }</ul>
        </section>
    }
}
