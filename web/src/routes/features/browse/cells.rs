//! The columns of the table, and what stands in their cells.

use std::rc::Rc;

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::filters::title;
use crate::atlas::stated;
use crate::browse::filter::Own;
use crate::browse::query::SearchKind;
use crate::browse::sort::Column;
use crate::browse::tokens::text_of;
use crate::browse::{Listed, Outcome, Query, Rows};
use crate::components::token_text::token_text;
use crate::definitions::{ATLAS_MAX, ATLAS_MEAN, DENSITY, KURTOSIS, SKEW};
use crate::format::{NONE, exact, fixed, optional, share_of};
use crate::notes::{SetKey, SetNotes};
use crate::shared::Shared;
use crate::state::History;
use crate::state::url::Place;

/// Data that the table shows.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Id of the set.
    pub set: AttrValue,
    /// The table.
    pub rows: Shared<Vec<::atlas::record::FeatureRow>>,
    /// Tokens that the statistics are over.
    pub tokens: u64,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// The bytes of each token.
    pub vocabulary: Option<Shared<Vec<Vec<u8>>>>,
    /// What is listed.
    pub listed: Rc<Listed>,
    /// The outcome of the search.
    pub outcome: Rc<Option<Outcome>>,
    /// What is asked for.
    pub query: Rc<Query>,
    /// Receives what is to be listed.
    pub ask: Callback<(Query, History)>,
    /// One's own notes about the set.
    pub own: Shared<Option<SetNotes>>,
    /// What they are kept under.
    pub key_of_set: SetKey,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A star.
    Favourite,
    /// The value by which a search ranks.
    Found,
    /// A column that can be sorted by.
    By(Column),
    /// The token that it fires on most.
    Top,
    /// The tokens that it raises most.
    Up,
}

/// The columns, in their order.
pub const CELLS: [Cell; 12] = [
    Cell::Favourite,
    Cell::By(Column::Number),
    Cell::Found,
    Cell::By(Column::Label),
    Cell::By(Column::Density),
    Cell::By(Column::Max),
    Cell::By(Column::Mean),
    Cell::By(Column::Skew),
    Cell::By(Column::Kurtosis),
    Cell::Top,
    Cell::Up,
    Cell::By(Column::Source),
];

impl Cell {
    /// Classes for the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Favourite => "favourite",
            Self::Found => "found number",
            Self::By(Column::Number) => "id number",
            Self::By(Column::Label) => "label",
            Self::By(Column::Density) => "density",
            Self::By(Column::Max) => "number opt",
            Self::By(Column::Mean | Column::Skew | Column::Kurtosis) => "number rare",
            Self::By(Column::Source) => "source opt",
            Self::Top => "opt token",
            Self::Up => "opt pushes",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Favourite => "favourite",
            Self::Found => "found",
            Self::By(column) => title(column),
            Self::Top => "top token",
            Self::Up => "pushes up",
        }
    }

    /// Its definition.
    pub fn about(self, search: Option<SearchKind>) -> &'static str {
        match self {
            Self::Favourite => "Your favourites",
            Self::Found => match search {
                Some(SearchKind::On) => {
                    "Number of times that the feature fires on the tokens that are searched for"
                }
                Some(SearchKind::Up) => {
                    "Place of the token among those that the feature raises most"
                }
                Some(SearchKind::Down) => {
                    "Place of the token among those that the feature lowers most"
                }
                Some(SearchKind::Text) | None => {
                    "Largest activation on the text · ln((1 + N) / n), N the tokens of the corpus and n those on which the feature fires; and the token where it is largest"
                }
            },
            Self::By(Column::Number) => "Index of the latent",
            Self::By(Column::Label) => {
                "Your own label, or a short one made from the statistics alone"
            }
            Self::By(Column::Density) => DENSITY.definition,
            Self::By(Column::Max) => ATLAS_MAX.definition,
            Self::By(Column::Mean) => ATLAS_MEAN.definition,
            Self::By(Column::Skew) => SKEW.definition,
            Self::By(Column::Kurtosis) => KURTOSIS.definition,
            Self::By(Column::Source) => {
                "The source in which the feature fires on the largest share of tokens, and the part of its firings that is there"
            }
            Self::Top => "The token that the feature fires on most",
            Self::Up => "The tokens that the feature raises most (direct path)",
        }
    }
}

/// The star of a feature.
pub fn favourite(
    props: &Props,
    latent: u32,
    tab: &'static str,
    onclick: impl Fn(MouseEvent) + 'static,
) -> Html {
    let on = props
        .own
        .as_ref()
        .is_some_and(|own| own.is_favourite(latent));
    html! {
        <button type="button" class="plain star" tabindex={tab} aria-pressed={on.to_string()} aria-label={format!("Favourite, feature {latent}")} data-testid="star" {onclick}>{ if on { "★" } else { "☆" } }</button>
    }
}

