//! The attention pattern of a layer: a small picture for each head, one of them enlarged, and what the selected token looks at.

use yew::prelude::*;

use super::grid::{At, Cell, Cells, Grid, Head};
use super::matrix::Matrix;
use super::parts::{legend, progress};
use super::small_head::{SmallHead, place};
use crate::components::select::{Select, options};
use crate::components::term::{defined, described};
use crate::components::token_text::quoted_token;
use crate::data::Trace;
use crate::definitions::ATTENTION;
use crate::display::quoted;
use crate::format::{bytes, fixed, tint};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::views::ViewsAction;
use crate::views::pattern::{Pattern, SMALL, block};

/// Layers whose weights take more bytes than this say so.
const MANY_BYTES: usize = 8_000_000;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// Number of the model's layers.
    pub layers: u32,
    /// Number of heads per layer.
    pub heads: u32,
    /// The shown layer.
    pub layer: u32,
    /// The enlarged head.
    pub head: Option<u32>,
    /// The pattern of the layer.
    pub pattern: Remote<Shared<Pattern>>,
    /// The selected token.
    pub token: usize,
    /// Receiver of what is chosen.
    pub on: Callback<ViewsAction>,
}

/// The step of a weight's tint: as in the pictures it grows with the square root.
fn weight_tint(weight: f32) -> u8 {
    tint(weight.sqrt(), 1.0)
}

fn cell(trace: &Trace, pattern: &Pattern, query: usize, at: At) -> Cell {
    let heads = pattern.heads;
    let (name, weight) = if at.row < heads {
        (
            format!("head {}", at.row),
            pattern.weight(at.row, query, at.token),
        )
    } else {
        (
            "mean of the heads".to_owned(),
            pattern.mean(query, at.token),
        )
    };
    let Some(weight) = weight else {
        return Cell::default();
    };
    let word = |token: usize| match trace.tokens.get(token) {
        _ if token < trace.first_own() => "the BOS".to_owned(),
        word => quoted(word.map_or("", |word| &word.text)),
    };
    if at.token > query {
        return Cell {
            label: format!("{name}: {} comes after {}", word(at.token), word(query)),
            ..Cell::default()
        };
    }
    Cell {
        value: fixed(weight.into(), 2),
        tint: weight_tint(weight),
        label: format!(
            "{name}: from {} to {} {}",
            word(query),
            word(at.token),
            fixed(weight.into(), 4)
        ),
        ..Cell::default()
    }
}

