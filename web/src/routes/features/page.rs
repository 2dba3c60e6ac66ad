//! The page of a feature.

use yew::prelude::*;

use super::parts::waiting;
use crate::atlas::PartId;
use crate::display::hook_label;
use crate::shared::Shared;
use crate::state::State;
use crate::state::atlas::{AtlasFeature, PartState};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub feature: AtlasFeature,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// Index of the feature's set.
    pub set: usize,
    /// The shard with its record, and the record's index there.
    pub record: Option<(Shared<Vec<::atlas::FeatureRecord>>, usize)>,
    /// The shard's id.
    pub shard_id: PartId,
    /// The shard's state.
    pub shard: PartState,
}

impl Props {
    /// The slices of the state that the page shows; nothing where the atlas has no such feature.
    pub fn of(state: &State) -> Option<Self> {
        let feature = state.place.page.clone()?;
        let (set, _) = state.atlas.set(&feature.set)?;
        let shard_id = state.page_shard()?;
        Some(Self {
            feature,
            info: state.atlas.info()?.clone(),
            set,
            record: state.page_record(),
            shard: state.atlas.part(shard_id),
            shard_id,
        })
    }
}

/// The page.
#[component]
pub fn FeaturePage(props: &Props) -> Html {
    let Some(set) = props.info.sets.get(props.set) else {
        return Html::default();
    };
    html! {
        <>
            <h2>{ hook_label(&set.hook) }{ " · " }<span class="id">{ props.feature.latent }</span></h2>
            { waiting("The shard with this feature", props.shard_id, &props.shard) }
        </>
    }
}
