//! A token's text with marks for what cannot be seen.

use yew::prelude::*;

use crate::display::{Piece, pieces};

/// A token's text; its direction does not reach beyond it.
pub fn token_text(text: &str) -> Html {
    let shown = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => html! { { text } },
        Piece::Mark(mark) => html! { <i class="mark">{ mark }</i> },
    });
    html! { <bdi class="token-text">{ for shown }</bdi> }
}

/// A token's text as it stands in a sentence.
pub fn quoted_token(text: &str) -> Html {
    html! { <span class="quoted">{ token_text(text) }</span> }
}
