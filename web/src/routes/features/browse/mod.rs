//! All features of a set: searches, filters, the table, the map, and one's own notes.

mod cells;
mod filters;
mod flat;
mod legend;
mod look;
mod map;
mod map_view;
mod own;
mod points;
mod search;
mod table;
mod webgl;

use std::rc::Rc;

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::parts::Waiting;
use crate::atlas::{PartId, counted_tokens, key_of};
use crate::browse::filter::{Nothing, Own};
use crate::browse::map::lasso;
use crate::browse::outcome;
use crate::browse::sort::{Column, order};
use crate::browse::{Group, Listed, Outcome, Query, Rows, Search, Sources, list};
use crate::components::select::{Select, options};
use crate::context::use_controller;
use crate::controller::Controller;
use crate::data::Trace;
use crate::display::hook_label;
use crate::format::{count, grouped};
use crate::notes::SetNotes;
use crate::notes::store::use_notes;
use crate::shared::Shared;
use crate::state::atlas::{Part, PartState, SetParts};
use crate::state::browse::{BrowseAction, TextRequest};
use crate::state::url::Place;
use crate::state::{Action, History, Remote, State};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// Index of the set.
    pub set: usize,
    /// What was fetched of the set.
    pub parts: SetParts,
    /// The bytes of each token.
    pub vocabulary: Part<Vec<Vec<u8>>>,
    /// The text that was asked about, and its trace.
    pub text: Option<(TextRequest, Remote<Shared<Trace>>)>,
    /// Id of the loaded SAE that the set is about.
    pub sae: Option<AttrValue>,
}

impl Props {
    /// The slices of the state that the list shows; nothing where the atlas has no such set.
    pub fn of(state: &State) -> Option<Self> {
        let info = state.atlas.info()?.clone();
        let set = state.listed_set()?;
        Some(Self {
            place: state.address(),
            set,
            parts: state.atlas.sets.get(set)?.clone(),
            vocabulary: state.atlas.vocabulary.clone(),
            text: state.browse.text.clone(),
            sae: state
                .sae_of_set(info.sets.get(set)?)
                .map(|sae| sae.id.clone().into()),
            info,
        })
    }

    /// The set.
    pub fn info_of_set(&self) -> Option<&::atlas::SetInfo> {
        self.info.sets.get(self.set)
    }

    /// The trace of the text that is searched for, if it is there.
    fn trace(&self) -> Option<Shared<Trace>> {
        let (request, answer) = self.text.as_ref()?;
        match (&self.place.browse.search, answer) {
            (Some(Search::Text(text)), Remote::Here(trace))
                if *text == request.text && self.sae.as_deref() == Some(&request.sae) =>
            {
                Some(trace.clone())
            }
            _ => None,
        }
    }
}

