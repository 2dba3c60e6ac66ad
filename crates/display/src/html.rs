//! Markup for files that are written.

use maud::{Markup, html};

use crate::marks::{Byte, Piece};

/// The pieces of a token, as the page draws them, without what a copy gives.
pub fn pieces_html(pieces: &[Piece]) -> Markup {
    html! { @for piece in pieces { (piece_html(piece)) } }
}

fn piece_html(piece: &Piece) -> Markup {
    match piece {
        Piece::Text(text) => html! { (text) },
        Piece::Mark(mark, _) => html! { i.mark { (mark) } },
        Piece::Byte(Byte { value, .. }) => html! {
            i.byte { span.frame { "<0x" } (format!("{value:02X}")) span.frame { ">" } }
        },
    }
}
