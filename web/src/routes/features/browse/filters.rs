//! The filters of the list.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browse::filter::{Bounds, Group};
use crate::browse::sort::{Column, Sort};
use crate::browse::{Filter, Query};
use crate::components::select::{Select, options};
use crate::format::{exact, number, share_of};
use crate::shared::Shared;
use crate::state::History;

/// Steps of the density's scale per power of ten.
const STEPS: f64 = 10.0;

/// Steps from one token in a million to all of them.
const SCALE: f64 = 6.0 * STEPS;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What is listed.
    pub query: Rc<Query>,
    /// The index of the atlas, for the names of its sources.
    pub sources: Shared<::atlas::AtlasInfo>,
    /// Receives what is to be listed.
    pub ask: Callback<(Query, History)>,
}

/// Name of a column for people.
pub fn title(column: Column) -> &'static str {
    match column {
        Column::Number => "number",
        Column::Label => "label",
        Column::Density => "density",
        Column::Max => "largest",
        Column::Mean => "mean",
        Column::Skew => "skew",
        Column::Kurtosis => "kurtosis",
        Column::Source => "source",
    }
}

/// The density at a step of the scale; the ends are open.
fn density_at(step: f64) -> Option<f64> {
    (step > 0.0 && step < SCALE).then(|| 10f64.powf((step - SCALE) / STEPS))
}

fn step_of(density: f64) -> f64 {
    (SCALE + density.log10() * STEPS).clamp(0.0, SCALE).round()
}