/// The list.
#[component]
pub fn Browse(props: &Props) -> Html {
    let controller = use_controller();
    let context = use_notes();
    let query = Rc::new(props.place.browse.clone());
    let set = props.info_of_set().cloned();
    let key = use_memo((props.info.clone(), props.set), |(info, set)| {
        info.sets
            .get(*set)
            .map(|set| key_of(info, set))
            .unwrap_or_default()
    });
    let own: Shared<Option<SetNotes>> = {
        let own = use_memo((context.notes.clone(), (*key).clone()), |(notes, key)| {
            Shared::new(notes.of_set(&key.sha256).cloned())
        });
        (*own).clone()
    };
    let tokens = set
        .as_ref()
        .map_or(0, |set| counted_tokens(&props.info, set));
    let table = props.parts.table.get().cloned();
    let outcome = {
        let needs = (
            query.search.clone(),
            table.clone(),
            props.parts.token_index.get().cloned(),
            props.vocabulary.get().cloned(),
            props.trace(),
            props.sae.clone(),
        );
        use_memo(
            needs,
            move |(search, table, index, vocabulary, trace, sae)| {
                let (search, table) = (search.as_ref()?, table.as_ref()?);
                let sources = Sources {
                    vocabulary: vocabulary.as_ref().map(|vocabulary| vocabulary.as_slice()),
                    index: index.as_ref().map(|index| index.as_slice()),
                    trace: trace.as_deref().zip(sae.as_deref()),
                };
                Some(outcome::search(search, Rows::new(table, tokens), sources))
            },
        )
    };
    let ordered = {
        // Labels of one's own matter where they are what is sorted by.
        let labels = query
            .sort
            .filter(|sort| sort.column == Column::Label)
            .map(|_| own.clone());
        use_memo(
            (table.clone(), query.sort, labels),
            move |(table, sort, labels)| {
                let (table, sort) = (table.as_ref()?, (*sort)?);
                let own = labels.as_ref().and_then(|own| own.as_ref());
                Some(order(Rows::new(table, tokens), sort, |latent| {
                    own.and_then(|own| own.label(latent))
                }))
            },
        )
    };
    let inside = {
        let points = props
            .parts
            .map
            .get()
            .cloned()
            .filter(|_| !query.area.is_empty());
        use_memo((points, query.area.clone()), |(points, area)| {
            points.as_ref().map(|points| lasso::inside(area, points))
        })
    };
    let listed = {
        let needs = (
            table.clone(),
            ordered.clone(),
            outcome.clone(),
            query.filter.clone(),
            inside.clone(),
            own.clone(),
            props.info.clone(),
        );
        use_memo(
            needs,
            move |(table, ordered, outcome, filter, inside, own, info)| {
                let Some(table) = table else {
                    return Listed::default();
                };
                let own: &dyn Own = match &**own {
                    Some(own) => own,
                    None => &Nothing,
                };
                let found = match &**outcome {
                    None | Some(Outcome::Empty) => None,
                    Some(outcome) => Some(outcome.found().cloned().unwrap_or_default()),
                };
                list(
                    Rows::new(table, tokens),
                    ordered.as_deref(),
                    found.as_ref(),
                    filter,
                    &info.corpus.sources,
                    own,
                    inside.as_deref(),
                )
            },
        )
    };
    let Some(set) = set else {
        return Html::default();
    };
    let ask = {
        let controller = controller.clone();
        Callback::from(move |(query, history): (Query, History)| {
            controller.dispatch(Action::Browse(BrowseAction::Ask(query, history)));
        })
    };
    let show_map = {
        let (ask, query) = (ask.clone(), query.clone());
        move |_: MouseEvent| {
            let map = !query.map;
            ask.emit((
                Query {
                    map,
                    ..(*query).clone()
                },
                History::Push,
            ));
        }
    };
    html! {
        <div class="browse" data-testid="browse">
            <section class="card" aria-labelledby="browse-title">
                <div class="card-head">
                    <h2 id="browse-title">{ "Features of " }{ sets(&controller, props) }</h2>
                    <button type="button" aria-pressed={query.map.to_string()} data-testid="map-button" onclick={show_map}>{ "Map" }</button>
                </div>
                <p class="muted">{ about(&props.info, &set) }</p>
                <search::SearchForm query={query.clone()} ask={ask.clone()} />
                <filters::Filters query={query.clone()} sources={props.info.clone()} ask={ask.clone()} />
            </section>
            if query.map {
                { map(props, &set, &listed, &query, &ask, tokens) }
            }
            <section class="card" aria-label="Table of features">
                // Before the table is there, there is nothing to count: no "0 features of 0".
                if let Some(rows) = table {
                    { status(&controller, props, &listed, rows.len(), &outcome, &query, &ask) }
                    <table::Table place={props.place.clone()} set={AttrValue::from(set.id.clone())} {rows} {tokens} info={props.info.clone()}
                        vocabulary={props.vocabulary.get().cloned()} {listed} {outcome} query={query.clone()} ask={ask.clone()} own={own.clone()} key_of_set={(*key).clone()} />
                } else {
                    <Waiting name="The table of features" id={PartId::Table(props.set)} part={props.parts.table.state()} />
                }
            </section>
            <own::OwnNotes />
        </div>
    }
}

/// The choice of a set.
fn sets(controller: &Controller, props: &Props) -> Html {
    let onchange = controller.on(|id| Action::Browse(BrowseAction::List(id)));
    let sets = &props.info.sets;
    let name = |set: &::atlas::SetInfo| format!("{} ({})", hook_label(&set.hook), set.id);
    let options = options(sets.iter().map(|set| (set.id.clone(), name(set))));
    let value = sets
        .get(props.set)
        .map_or_else(String::new, |set| set.id.clone());
    html! { <Select label="Feature set" testid="set" {value} {options} {onchange} /> }
}

