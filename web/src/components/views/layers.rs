//! Layers × tokens: the strongest specific feature of each SAE at each token.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::grid::{At, Cell, Cells, Grid, Head};
use super::parts::{detail, legend};
use crate::components::term::{defined, described};
use crate::components::token_text::quoted_token;
use crate::data::Trace;
use crate::definitions::{ACTIVATION, SPECIFIC};
use crate::display::{hook_label, quoted};
use crate::format::{NONE, count, fixed, tint};
use crate::shared::Shared;
use crate::state::views::ViewsAction;
use crate::views::layers::{Row, at_most, rows};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// Id of the selected SAE.
    pub sae: Option<AttrValue>,
    /// The selected token.
    pub token: usize,
    /// The selected feature.
    pub feature: Option<u32>,
    /// Receiver of what is chosen.
    pub on: Callback<ViewsAction>,
}

fn cell(trace: &Trace, row: &Row, token: usize) -> Cell {
    let name = hook_label(&row.hook);
    if token < trace.first_own() {
        return Cell {
            text: NONE.to_owned(),
            label: format!("{name}, the BOS: not shown, because SAEs are not trained on it"),
            ..Cell::default()
        };
    }
    let word = quoted(&trace.tokens[token].text);
    let Some(strongest) = row.cells.get(token).copied().flatten() else {
        return Cell {
            text: NONE.to_owned(),
            label: format!("{name}, {word}: no specific feature is active"),
            ..Cell::default()
        };
    };
    let value = f64::from(strongest.activation);
    Cell {
        text: strongest.latent.to_string(),
        value: fixed(value, 2),
        tint: tint(strongest.activation.abs(), row.largest),
        below: value < 0.0,
        label: format!(
            "{name}, {word}: feature {}, activation {}, active on {}",
            strongest.latent,
            fixed(value, 3),
            count(strongest.tokens, "token")
        ),
        ..Cell::default()
    }
}

/// The view.
#[component]
pub fn LayersView(props: &Props) -> Html {
    let Props { trace, on, .. } = props;
    let all = use_state(|| false);
    let pointed = use_state_eq(|| None::<At>);
    let rows = use_memo((trace.clone(), *all), |(trace, all)| rows(trace, *all));
    let heads = use_memo(rows.clone(), |rows| {
        let head = |row: &Row| Head {
            name: hook_label(&row.hook),
            title: format!("{} at {}", row.id, row.hook),
            side: None,
        };
        rows.iter().map(head).collect::<Vec<_>>()
    });
    let cells = use_memo((trace.clone(), rows.clone()), |(trace, rows)| {
        let (trace, rows) = (trace.clone(), rows.clone());
        Cells::new(move |at| {
            rows.get(at.row)
                .map_or_else(Cell::default, |row| cell(&trace, row, at.token))
        })
    });
    let point = use_callback((), {
        let pointed = pointed.setter();
        move |at, ()| pointed.set(at)
    });
    let choose = use_callback((rows.clone(), on.clone()), |at: At, (rows, on)| {
        let Some(row) = rows.get(at.row) else { return };
        on.emit(match row.cells.get(at.token).copied().flatten() {
            Some(strongest) => {
                ViewsAction::SelectFeature(row.id.clone(), at.token, strongest.latent)
            }
            None => ViewsAction::SelectToken(at.token),
        });
    });
    if rows.is_empty() {
        return html! { <p class="muted">{ "No SAE is loaded, so there is no layer to show." }</p> };
    }
    let shown = |row: &Row| {
        let strongest = row.cells.get(props.token).copied().flatten();
        strongest.is_some_and(|cell| Some(cell.latent) == props.feature)
    };
    let selected = rows
        .iter()
        .position(|row| props.sae.as_deref() == Some(row.id.as_str()) && shown(row));
    let unspecific: usize = rows.iter().map(|row| row.unspecific).sum();
    let toggle = {
        let all = all.clone();
        move |event: Event| all.set(event.target_unchecked_into::<HtmlInputElement>().checked())
    };
    let step = |tint: u8, text: &str| (tint, text.to_owned());
    let negative = rows
        .iter()
        .flat_map(|row| row.cells.iter().flatten())
        .any(|cell| cell.activation < 0.0);
    html! {
        <>
            <div class="line">
                <span>{ "In each cell the strongest " }{ defined(SPECIFIC) }{ " at the token, and its activation. Choose a cell to select it." }</span>
                <label class="check" title={format!("Features that are active on more than {} of this prompt", count(at_most(trace), "token"))}>
                    <input type="checkbox" checked={*all} onchange={toggle} />{ format!("also {} active on more than half of the tokens", count(unspecific, "feature")) }
                </label>
            </div>
            { legend("act", described(ACTIVATION, "activation, in each SAE's own units, as a share of its row's largest:"), &[step(1, "near 0"), step(10, "half"), step(20, "largest")]) }
            if negative {
                <p class="legend act"><span class="step"><i class="swatch t10 below" aria-hidden="true"></i>{ "hatched: below 0" }</span></p>
            }
            <Grid label="Strongest specific feature of each layer at each token" colour="act" trace={trace.clone()} {heads} cells={(*cells).clone()}
                token={props.token} row={selected} on_point={point} on_choose={choose} />
            { detail(pointed.and_then(|at| about(trace, &rows, at)), "Point at a cell, or move to it with the arrow keys, to read it here.") }
        </>
    }
}

fn about(trace: &Trace, rows: &[Row], at: At) -> Option<Html> {
    let row = rows.get(at.row)?;
    let token = trace.tokens.get(at.token)?;
    let strongest = row.cells.get(at.token).copied().flatten();
    Some(html! {
        <p class="line">
            <span>{ hook_label(&row.hook) }{ ", " }{ &row.id }</span>
            <span>{ "at " }if at.token < trace.first_own() { { "the BOS" } } else { { quoted_token(&token.text) } }</span>
            if let Some(strongest) = strongest {
                <span>{ "feature " }<b>{ strongest.latent }</b></span>
                <span>{ "activation " }<b>{ fixed(strongest.activation.into(), 3) }</b></span>
                <span>{ format!("active on {}", count(strongest.tokens, "token")) }</span>
            } else {
                <span>{ "nothing to show" }</span>
            }
        </p>
    })
}
