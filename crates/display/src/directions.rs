//! Directions of writing, by the Unicode bidirectional algorithm.

use unicode_bidi::{BidiClass, BidiDataSource, BidiInfo, HardcodedBidiData, Level};

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

    /// The direction of an embedding level: even levels are read from the left.
    pub fn of_level(level: u8) -> Self {
        if level.is_multiple_of(2) {
            Self::Ltr
        } else {
            Self::Rtl
        }
    }

    /// The lowest embedding level with this direction.
    pub fn level(self) -> u8 {
        match self {
            Self::Ltr => 0,
            Self::Rtl => 1,
        }
    }
}

/// A side of a token on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the left arrow points.
    Left,
    /// Where the right arrow points.
    Right,
}

/// Unicode's classes for text whose invisible characters are shown as marks: those that would turn other text round do
/// nothing, and what ends a paragraph is a space like others, because each line is laid out by itself.
struct ShownClasses;

impl BidiDataSource for ShownClasses {
    fn bidi_class(&self, character: char) -> BidiClass {
        match HardcodedBidiData.bidi_class(character) {
            BidiClass::B | BidiClass::S => BidiClass::WS,
            BidiClass::LRE
            | BidiClass::RLE
            | BidiClass::LRO
            | BidiClass::RLO
            | BidiClass::PDF
            | BidiClass::LRI
            | BidiClass::RLI
            | BidiClass::FSI
            | BidiClass::PDI => BidiClass::BN,
            class => class,
        }
    }
}

/// The direction of a text by its first letter; nothing for a text without letters.
pub fn direction_of(text: &str) -> Option<Direction> {
    text.chars()
        .find_map(|character| match ShownClasses.bidi_class(character) {
            BidiClass::L => Some(Direction::Ltr),
            BidiClass::R | BidiClass::AL => Some(Direction::Rtl),
            _ => None,
        })
}

/// The embedding level of each byte of a line that is read in a direction.
pub(super) fn levels(line: &str, direction: Direction) -> Vec<u8> {
    let base = match direction {
        Direction::Ltr => Level::ltr(),
        Direction::Rtl => Level::rtl(),
    };
    BidiInfo::new_with_data_source(&ShownClasses, line, Some(base))
        .levels
        .iter()
        .map(|level| level.number())
        .collect()
}

/// The order from left to right of things on a line with these embedding levels, as indices.
pub(super) fn left_to_right(levels: &[u8]) -> Vec<usize> {
    // A level that the library does not know would be one that it has not given.
    let levels: Vec<_> = levels
        .iter()
        .map(|&level| Level::new(level).unwrap_or_else(|_| Level::ltr()))
        .collect();
    BidiInfo::reorder_visual(&levels)
}

#[cfg(test)]
mod tests {
    use super::Direction::{Ltr, Rtl};
    use super::*;

    #[test]
    fn the_first_letter_says_the_direction() {
        assert_eq!(direction_of("1. שלום world"), Some(Rtl));
        assert_eq!(direction_of("… a שלום"), Some(Ltr));
        assert_eq!(direction_of("، 12 سلام"), Some(Rtl));
        assert_eq!(direction_of("12, …"), None);
    }

    #[test]
    fn marks_that_turn_text_round_do_not() {
        assert_eq!(levels("a\u{202e}b\u{202c}", Ltr), [0; 8]);
        assert_eq!(levels("a\u{2067}b", Ltr), [0; 5]);
    }

    #[test]
    fn numbers_stand_from_left_to_right_within_text_from_the_right() {
        assert_eq!(levels("ש 12", Rtl), [1, 1, 1, 2, 2]);
        assert_eq!(left_to_right(&[1, 1, 2, 2]), [2, 3, 1, 0]);
    }
}
