//! One head's attention weights, enlarged, with the weight that is pointed at.

use web_sys::Element;
use yew::prelude::*;

use super::axes::{Axes, Size};
use super::canvas::HeadCanvas;
use crate::components::token_text::quoted_token;
use crate::data::Trace;
use crate::format::fixed;
use crate::shared::Shared;
use crate::state::views::ViewsAction;
use crate::views::pattern::{LARGE, Pattern, block, token_at};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The layer's pattern.
    pub pattern: Option<Shared<Pattern>>,
    /// The head.
    pub head: usize,
    /// The selected token.
    pub token: usize,
    /// Receiver of what is chosen.
    pub on: Callback<ViewsAction>,
}

/// The query and the key that a key of the keyboard leads to.
fn led(key: &str, (query, at): (usize, usize), tokens: usize) -> Option<(usize, usize)> {
    let last = tokens.saturating_sub(1);
    let (query, at) = match key {
        "ArrowUp" => (query.saturating_sub(1), at),
        "ArrowDown" => ((query + 1).min(last), at),
        "ArrowLeft" => (query, at.saturating_sub(1)),
        "ArrowRight" => (query, (at + 1).min(query)),
        "Home" => (query, 0),
        "End" => (query, query),
        _ => return None,
    };
    // No token looks at a later one.
    Some((query, at.min(query)))
}

/// The query and the key under the mouse, on a picture of so many tokens.
pub fn under(event: &MouseEvent, tokens: usize) -> Option<(usize, usize)> {
    let area: Element = event.target_dyn_into()?;
    let size = (area.client_width().into(), area.client_height().into());
    Some((
        token_at(event.offset_y().into(), size.1, tokens),
        token_at(event.offset_x().into(), size.0, tokens),
    ))
}

/// The enlarged picture. Arrows move the point, Enter or a click selects the token that looks.
#[component]
pub fn Matrix(props: &Props) -> Html {
    let Props {
        trace, token, on, ..
    } = props;
    let tokens = trace.tokens.len();
    let point = use_state_eq(|| None::<(usize, usize)>);
    let (query, key) = point
        .filter(|&(query, key)| query < tokens && key < tokens)
        .unwrap_or((*token, *token));
    let moved = {
        let point = point.clone();
        move |event: MouseEvent| point.set(under(&event, tokens))
    };
    let clicked = {
        let (point, on) = (point.clone(), on.clone());
        move |event: MouseEvent| {
            let at = under(&event, tokens);
            point.set(at);
            if let Some((query, _)) = at {
                on.emit(ViewsAction::SelectToken(query));
            }
        }
    };
    let onkeydown = {
        let (point, on) = (point.clone(), on.clone());
        move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.shift_key() || event.meta_key() {
                return;
            }
            let pressed = event.key();
            if matches!(pressed.as_str(), "Enter" | " ") {
                on.emit(ViewsAction::SelectToken(query));
            } else if let Some(to) = led(&pressed, (query, key), tokens) {
                point.set(Some(to));
            } else {
                return;
            }
            event.prevent_default();
            event.stop_propagation();
        }
    };
    let weight = props
        .pattern
        .as_ref()
        .and_then(|pattern| pattern.weight(props.head, query, key));
    let word = |token: usize| match trace.tokens.get(token) {
        _ if token < trace.first_own() => html! { "the BOS" },
        Some(word) => quoted_token(&word.text),
        None => Html::default(),
    };
    let merged = block(tokens, LARGE);
    html! {
        <figure class="matrix">
            <Axes trace={trace.clone()} size={Size::Large} point={Some((query, key))}>
            <div class="area" data-testid="matrix" role="application" tabindex="0" aria-label={format!("Attention weights of head {}, by the token that looks and the token looked at", props.head)}
                aria-roledescription="matrix" aria-describedby="matrix-read" {onkeydown} onmousemove={moved} onclick={clicked}>
                <HeadCanvas pattern={props.pattern.clone()} head={props.head} limit={LARGE} />
                <svg viewBox={format!("0 0 {tokens} {tokens}")} preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect class="query" x="0" y={token.to_string()} width={(token + 1).to_string()} height="1" />
                    <rect class="point" x={key.to_string()} y={query.to_string()} width="1" height="1" />
                </svg>
            </div>
            </Axes>
            <figcaption class="line" id="matrix-read" data-testid="matrix-read" aria-live="polite">
                <span>{ format!("head {}", props.head) }</span>
                <span>{ "from " }{ word(query) }{ format!(" ({query}) to ") }{ word(key) }{ format!(" ({key})") }</span>
                <span>{ "weight " }<b>{ if key > query {
                    "none, it comes later".to_owned()
                } else {
                    weight.map_or_else(|| crate::format::NONE.to_owned(), |weight| fixed(weight.into(), 4))
                } }</b></span>
                if merged > 1 {
                    <span>{ format!("A dot is the largest of {merged} × {merged} weights.") }</span>
                }
            </figcaption>
        </figure>
    }
}
