//! Lists of tokens with a bar behind each: probabilities, logit effects.

use yew::prelude::*;

use super::token_text::TokenText;

/// One line.
#[derive(Clone, PartialEq)]
pub struct Bar {
    /// The token's decoded bytes.
    pub text: AttrValue,
    /// The number, as written.
    pub value: AttrValue,
    /// The bar's length as an SVG length.
    pub share: AttrValue,
    /// What hovering says.
    pub title: AttrValue,
    /// Whether the line is set apart.
    pub marked: bool,
}

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What the list is, for those who do not see it.
    pub label: AttrValue,
    /// Class of the bars: `up`, `down` or `probability`.
    pub kind: &'static str,
    /// The lines.
    pub bars: Vec<Bar>,
}

/// A list of bars.
#[component]
pub fn Bars(props: &Props) -> Html {
    let line = |bar: &Bar| {
        html! {
            <li class={classes!("bar", bar.marked.then_some("marked"))} title={bar.title.clone()}>
                <svg class={classes!("fill", props.kind)} width="100%" height="100%" aria-hidden="true" focusable="false">
                    <rect width={bar.share.clone()} height="100%" rx="3" />
                </svg>
                <TokenText text={bar.text.clone()} />
                <span class="number">{ bar.value.clone() }</span>
            </li>
        }
    };
    html! { <ol class="bars" aria-label={props.label.clone()}>{ for props.bars.iter().map(line) }</ol> }
}
