//! GPT-2's pre-tokenizer: text is cut into words, and no token reaches across a cut.
//!
//! It is the regular expression
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
//! written out by hand, since an engine that knows look-ahead and Unicode would be most of a page's download. `\s` is
//! Unicode's White_Space.

use unicode_general_category::{GeneralCategory, get_general_category};

const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// Classes of characters that the expression distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

fn class(c: char) -> Class {
    use GeneralCategory::{
        DecimalNumber, LetterNumber, LowercaseLetter, ModifierLetter, OtherLetter, OtherNumber,
        TitlecaseLetter, UppercaseLetter,
    };
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            '\t'..='\r' | ' ' => Class::Space,
            _ => Class::Other,
        };
    }
    if c.is_whitespace() {
        return Class::Space;
    }
    match get_general_category(c) {
        LowercaseLetter | UppercaseLetter | TitlecaseLetter | ModifierLetter | OtherLetter => {
            Class::Letter
        }
        DecimalNumber | LetterNumber | OtherNumber => Class::Number,
        _ => Class::Other,
    }
}

/// The text's words, in order; together they are the text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (word, after) = rest
            .split_at_checked(first_word(rest))
            .filter(|(word, _)| !word.is_empty())?;
        rest = after;
        Some(word)
    })
}

/// The length in bytes of the first word of a text; 0 where the text is empty.
fn first_word(text: &str) -> usize {
    if let Some(contraction) = CONTRACTIONS.iter().find(|c| text.starts_with(*c)) {
        return contraction.len();
    }
    // One leading space (U+0020 only) belongs to what follows it.
    let body = text.strip_prefix(' ').unwrap_or(text);
    let lead = text.len() - body.len();
    match body.chars().next().map(class) {
        Some(kind @ (Class::Letter | Class::Number | Class::Other)) => lead + run(body, kind).0,
        _ => {
            let (length, last) = run(text, Class::Space);
            // Followed by something else, a run leaves its last character to that, unless it has no other.
            if length == text.len() || length == last {
                length
            } else {
                length - last
            }
        }
    }
}

/// The longest prefix of one class: its length in bytes, and that of its last character.
fn run(text: &str, kind: Class) -> (usize, usize) {
    let mut length = 0;
    let mut last = 0;
    for c in text.chars().take_while(|&c| class(c) == kind) {
        last = c.len_utf8();
        length += last;
    }
    (length, last)
}

#[cfg(test)]
mod tests {
    use super::{Class, class, words};

    fn cut(text: &str) -> Vec<&str> {
        words(text).collect()
    }

    #[test]
    fn words_numbers_and_signs_take_one_space() {
        assert_eq!(cut("Hello world 42 !?"), ["Hello", " world", " 42", " !?"]);
        assert_eq!(cut("a1b2"), ["a", "1", "b", "2"]);
        assert_eq!(cut("x²Ⅷ½"), ["x", "²Ⅷ½"]);
        assert_eq!(cut(""), Vec::<&str>::new());
    }

    #[test]
    fn contractions_are_lower_case_and_need_no_word_before() {
        assert_eq!(
            cut("it's they're I'd"),
            ["it", "'s", " they", "'re", " I", "'d"]
        );
        assert_eq!(cut("IT'S"), ["IT", "'", "S"]);
        assert_eq!(cut(" 's"), [" '", "s"]);
        assert_eq!(cut("'store"), ["'s", "tore"]);
        assert_eq!(cut("!'s"), ["!'", "s"]);
    }

    #[test]
    fn a_run_of_spaces_leaves_its_last_to_the_word() {
        assert_eq!(cut("a   b"), ["a", "  ", " b"]);
        assert_eq!(cut("a   "), ["a", "   "]);
        assert_eq!(cut("a\n\nb"), ["a", "\n", "\n", "b"]);
        assert_eq!(cut("a\nb"), ["a", "\n", "b"]);
        assert_eq!(cut("a \n b"), ["a", " \n", " b"]);
        assert_eq!(cut("\u{3000}\u{a0}x"), ["\u{3000}", "\u{a0}", "x"]);
    }

    #[test]
    fn every_character_is_seen_as_in_the_reference() {
        let reference = include_str!("../../../../tests/fixtures/tokenizer/reference.json");
        let mut reference: serde_json::Value = serde_json::from_str(reference).unwrap();
        let runs: Vec<(u32, char)> = serde_json::from_value(reference["classes"].take()).unwrap();
        let ends = runs.iter().skip(1).map(|run| run.0).chain([0x11_0000]);
        let mut seen = 0;
        for (&(start, expected), end) in runs.iter().zip(ends) {
            for c in (start..end).filter_map(char::from_u32) {
                let found = match class(c) {
                    Class::Letter => 'L',
                    Class::Number => 'N',
                    Class::Space => 'S',
                    Class::Other => 'O',
                };
                assert_eq!(found, expected, "U+{:04X}", u32::from(c));
                seen += 1;
            }
        }
        assert_eq!(seen, 0x11_0000 - 0x800);
    }
}
