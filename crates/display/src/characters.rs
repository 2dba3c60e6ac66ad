//! Characters of a prompt and the tokens that hold their bytes.

use std::ops::Range;

use super::marks::{BYTE_LENGTH, Byte, Part, Piece, byte, mark_text, named, or_empty};

/// A character whose bytes lie in several tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitCharacter {
    /// The character.
    pub character: char,
    /// Where it begins in the prompt, in bytes.
    pub start: usize,
}

/// The bytes of the prompt that tokens with these texts hold, from byte `at` of the prompt on. A token that does not go on
/// where the one before it ended has none, nor have those after it.
pub(super) fn token_ranges<'a>(
    prompt: &str,
    at: usize,
    texts: impl Iterator<Item = &'a str>,
) -> Vec<Option<Range<usize>>> {
    let mut at = Some(at);
    texts
        .map(|text| {
            let start = at?;
            at = end_of(prompt.as_bytes(), start, text);
            Some(start..at?)
        })
        .collect()
}

/// Where a token ends that begins at a byte of the prompt. A byte that is written `<0xF0>` is told from the same text typed
/// by what the prompt has there: no byte from 0x80 on is a `<`.
fn end_of(prompt: &[u8], mut at: usize, text: &str) -> Option<usize> {
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if byte(rest).is_some_and(|byte| prompt.get(at) == Some(&byte)) {
            at += 1;
            rest = &rest[BYTE_LENGTH..];
        } else {
            let mut buffer = [0; 4];
            let encoded = character.encode_utf8(&mut buffer).as_bytes();
            if !prompt.get(at..)?.starts_with(encoded) {
                return None;
            }
            at += encoded.len();
            rest = &rest[encoded.len()..];
        }
    }
    Some(at)
}

/// Runs of tokens, each as short as can be without a character that lies in two of them. They cover all tokens, in order.
pub(super) fn groups(prompt: &str, ranges: &[Option<Range<usize>>]) -> Vec<Range<usize>> {
    let joined = |before: &Option<Range<usize>>, after: &Option<Range<usize>>| match (before, after)
    {
        (Some(before), Some(_)) => !prompt.is_char_boundary(before.end),
        _ => false,
    };
    let mut start = 0;
    ranges
        .chunk_by(joined)
        .map(|group| {
            let tokens = start..start + group.len();
            start = tokens.end;
            tokens
        })
        .collect()
}

/// The characters that end in another token than they begin in, of adjacent tokens.
pub(super) fn split_characters(
    prompt: &str,
    ranges: &[Option<Range<usize>>],
) -> Vec<SplitCharacter> {
    let mut split: Vec<SplitCharacter> = Vec::new();
    for range in ranges.iter().flatten() {
        if prompt.is_char_boundary(range.end) {
            continue;
        }
        if let Some(part) = part_at(prompt, range.end)
            && split.last().is_none_or(|last| last.start != part.start)
        {
            split.push(SplitCharacter {
                character: part.character,
                start: part.start,
            });
        }
    }
    split
}

/// A byte of the prompt in its character.
fn part_at(prompt: &str, at: usize) -> Option<Part> {
    let start = boundary_before(prompt, at);
    Some(Part {
        character: prompt.get(start..)?.chars().next()?,
        start,
        index: at - start,
    })
}

fn boundary_before(prompt: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|&at| prompt.is_char_boundary(at))
        .unwrap_or(0)
}

fn boundary_after(prompt: &str, at: usize) -> usize {
    (at..prompt.len())
        .find(|&at| prompt.is_char_boundary(at))
        .unwrap_or(prompt.len())
}

/// A stretch of the prompt, cut into what is shown, what is marked, and bytes of characters that are not whole in it.
pub(super) fn pieces_in(prompt: &str, range: &Range<usize>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let bytes = |range: Range<usize>, pieces: &mut Vec<Piece>| {
        let bytes = range.filter_map(|at| {
            let value = *prompt.as_bytes().get(at)?;
            let part = part_at(prompt, at);
            Some(Piece::Byte(Byte { value, part }))
        });
        pieces.extend(bytes);
    };
    let whole_from = boundary_after(prompt, range.start).min(range.end);
    let whole_to = boundary_before(prompt, range.end).max(whole_from);
    bytes(range.start..whole_from, &mut pieces);
    mark_text(
        prompt.get(whole_from..whole_to).unwrap_or_default(),
        &mut pieces,
    );
    bytes(whole_to..range.end, &mut pieces);
    or_empty(pieces)
}