/// The view.
#[component]
pub fn AttentionView(props: &Props) -> Html {
    let Props {
        trace, token, on, ..
    } = props;
    let pointed = use_state_eq(|| None::<At>);
    let pattern = match &props.pattern {
        Remote::Here(pattern) => Some(pattern.clone()),
        _ => None,
    };
    let heads = use_memo(props.heads, |&heads| {
        let head = |name: String| Head {
            title: format!("Weights of {name}"),
            name,
            side: None,
        };
        let mean = head("mean of heads".to_owned());
        let heads = (0..heads).map(|one| head(format!("head {one}")));
        heads.chain([mean]).collect::<Vec<_>>()
    });
    let cells = use_memo(
        (trace.clone(), pattern.clone(), *token),
        |(trace, pattern, query)| {
            let (trace, pattern, query) = (trace.clone(), pattern.clone(), *query);
            Cells::new(move |at| {
                let pattern = pattern.as_ref();
                pattern.map_or_else(Cell::default, |pattern| cell(&trace, pattern, query, at))
            })
        },
    );
    let point = use_callback((), {
        let pointed = pointed.setter();
        move |at, ()| pointed.set(at)
    });
    let choose = use_callback((on.clone(), props.heads), |at: At, (on, heads)| {
        let head = u32::try_from(at.row).ok().filter(|head| head < heads);
        on.emit(ViewsAction::SelectHead(head));
    });
    // The query and the key that are pointed at in the small pictures.
    let spot = use_state_eq(|| None::<(usize, usize)>);
    let pointing = use_callback((), {
        let spot = spot.setter();
        move |at, ()| spot.set(at)
    });
    let left = pointing.reform(|_: MouseEvent| None);
    let tokens = trace.tokens.len();
    let spot = spot.filter(|&(query, key)| query < tokens && key < tokens);
    let head = props.head.filter(|&head| head < props.heads);
    let merged = block(tokens, SMALL);
    let step = |weight: f32| (weight_tint(weight), fixed(weight.into(), 2));
    let picked = on.reform(|layer: String| ViewsAction::SelectLayer(layer.parse().unwrap_or(0)));
    let layers = options((0..props.layers).map(|layer| (layer.to_string(), layer.to_string())));
    let read = pointed
        .zip(pattern.clone())
        .map(|(at, pattern)| cell(trace, &pattern, *token, at).label);
    html! {
        <>
            <div class="controls">
                <label>{ "layer" }
                    <Select testid="attention-layer" value={props.layer.to_string()} options={layers} onchange={picked} />
                </label>
                if let Some(pattern) = pattern.as_ref().filter(|pattern| pattern.bytes() > MANY_BYTES) {
                    <span class="muted">{ format!("The weights of one layer take {}, so only one is there at a time.", bytes(pattern.bytes() as f64)) }</span>
                }
            </div>
            { legend("weight", described(ATTENTION, "attention weight, without a unit:"), &[0.0, 0.01, 0.1, 0.5, 1.0].map(step)) }
            <p class="legend">{ "In the pictures the same steps go up to full ink." }</p>
            { progress(&props.pattern, "the attention of this layer", on) }
            <p class="line"><span>{ "A picture for each head: rows are the tokens that look, from above; columns are those looked at, from the left. Choose one to enlarge it." }</span>
                if merged > 1 {
                    <span>{ format!("A dot is the largest of {merged} × {merged} weights.") }</span>
                }
            </p>
            <div class="heads" role="group" aria-label="Heads" onmouseleave={left}>
                { for (0..props.heads).map(|one| {
                    let on_this = head == Some(one);
                    let chosen = on.reform(move |_: MouseEvent| ViewsAction::SelectHead((!on_this).then_some(one)));
                    html! { <SmallHead trace={trace.clone()} pattern={pattern.clone()} head={one} on_this={on_this} point={spot} on_point={pointing.clone()} {chosen} /> }
                }) }
            </div>
            <p class="muted heads-read" data-testid="heads-read">{ match spot {
                Some((query, key)) => html! { <>{ "from " }{ place(trace, query) }{ " to " }{ place(trace, key) }{ if key > query { ", which comes later: no weight" } else { "" } }</> },
                None => html! { "Point at a picture: the same two tokens are marked in all of them, with each head's weight." },
            } }</p>
            if let Some(head) = head {
                <Matrix trace={trace.clone()} pattern={pattern.clone()} head={head as usize} token={*token} on={on.clone()} />
            }
            <h3>{ "From " }{ if *token < trace.first_own() { html! { "the BOS" } } else { trace.tokens.get(*token).map_or_else(Html::default, |word| quoted_token(&word.text)) } }{ ": how strongly each head looks at each token" }</h3>
            <Grid label="Attention weights from the selected token" colour="weight" trace={trace.clone()} {heads} cells={(*cells).clone()}
                token={*token} row={head.map(|head| head as usize)} on_point={point} on_choose={choose} />
            <div class="detail" data-testid="view-detail"><p class="muted">
                { defined(ATTENTION) }{ " · " }
                { read.filter(|label| !label.is_empty()).unwrap_or_else(|| "Each row sums to 1. Point at a cell, or move to it with the arrow keys, to read it here; choose one to enlarge its head.".to_owned()) }
            </p></div>
        </>
    }
}
