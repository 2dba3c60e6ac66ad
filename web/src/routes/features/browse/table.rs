//! The table of features: a grid of which only the rows in view are in the document.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use super::filters::title;
use crate::browse::filter::Own;
use crate::browse::query::SearchKind;
use crate::browse::sort::{Column, Sort};
use crate::browse::tokens::text_of;
use crate::browse::window::Window;
use crate::browse::{Listed, Outcome, Query, Rows};
use crate::browser;
use crate::components::token_text::token_text;
use crate::context::use_controller;
use crate::definitions::{ATLAS_MAX, ATLAS_MEAN, DENSITY, KURTOSIS, SKEW};
use crate::format::{exact, fixed, optional, share_of};
use crate::notes::store::use_notes;
use crate::notes::{OwnNote, SetKey, SetNotes};
use crate::shared::Shared;
use crate::state::atlas::{AtlasAction, AtlasFeature};
use crate::state::url::Place;
use crate::state::{Action, History};

/// Height of a row in CSS pixels; the style sheet has the same.
const ROW: f64 = 34.0;

/// Height of the header.
const HEAD: f64 = 34.0;

/// Rows in view before the box has been measured.
const AT_FIRST: f64 = 600.0;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Favourite,
    Found,
    By(Column),
    Top,
    Up,
}

const CELLS: [Cell; 12] = [
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
    fn class(self) -> &'static str {
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
            Self::Up => "opt tokens",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Favourite => "favourite",
            Self::Found => "found",
            Self::By(column) => title(column),
            Self::Top => "top token",
            Self::Up => "pushes up",
        }
    }

    fn about(self, search: Option<SearchKind>) -> &'static str {
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

/// Shown data.
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

thread_local! {
    /// Where the list was left: its address, and the position of its upper edge. Back finds it there.
    static LEFT: std::cell::RefCell<(String, f64)> = const { std::cell::RefCell::new((String::new(), 0.0)) };
}

