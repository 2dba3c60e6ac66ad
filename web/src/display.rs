//! Display of tokens with everything in them visible: whitespace, line ends, control characters.

use std::borrow::Cow;

/// A stretch of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Shown as it is.
    Text(String),
    /// A mark in place of something invisible, and that.
    Mark(Cow<'static, str>, String),
    /// A byte that is only a part of a character.
    Byte(u8),
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
            .unwrap_or('\u{fffd}')
            .to_string()
            .into(),
        '\u{7f}' => "␡".into(),
        // No-break and other spaces, zero-width characters, and those that change the direction of what follows.
        '\u{80}'..='\u{a0}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{3000}'
        | '\u{feff}' => format!("U+{:04X}", character as u32).into(),
        _ => return None,
    })
}

/// The byte that a text begins with, as the engine writes one that is only a part of a character: `<0xF0>`.
fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.get(..2)?;
    let hex = digits
        .bytes()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    (hex && text[5..].starts_with('>')).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// Length of the text that stands for a byte.
const BYTE_LENGTH: usize = "<0xF0>".len();

/// A token's text, cut into what is shown and what is marked. `<0xF0>` is a byte, unless the whole text was `typed`.
pub fn pieces(text: &str, typed: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut shown = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let piece = match byte(rest).filter(|_| !typed) {
            Some(byte) => Some((Piece::Byte(byte), BYTE_LENGTH)),
            None => mark(character)
                .map(|mark| (Piece::Mark(mark, character.into()), character.len_utf8())),
        };
        let length = match piece {
            Some((piece, length)) => {
                if !shown.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut shown)));
                }
                pieces.push(piece);
                length
            }
            None => {
                shown.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    if !shown.is_empty() {
        pieces.push(Piece::Text(shown));
    }
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

/// Side of a token with a line end at which the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The token begins a line: what follows its line end is the new line's indentation.
    Before,
    /// The token ends a line.
    After,
}

/// Line break at a token, if any.
pub fn line_break(text: &str) -> Option<Break> {
    if text.ends_with('\n') {
        Some(Break::After)
    } else {
        text.contains('\n').then_some(Break::Before)
    }
}

/// The direction in which text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left: Hebrew, Arabic and their relatives.
    Rtl,
}

impl Direction {
    /// Its name in HTML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

/// The direction of a text by its first letter; nothing for a text without letters.
pub fn direction_of(text: &str) -> Option<Direction> {
    text.chars().find_map(|character| match character {
        '\u{590}'..='\u{8ff}'
        | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}'
            if character.is_alphabetic() =>
        {
            Some(Direction::Rtl)
        }
        _ if character.is_alphabetic() => Some(Direction::Ltr),
        _ => None,
    })
}

/// A token's place in its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laid {
    /// True where its text stands in the prompt as it is: what looks like a byte was typed.
    pub typed: bool,
    /// The direction of the letters that it is, or is a part of.
    pub direction: Option<Direction>,
}

/// The places of tokens with these texts in the prompt that they make. Of tokens that do not make it nothing is known.
pub fn laid_out<'a>(prompt: &str, texts: impl Iterator<Item = &'a str>) -> Vec<Laid> {
    let mut at = Some(0);
    let mut lay = |text: &str| {
        let start = at?;
        let rest = &prompt.as_bytes()[start..];
        let typed = rest.starts_with(text.as_bytes());
        let length = if typed {
            text.len()
        } else {
            let bytes = bytes_of(text);
            rest.starts_with(&bytes).then_some(bytes.len())?
        };
        at = Some(start + length);
        Some(Laid {
            typed,
            direction: direction_of(whole_characters(prompt, start, start + length)),
        })
    };
    let mut lost = false;
    texts
        .map(|text| {
            let laid = lay(text).filter(|_| !lost);
            lost |= laid.is_none();
            laid.unwrap_or(Laid {
                typed: false,
                direction: None,
            })
        })
        .collect()
}

/// A part of a text by its bytes, with the whole of the characters that it begins and ends in.
fn whole_characters(text: &str, from: usize, to: usize) -> &str {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let from = (0..=from).rev().find(boundary).unwrap_or(0);
    let to = (to..text.len()).find(boundary).unwrap_or(text.len());
    &text[from..to]
}

/// The bytes that a token's text stands for.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces(text, false) {
        match piece {
            Piece::Text(text) | Piece::Mark(_, text) => bytes.extend(text.into_bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
    }
    bytes
}

/// The directions of tokens on a line with a direction of its own: what has no letters goes with what stands on both
/// sides of it, or else with the line.
pub fn directions(laid: &[Laid], line: Direction) -> Vec<Direction> {
    let mut directions: Vec<_> = laid.iter().map(|laid| laid.direction).collect();
    let mut at = 0;
    while at < directions.len() {
        let end = (at..directions.len())
            .find(|&token| directions[token].is_some())
            .unwrap_or(directions.len());
        let before = at.checked_sub(1).and_then(|token| directions[token]);
        let after = directions.get(end).copied().flatten();
        let between = before.filter(|_| before == after).or(Some(line));
        directions[at..end].fill(between);
        at = end + 1;
    }
    directions
        .into_iter()
        .map(|direction| direction.unwrap_or(line))
        .collect()
}

/// Name of a hook point on a button: `layer 3` for the residual stream after block 3, else with its own name.
pub fn hook_label(hook: &str) -> String {
    let Some((layer, point)) = hook
        .strip_prefix("blocks.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return hook.to_owned();
    };
    match point {
        "hook_resid_post" => format!("layer {layer}"),
        point => {
            let (part, name) = point.rsplit_once('.').unwrap_or(("", point));
            let gap = if part.is_empty() { "" } else { " " };
            let name = name.strip_prefix("hook_").unwrap_or(name);
            format!("layer {layer} {part}{gap}{name}")
        }
    }
}

