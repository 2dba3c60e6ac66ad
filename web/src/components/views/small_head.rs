//! The small picture of a head's attention weights, among those of the other heads.

use yew::prelude::*;

use super::axes::{Axes, Size};
use super::canvas::HeadCanvas;
use super::matrix::under;
use crate::components::token_text::quoted_token;
use crate::data::Trace;
use crate::format::fixed;
use crate::shared::Shared;
use crate::views::pattern::{Pattern, SMALL};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The layer's pattern.
    pub pattern: Option<Shared<Pattern>>,
    /// The head.
    pub head: u32,
    /// True if it is the enlarged one.
    pub on_this: bool,
    /// The query and the key that are pointed at in one of the pictures.
    pub point: Option<(usize, usize)>,
    /// Receiver of what is pointed at.
    pub on_point: Callback<Option<(usize, usize)>>,
    /// Called when the picture is chosen.
    pub chosen: Callback<MouseEvent>,
}

/// The picture, as a button that enlarges it, with the weight that is pointed at.
#[component]
pub fn SmallHead(props: &Props) -> Html {
    let Props {
        trace, head, point, ..
    } = props;
    let tokens = trace.tokens.len();
    let moved = {
        let on_point = props.on_point.clone();
        move |event: MouseEvent| on_point.emit(under(&event, tokens))
    };
    let weight = point.zip(props.pattern.as_ref());
    let weight = weight.filter(|((query, key), _)| key <= query);
    let weight =
        weight.and_then(|((query, key), pattern)| pattern.weight(*head as usize, query, key));
    html! {
        <button type="button" class="head" data-testid="head" data-head={head.to_string()} aria-pressed={props.on_this.to_string()} onclick={props.chosen.clone()}>
            <Axes trace={trace.clone()} size={Size::Small} point={*point}>
                <span class="area" onmousemove={moved}>
                    <HeadCanvas pattern={props.pattern.clone()} head={*head as usize} limit={SMALL} />
                    if let Some((query, key)) = point {
                        <svg viewBox={format!("0 0 {tokens} {tokens}")} preserveAspectRatio="none" aria-hidden="true" focusable="false">
                            <rect class="point" x={key.to_string()} y={query.to_string()} width="1" height="1" />
                        </svg>
                    }
                </span>
            </Axes>
            { format!("head {head}") }
            if let Some(weight) = weight {
                <b class="weight-read">{ fixed(weight.into(), 3) }</b>
            }
        </button>
    }
}

/// A token of the prompt with its position, in a sentence.
pub fn place(trace: &Trace, token: usize) -> Html {
    let word = match trace.tokens.get(token) {
        _ if token < trace.first_own() => html! { "the BOS" },
        Some(word) => quoted_token(&word.text),
        None => Html::default(),
    };
    html! { <>{ word }{ format!(" ({token})") }</> }
}
