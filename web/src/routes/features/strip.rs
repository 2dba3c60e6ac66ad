//! A line of tokens tinted by their activations. One of them is in the order of the Tab key; arrows lead to the others.

use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use crate::browser;
use crate::components::token_text::token_text;
use crate::format::tint;

/// The token under the pointer, or with the focus.
#[derive(Clone, Debug, PartialEq)]
pub struct Hovered {
    /// Its text.
    pub text: String,
    /// The feature's activation at it.
    pub activation: f32,
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Texts of all tokens.
    pub texts: Vec<String>,
    /// The activation at each.
    pub along: Vec<f32>,
    /// The activation of the strongest tint.
    pub max: f32,
    /// The first token that is shown.
    pub first: usize,
    /// The one behind the last that is shown.
    pub last: usize,
    /// The token that the Tab key leads to first.
    pub focus: usize,
    /// True if tokens before the first are left out.
    #[prop_or_default]
    pub cut_before: bool,
    /// True if tokens behind the last are left out.
    #[prop_or_default]
    pub cut_after: bool,
    /// Description for those who do not see it.
    pub label: AttrValue,
    /// Receiver of the token under the pointer.
    pub on_hover: Callback<Option<Hovered>>,
    /// Receiver of a token that is chosen.
    pub on_choose: Callback<usize>,
}

/// The token that an event is about.
fn token_of(event: &Event) -> Option<(Element, usize)> {
    let element = event.target()?.dyn_into::<Element>().ok()?;
    let token = element.closest("[data-at]").ok()??;
    let at = token.get_attribute("data-at")?.parse().ok()?;
    Some((token, at))
}

/// The line.
#[component]
pub fn Strip(props: &Props) -> Html {
    let focus = use_state(|| None::<usize>);
    let Props { texts, along, .. } = props;
    let describe = |at: usize| {
        let text = texts.get(at)?.clone();
        let activation = along.get(at).copied()?;
        Some(Hovered { text, activation })
    };
    let hover = {
        let known: Vec<_> = (0..texts.len()).map(describe).collect();
        let on_hover = props.on_hover.clone();
        move |event: &Event| {
            let at = token_of(event).map(|(_, at)| at);
            on_hover.emit(at.and_then(|at| known.get(at).cloned().flatten()));
        }
    };
    let onmouseover = {
        let hover = hover.clone();
        move |event: MouseEvent| hover(&event)
    };
    let onfocusin = {
        let (hover, focus) = (hover.clone(), focus.clone());
        move |event: FocusEvent| {
            hover(&event);
            focus.set(token_of(&event).map(|(_, at)| at));
        }
    };
    let leave = {
        let on_hover = props.on_hover.clone();
        move || on_hover.emit(None)
    };
    let onmouseleave = {
        let leave = leave.clone();
        move |_: MouseEvent| leave()
    };
    let onfocusout = move |_: FocusEvent| leave();
    let onclick = {
        let choose = props.on_choose.clone();
        move |event: MouseEvent| {
            if let Some((_, at)) = token_of(&event) {
                choose.emit(at);
            }
        }
    };
    let onkeydown = {
        let choose = props.on_choose.clone();
        move |event: KeyboardEvent| {
            let Some((token, at)) = token_of(&event) else {
                return;
            };
            let beside = match event.key().as_str() {
                "ArrowLeft" => token.previous_element_sibling(),
                "ArrowRight" => token.next_element_sibling(),
                "Home" => token
                    .parent_element()
                    .and_then(|line| line.first_element_child()),
                "End" => token
                    .parent_element()
                    .and_then(|line| line.last_element_child()),
                "Enter" | " " => {
                    event.prevent_default();
                    return choose.emit(at);
                }
                _ => return,
            };
            event.prevent_default();
            if let Some(beside) = beside {
                browser::focus_on(&beside);
            }
        }
    };
    let last = props.last.min(texts.len());
    let first = props.first.min(last);
    let reached = focus
        .unwrap_or(props.focus)
        .clamp(first, last.saturating_sub(1).max(first));
    let token = |at: usize| {
        let value = along.get(at).copied().unwrap_or(0.0);
        let class = classes!(
            "chip",
            format!("t{}", tint(value, props.max)),
            (at == props.focus).then_some("peak")
        );
        html! {
            <span role="option" {class} aria-selected="false" data-testid="context-token" data-at={at.to_string()} tabindex={if at == reached { "0" } else { "-1" }}>{ token_text(&texts[at]) }</span>
        }
    };
    html! {
        <div class="strip-line">
            if props.cut_before { <span class="ellipsis" aria-hidden="true">{ "…" }</span> }
            <div class="strip-tokens" role="listbox" aria-orientation="horizontal" aria-label={props.label.clone()} {onmouseover} {onmouseleave} {onfocusin} {onfocusout} {onclick} {onkeydown}>
                { for (first..last).map(token) }
            </div>
            if props.cut_after { <span class="ellipsis" aria-hidden="true">{ "…" }</span> }
        </div>
    }
}
