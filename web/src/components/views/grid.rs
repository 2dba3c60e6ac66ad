//! A table with the tokens as columns, a value in each cell, and one cell that the keyboard stands in.

use std::ops::Deref;
use std::rc::Rc;

use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use crate::components::token_text::token_text;
use crate::data::Trace;
use crate::display::quoted;
use crate::format::count;
use crate::shared::Shared;
use crate::views::window::columns;

/// A cell's position: its row, and the token that its column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The row.
    pub row: usize,
    /// The token.
    pub token: usize,
}

/// A row's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Tooltip.
    pub title: String,
    /// A number of the whole row with its tint from 0 to 20, where the table has one.
    pub side: Option<(String, u8)>,
}

/// A cell's text and colour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The text: a token's, or a feature's number.
    pub text: String,
    /// True if the text is a token's.
    pub is_token: bool,
    /// The number below it.
    pub value: String,
    /// Step of the tint, from 0 to 20.
    pub tint: u8,
    /// True if the value is below 0.
    pub below: bool,
    /// True if the text is set apart.
    pub marked: bool,
    /// Everything about it in words.
    pub label: String,
}

/// The cells of a table, made when they are drawn. Two are equal if they are the same one.
#[derive(Clone)]
pub struct Cells(Rc<dyn Fn(At) -> Cell>);

impl Cells {
    /// From a function.
    pub fn new(cell: impl Fn(At) -> Cell + 'static) -> Self {
        Self(Rc::new(cell))
    }
}

impl Deref for Cells {
    type Target = dyn Fn(At) -> Cell;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Name of the table for those who do not see it.
    pub label: AttrValue,
    /// Colour of its tint: `act`, `prob` or `weight`.
    pub colour: &'static str,
    /// Name of the column of the rows' numbers, where there is one.
    #[prop_or_default]
    pub side: Option<&'static str>,
    /// The trace whose tokens are the columns.
    pub trace: Shared<Trace>,
    /// Heads of the rows.
    pub heads: Rc<Vec<Head>>,
    /// The cells.
    pub cells: Cells,
    /// The selected token.
    pub token: usize,
    /// The selected cell's row, where a cell is selected and not only a token.
    #[prop_or_default]
    pub row: Option<usize>,
    /// Called with the cell that is pointed at, by mouse, touch or keyboard, and with none when the mouse leaves the table.
    pub on_point: Callback<Option<At>>,
    /// Called with the cell that is chosen.
    pub on_choose: Callback<At>,
}

/// The cell that an event comes from.
fn cell_of(target: Option<Element>) -> Option<At> {
    let cell = target?.closest("td[data-token]").ok()??;
    let number = |name| cell.get_attribute(name)?.parse().ok();
    Some(At {
        row: number("data-row")?,
        token: number("data-token")?,
    })
}

/// The cell that a key leads to.
fn led(key: &str, ctrl: bool, at: At, rows: usize, tokens: usize) -> Option<At> {
    let (row, token) = match key {
        "ArrowLeft" => (at.row, at.token.saturating_sub(1)),
        "ArrowRight" => (at.row, at.token + 1),
        "ArrowUp" => (at.row.saturating_sub(1), at.token),
        "ArrowDown" => (at.row + 1, at.token),
        "Home" if ctrl => (0, 0),
        "Home" => (at.row, 0),
        "End" if ctrl => (usize::MAX, usize::MAX),
        "End" => (at.row, usize::MAX),
        "PageUp" => (0, at.token),
        "PageDown" => (usize::MAX, at.token),
        _ => return None,
    };
    Some(At {
        row: row.min(rows.saturating_sub(1)),
        token: token.min(tokens.saturating_sub(1)),
    })
}

