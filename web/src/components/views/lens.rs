//! The logit lens: what each layer would predict next at each token.

use yew::prelude::*;

use super::grid::{At, Cell, Cells, Grid, Head};
use super::parts::{detail, legend, progress};
use crate::components::term::{defined, described};
use crate::components::token_text::{quoted_token, token_text};
use crate::data::{Lens, Trace};
use crate::definitions::{LENS, LOSS, PROBABILITY};
use crate::display::quoted;
use crate::format::{NONE, fixed, optional, percent, tint};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::views::ViewsAction;
use crate::views::lens::{best, largest_loss, loss_after, right};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// Number of the model's layers.
    pub layers: u32,
    /// The lens of every layer.
    pub lenses: Remote<Shared<Vec<Lens>>>,
    /// The selected token.
    pub token: usize,
    /// Receiver of what is chosen.
    pub on: Callback<ViewsAction>,
}

/// Name of a row.
fn name(layer: Option<u32>) -> String {
    layer.map_or_else(|| "embedding".to_owned(), |layer| format!("layer {layer}"))
}

fn cell(trace: &Trace, lens: &Lens, token: usize) -> Cell {
    let listed = best(lens, token);
    let Some(first) = listed.first() else {
        return Cell::default();
    };
    let word = match trace.tokens.get(token) {
        _ if token < trace.first_own() => "the BOS".to_owned(),
        word => quoted(word.map_or("", |word| &word.text)),
    };
    let listed: Vec<_> = listed
        .iter()
        .map(|next| format!("{} {}", quoted(&next.text), percent(next.prob.into())))
        .collect();
    let mut label = format!(
        "{} after {word}: {}",
        name(lens.layer.map(|layer| layer as u32)),
        listed.join(", ")
    );
    if let (Some(actual), Some(loss)) = (trace.tokens.get(token + 1), loss_after(lens, token)) {
        let loss = fixed(loss.into(), 3);
        label.push_str(&format!("; loss of {} {loss} nats", quoted(&actual.text)));
    }
    Cell {
        text: first.text.clone(),
        is_token: true,
        value: percent(first.prob.into()),
        tint: tint(first.prob, 1.0),
        below: false,
        marked: right(lens, trace, token),
        label,
    }
}

/// The view.
#[component]
pub fn LensView(props: &Props) -> Html {
    let Props { trace, on, .. } = props;
    let pointed = use_state_eq(|| None::<At>);
    let lenses = match &props.lenses {
        Remote::Here(lenses) => Some(lenses.clone()),
        _ => None,
    };
    let heads = use_memo((props.layers, lenses.clone()), |(layers, lenses)| {
        let largest = lenses.as_ref().map_or(0.0, |lenses| largest_loss(lenses));
        let head = |layer: Option<u32>| {
            let lens = lenses.as_ref().and_then(|lenses| {
                lenses
                    .iter()
                    .find(|lens| lens.layer == layer.map(|layer| layer as usize))
            });
            let loss = lens.and_then(|lens| lens.loss);
            let step = tint(loss.unwrap_or(0.0) as f32, largest);
            Head {
                name: name(layer),
                title: match layer {
                    Some(layer) => format!("The residual stream out of layer {layer}"),
                    None => "The residual stream into layer 0: the embedding of token and position"
                        .to_owned(),
                },
                side: Some((optional(loss, 3), step)),
            }
        };
        let rows = std::iter::once(None).chain((0..*layers).map(Some));
        rows.map(head).collect::<Vec<_>>()
    });
    let cells = use_memo((trace.clone(), lenses.clone()), |(trace, lenses)| {
        let (trace, lenses) = (trace.clone(), lenses.clone());
        Cells::new(move |at| {
            let lens = lenses.as_ref().and_then(|lenses| lenses.get(at.row));
            lens.map_or_else(Cell::default, |lens| cell(&trace, lens, at.token))
        })
    });
    let point = use_callback((), {
        let pointed = pointed.setter();
        move |at, ()| pointed.set(at)
    });
    let choose = use_callback(on.clone(), |at: At, on| {
        on.emit(ViewsAction::SelectToken(at.token))
    });
    let about = pointed
        .zip(lenses)
        .and_then(|(at, lenses)| about(trace, lenses.get(at.row)?, at.token));
    let step = |share: f32| (tint(share, 1.0), percent(share.into()));
    html! {
        <>
            <p class="line"><span>{ defined(LENS) }{ ": the likeliest next token out of the embedding and of each layer, after each token. Bold: the token that does follow." }</span></p>
            { legend("prob", described(PROBABILITY, "probability:"), &[0.05, 0.25, 0.5, 1.0].map(step)) }
            <p class="legend loss"><span class="step"><i class="swatch" aria-hidden="true"></i><span>{ "mean " }{ defined(LOSS) }{ " of the layer over the prompt, in nats, as a share of the largest" }</span></span></p>
            { progress(&props.lenses, "the logit lens", on) }
            <Grid label="Likeliest next token of each layer after each token" colour="prob" side="loss, nats" trace={trace.clone()} {heads} cells={(*cells).clone()}
                token={props.token} on_point={point} on_choose={choose} />
            { detail(about, "Point at a cell, or move to it with the arrow keys, to read the five likeliest tokens here.") }
        </>
    }
}

fn about(trace: &Trace, lens: &Lens, token: usize) -> Option<Html> {
    let word = trace.tokens.get(token)?;
    let loss = loss_after(lens, token).map(f64::from);
    Some(html! {
        <>
            <p class="line">
                <span>{ format!("{}, after ", name(lens.layer.map(|layer| layer as u32))) }if token < trace.first_own() { { "the BOS" } } else { { quoted_token(&word.text) } }</span>
                if let Some(actual) = trace.tokens.get(token + 1) {
                    <span>{ "loss of the actual next token " }{ quoted_token(&actual.text) }{ " " }<b>{ optional(loss, 3) }</b>{ " nats" }</span>
                } else {
                    <span>{ "the prompt ends here, so there is no loss" }</span>
                }
            </p>
            <ol class="best">
                { for best(lens, token).iter().map(|next| html! { <li>{ token_text(&next.text) }{ " " }<b>{ percent(next.prob.into()) }</b></li> }) }
                if best(lens, token).is_empty() { <li>{ NONE }</li> }
            </ol>
        </>
    })
}
