//! Marks in place of what cannot be seen: whitespace, line ends, control characters, bytes that are no whole character.

use std::borrow::Cow;

use super::directions::{Direction, direction_of};

/// A stretch of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Shown as it is.
    Text(String),
    /// A mark in place of something invisible, and that.
    Mark(Cow<'static, str>, String),
    /// A byte that is only a part of a character.
    Byte(Byte),
}

/// A byte that is only a part of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Byte {
    /// The byte.
    pub value: u8,
    /// Its place in its character; nothing where the other bytes are not known, as of a token by itself.
    pub part: Option<Part>,
}

/// The place of a byte in a character of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The character.
    pub character: char,
    /// Where the character begins in the prompt, in bytes.
    pub start: usize,
    /// Index of the byte in the character, from 0.
    pub index: usize,
}

/// The mark for a character that cannot be seen, if it is one.
fn mark(character: char) -> Option<Cow<'static, str>> {
    Some(match character {
        ' ' => "␣".into(),
        '\n' => "↵".into(),
        '\t' => "⇥".into(),
        '\r' => "␍".into(),
        // Unicode has a picture of each control character.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + character as u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .to_string()
            .into(),
        '\u{7f}' => "␡".into(),
        // No-break and other spaces, zero-width characters, fillers, variation selectors, tags, and those that change the
        // direction of what follows.
        '\u{80}'..='\u{a0}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{1680}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{3000}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => code_point(character).into(),
        _ => return None,
    })
}

/// A character's number as it is written: `U+1F600`.
fn code_point(character: char) -> String {
    format!("U+{:04X}", character as u32)
}

/// A character with its number, for titles: `“😀” U+1F600`; of one that cannot be seen, the number alone.
pub fn named(character: char) -> String {
    let number = code_point(character);
    match mark(character) {
        Some(mark) if mark == number => number,
        Some(mark) => format!("“{mark}” {number}"),
        None => format!("{} {number}", quoted(character.encode_utf8(&mut [0; 4]))),
    }
}

/// Length of the text that stands for a byte.
pub(super) const BYTE_LENGTH: usize = "<0xF0>".len();

/// The byte that a text begins with, as the engine writes one that is only a part of a character: `<0xF0>`. One below 0x80
/// is a whole character, so that text like `<0x41>` never stands for it.
pub(super) fn byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [
            b'<',
            b'0',
            b'x',
            high @ (b'8'..=b'9' | b'A'..=b'F'),
            low @ (b'0'..=b'9' | b'A'..=b'F'),
            b'>',
            ..,
        ] => {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => digit - b'0',
                _ => digit - b'A' + 10,
            };
            Some(digit(*high) * 16 + digit(*low))
        }
        _ => None,
    }
}

/// The text of a token by itself, cut into what is shown and what is marked. `<0xF0>` in it is a byte.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut plain = 0;
    while plain < rest.len() {
        if let Some(value) = byte(&rest[plain..]) {
            mark_text(&rest[..plain], &mut pieces);
            pieces.push(Piece::Byte(Byte { value, part: None }));
            rest = &rest[plain + BYTE_LENGTH..];
            plain = 0;
        } else {
            plain += rest[plain..].chars().next().map_or(1, char::len_utf8);
        }
    }
    mark_text(rest, &mut pieces);
    or_empty(pieces)
}

/// Appends a text that stands for nothing but itself.
pub(super) fn mark_text(text: &str, pieces: &mut Vec<Piece>) {
    let mut shown = String::new();
    for character in text.chars() {
        match mark(character) {
            None => shown.push(character),
            Some(mark) => {
                if !shown.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut shown)));
                }
                pieces.push(Piece::Mark(mark, character.into()));
            }
        }
    }
    if !shown.is_empty() {
        pieces.push(Piece::Text(shown));
    }
}

/// The pieces, or a mark where there are none: also a token without text is to be seen.
pub(super) fn or_empty(mut pieces: Vec<Piece>) -> Vec<Piece> {
    if pieces.is_empty() {
        pieces.push(Piece::Mark("∅".into(), String::new()));
    }
    pieces
}

/// A token on one line, in quotation marks, for titles and descriptions.
pub fn quoted(text: &str) -> String {
    let mut line = String::from("“");
    for character in text.chars() {
        match mark(character) {
            // A space is plain to see between quotation marks.
            Some(_) if character == ' ' => line.push(' '),
            Some(mark) => line.push_str(&mark),
            None => line.push(character),
        }
    }
    line.push('”');
    if direction_of(text) == Some(Direction::Rtl) {
        // Set apart, so that the words around it stay in their order.
        return format!("\u{2068}{line}\u{2069}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(mark: &'static str, text: &str) -> Piece {
        Piece::Mark(mark.into(), text.to_owned())
    }

    fn byte_alone(value: u8) -> Piece {
        Piece::Byte(Byte { value, part: None })
    }

    #[test]
    fn marks_what_cannot_be_seen() {
        assert_eq!(
            pieces(" king"),
            [marked("␣", " "), Piece::Text("king".into())]
        );
        assert_eq!(pieces("\n"), [marked("↵", "\n")]);
        assert_eq!(pieces("\u{1b}"), [marked("␛", "\u{1b}")]);
        for (text, mark) in [
            ("\u{a0}", "U+00A0"),
            ("\u{200d}", "U+200D"),
            ("\u{202e}", "U+202E"),
            ("\u{fe0f}", "U+FE0F"),
        ] {
            assert_eq!(pieces(text), [marked(mark, text)]);
        }
        assert_eq!(pieces(""), [marked("∅", "")]);
        assert_eq!(quoted(" king\n"), "“ king↵”");
    }

    #[test]
    fn a_token_by_itself_may_hold_bytes() {
        assert_eq!(pieces("<0xF0>"), [byte_alone(0xf0)]);
        assert_eq!(
            pieces("a<0x9F><0x99> "),
            [
                Piece::Text("a".into()),
                byte_alone(0x9f),
                byte_alone(0x99),
                marked("␣", " ")
            ]
        );
        for text in [
            "<0xf0>", "<0xG0>", "<0xF>", "<0xF0", "<0x", "<0xé>", "<0x41>",
        ] {
            assert_eq!(pieces(text), [Piece::Text(text.into())]);
        }
    }

    #[test]
    fn a_character_is_named_with_its_number() {
        assert_eq!(named('😀'), "“😀” U+1F600");
        assert_eq!(named('\u{200d}'), "U+200D");
        assert_eq!(named(' '), "“␣” U+0020");
        assert_eq!(named('ש'), "\u{2068}“ש”\u{2069} U+05E9");
        assert_eq!(quoted("שלום"), "\u{2068}“שלום”\u{2069}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "([ -~]|\\PC|<0x[0-9A-F]{2}>|[\n\u{202e}])*") {
            let pieces = pieces(&text);
            let whole: String = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Mark(_, original) => original.clone(),
                    Piece::Byte(byte) => format!("<0x{:02X}>", byte.value),
                })
                .collect();
            prop_assert_eq!(whole, text);
            for piece in &pieces {
                if let Piece::Text(shown) = piece {
                    prop_assert!(shown.chars().all(|character| mark(character).is_none()));
                }
            }
        }
    }
}