/// The filters.
#[component]
pub fn Filters(props: &Props) -> Html {
    let filter = &props.query.filter;
    let change = |history: History| {
        let (query, ask) = (props.query.clone(), props.ask.clone());
        move |change: &dyn Fn(&mut Query)| {
            let mut query = (*query).clone();
            change(&mut query);
            ask.emit((query, history));
        }
    };
    let label = {
        let change = change(History::ReplaceSoon);
        move |event: InputEvent| {
            let text = event.target_unchecked_into::<HtmlInputElement>().value();
            change(&|query| query.filter.label.clone_from(&text));
        }
    };
    let source = {
        let change = change(History::Push);
        move |name: String| {
            change(&|query| query.filter.source = (!name.is_empty()).then(|| name.clone()));
        }
    };
    let favourites = {
        let change = change(History::Push);
        move |event: Event| {
            let on = event.target_unchecked_into::<HtmlInputElement>().checked();
            change(&|query| query.filter.favourites = on);
        }
    };
    let sort = {
        let change = change(History::Push);
        move |text: String| change(&|query| query.sort = Sort::from_text(&text))
    };
    let reset = {
        let change = change(History::Push);
        move |_: MouseEvent| change(&|query| query.filter = Filter::default())
    };
    let density = |low: bool| {
        let change = change(History::ReplaceSoon);
        move |event: InputEvent| {
            let step = event
                .target_unchecked_into::<HtmlInputElement>()
                .value_as_number();
            change(&|query| set(&mut query.filter.density, low, density_at(step)));
        }
    };
    let max = |low: bool| {
        let change = change(History::ReplaceSoon);
        move |bound: Option<f64>| change(&|query| set(&mut query.filter.max, low, bound))
    };
    let group = |which: fn(&mut Filter) -> &mut Group| {
        let change = change(History::Push);
        move |name: String| change(&|query| *which(&mut query.filter) = Group::of_name(&name))
    };
    let Bounds { low, high } = filter.density;
    let named = props.sources.corpus.sources.iter();
    let named = named.map(|name| (name.clone(), name.clone()));
    let sources = options(std::iter::once((String::new(), "any".to_owned())).chain(named));
    let first = match props.query.search.is_some() {
        true => "search result",
        false => "number",
    };
    let order = |sort: Sort| {
        let name = format!("{}, {}", title(sort.column), direction(sort));
        (sort.to_text(), name)
    };
    let first = std::iter::once((String::new(), first.to_owned()));
    let orders = options(first.chain(sorts().map(order)));
    html! {
        <div class="filters controls" role="group" aria-label="Filters" data-testid="filters">
            <label>{ "label" }<input type="text" class="wide" value={filter.label.clone()} oninput={label} data-testid="filter-label" placeholder="words of the label" /></label>
            <span class="range" role="group" aria-label="Density">
                <label title="Share of the corpus's tokens on which a feature fires, on a scale by powers of ten">{ "density at least" }
                    <input type="range" min="0" max={exact(SCALE)} step="1" value={exact(low.map_or(0.0, step_of))} oninput={density(true)} aria-valuetext={bound_text(low)} data-testid="density-low" /></label>
                <output>{ bound_text(low) }</output>
                <label>{ "at most" }
                    <input type="range" min="0" max={exact(SCALE)} step="1" value={exact(high.map_or(SCALE, step_of))} oninput={density(false)} aria-valuetext={bound_text(high)} data-testid="density-high" /></label>
                <output>{ bound_text(high) }</output>
            </span>
            <span class="range" role="group" aria-label="Largest activation">
                <BoundField name="largest at least" bound={filter.max.low} onchange={Callback::from(max(true))} testid="max-low" />
                <BoundField name="at most" bound={filter.max.high} onchange={Callback::from(max(false))} testid="max-high" />
            </span>
            <label>{ "source" }
                <Select testid="filter-source" value={filter.source.clone().unwrap_or_default()} options={sources} onchange={Callback::from(source)} />
            </label>
            <label title="Features that fire on no token of the corpus">{ "dead" }{ choice("dead", filter.dead(), group(|filter| &mut filter.dead)) }</label>
            <label title="Features that fire on 10% of the tokens or more">{ "almost always on" }{ choice("always", filter.always(), group(|filter| &mut filter.always)) }</label>
            <label class="check"><input type="checkbox" checked={filter.favourites} onchange={favourites} data-testid="filter-favourites" />{ "favourites only" }</label>
            <label>{ "sort by" }
                <Select testid="sort" value={props.query.sort.map_or_else(String::new, Sort::to_text)} options={orders} onchange={Callback::from(sort)} />
            </label>
            if !filter.is_empty() {
                <button type="button" class="quiet" onclick={reset} data-testid="filter-reset">{ "Clear filters" }</button>
            }
        </div>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct BoundProps {
    name: &'static str,
    bound: Option<f64>,
    onchange: Callback<Option<f64>>,
    testid: &'static str,
}

/// A field for a bound. What is typed stays as it is typed: `1.` is on its way to `1.5`.
#[component]
fn BoundField(props: &BoundProps) -> Html {
    let typed = use_state(String::new);
    {
        let typed = typed.clone();
        use_effect_with(props.bound, move |bound| {
            if bound_of(&typed) != *bound {
                typed.set(bound.map(exact).unwrap_or_default());
            }
        });
    }
    let oninput = {
        let (typed, onchange) = (typed.clone(), props.onchange.clone());
        move |event: InputEvent| {
            let text = event.target_unchecked_into::<HtmlInputElement>().value();
            onchange.emit(bound_of(&text));
            typed.set(text);
        }
    };
    let wrong = !typed.trim().is_empty() && bound_of(&typed).is_none();
    html! {
        <label>{ props.name }<input type="text" inputmode="decimal" value={(*typed).clone()} {oninput} aria-invalid={wrong.to_string()} data-testid={props.testid} /></label>
    }
}

/// The number that is typed; nothing where there is none.
fn bound_of(text: &str) -> Option<f64> {
    (!text.trim().is_empty()).then(|| number(text)).flatten()
}

fn set(bounds: &mut Bounds, low: bool, bound: Option<f64>) {
    if low {
        bounds.low = bound;
    } else {
        bounds.high = bound;
    }
}

fn bound_text(bound: Option<f64>) -> String {
    bound.map_or_else(|| "any".to_owned(), share_of)
}

fn sorts() -> impl Iterator<Item = Sort> {
    let both = |column: Column| {
        let first = column.begins_with_the_largest();
        [first, !first].map(|descending| Sort { column, descending })
    };
    Column::ALL.into_iter().flat_map(both)
}

fn direction(sort: Sort) -> &'static str {
    match (sort.column, sort.descending) {
        (Column::Label, false) => "A to Z",
        (Column::Label, true) => "Z to A",
        (Column::Source, false) => "first source first",
        (Column::Source, true) => "last source first",
        (_, false) => "lowest first",
        (_, true) => "highest first",
    }
}

fn choice(name: &'static str, chosen: Group, onchange: impl Fn(String) + 'static) -> Html {
    let title = |group: Group| match group {
        Group::Without => "left out",
        Group::Only => "only these",
        Group::Default | Group::With => "listed",
    };
    html! {
        <Select testid={format!("filter-{name}")} value={chosen.name()} options={options(Group::CHOICES.map(|group| (group.name(), title(group))))} onchange={Callback::from(onchange)} />
    }
}