/// The table.
#[component]
pub fn Table(props: &Props) -> Html {
    let controller = use_controller();
    let notes = use_notes();
    let grid = use_node_ref();
    let sizer = use_node_ref();
    let shown = use_node_ref();
    let top = use_state(|| 0.0f64);
    let height = use_state(|| AT_FIRST);
    let active = use_state(|| (0usize, 1usize));
    let focus = use_state(|| 0u32);
    let count = props.listed.rows.len();
    let found = matches!(&*props.outcome, Some(Outcome::Found { .. }));
    let cells: Vec<Cell> = CELLS
        .into_iter()
        .filter(|cell| found || *cell != Cell::Found)
        .collect();
    let window = Window {
        rows: count,
        row: ROW,
        height: *height,
        top: *top,
    };
    let range = window.visible();
    let at = (
        active.0.min(count.saturating_sub(1)),
        active.1.min(cells.len() - 1),
    );

    let address = props.place.to_hash();
    {
        let (grid, top, height) = (grid.clone(), top.setter(), height.setter());
        use_effect_with(address.clone(), move |address| {
            let Some(grid) = grid.cast::<HtmlElement>() else {
                return;
            };
            let measured = f64::from(grid.client_height()) - HEAD;
            if measured > 0.0 {
                height.set(measured);
            }
            let left = LEFT.with_borrow(|(left, top)| if left == address { *top } else { 0.0 });
            grid.set_scroll_top(left as i32);
            top.set(f64::from(grid.scroll_top()));
        });
    }
    {
        // The page's policy allows no styles in the markup; scripts may set them.
        let (sizer, shown) = (sizer.clone(), shown.clone());
        use_effect_with((count, range.start), move |(count, first)| {
            style(
                &sizer,
                "height",
                &format!("{}px", exact(*count as f64 * ROW)),
            );
            style(
                &shown,
                "transform",
                &format!("translateY({}px)", exact(*first as f64 * ROW)),
            );
        });
    }
    {
        let grid = grid.clone();
        use_effect_with((*focus, at), move |(focus, (row, col))| {
            if *focus > 0 {
                focus_cell(&grid, *row, *col);
            }
        });
    }
    let onscroll = {
        let (grid, top, height, active, focus) = (
            grid.clone(),
            top.clone(),
            height.clone(),
            active.clone(),
            focus.clone(),
        );
        move |_: Event| {
            let Some(element) = grid.cast::<HtmlElement>() else {
                return;
            };
            let now = f64::from(element.scroll_top());
            let measured = (f64::from(element.client_height()) - HEAD).max(ROW);
            LEFT.set((address.clone(), now));
            let next = Window {
                rows: count,
                row: ROW,
                height: measured,
                top: now,
            };
            // A focused row that leaves the document hands the focus to the nearest that stays.
            let visible = next.visible();
            if !visible.contains(&at.0) && !visible.is_empty() {
                let nearest = at.0.clamp(visible.start, visible.end - 1);
                let page = nearest.clamp(
                    (now / ROW).ceil() as usize,
                    ((now + measured) / ROW) as usize,
                );
                if holds_focus(&element) {
                    focus.set(*focus + 1);
                }
                active.set((page.min(count.saturating_sub(1)), at.1));
            }
            top.set(now);
            height.set(measured);
        }
    };
    let open = {
        let (controller, set) = (controller.clone(), props.set.to_string());
        let (rows, listed) = (props.rows.clone(), props.listed.clone());
        move |at: usize| {
            let row = listed
                .rows
                .get(at)
                .and_then(|index| rows.get(*index as usize));
            if let Some(row) = row {
                let feature = AtlasFeature {
                    set: set.clone(),
                    latent: row.latent,
                };
                controller.dispatch(Action::Atlas(AtlasAction::Open(Some(feature))));
            }
        }
    };
    let onkeydown = {
        let (grid, top, active, focus, open) = (
            grid.clone(),
            top.clone(),
            active.clone(),
            focus.clone(),
            open.clone(),
        );
        let last = cells.len() - 1;
        move |event: KeyboardEvent| {
            let Some(element) = grid.cast::<HtmlElement>() else {
                return;
            };
            let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
            let on_row = target
                .as_ref()
                .and_then(|target| target.closest("[data-row]").ok().flatten())
                .is_some();
            if !on_row || count == 0 || event.alt_key() || event.meta_key() || event.shift_key() {
                return;
            }
            let (row, col) = at;
            let end = count - 1;
            let column = |from: usize, step: isize| next_column(&element, from, step, last);
            let (row, col) = match event.key().as_str() {
                "ArrowDown" => ((row + 1).min(end), col),
                "ArrowUp" => (row.saturating_sub(1), col),
                "PageDown" => ((row + window.page()).min(end), col),
                "PageUp" => (row.saturating_sub(window.page()), col),
                "ArrowRight" => (row, column(col, 1)),
                "ArrowLeft" => (row, column(col, -1)),
                "Home" if event.ctrl_key() => (0, col),
                "End" if event.ctrl_key() => (end, col),
                "Home" => (row, column(0, 0)),
                "End" => (row, column(last, 0)),
                "Enter" => {
                    // Links and buttons have their own answer to it.
                    if target
                        .is_some_and(|target| target.matches("[role=gridcell]").unwrap_or(false))
                    {
                        event.prevent_default();
                        open(row);
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            let to = window.top_to_show(row);
            if to != window.top {
                element.set_scroll_top(to as i32);
                top.set(f64::from(element.scroll_top()));
            }
            active.set((row, col));
            focus.set(*focus + 1);
        }
    };
    let sort = |column: Column| {
        let (query, ask) = (props.query.clone(), props.ask.clone());
        move |_: MouseEvent| {
            let sort = Some(Sort::pressed(query.sort, column));
            ask.emit((
                Query {
                    sort,
                    ..(*query).clone()
                },
                History::Push,
            ));
        }
    };
    let kind = props.query.search.as_ref().map(|search| search.kind());
    let header = |(index, cell): (usize, &Cell)| {
        let (column, sorted) = match *cell {
            Cell::By(column) => {
                let sorted = props.query.sort.filter(|sort| sort.column == column);
                (
                    Some(column),
                    sorted.map(|sort| {
                        if sort.descending {
                            "descending"
                        } else {
                            "ascending"
                        }
                    }),
                )
            }
            _ => (None, None),
        };
        let about = cell.about(kind);
        html! {
            <div role="columnheader" class={cell.class()} aria-colindex={(index + 1).to_string()} data-col={index.to_string()} aria-sort={column.map(|_| sorted.unwrap_or("none"))} title={about}>
                if let Some(column) = column {
                    <button type="button" class="plain" data-sort={column.name()} aria-describedby={format!("column-{}", column.name())} onclick={sort(column)}>
                        { cell.name() }<span aria-hidden="true">{ match sorted { Some("descending") => " ↓", Some(_) => " ↑", None => "" } }</span>
                    </button>
                    <span hidden=true id={format!("column-{}", column.name())}>{ about }</span>
                } else if *cell == Cell::Favourite {
                    <span class="sr">{ cell.name() }</span><span aria-hidden="true">{ "☆" }</span>
                } else {
                    { cell.name() }
                }
            </div>
        }
    };
    let all = Rows::new(&props.rows, props.tokens);
    let line = |at_row: usize| {
        let index = props.listed.rows.get(at_row).copied()?;
        let row = all.at(index)?;
        let latent = row.latent;
        let on = at_row == at.0;
        let press = {
            let (active, open) = (active.clone(), open.clone());
            let col = at.1;
            move |event: MouseEvent| {
                active.set((at_row, col));
                let target: Option<Element> =
                    event.target().and_then(|target| target.dyn_into().ok());
                let inside = |selector: &str| {
                    target
                        .as_ref()
                        .and_then(|target| target.closest(selector).ok().flatten())
                        .is_some()
                };
                if !inside("a, button") {
                    open(at_row);
                }
            }
        };
        let star = {
            let (store, key) = (notes.store.clone(), props.key_of_set.clone());
            let own = props
                .own
                .as_ref()
                .and_then(|own| own.features.get(&latent))
                .cloned()
                .unwrap_or_default();
            move |_: MouseEvent| {
                let note = OwnNote {
                    favourite: !own.favourite,
                    changed: crate::notes::store::Store::now(),
                    ..own.clone()
                };
                store.put(&key, latent, note);
            }
        };
        let cell = |(col, cell): (usize, &Cell)| {
            let tab = if on && col == at.1 { "0" } else { "-1" };
            let inner = matches!(cell, Cell::Favourite | Cell::By(Column::Number));
            let content = match *cell {
                Cell::Favourite => favourite(props, latent, tab, star.clone()),
                Cell::By(Column::Number) => {
                    let to = AtlasFeature {
                        set: props.set.to_string(),
                        latent,
                    };
                    html! { <a href={props.place.clone().at(to).to_hash()} tabindex={tab} aria-label={format!("Feature {latent}")}>{ latent }</a> }
                }
                other => content(props, all, index, at_row, other),
            };
            html! {
                <div role="gridcell" class={cell.class()} aria-colindex={(col + 1).to_string()} data-col={col.to_string()} tabindex={(!inner).then_some(tab)}>{ content }</div>
            }
        };
        Some(html! {
            <div role="row" key={at_row} class={classes!("line-row", (at_row % 2 == 1).then_some("odd"))} aria-rowindex={(at_row + 2).to_string()} data-row={at_row.to_string()} data-testid="browse-row" data-latent={latent.to_string()} onclick={press}>
                { for cells.iter().enumerate().map(cell) }
            </div>
        })
    };
    html! {
        <div class={classes!("feature-grid", found.then_some("with-found"))} ref={grid} role="grid" aria-label="Features" aria-rowcount={(count + 1).to_string()} aria-colcount={cells.len().to_string()}
            {onscroll} {onkeydown} data-testid="feature-grid">
            <div role="rowgroup" class="grid-head"><div role="row" class="line-row" aria-rowindex="1">{ for cells.iter().enumerate().map(header) }</div></div>
            <div role="rowgroup" class="grid-sizer" ref={sizer}>
                <div role="presentation" class="grid-window" ref={shown}>{ for range.filter_map(line) }</div>
            </div>
        </div>
    }
}

fn favourite(
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
fn content(props: &Props, all: Rows<'_>, index: u32, at_row: usize, cell: Cell) -> Html {
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
                    } else if row.fired == 0 {
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
        Cell::By(Column::Max) => html! { { fixed(row.max.into(), 2) } },
        Cell::By(Column::Mean) => html! { { fixed(row.mean.into(), 4) } },
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

fn style(node: &NodeRef, name: &str, value: &str) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // The names and values are the page's own, so they are valid.
        let _ = element.style().set_property(name, value);
    }
}

fn holds_focus(element: &HtmlElement) -> bool {
    let focused = browser::document().and_then(|document| document.active_element());
    focused.is_some_and(|focused| {
        focused.closest("[data-row]").ok().flatten().is_some() && element.contains(Some(&focused))
    })
}

/// The column that is reached from another one by a step, past those that are not shown; of no step, from there to the nearest.
fn next_column(grid: &HtmlElement, from: usize, step: isize, last: usize) -> usize {
    let is_shown = |col: usize| {
        let cell = grid
            .query_selector(&format!(".grid-head [data-col='{col}']"))
            .ok()
            .flatten();
        cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok())
            .is_some_and(|cell| cell.offset_width() > 0)
    };
    let step = match step {
        0 if from == 0 => {
            if is_shown(0) {
                return 0;
            }
            1
        }
        0 => {
            if is_shown(from) {
                return from;
            }
            -1
        }
        step => step,
    };
    let mut at = from;
    while let Some(next) = at.checked_add_signed(step).filter(|next| *next <= last) {
        at = next;
        if is_shown(at) {
            return at;
        }
    }
    from
}

fn focus_cell(grid: &NodeRef, row: usize, col: usize) {
    let Some(grid) = grid.cast::<HtmlElement>() else {
        return;
    };
    let selector = format!("[data-row='{row}'] [data-col='{col}']");
    let Ok(Some(cell)) = grid.query_selector(&selector) else {
        return;
    };
    let inner = cell.query_selector("a, button").ok().flatten();
    if let Ok(element) = inner.unwrap_or(cell).dyn_into::<HtmlElement>() {
        let options = web_sys::FocusOptions::new();
        // The list has been scrolled already; the page stays.
        options.set_prevent_scroll(true);
        let _ = element.focus_with_options(&options);
    }
}
