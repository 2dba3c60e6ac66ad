//! Layers × tokens: one feature of each SAE at each token, or the counterparts of the selected feature along the prompt.

use yew::prelude::*;

use super::grid::{At, Cell, Cells, Grid, Head};
use super::parts::{detail, legend};
use crate::components::term::{defined, described};
use crate::components::token_text::quoted_token;
use crate::data::{Neighbour, Trace};
use crate::definitions::{ACTIVATION, MATCH, SPECIFIC};
use crate::display::{hook_label, quoted};
use crate::format::{NONE, count, fixed, tint};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::reference::readable;
use crate::state::selection::COUNTERPART;
use crate::state::views::ViewsAction;
use crate::views::layers::{Counterpart, Mode, Row, counterparts, rows};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The feature that a cell shows.
    pub mode: Mode,
    /// Counterparts of the selected feature; nothing where none is selected, or where they are not shown.
    pub counterparts: Option<Remote<Shared<Vec<Counterpart>>>>,
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
    let Some(shown) = row.cells.get(token).copied().flatten() else {
        let why = match row.counterpart {
            None => "no feature is active",
            Some(_) => "no counterpart",
        };
        return Cell {
            text: NONE.to_owned(),
            label: format!("{name}, {word}: {why}"),
            ..Cell::default()
        };
    };
    let value = f64::from(shown.activation);
    let active = shown.activation != 0.0;
    let label = format!(
        "{name}, {word}: feature {}, {}, active on {}",
        shown.latent,
        match active {
            true => format!("activation {}", fixed(value, 3)),
            false => "not active here".to_owned(),
        },
        count(shown.tokens, "token")
    );
    // Of a counterpart the row says the number once, and the cell its activation.
    let (text, value) = match (&row.counterpart, active) {
        (None, _) => (shown.latent.to_string(), fixed(value, 2)),
        (Some(_), true) => (fixed(value, 2), String::new()),
        (Some(_), false) => ("0".to_owned(), String::new()),
    };
    Cell {
        text,
        value,
        tint: match active {
            true => tint(shown.activation.abs(), row.largest),
            false => 0,
        },
        below: shown.activation < 0.0,
        label,
        ..Cell::default()
    }
}

/// A row's head; of a counterpart its number, and the cosine beside it.
fn head(row: &Row) -> Head {
    let layer = hook_label(&row.hook);
    let at = format!("{} at {}", row.id, row.hook);
    match &row.counterpart {
        None => Head {
            name: layer,
            title: at,
            side: None,
        },
        Some(Ok(Neighbour { latent, cosine })) => Head {
            name: format!("{layer} · {latent}"),
            title: format!(
                "feature {latent} of {at}, decoder cosine {}",
                fixed((*cosine).into(), 3)
            ),
            side: Some((fixed((*cosine).into(), 2), 0)),
        },
        Some(Err(why)) => Head {
            name: format!("{layer} · {NONE}"),
            title: format!("{at}: {why}"),
            side: Some((NONE.to_owned(), 0)),
        },
    }
}

