//! A token's text with marks for what cannot be seen.

use yew::prelude::*;

use crate::display::{Byte, Direction, Piece, pieces};

/// The text of a token by itself; its direction does not reach beyond it. Where it looks like a byte, it is one.
pub fn token_text(text: &str) -> Html {
    html! { <bdi class="token-text">{ for pieces(text).iter().map(piece_html) }</bdi> }
}

/// The text of a token that stands in a prompt, on a stretch that is read in a direction.
pub fn placed_text(pieces: &[Piece], direction: Direction) -> Html {
    html! { <bdi class="token-text" dir={direction.name()}>{ for pieces.iter().map(piece_html) }</bdi> }
}

/// A piece of a token. Marks carry what they stand for, and bytes the whole character with its place in the prompt, which
/// is what a copy gives (`copies.js`).
pub fn piece_html(piece: &Piece) -> Html {
    match piece {
        Piece::Text(text) => html! { { text } },
        Piece::Mark(mark, original) => {
            html! { <i class="mark" data-original={original.clone()}>{ mark.clone() }</i> }
        }
        Piece::Byte(Byte { value, part }) => {
            let original = part.map(|part| part.character.to_string());
            let start = part.map(|part| part.start.to_string());
            // In the prompt the chip's title names the character.
            let title = part
                .is_none()
                .then_some("A byte that is only a part of a character");
            html! {
                <i class="byte" data-byte={format!("{value:02X}")} data-original={original} data-start={start} {title}>
                    <span class="frame">{ "<0x" }</span>{ format!("{value:02X}") }<span class="frame">{ ">" }</span>
                </i>
            }
        }
    }
}

/// A token's text as it stands in a sentence.
pub fn quoted_token(text: &str) -> Html {
    html! { <span class="quoted">{ token_text(text) }</span> }
}