/// Layer of a hook point; nothing for those that belong to none.
pub fn layer_of(hook: &str) -> Option<u32> {
    let (layer, _) = hook.strip_prefix("blocks.")?.split_once('.')?;
    layer.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_what_cannot_be_seen() {
        let marked = |mark: &'static str, text: &str| Piece::Mark(mark.into(), text.to_owned());
        let pieces = |text| pieces(text, false);
        assert_eq!(
            pieces(" king"),
            [marked("␣", " "), Piece::Text("king".into())]
        );
        assert_eq!(pieces("\n"), [marked("↵", "\n")]);
        assert_eq!(pieces("\u{1b}"), [marked("␛", "\u{1b}")]);
        assert_eq!(pieces("\u{202e}"), [marked("U+202E", "\u{202e}")]);
        assert_eq!(pieces(""), [marked("∅", "")]);
        assert_eq!(quoted(" king\n"), "“ king↵”");
        assert_eq!(line_break(":\n"), Some(Break::After));
        assert_eq!(line_break("\n    "), Some(Break::Before));
        assert_eq!(line_break(" a"), None);
    }

    #[test]
    fn a_byte_is_told_from_the_same_text_typed() {
        assert_eq!(pieces("<0xF0>", false), [Piece::Byte(0xf0)]);
        assert_eq!(
            pieces("a<0x9F><0x99>", false),
            [
                Piece::Text("a".into()),
                Piece::Byte(0x9f),
                Piece::Byte(0x99)
            ]
        );
        assert_eq!(pieces("<0xF0>", true), [Piece::Text("<0xF0>".into())]);
        for text in ["<0xf0>", "<0xG0>", "<0xF>", "<0xF0", "<0x", "<0xé>"] {
            assert_eq!(pieces(text, false), [Piece::Text(text.into())]);
        }
        let typed = |prompt, texts: &[&str]| {
            let laid = laid_out(prompt, texts.iter().copied());
            laid.iter().map(|laid| laid.typed).collect::<Vec<_>>()
        };
        assert_eq!(
            typed("<0xF0>🙂", &["<0xF0>", "<0xF0><0x9F>", "<0x99><0x82>"]),
            [true, false, false]
        );
    }

    #[test]
    fn text_that_is_read_from_the_right_says_so() {
        use Direction::{Ltr, Rtl};
        assert_eq!(direction_of("1. שלום world"), Some(Rtl));
        assert_eq!(direction_of("… a שלום"), Some(Ltr));
        assert_eq!(direction_of("12, ١"), None);
        let laid = laid_out(
            "a שלום, לך b!",
            [
                "a", " ", "של", "<0xD7>", "<0x95>", "ם", ",", " לך", " b", "!",
            ]
            .into_iter(),
        );
        assert_eq!(laid[4].direction, Some(Rtl), "a part of a letter");
        assert_eq!(
            directions(&laid, Ltr),
            [Ltr, Ltr, Rtl, Rtl, Rtl, Rtl, Rtl, Rtl, Ltr, Ltr]
        );
        assert_eq!(quoted("שלום"), "\u{2068}“שלום”\u{2069}");
    }

    #[test]
    fn names_hooks() {
        assert_eq!(hook_label("blocks.3.hook_resid_post"), "layer 3");
        assert_eq!(hook_label("blocks.8.mlp.hook_post"), "layer 8 mlp post");
        assert_eq!(hook_label("blocks.8.hook_resid_pre"), "layer 8 resid_pre");
        assert_eq!(hook_label("hook_embed"), "hook_embed");
        assert_eq!(layer_of("blocks.11.attn.hook_z"), Some(11));
        assert_eq!(layer_of("ln_final.hook_normalized"), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "([ -~]|\\PC|<0x[0-9A-F]{2}>|[\n\u{202e}])*", typed: bool) {
            let pieces = pieces(&text, typed);
            let whole: String = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Mark(_, original) => original.clone(),
                    Piece::Byte(byte) => format!("<0x{byte:02X}>"),
                })
                .collect();
            prop_assert_eq!(whole, text);
            for piece in &pieces {
                if let Piece::Text(shown) = piece {
                    prop_assert!(shown.chars().all(|character| mark(character).is_none()));
                }
                prop_assert!(!typed || !matches!(piece, Piece::Byte(_)));
            }
        }

        #[test]
        fn a_prompt_that_is_cut_anywhere_is_laid_out(prompt in "[aא<0xF>🙂 ]{0,12}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let bytes = prompt.as_bytes();
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.extend([0, bytes.len()]);
            ends.sort_unstable();
            // As the engine writes tokens: what is no whole character byte by byte.
            let texts: Vec<String> = ends.windows(2).map(|ends| {
                bytes[ends[0]..ends[1]].utf8_chunks().fold(String::new(), |text, chunk| {
                    let invalid: String = chunk.invalid().iter().map(|byte| format!("<0x{byte:02X}>")).collect();
                    text + chunk.valid() + &invalid
                })
            }).collect();
            let laid = laid_out(&prompt, texts.iter().map(String::as_str));
            prop_assert_eq!(laid.len(), texts.len());
            let mut back = Vec::new();
            for (text, laid) in texts.iter().zip(&laid) {
                for piece in pieces(text, laid.typed) {
                    match piece {
                        Piece::Text(text) | Piece::Mark(_, text) => back.extend(text.into_bytes()),
                        Piece::Byte(byte) => back.push(byte),
                    }
                }
            }
            prop_assert_eq!(back, bytes);
        }
    }
}
