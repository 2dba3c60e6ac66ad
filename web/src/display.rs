//! How a token is written so that everything in it can be seen: whitespace, line ends, control characters.

use std::borrow::Cow;

/// A stretch of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Shown as it is.
    Text(String),
    /// A mark in place of something invisible.
    Mark(Cow<'static, str>),
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

/// A token's text, cut into what is shown and what is marked.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut shown = String::new();
    for character in text.chars() {
        match mark(character) {
            None => shown.push(character),
            Some(mark) => {
                if !shown.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut shown)));
                }
                pieces.push(Piece::Mark(mark));
            }
        }
    }
    if !shown.is_empty() {
        pieces.push(Piece::Text(shown));
    }
    if pieces.is_empty() {
        pieces.push(Piece::Mark("∅".into()));
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
    line
}

/// Where a new line begins at a token that has a line end in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The token begins a line: what follows its line end is the new line's indentation.
    Before,
    /// The token ends a line.
    After,
}

/// Where the line is broken at a token, if it is.
pub fn line_break(text: &str) -> Option<Break> {
    if text.ends_with('\n') {
        Some(Break::After)
    } else {
        text.contains('\n').then_some(Break::Before)
    }
}

/// What a hook point is called on a button: `layer 3` for the residual stream after block 3, else with its own name.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_what_cannot_be_seen() {
        assert_eq!(
            pieces(" king"),
            [Piece::Mark("␣".into()), Piece::Text("king".into())]
        );
        assert_eq!(pieces("\n"), [Piece::Mark("↵".into())]);
        assert_eq!(pieces("\u{1b}"), [Piece::Mark("␛".into())]);
        assert_eq!(pieces("\u{202e}"), [Piece::Mark("U+202E".into())]);
        assert_eq!(pieces(""), [Piece::Mark("∅".into())]);
        assert_eq!(quoted(" king\n"), "“ king↵”");
        assert_eq!(line_break(":\n"), Some(Break::After));
        assert_eq!(line_break("\n    "), Some(Break::Before));
        assert_eq!(line_break(" a"), None);
    }

    #[test]
    fn names_hooks() {
        assert_eq!(hook_label("blocks.3.hook_resid_post"), "layer 3");
        assert_eq!(hook_label("blocks.8.mlp.hook_post"), "layer 8 mlp post");
        assert_eq!(hook_label("blocks.8.hook_resid_pre"), "layer 8 resid_pre");
        assert_eq!(hook_label("hook_embed"), "hook_embed");
    }

    proptest! {
        #[test]
        fn nothing_visible_is_lost(text in any::<String>()) {
            let shown: String = pieces(&text)
                .iter()
                .filter_map(|piece| match piece { Piece::Text(text) => Some(text.as_str()), Piece::Mark(_) => None })
                .collect();
            let expected: String = text.chars().filter(|&character| mark(character).is_none()).collect();
            prop_assert_eq!(shown, expected);
        }
    }
}
