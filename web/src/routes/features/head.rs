//! Title of a feature's page, the ways from it, and the line of its statistics.

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::context::Record;
use crate::atlas::stated;
use crate::components::term::{defined, described};
use crate::context::use_controller;
use crate::definitions::{
    ATLAS_MAX, ATLAS_MEAN, AUTOMATIC_LABEL, DENSITY, FEATURE, FIRED, KURTOSIS, MEAN_SQUARE, SKEW,
    Term,
};
use crate::display::hook_label;
use crate::format::{NONE, fixed, grouped, optional, share_of, small};
use crate::shared::Shared;
use crate::state::Action;
use crate::state::atlas::{AtlasAction, AtlasFeature};
use crate::state::tray::{FeatureId, TrayAction};
use crate::state::url::Place;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// Index of the set.
    pub set: usize,
    /// The feature.
    pub feature: AtlasFeature,
    /// Its record, once it is there.
    pub record: Option<Record>,
    /// The feature as the tray names it.
    pub loaded: Option<FeatureId>,
    /// True if it is pinned.
    pub pinned: bool,
    /// Address of its strongest context as a prompt.
    pub open: Option<String>,
}

/// The head.
#[component]
pub fn Head(props: &Props) -> Html {
    let controller = use_controller();
    let Props { feature, place, .. } = props;
    let Some(set) = props.info.sets.get(props.set) else {
        return Html::default();
    };
    let beside = |by: u32| {
        let latents = u64::from(set.n_latents.max(1));
        let latent = ((u64::from(feature.latent) + u64::from(by)) % latents) as u32;
        let set = set.id.clone();
        place.clone().at(AtlasFeature { set, latent }).to_hash()
    };
    let random =
        controller.on(|_: MouseEvent| Action::Atlas(AtlasAction::Random(js_sys::Math::random())));
    let pin = props.loaded.clone().map(|feature| {
        controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Pin(feature.clone())))
    });
    let label = props
        .record
        .as_ref()
        .and_then(|record| record.get())
        .map(|record| record.label.as_str());
    html! {
        <section class="card feature-head">
            <div class="card-head">
                <h2 id="feature-title" title={format!("Latent {} of {} at {}", feature.latent, set.id, set.hook)}>
                    { described(FEATURE, "Feature") }{ " " }<span class="id">{ feature.latent }</span>
                    <span class="of">{ format!("{}{}", hook_label(&set.hook), if set.kind == ::atlas::SetKind::Neurons { " neurons" } else { "" }) }</span>
                </h2>
                <nav class="controls" aria-label="Features">
                    <a class="button" data-testid="feature-previous" href={beside(set.n_latents.saturating_sub(1))} title="The feature before (k, ←)">{ "← Previous" }</a>
                    <a class="button" data-testid="feature-next" href={beside(1)} title="The next feature (j, →)">{ "Next →" }</a>
                    <button type="button" data-testid="feature-random" onclick={random}>{ "Random" }</button>
                    <button type="button" class="pin" data-testid="pin-button" disabled={pin.is_none()} aria-pressed={props.pinned.to_string()} onclick={pin}
                        title={if props.loaded.is_some() { "Keeps this feature at the lower edge of every page (p)" } else { "Features of what is not loaded cannot be pinned" }}>{ if props.pinned { "Pinned" } else { "Pin" } }</button>
                    if let Some(open) = &props.open {
                        <a class="button" data-testid="feature-open" href={open.clone()} title="Its strongest context as the prompt">{ "Open in prompt" }</a>
                    }
                </nav>
            </div>
            <p class="feature-label" data-testid="feature-label">
                if let Some(label) = label {
                    if label.is_empty() {
                        <span class="muted">{ "Its statistics suggest no label." }</span>
                    } else {
                        <b>{ label.to_owned() }</b>{ " " }<span class="muted">{ described(AUTOMATIC_LABEL, "automatic") }</span>
                    }
                }
            </p>
            { statistics(props, set) }
        </section>
    }
}

fn statistics(props: &Props, set: &::atlas::SetInfo) -> Html {
    let record = props.record.as_ref().and_then(|record| record.get());
    let value =
        |term: Term, value: String| html! { <span>{ defined(term) }{ " " }<b>{ value }</b></span> };
    let moments = record.map(|record| &record.moments);
    let number = |quantity, get: fn(&::atlas::record::Moments) -> f64, write: fn(f64) -> String| {
        moments.map_or_else(
            || NONE.to_owned(),
            |moments| stated(&props.info, quantity, || write(get(moments))),
        )
    };
    let shape =
        |get: fn(&::atlas::record::Moments) -> Option<f64>| optional(moments.and_then(get), 2);
    html! {
        <p class="line statistics" data-testid="feature-statistics">
            { value(DENSITY, number(Quantity::Density, |moments| moments.density, share_of)) }
            <span>{ defined(FIRED) }{ " " }<b>{ number(Quantity::Fired, |moments| moments.fired as f64, |value| grouped(value as u64)) }</b>{ " tokens" }</span>
            { value(ATLAS_MAX, number(Quantity::Max, |moments| moments.max.into(), |value| fixed(value, 3))) }
            { value(ATLAS_MEAN, number(Quantity::Mean, |moments| moments.mean, small)) }
            { value(MEAN_SQUARE, number(Quantity::MeanSquare, |moments| moments.mean_square, small)) }
            { value(SKEW, shape(|moments| moments.skew)) }
            { value(KURTOSIS, shape(|moments| moments.kurtosis)) }
            <span>{ format!("N = {} tokens of {}", stated(&props.info, Quantity::CorpusTokens, || grouped(set.tokens)), props.info.corpus.name) }</span>
        </p>
    }
}
