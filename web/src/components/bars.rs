//! Lists of tokens with a bar behind each: probabilities, logit effects.

use yew::prelude::*;

/// One line.
pub struct Bar {
    /// The token's text.
    pub text: Html,
    /// The number, as written.
    pub value: String,
    /// The bar's length as an SVG length.
    pub share: String,
    /// Tooltip.
    pub title: String,
    /// True if the line is set apart.
    pub marked: bool,
}

/// A list of bars. `label` says what it is to those who do not see it; `kind` is the bars' class: `up`, `down` or
/// `probability`.
pub fn bars(label: &'static str, kind: &'static str, bars: impl Iterator<Item = Bar>) -> Html {
    let line = |bar: Bar| {
        html! {
            <li class={classes!("bar", bar.marked.then_some("marked"))} title={bar.title}>
                <svg class={classes!("fill", kind)} width="100%" height="100%" aria-hidden="true" focusable="false">
                    <rect width={bar.share} height="100%" rx="3" />
                </svg>
                { bar.text }
                <span class="number">{ bar.value }</span>
            </li>
        }
    };
    html! { <ol class="bars" aria-label={label}>{ for bars.map(line) }</ol> }
}
