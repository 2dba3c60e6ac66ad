//! A token's text with marks for what cannot be seen.

use yew::prelude::*;

use crate::display::{Piece, pieces};

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The token's decoded bytes.
    pub text: AttrValue,
}

/// A token's text; its direction does not reach beyond it.
#[component]
pub fn TokenText(props: &Props) -> Html {
    let shown = pieces(&props.text).into_iter().map(|piece| match piece {
        Piece::Text(text) => html! { { text } },
        Piece::Mark(mark) => html! { <i class="mark">{ mark }</i> },
    });
    html! { <bdi class="token-text">{ for shown }</bdi> }
}
