//! The table of features: a grid of which only the rows in view are in the document.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use super::cells::{CELLS, Cell, Props, content, favourite};
use crate::browse::sort::{Column, Sort};
use crate::browse::window::Window;
use crate::browse::{Outcome, Query, Rows};
use crate::browser;
use crate::context::use_controller;
use crate::format::exact;
use crate::notes::OwnNote;
use crate::notes::store::use_notes;
use crate::state::atlas::{AtlasAction, AtlasFeature};
use crate::state::{Action, History};

/// Height of a row in CSS pixels; the style sheet has the same.
const ROW: f64 = 34.0;

/// Height of the header.
const HEAD: f64 = 34.0;

/// Rows in view before the box has been measured.
const AT_FIRST: f64 = 600.0;

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
            // Where the focus is, which a press or a script may have put elsewhere than the keys did.
            let number = |name: &str| -> Option<usize> {
                let part = target.as_ref()?.closest(&format!("[{name}]")).ok()??;
                part.get_attribute(name)?.parse().ok()
            };
            let Some(row) = number("data-row") else {
                return;
            };
            if count == 0 || event.alt_key() || event.meta_key() || event.shift_key() {
                return;
            }
            let col = number("data-col").unwrap_or(at.1);
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