/// The table. Arrows move within it, Enter and Space choose.
#[component]
pub fn Grid(props: &Props) -> Html {
    let Props {
        trace,
        heads,
        token,
        ..
    } = props;
    let tokens = trace.tokens.len();
    let node = use_node_ref();
    let at = use_state_eq(|| At {
        row: props.row.unwrap_or(0),
        token: *token,
    });
    let here = At {
        row: at.row.min(heads.len().saturating_sub(1)),
        token: at.token.min(tokens.saturating_sub(1)),
    };
    // Set when the focus is to follow to the cell.
    let follows = use_mut_ref(|| false);
    use_selection((*token, props.row), &node, &at, &follows);
    {
        let (node, follows) = (node.clone(), follows.clone());
        use_effect_with(here, move |here| {
            if let Some(cell) = cell_at(&node, *here) {
                if follows.replace(false) {
                    // A cell takes the focus.
                    let _ = cell.focus();
                }
                bring_into_view(&node, &cell);
            }
        });
    }
    let onkeydown = {
        let (at, on_point, on_choose) =
            (at.clone(), props.on_point.clone(), props.on_choose.clone());
        let (rows, follows) = (heads.len(), follows.clone());
        move |event: KeyboardEvent| {
            let Some(from) = cell_of(event.target_dyn_into()) else {
                return;
            };
            let key = event.key();
            if event.alt_key() || event.shift_key() || event.meta_key() {
                return;
            }
            if matches!(key.as_str(), "Enter" | " ") {
                on_choose.emit(from);
            } else if let Some(to) = led(&key, event.ctrl_key(), from, rows, tokens) {
                *follows.borrow_mut() = true;
                at.set(to);
                on_point.emit(Some(to));
            } else {
                return;
            }
            event.prevent_default();
            // The page's own keys go elsewhere.
            event.stop_propagation();
        }
    };
    let pointed = {
        let on_point = props.on_point.clone();
        move |event: MouseEvent| {
            if let Some(at) = cell_of(event.target_dyn_into()) {
                on_point.emit(Some(at));
            }
        }
    };
    let focused = {
        let (on_point, at) = (props.on_point.clone(), at.clone());
        move |event: FocusEvent| {
            if let Some(to) = cell_of(event.target_dyn_into()) {
                at.set(to);
                on_point.emit(Some(to));
            }
        }
    };
    let left = {
        let (on_point, node) = (props.on_point.clone(), node.clone());
        // Where the keyboard stands in the table, it still points.
        move |_: MouseEvent| on_point.emit(has_focus(&node).then_some(here))
    };
    let chosen = {
        let on_choose = props.on_choose.clone();
        move |event: MouseEvent| {
            if let Some(at) = cell_of(event.target_dyn_into()) {
                on_choose.emit(at);
            }
        }
    };
    let shown = columns(tokens, here.token);
    let first = trace.first_own();
    // Columns in front of the tokens.
    let before = 1 + usize::from(props.side.is_some());
    let head = |index: usize| {
        let text = &trace.tokens[index].text;
        let on = index == *token;
        let title = format!("{} · position {index}", quoted(text));
        html! {
            <th scope="col" class={on.then_some("on")} {title} aria-current={on.then_some("true")}>
                if index < first { { "BOS" } } else { { token_text(text) } }
            </th>
        }
    };
    let cell = |row: usize, index: usize| {
        let at = At { row, token: index };
        let cell = (props.cells)(at);
        let selected = *token == index && props.row == Some(row);
        let class = classes!(
            format!("t{}", cell.tint),
            cell.below.then_some("below"),
            cell.marked.then_some("marked"),
            (index == *token).then_some("on"),
        );
        html! {
            <td role="gridcell" {class} data-row={row.to_string()} data-token={index.to_string()} tabindex={if at == here { "0" } else { "-1" }}
                aria-selected={selected.to_string()} aria-colindex={(index + before + 1).to_string()}>
                <span class="what" aria-hidden="true">if cell.is_token { { token_text(&cell.text) } } else { { cell.text } }</span>
                <span class="value" aria-hidden="true">{ cell.value }</span>
                <span class="sr">{ cell.label }</span>
            </td>
        }
    };
    html! {
        <>
            { stretch(tokens, shown.clone(), &at) }
            <div class="grid-scroll" ref={node}>
                <table class={classes!("grid", props.colour)} role="grid" aria-label={props.label.clone()} aria-readonly="true" aria-colcount={(tokens + before).to_string()}
                    {onkeydown} onmouseover={pointed} onmouseleave={left} onfocusin={focused} onclick={chosen}>
                    <thead><tr>
                        <td class="head"></td>
                        if let Some(side) = props.side { <th scope="col" class="side">{ side }</th> }
                        { for shown.clone().map(head) }
                    </tr></thead>
                    <tbody>
                        { for heads.iter().enumerate().map(|(row, head)| html! {
                            <tr>
                                <th scope="row" class="head" title={head.title.clone()}>{ &head.name }</th>
                                if let Some((value, tint)) = &head.side { <td class={classes!("side", format!("l{tint}"))}>{ value }</td> }
                                { for shown.clone().map(|index| cell(row, index)) }
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </>
    }
}

/// The keyboard's cell goes where the selection goes.
#[hook]
fn use_selection(
    selection: (usize, Option<usize>),
    node: &NodeRef,
    at: &UseStateHandle<At>,
    follows: &Rc<std::cell::RefCell<bool>>,
) {
    let (node, at, follows) = (node.clone(), at.clone(), follows.clone());
    use_effect_with(selection, move |&(token, row)| {
        let to = At {
            row: row.unwrap_or(at.row),
            token,
        };
        if to != *at {
            // What has the focus may be drawn away with the columns.
            *follows.borrow_mut() = has_focus(&node);
            at.set(to);
        }
    });
}

fn has_focus(node: &NodeRef) -> bool {
    let focused = crate::browser::document().and_then(|document| document.active_element());
    node.cast::<Element>()
        .is_some_and(|table| table.contains(focused.as_deref()))
}

fn cell_at(node: &NodeRef, at: At) -> Option<HtmlElement> {
    let selector = format!("td[data-row=\"{}\"][data-token=\"{}\"]", at.row, at.token);
    let found = node.cast::<Element>()?.query_selector(&selector).ok()??;
    wasm_bindgen::JsCast::dyn_into(found).ok()
}

/// Scrolls the table sideways until a cell is seen; the page stays where it is.
fn bring_into_view(node: &NodeRef, cell: &HtmlElement) {
    let Some(scroll) = node.cast::<HtmlElement>() else {
        return;
    };
    // The heads of the rows stay at the left and cover what is below them.
    let covered = scroll
        .query_selector("th.head")
        .ok()
        .flatten()
        .and_then(|head| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(head).ok())
        .map_or(0, |head| head.offset_width());
    let (left, right) = (cell.offset_left(), cell.offset_left() + cell.offset_width());
    let (from, width) = (scroll.scroll_left(), scroll.client_width());
    if left < from + covered {
        scroll.set_scroll_left(left - covered);
    } else if right > from + width {
        scroll.set_scroll_left(right - width);
    }
}

/// The part of a long prompt that is shown, with the way to the others.
fn stretch(tokens: usize, shown: std::ops::Range<usize>, at: &UseStateHandle<At>) -> Html {
    if shown.len() >= tokens {
        return Html::default();
    }
    let button = |name: &'static str, to: Option<usize>| {
        let at = at.clone();
        let go = move |_| {
            if let Some(token) = to {
                at.set(At { row: at.row, token });
            }
        };
        // One that is disabled would lose the focus.
        html! { <button type="button" class="quiet" aria-disabled={to.is_none().then_some("true")} onclick={go}>{ name }</button> }
    };
    let before = shown.start.checked_sub(1);
    let after = (shown.end < tokens).then_some(shown.end);
    html! {
        <p class="line stretch">
            <span>{ format!("tokens {} to {} of {}", shown.start, shown.end - 1, count(tokens, "token")) }</span>
            <span class="end">{ button("Earlier", before) }{ button("Later", after) }</span>
        </p>
    }
}