/// Content of a cell that is neither a button nor a link.
pub fn content(props: &Props, all: Rows<'_>, index: u32, at_row: usize, cell: Cell) -> Html {
    let Some(row) = all.at(index) else {
        return Html::default();
    };
    let token = |id: u32| {
        let bytes = props
            .vocabulary
            .as_ref()
            .and_then(|vocabulary| vocabulary.get(id as usize).map(|bytes| text_of(bytes)));
        // Until the texts are there a token has its number.
        bytes.map_or_else(
            || html! { <span class="muted">{ format!("#{id}") }</span> },
            |text| token_text(&text),
        )
    };
    match cell {
        Cell::Found => value(props, index, at_row),
        Cell::By(Column::Label) => {
            let own = props
                .own
                .as_ref()
                .and_then(|own| own.features.get(&row.latent));
            let label = own
                .map(|own| own.label.as_str())
                .filter(|label| !label.is_empty());
            html! {
                <>
                    if let Some(label) = label {
                        <b class="own-label" title={format!("Your label. Of the statistics: {}", if row.label.is_empty() { "none" } else { &row.label })}>{ label.to_owned() }</b>
                    } else if all.is_dead(row) {
                        <span class="muted">{ "never fires" }</span>
                    } else {
                        { row.label.clone() }
                    }
                    if let Some(note) = own.map(|own| own.note.as_str()).filter(|note| !note.is_empty()) {
                        <span class="has-note" title={note.to_owned()}>{ "✎" }<span class="sr">{ "has a note" }</span></span>
                    }
                </>
            }
        }
        Cell::By(Column::Density) => {
            if !all.have_densities() {
                return html! { { NONE } };
            }
            let density = all.density(row);
            let filled = if density > 0.0 {
                (1.0 + density.log10() / 6.0).clamp(0.0, 1.0)
            } else {
                0.0
            };
            html! {
                <>
                    <svg class="density-bar" width="100%" height="8" aria-hidden="true" focusable="false"><rect width={format!("{}%", fixed(filled * 100.0, 1))} height="100%" rx="2" /></svg>
                    <span class="number">{ share_of(density) }</span>
                </>
            }
        }
        Cell::By(Column::Max) => {
            html! { { stated(&props.info, Quantity::Max, || fixed(row.max.into(), 2)) } }
        }
        Cell::By(Column::Mean) => {
            html! { { stated(&props.info, Quantity::Mean, || fixed(row.mean.into(), 4)) } }
        }
        Cell::By(Column::Skew) => html! { { optional(row.skew.map(f64::from), 1) } },
        Cell::By(Column::Kurtosis) => html! { { optional(row.kurtosis.map(f64::from), 0) } },
        Cell::By(Column::Source) => match row
            .source
            .and_then(|source| props.info.corpus.sources.get(usize::from(source)))
        {
            Some(name) => {
                html! { <>{ name }{ " " }<span class="muted">{ format!("{}%", fixed(f64::from(row.source_share) * 100.0, 0)) }</span></> }
            }
            None => Html::default(),
        },
        Cell::Top => row.token.map(token).unwrap_or_default(),
        Cell::Up => {
            html! { { for row.up.iter().enumerate().map(|(at, id)| html! { <>if at > 0 { <span class="dot">{ " · " }</span> }{ token(*id) }</> }) } }
        }
        Cell::Favourite | Cell::By(Column::Number) => Html::default(),
    }
}

/// The value by which a search ranks a row.
fn value(props: &Props, index: u32, at_row: usize) -> Html {
    let Some(Outcome::Found { found, places, .. }) = &*props.outcome else {
        return Html::default();
    };
    // In the order of the search a row is near its place among the hits; in another one it is looked for.
    let is = |at: &usize| found.hits.get(*at).is_some_and(|hit| hit.0 == index);
    let at = Some(at_row)
        .filter(is)
        .or_else(|| found.hits.iter().position(|hit| hit.0 == index));
    let Some((at, (_, value))) = at.and_then(|at| Some((at, found.hits.get(at)?))) else {
        return Html::default();
    };
    let kind = props.query.search.as_ref().map(|search| search.kind());
    match kind {
        Some(SearchKind::On) => html! { { format!("{}×", exact(*value)) } },
        Some(SearchKind::Up | SearchKind::Down) => html! { { format!("{}.", exact(*value)) } },
        _ => {
            let activation = places.get(at).map(|place| {
                format!(
                    "activation {} at token {} of the text",
                    fixed(place.activation.into(), 3),
                    place.token
                )
            });
            html! { <span title={activation}>{ fixed(*value, 2) }</span> }
        }
    }
}
