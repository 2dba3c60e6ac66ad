//! Tokens that are written one after the other, as text: those that are parts of one character belong together.

use std::ops::Range;

use super::marks::{Piece, pieces};

/// Some tokens, and the text that they are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The tokens, by their places.
    pub tokens: Range<usize>,
    /// Their text. Bytes that are no character, or not yet one, are written `<0xF0>`.
    pub text: String,
}

/// Bytes of a token's text.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) | Piece::Mark(_, text) => bytes.extend(text.as_bytes()),
            Piece::Byte(byte) => bytes.push(byte.value),
        }
    }
    bytes
}

/// Groups tokens, of which each has its text, so that no character is cut.
pub fn groups<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut first = 0;
    let mut open = Vec::new();
    let mut end = 0;
    for (at, text) in texts.into_iter().enumerate() {
        end = at + 1;
        open.extend(bytes(text));
        let waits = std::str::from_utf8(&open).is_err_and(|error| error.error_len().is_none());
        if !waits {
            groups.push(closed(first..end, &open));
            open.clear();
            first = end;
        }
    }
    if first < end {
        groups.push(closed(first..end, &open));
    }
    groups
}

fn closed(tokens: Range<usize>, bytes: &[u8]) -> Group {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("<0x{byte:02X}>"));
        }
    }
    Group { tokens, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tokens: &[&str]) -> Vec<(Range<usize>, String)> {
        let groups = groups(tokens.iter().copied());
        groups
            .into_iter()
            .map(|group| (group.tokens, group.text))
            .collect()
    }

    #[test]
    fn tokens_that_are_parts_of_one_character_stand_together() {
        let tokens = [" a", "<0xF0><0x9F>", "<0x98>", "<0x80>", "\n", "b"];
        let expected = [(0..1, " a"), (1..4, "😀"), (4..5, "\n"), (5..6, "b")];
        assert_eq!(
            texts(&tokens),
            expected.map(|(tokens, text)| (tokens, text.to_owned()))
        );
    }

    #[test]
    fn bytes_that_are_no_character_are_kept_as_bytes() {
        assert_eq!(
            texts(&["<0xF0>"]),
            [(0..1, "<0xF0>".to_owned())],
            "not yet one"
        );
        assert_eq!(
            texts(&["<0xFF>", "a"]),
            [(0..1, "<0xFF>".to_owned()), (1..2, "a".to_owned())]
        );
        assert_eq!(texts(&["<0xF0>", "a"]), [(0..2, "<0xF0>a".to_owned())]);
        assert_eq!(texts(&[]), []);
    }

    proptest::proptest! {
        #[test]
        fn every_token_is_in_one_group(tokens in proptest::collection::vec("(<0x[0-9A-F]{2}>|.){0,3}", 0..12)) {
            let found = groups(tokens.iter().map(String::as_str));
            let mut next = 0;
            for group in &found {
                proptest::prop_assert_eq!(group.tokens.start, next);
                proptest::prop_assert!(group.tokens.end > next);
                next = group.tokens.end;
            }
            proptest::prop_assert_eq!(next, tokens.len());
        }
    }
}