fn about(info: &::atlas::AtlasInfo, set: &::atlas::SetInfo) -> String {
    let over = if info.knows(Quantity::CorpusTokens) {
        format!("{} tokens of {}", grouped(set.tokens), info.corpus.name)
    } else {
        format!("{}, whose number of tokens is not stated", info.corpus.name)
    };
    let features = grouped(set.n_latents);
    match &info.imported {
        None => format!(
            "{features} features of {}. Statistics over {over}.",
            info.model.name
        ),
        Some(imported) => format!(
            "{features} features of {}. Statistics over {over}, from files of {}: a dash is a number that they do not state.",
            info.model.name, imported.format
        ),
    }
}

fn map(
    props: &Props,
    set: &::atlas::SetInfo,
    listed: &Rc<Listed>,
    query: &Rc<Query>,
    ask: &Callback<(Query, History)>,
    tokens: u64,
) -> Html {
    match (props.parts.map.get(), props.parts.table.get()) {
        (Some(points), Some(rows)) => html! {
            <map::Map place={props.place.clone()} set={AttrValue::from(set.id.clone())} points={points.clone()} rows={rows.clone()} {tokens}
                info={props.info.clone()} listed={listed.clone()} query={query.clone()} ask={ask.clone()} />
        },
        (None, _) => html! {
            <section class="card"><Waiting name="The map of features" id={PartId::Map(props.set)} part={props.parts.map.state()} /></section>
        },
        (_, None) => Html::default(),
    }
}

fn waiting(controller: &Controller, props: &Props, query: &Query) -> Html {
    let Some(search) = &query.search else {
        return Html::default();
    };
    let failed = match &props.text {
        Some((_, Remote::Failed(why))) => Some(why.as_str()),
        _ => None,
    };
    let needs = search::Needs {
        set: props.set,
        vocabulary: props.vocabulary.state(),
        index: props.parts.token_index.state(),
        loaded: props.sae.is_some(),
        failed,
    };
    search::waiting(controller, search, needs)
}

/// What is listed, in a sentence, and what is not.
fn status(
    controller: &Controller,
    props: &Props,
    listed: &Rc<Listed>,
    all: usize,
    outcome: &Rc<Option<Outcome>>,
    query: &Rc<Query>,
    ask: &Callback<(Query, History)>,
) -> Html {
    let with = |change: fn(&mut Query)| {
        let (ask, query) = (ask.clone(), query.clone());
        move |_: MouseEvent| {
            let mut query = (*query).clone();
            change(&mut query);
            ask.emit((query, History::Push));
        }
    };
    let waits = matches!(&**outcome, Some(Outcome::Waiting));
    html! {
        <div class="listed" data-testid="listed">
            <div role="status" data-testid="listed-count" data-count={(!waits).then(|| listed.rows.len().to_string())}>
                if waits {
                    { waiting(controller, props, query) }
                } else {
                    <b>{ count(listed.rows.len(), "feature") }</b>{ format!(" of {}", grouped(u32::try_from(all).unwrap_or(u32::MAX))) }
                    { search::found(outcome, query) }
                }
            </div>
            if listed.folded > 0 {
                <button type="button" class="quiet" data-testid="unfold" onclick={with(|query| query.filter.always = Group::With)}>
                    { format!("Show {} that {} almost always on (10% of the tokens or more)", listed.folded, if listed.folded == 1 { "is" } else { "are" }) }
                </button>
            }
            if query.filter.always == Group::With {
                <button type="button" class="quiet" data-testid="fold" onclick={with(|query| query.filter.always = Group::Default)}>{ "Fold those that are almost always on" }</button>
            }
            if !query.area.is_empty() {
                <button type="button" class="quiet" data-testid="leave-area" onclick={with(|query| query.area.clear())}>{ "Leave the area of the map" }</button>
            }
            if !query.area.is_empty() && props.parts.map.state() != PartState::Ready {
                <Waiting name="The map, whose area is listed," id={PartId::Map(props.set)} part={props.parts.map.state()} />
            }
        </div>
    }
}
