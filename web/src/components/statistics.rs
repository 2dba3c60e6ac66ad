//! Statistics of the selected SAE's features over a corpus, for the lists of a prompt: labels, how specific each feature is, and
//! which are almost always on.

use ::atlas::record::FeatureRow;
use yew::prelude::*;

use crate::atlas::{counted_tokens, key_of};
use crate::browse::{Rows, always_on};
use crate::notes::SetKey;
use crate::notes::store::use_notes;
use crate::ranking::Active;
use crate::shared::Shared;
use crate::state::State;

/// The table of an atlas that fits a loaded SAE.
#[derive(Clone, PartialEq)]
pub struct Statistics {
    /// Id of the SAE.
    sae: String,
    rows: Shared<Vec<FeatureRow>>,
    tokens: u64,
    /// Name of the corpus.
    pub corpus: String,
    /// What notes about the set are kept under.
    pub key: SetKey,
}

/// Statistics, where they are there.
pub type Known = Option<Statistics>;

impl Statistics {
    /// Those of the selected SAE, where an atlas fits it and its table is there.
    pub fn of(state: &State) -> Option<Self> {
        let (info, index) = (state.atlas.info()?, state.set_of_selected()?);
        let set = info.sets.get(index)?;
        Some(Self {
            sae: state.place.sae.clone()?,
            rows: state.atlas.sets.get(index)?.table.get()?.clone(),
            tokens: counted_tokens(info, set),
            corpus: info.corpus.name.clone(),
            key: key_of(info, set),
        })
    }

    fn all(&self) -> Rows<'_> {
        Rows::new(&self.rows, self.tokens)
    }

    /// Tokens that they are over.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// |a| · ln((1 + N) / n), for a latent with its activation.
    pub fn measure(&self, active: Active) -> f64 {
        let rows = self.all();
        let specificity = rows
            .of_latent(active.latent)
            .map_or(0.0, |row| rows.specificity(row));
        f64::from(active.activation.abs()) * specificity
    }

    /// True for a latent that is almost always on.
    pub fn is_always_on(&self, latent: u32) -> bool {
        let rows = self.all();
        rows.of_latent(latent)
            .is_some_and(|row| always_on(rows.density(row)))
    }

    /// The label of a latent that the statistics suggest; empty where they suggest none.
    pub fn label(&self, latent: u32) -> &str {
        self.all().of_latent(latent).map_or("", |row| &row.label)
    }
}

/// The statistics of an SAE, where they are there.
#[hook]
pub fn use_statistics(sae: &str) -> Option<Statistics> {
    use_context::<Known>()?.filter(|statistics| statistics.sae == sae)
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct LabelProps {
    /// The statistics.
    pub statistics: Statistics,
    /// The feature.
    pub latent: u32,
}

/// The label of a feature: one's own, or that of the statistics; nothing without one.
#[component]
pub fn Label(props: &LabelProps) -> Html {
    let notes = use_notes().notes;
    let own = notes
        .get(&props.statistics.key.sha256, props.latent)
        .map(|note| note.label.as_str());
    match own.filter(|label| !label.is_empty()) {
        Some(own) => {
            html! { <span class="list-label own-label" title="Your label" data-testid="list-label">{ own.to_owned() }</span> }
        }
        None => match props.statistics.label(props.latent) {
            "" => Html::default(),
            label => {
                html! { <span class="list-label" title="A label made from the statistics of the atlas alone" data-testid="list-label">{ label.to_owned() }</span> }
            }
        },
    }
}
