//! The page of a feature: its title and statistics above, contexts at the left, what its weights and counts say at the right.

use yew::prelude::*;

use super::ablation::Ablation;
use super::activations::Activations;
use super::context::{Context, Record};
use super::head::Head;
use super::own_text::Own;
use super::parts::waiting;
use super::usage::Usage;
use super::weights::Weights;
use crate::atlas::PartId;
use crate::data::ModelInfo;
use crate::display::hook_label;
use crate::shared::Shared;
use crate::state::atlas::{Atlas, AtlasFeature, Part, PartState};
use crate::state::live::Live;
use crate::state::tray::FeatureId;
use crate::state::url::Place;
use crate::state::{Phase, State};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The atlas.
    pub atlas: Atlas,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// Index of the feature's set.
    pub set: usize,
    /// The latent.
    pub latent: u32,
    /// The shard with its record, and the record's index there.
    pub record: Option<Record>,
    /// The shard's id.
    pub shard_id: PartId,
    /// The shard's state.
    pub shard: PartState,
    /// The feature as the page's other parts name it, where its SAE is the loaded model's.
    pub loaded: Option<FeatureId>,
    /// Id of that SAE once it is there.
    pub sae: Option<AttrValue>,
    /// The model, once it is there.
    pub model: Option<Shared<ModelInfo>>,
    /// True while the engine or what it shows first is on its way.
    pub coming: bool,
    /// True if the feature is pinned.
    pub pinned: bool,
    /// Results of the model.
    pub live: Live,
}

impl Props {
    /// The slices of the state that the page shows; nothing where the atlas has no such feature.
    pub fn of(state: &State) -> Option<Self> {
        let page = state.place.page.as_ref()?;
        let (set, info) = state.atlas.set(&page.set)?;
        let shard_id = state.page_shard()?;
        let loaded = state.sae_id_of_set(info).map(|sae| FeatureId {
            sae,
            latent: page.latent,
        });
        let record = state.page_record();
        Some(Self {
            place: state.address(),
            info: state.atlas.info()?.clone(),
            set,
            latent: page.latent,
            record: record.map(Record::new),
            shard: state.atlas.part(shard_id),
            shard_id,
            pinned: loaded
                .as_ref()
                .is_some_and(|feature| state.place.pins.contains(feature)),
            loaded,
            sae: state.page_sae().map(|id| AttrValue::from(id.to_owned())),
            model: state.model.clone(),
            coming: state.phase == Phase::Loading || state.is_tracing(),
            live: state.live.clone(),
            atlas: state.atlas.clone(),
        })
    }
}

/// The page.
#[component]
pub fn FeaturePage(props: &Props) -> Html {
    let Some(set) = props.info.sets.get(props.set) else {
        return Html::default();
    };
    let feature = AtlasFeature {
        set: set.id.clone(),
        latent: props.latent,
    };
    let vocabulary = props.atlas.vocabulary.get().cloned();
    // Token and selection of the prompt change nothing here.
    let context = props.record.clone().map(|record| Context {
        record,
        info: props.info.clone(),
        set: props.set,
        vocabulary,
        place: props.place.clone(),
        loaded: props.loaded.clone(),
    });
    let table = props
        .atlas
        .sets
        .get(props.set)
        .and_then(|parts| parts.table.get())
        .cloned();
    let unread = match (&props.atlas.vocabulary, &context) {
        (Part::Failed(_), Some(_)) => waiting(
            "The vocabulary",
            PartId::Vocabulary,
            &props.atlas.vocabulary.state(),
        ),
        (Part::Missing, Some(_)) => {
            html! { <p class="notice">{ "This atlas has no texts of its tokens: their numbers in the vocabulary are shown." }</p> }
        }
        _ => Html::default(),
    };
    let waits =
        props.record.is_some() && matches!(props.atlas.vocabulary, Part::Idle | Part::Loading);
    html! {
        <article class="feature-page" data-testid="feature-page" data-latent={props.latent.to_string()} data-ready={(context.is_some() && !waits).to_string()} aria-labelledby="feature-title">
            <Head place={props.place.clone()} info={props.info.clone()} set={props.set} {feature} record={props.record.clone()} loaded={props.loaded.clone()} pinned={props.pinned}
                open={context.as_ref().filter(|_| !waits).and_then(|context| context.in_prompt(context.record.get()?.top.first()?, None))} />
            { unread }
            if let Some(context) = context.filter(|_| !waits) {
                <div class="feature-columns">
                    <div class="feature-main">
                        <Activations context={context.clone()} own={own_text(props)} />
                        <Ablation context={context.clone()} sae={props.sae.clone()} coming={props.coming} bos={props.model.as_ref().and_then(|model| model.bos)} ablations={props.live.ablations.clone()} />
                    </div>
                    <div class="feature-side">
                        <Weights context={context.clone()} table={table.clone()} />
                        <Usage {context} />
                    </div>
                </div>
            } else if waits {
                <section class="card"><p class="muted" aria-busy="true">{ "The texts of the tokens are on their way…" }</p></section>
            } else {
                { waiting("This feature's part of the atlas", props.shard_id, &props.shard) }
            }
            <p class="notice">{ format!("Statistics over {}: {} tokens that count for {}.", props.info.corpus.name, crate::format::grouped(set.tokens), hook_label(&set.hook)) }</p>
        </article>
    }
}

fn own_text(props: &Props) -> Own {
    Own {
        sae: props.sae.clone(),
        coming: props.coming,
        modelled: props.model.is_some(),
        typed: props.live.typed.clone(),
        traced: props.live.traced.clone(),
    }
}