/// The bytes among a token's pieces in words: `bytes 3–4 of 4 of “😀” U+1F600`. Nothing where the token has none, or
/// their characters are not known.
pub fn describe_bytes(pieces: &[Piece]) -> Option<String> {
    let parts: Vec<Part> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Byte(byte) => byte.part,
            _ => None,
        })
        .collect();
    let described: Vec<String> = parts
        .chunk_by(|a, b| a.start == b.start)
        .filter_map(|parts| {
            let (first, last) = (parts.first()?, parts.last()?);
            let bytes = if first.index == last.index {
                format!("byte {}", first.index + 1)
            } else {
                format!("bytes {}–{}", first.index + 1, last.index + 1)
            };
            let all = first.character.len_utf8();
            Some(format!("{bytes} of {all} of {}", named(first.character)))
        })
        .collect();
    (!described.is_empty()).then(|| described.join(", "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tokens' texts as the engine writes them, of a text that is cut at these bytes.
    pub fn cut(text: &str, at: &[usize]) -> Vec<String> {
        let mut ends = at.to_vec();
        ends.extend([0, text.len()]);
        ends.sort_unstable();
        let token = |ends: &[usize]| {
            text.as_bytes()[ends[0]..ends[1]]
                .utf8_chunks()
                .fold(String::new(), |token, chunk| {
                    let invalid: String = chunk
                        .invalid()
                        .iter()
                        .map(|byte| format!("<0x{byte:02X}>"))
                        .collect();
                    token + chunk.valid() + &invalid
                })
        };
        ends.windows(2).map(token).collect()
    }

    fn ranges(prompt: &str, texts: &[&str]) -> Vec<Option<Range<usize>>> {
        token_ranges(prompt, 0, texts.iter().copied())
    }

    #[test]
    fn a_byte_is_told_from_the_same_text_typed() {
        let prompt = "<0xF0>🙂<0xF0>";
        let texts = ["<0xF0>", "<0xF0><0x9F>", "<0x99><0x82><0xF0>"];
        let ranges = ranges(prompt, &texts);
        assert_eq!(ranges, [Some(0..6), Some(6..8), Some(8..16)]);
        assert_eq!(
            pieces_in(prompt, &(0..6)),
            [Piece::Text("<0xF0>".into())],
            "typed"
        );
        assert_eq!(pieces_in(prompt, &(8..16))[2], Piece::Text("<0xF0>".into()));
    }

    #[test]
    fn tokens_that_share_characters_are_one_group() {
        // The token in the middle ends one character and begins the next.
        let prompt = "a😀😁b";
        let texts = cut(prompt, &[1, 3, 7, 9]);
        assert_eq!(texts[2], "<0x98><0x80><0xF0><0x9F>");
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let ranges = ranges(prompt, &texts);
        let groups = groups(prompt, &ranges);
        assert_eq!(groups, [0..1, 1..4, 4..5]);
        let split = split_characters(prompt, &ranges[1..4]);
        let split: Vec<_> = split.iter().map(|one| (one.character, one.start)).collect();
        assert_eq!(split, [('😀', 1), ('😁', 5)]);
        assert_eq!(
            describe_bytes(&pieces_in(prompt, &(3..7))).unwrap(),
            "bytes 3–4 of 4 of “😀” U+1F600, bytes 1–2 of 4 of “😁” U+1F601"
        );
        assert_eq!(
            describe_bytes(&pieces_in(prompt, &(1..2))).unwrap(),
            "byte 1 of 4 of “😀” U+1F600"
        );
        assert_eq!(describe_bytes(&pieces_in(prompt, &(0..1))), None);
    }

    #[test]
    fn of_tokens_that_do_not_make_the_prompt_nothing_is_known() {
        let found = ranges("a b", &["a", " c", " b"]);
        assert_eq!(found, [Some(0..1), None, None]);
        assert_eq!(groups("a b", &found), [0..1, 1..2, 2..3]);
    }

    proptest! {
        #[test]
        fn groups_cover_a_prompt_that_is_cut_anywhere(prompt in "[aא<0xF>🙂中 \u{200d}]{0,12}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
            let cuts: Vec<_> = cuts.iter().map(|cut| cut.index(prompt.len() + 1)).collect();
            let texts = cut(&prompt, &cuts);
            let ranges = token_ranges(&prompt, 0, texts.iter().map(String::as_str));
            let groups = groups(&prompt, &ranges);
            // Each token is in one group.
            let covered: Vec<_> = groups.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..texts.len()).collect::<Vec<_>>());
            let mut back = Vec::new();
            let mut whole = String::new();
            for group in groups {
                let tokens = &ranges[group];
                let (from, to) = (tokens[0].as_ref().unwrap().start, tokens.last().unwrap().as_ref().unwrap().end);
                // A group's text is whole characters, and its split ones are those that its tokens have bytes of.
                whole.push_str(&prompt[from..to]);
                let split: Vec<_> = split_characters(&prompt, tokens).iter().map(|one| one.start).collect();
                let mut seen = Vec::new();
                for range in tokens.iter().flatten() {
                    for piece in pieces_in(&prompt, range) {
                        match piece {
                            Piece::Text(text) | Piece::Mark(_, text) => back.extend(text.into_bytes()),
                            Piece::Byte(byte) => {
                                let part = byte.part.unwrap();
                                prop_assert_eq!(prompt[part.start..].chars().next(), Some(part.character));
                                prop_assert_eq!(prompt.as_bytes()[part.start + part.index], byte.value);
                                seen.push(part.start);
                                back.push(byte.value);
                            }
                        }
                    }
                }
                seen.dedup();
                prop_assert_eq!(seen, split);
            }
            prop_assert_eq!(back, prompt.as_bytes());
            prop_assert_eq!(whole, prompt);
        }
    }
}
