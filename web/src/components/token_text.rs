//! A token's text with marks for what cannot be seen.

use yew::prelude::*;

use crate::display::{Piece, pieces};

/// A token's text; its direction does not reach beyond it. Where it looks like a byte, it is one.
pub fn token_text(text: &str) -> Html {
    marked_text(text, false)
}

/// The same of a token that stands in a prompt as it is, if it was `typed`. Marks carry what they stand for, which is
/// what a copy gives (`copies.js`).
pub fn marked_text(text: &str, typed: bool) -> Html {
    let shown = pieces(text, typed).into_iter().map(|piece| match piece {
        Piece::Text(text) => html! { { text } },
        Piece::Mark(mark, original) => {
            html! { <i class="mark" data-original={original}>{ mark }</i> }
        }
        Piece::Byte(byte) => html! {
            <i class="byte" data-byte={format!("{byte:02X}")} title="A byte that is only a part of a character">{ format!("<0x{byte:02X}>") }</i>
        },
    });
    html! { <bdi class="token-text">{ for shown }</bdi> }
}

/// A token's text as it stands in a sentence.
pub fn quoted_token(text: &str) -> Html {
    html! { <span class="quoted">{ token_text(text) }</span> }
}