/// The view.
#[component]
pub fn LayersView(props: &Props) -> Html {
    let Props {
        trace, on, mode, ..
    } = props;
    let pointed = use_state_eq(|| None::<At>);
    let found = match &props.counterparts {
        Some(Remote::Here(found)) => Some(found.clone()),
        _ => None,
    };
    let rows = use_memo(
        (trace.clone(), *mode, found),
        |(trace, mode, found)| match (mode, found) {
            (Mode::Matches, Some(found)) => counterparts(trace, found),
            (Mode::Matches, None) => Vec::new(),
            (Mode::Specific | Mode::Strongest, _) => rows(trace, *mode == Mode::Strongest),
        },
    );
    let heads = use_memo(rows.clone(), |rows| {
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
            Some(shown) => ViewsAction::SelectFeature(row.id.clone(), at.token, shown.latent),
            None => ViewsAction::SelectToken(at.token),
        });
    });
    if trace.saes.is_empty() {
        return html! { <p class="muted">{ "No SAE is loaded, so there is no layer to show." }</p> };
    }
    let shown = |row: &Row| {
        let shown = row.cells.get(props.token).copied().flatten();
        shown.is_some_and(|cell| Some(cell.latent) == props.feature)
    };
    let selected = rows
        .iter()
        .position(|row| props.sae.as_deref() == Some(row.id.as_str()) && shown(row));
    let step = |tint: u8, text: &str| (tint, text.to_owned());
    let negative = rows
        .iter()
        .flat_map(|row| row.cells.iter().flatten())
        .any(|cell| cell.activation < 0.0);
    html! {
        <>
            { modes(*mode, on) }
            <p class="line"><span>{ match mode {
                Mode::Specific => html! { <>{ "In each cell the feature that is the most " }{ defined(SPECIFIC) }{ " to the token, and its activation. Choose a cell to select it." }</> },
                Mode::Strongest => html! { "In each cell the feature with the largest activation at the token: often one that is active everywhere. Choose a cell to select it." },
                Mode::Matches => html! { <>{ "In each row the " }{ described(MATCH, "nearest feature by decoder cosine") }{ format!(" to the selected one, and its activations. Below a cosine of {COUNTERPART} a feature does not count as its counterpart. Choose a cell to follow that one.") }</> },
            } }</span></p>
            { waiting(props) }
            if !rows.is_empty() {
                { legend("act", described(ACTIVATION, "activation, in each SAE's own units, as a share of its row's largest:"), &[step(1, "near 0"), step(10, "half"), step(20, "largest")]) }
                if negative {
                    <p class="legend act"><span class="step"><i class="swatch t10 below" aria-hidden="true"></i>{ "hatched: below 0" }</span></p>
                }
                <Grid label={table(*mode)} colour="act" side={(*mode == Mode::Matches).then_some("cosine")} trace={trace.clone()} {heads} cells={(*cells).clone()}
                    token={props.token} row={selected} on_point={point} on_choose={choose} />
                { detail(pointed.and_then(|at| about(trace, &rows, at)), "Point at a cell, or move to it with the arrow keys, to read it here.") }
            }
        </>
    }
}

/// Name of the table for those who do not see it.
fn table(mode: Mode) -> &'static str {
    match mode {
        Mode::Specific => "Most specific feature of each layer at each token",
        Mode::Strongest => "Strongest feature of each layer at each token",
        Mode::Matches => {
            "Activation of the selected feature's counterpart in each layer at each token"
        }
    }
}

/// Buttons that choose what a cell shows.
fn modes(now: Mode, on: &Callback<ViewsAction>) -> Html {
    html! {
        <div class="seg" role="group" aria-label="Feature in each cell" data-testid="layers-mode">
            { for Mode::ALL.map(|mode| html! {
                <button type="button" data-by={mode.name()} aria-pressed={(mode == now).to_string()} onclick={on.reform(move |_: MouseEvent| ViewsAction::SelectMode(mode))}>{ mode.title() }</button>
            }) }
        </div>
    }
}

/// The line in the place of counterparts that are not there.
fn waiting(props: &Props) -> Html {
    let text = match (props.mode, &props.counterparts) {
        (Mode::Specific | Mode::Strongest, _) | (_, Some(Remote::Here(_))) => {
            return Html::default();
        }
        (_, None) => "No feature is selected. Select one, and its counterparts are looked for.",
        (_, Some(Remote::Idle | Remote::Waiting | Remote::Failed(_))) => {
            "Looking for the nearest features…"
        }
    };
    html! { <p class="muted" role="status">{ text }</p> }
}

fn about(trace: &Trace, rows: &[Row], at: At) -> Option<Html> {
    let row = rows.get(at.row)?;
    let token = trace.tokens.get(at.token)?;
    let shown = row.cells.get(at.token).copied().flatten();
    Some(html! {
        <p class="line">
            <span>{ hook_label(&row.hook) }{ ", " }{ readable(&row.id) }</span>
            <span>{ "at " }if at.token < trace.first_own() { { "the BOS" } } else { { quoted_token(&token.text) } }</span>
            if let Some(shown) = shown {
                <span>{ "feature " }<b>{ shown.latent }</b></span>
                if shown.activation == 0.0 {
                    <span>{ "not active here" }</span>
                } else {
                    <span>{ "activation " }<b>{ fixed(shown.activation.into(), 3) }</b></span>
                }
                <span>{ format!("active on {}", count(shown.tokens, "token")) }</span>
            }
            { match &row.counterpart {
                Some(Ok(Neighbour { cosine, .. })) => {
                    let few = if *cosine < COUNTERPART { ", too little for a counterpart" } else { "" };
                    html! { <span>{ "decoder cosine " }<b>{ fixed((*cosine).into(), 3) }</b>{ few }</span> }
                }
                Some(Err(why)) => html! { <span>{ why }</span> },
                None if shown.is_none() => html! { <span>{ "nothing to show" }</span> },
                None => Html::default(),
            } }
        </p>
    })
}
