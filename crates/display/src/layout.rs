//! The layout of a prompt's tokens: lines, units that are drawn together, directions, and what stands beside what.

use std::ops::Range;

use super::characters::{SplitCharacter, groups, pieces_in, split_characters, token_ranges};
use super::directions::{Direction, Side, direction_of, left_to_right, levels};
use super::marks::{Piece, named, pieces};

/// A prompt's tokens as they are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The direction of the whole prompt, which lines without letters follow.
    pub direction: Direction,
    /// Lines from the top.
    pub lines: Vec<Line>,
    tokens: Vec<Placed>,
    /// Tokens as the arrow keys pass over them: in the prompt's direction along each line, and line after line.
    order: Vec<usize>,
    /// Index in `order` of each token.
    rank: Vec<usize>,
}

/// A line of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The direction of its first letter.
    pub direction: Direction,
    /// Its units in the order of the text.
    pub units: Vec<Unit>,
}

/// Tokens that are drawn together, because they share characters; most often one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its tokens.
    pub tokens: Range<usize>,
    /// Embedding level of the Unicode bidirectional algorithm: even levels are read from the left.
    pub level: u8,
    /// The characters whose bytes lie in several of its tokens.
    pub characters: Vec<SplitCharacter>,
}

/// A token in its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    pieces: Vec<Piece>,
    in_prompt: bool,
}

impl Unit {
    /// The names of its split characters.
    pub fn names(&self) -> String {
        let names = self.characters.iter().map(|split| named(split.character));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Its last token, at which the model has read the whole of its characters.
    pub fn last(&self) -> usize {
        self.tokens.end.saturating_sub(1)
    }

    /// The same in a line, with its positions.
    pub fn title(&self) -> String {
        let (first, last) = (self.tokens.start, self.last());
        format!("{} · positions {first}–{last}", self.names())
    }
}

impl Layout {
    /// Lays out the tokens with these texts in the prompt that they make. Those before `first_own` may have been put
    /// before it.
    pub fn new(prompt: &str, texts: &[&str], first_own: usize) -> Self {
        let first_own = first_own.min(texts.len());
        let (before, own) = texts.split_at(first_own);
        // A person may have typed them.
        let before = token_ranges(prompt, 0, before.iter().copied());
        let start = before.iter().flatten().last().map_or(0, |range| range.end);
        let mut ranges = before;
        ranges.extend(token_ranges(prompt, start, own.iter().copied()));

        let own_text = prompt.get(start..).unwrap_or_default();
        let direction = direction_of(own_text).unwrap_or(Direction::Ltr);
        let lines: Vec<_> = lines_of(prompt, texts, &ranges, first_own)
            .into_iter()
            .map(|groups| lay_line(prompt, &ranges, first_own, direction, &groups))
            .collect();
        let order: Vec<_> = lines
            .iter()
            .flat_map(|line| along(line, direction))
            .collect();
        let mut rank = vec![0; order.len()];
        for (at, &token) in order.iter().enumerate() {
            rank[token] = at;
        }
        let tokens = texts
            .iter()
            .zip(&ranges)
            .map(|(text, range)| Placed {
                pieces: match range {
                    Some(range) => pieces_in(prompt, range),
                    None => pieces(text),
                },
                in_prompt: range.is_some(),
            })
            .collect();
        Self {
            direction,
            lines,
            tokens,
            order,
            rank,
        }
    }

    /// A token's text, cut into what is shown and what is marked.
    pub fn pieces(&self, token: usize) -> &[Piece] {
        self.tokens
            .get(token)
            .map_or(&[], |token| token.pieces.as_slice())
    }

    /// True if a token's text stands in the prompt; false for a BOS that was put before it.
    pub fn in_prompt(&self, token: usize) -> bool {
        self.tokens.get(token).is_some_and(|token| token.in_prompt)
    }

    /// The token on a side of another one. At the end of a line it is the first on that way of the line after or before, so
    /// that one arrow key passes over each token once. Nothing at the end of the prompt.
    pub fn beside(&self, token: usize, side: Side) -> Option<usize> {
        let at = *self.rank.get(token)?;
        let forward = (side == Side::Right) == (self.direction == Direction::Ltr);
        let next = if forward {
            at.checked_add(1)
        } else {
            at.checked_sub(1)
        };
        self.order.get(next?).copied()
    }
}

/// Side of a unit with a line end at which the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// The unit begins a line: what follows its line end is the new line's indentation.
    Before,
    /// The unit ends a line.
    After,
}

/// Line break at a text, if any.
fn line_break(text: &str) -> Option<Break> {
    if text.ends_with('\n') {
        Some(Break::After)
    } else {
        text.contains('\n').then_some(Break::Before)
    }
}

/// Groups of tokens, divided into lines.
fn lines_of(
    prompt: &str,
    texts: &[&str],
    ranges: &[Option<Range<usize>>],
    first_own: usize,
) -> Vec<Vec<Range<usize>>> {
    let mut lines = vec![Vec::new()];
    for group in groups(prompt, ranges) {
        let text = match covered(&ranges[group.clone()]) {
            Some(range) => prompt.get(range).unwrap_or_default(),
            None => texts[group.start],
        };
        let breaks = line_break(text);
        // Before the first token of the prompt's own there is nothing to break.
        if breaks == Some(Break::Before) && group.start > first_own {
            lines.push(Vec::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(group);
        }
        if breaks == Some(Break::After) {
            lines.push(Vec::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The bytes of the prompt from the first to the last of tokens that stand in it.
fn covered(ranges: &[Option<Range<usize>>]) -> Option<Range<usize>> {
    let first = ranges.iter().flatten().next()?;
    let last = ranges.iter().flatten().last()?;
    Some(first.start..last.end)
}

fn lay_line(
    prompt: &str,
    ranges: &[Option<Range<usize>>],
    first_own: usize,
    fallback: Direction,
    groups: &[Range<usize>],
) -> Line {
    let tokens = groups.first().map_or(0, |group| group.start).max(first_own)
        ..groups.last().map_or(0, |group| group.end).max(first_own);
    let line = covered(&ranges[tokens]).unwrap_or(0..0);
    let text = prompt.get(line.clone()).unwrap_or_default();
    let direction = direction_of(text).unwrap_or(fallback);
    let levels = levels(text, direction);
    let units = groups.iter().map(|group| {
        // A unit stands where its letters and digits do: a space before them may lie less deep.
        let level = covered(&ranges[group.clone()])
            .and_then(|range| {
                let own =
                    range.start.checked_sub(line.start)?..range.end.checked_sub(line.start)?;
                levels.get(own)?.iter().copied().max()
            })
            .unwrap_or(direction.level());
        Unit {
            tokens: group.clone(),
            level,
            characters: split_characters(prompt, &ranges[group.clone()]),
        }
    });
    Line {
        direction,
        units: units.collect(),
    }
}

/// The tokens of a line as they stand on the screen, in a direction.
fn along(line: &Line, direction: Direction) -> Vec<usize> {
    let tokens = || {
        line.units
            .iter()
            .flat_map(|unit| unit.tokens.clone().map(|token| (token, unit.level)))
    };
    let levels: Vec<_> = tokens().map(|(_, level)| level).collect();
    let first = tokens().next().map_or(0, |(token, _)| token);
    let mut order: Vec<_> = left_to_right(&levels)
        .into_iter()
        .map(|at| first + at)
        .collect();
    if direction == Direction::Rtl {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::Direction::{Ltr, Rtl};
    use super::*;
    use crate::characters::tests::cut;
    use proptest::prelude::*;

    fn units(layout: &Layout) -> Vec<Vec<Range<usize>>> {
        let line = |line: &Line| line.units.iter().map(|unit| unit.tokens.clone()).collect();
        layout.lines.iter().map(line).collect()
    }

    fn levels_of(layout: &Layout) -> Vec<u8> {
        let lines = layout.lines.iter().flat_map(|line| &line.units);
        lines.map(|unit| unit.level).collect()
    }

    /// The tokens that a key passes over from one on, up to the last.
    fn walk(layout: &Layout, from: usize, side: Side) -> Vec<usize> {
        std::iter::successors(Some(from), |&token| layout.beside(token, side)).collect()
    }

    #[test]
    fn lines_break_where_the_text_does() {
        let layout = Layout::new(
            "a:\nb\n  c\n",
            &["<|endoftext|>", "a", ":\n", "b", "\n ", " c", "\n"],
            1,
        );
        assert_eq!(
            units(&layout),
            [
                [0, 1, 2].map(|at| at..at + 1).to_vec(),
                [3].map(|at| at..at + 1).to_vec(),
                [4, 5, 6].map(|at| at..at + 1).to_vec()
            ]
        );
        assert!(!layout.in_prompt(0) && layout.in_prompt(1));
        let layout = Layout::new("\n a", &["<|endoftext|>", "\n ", "a"], 1);
        assert_eq!(layout.lines.len(), 1, "nothing to break before the first");
    }

    #[test]
    fn tokens_that_were_typed_before_the_prompt_stand_in_it() {
        let layout = Layout::new("<|endoftext|>שלום", &["<|endoftext|>", "שלום"], 1);
        assert!(layout.in_prompt(0));
        assert_eq!(layout.direction, Rtl, "by the person's own text");
        assert_eq!(layout.pieces(1), [Piece::Text("שלום".into())]);
        assert_eq!(levels_of(&layout), [1, 1]);
    }

    #[test]
    fn a_unit_of_bytes_has_its_character() {
        let prompt = "a שb";
        let layout = Layout::new(prompt, &["a", " <0xD7>", "<0xA9>", "b"], 0);
        assert_eq!(units(&layout), [[0..1, 1..3, 3..4]]);
        let unit = &layout.lines[0].units[1];
        assert_eq!(unit.level, 1);
        assert_eq!(
            unit.characters,
            [SplitCharacter {
                character: 'ש',
                start: 2
            }]
        );
    }

    #[test]
    fn runs_and_numbers_stand_as_they_are_read() {
        // On the screen: a, then 3, then לך, then שלום, then b.
        let texts = ["a", " שלום", " לך", " 3", "!", " b"];
        let layout = Layout::new("a שלום לך 3! b", &texts, 0);
        assert_eq!(layout.direction, Ltr);
        assert_eq!(levels_of(&layout), [0, 1, 1, 2, 0, 0]);
        assert_eq!(walk(&layout, 0, Side::Right), [0, 3, 2, 1, 4, 5]);
        assert_eq!(walk(&layout, 5, Side::Left), [5, 4, 1, 2, 3, 0]);
        // The same run within text from the right: its own direction is that of the line.
        let layout = Layout::new("שלום GPT 3!", &["שלום", " GPT", " 3", "!"], 0);
        assert_eq!(layout.direction, Rtl);
        assert_eq!(levels_of(&layout), [1, 2, 2, 1]);
        assert_eq!(walk(&layout, 0, Side::Left), [0, 2, 1, 3]);
    }

    #[test]
    fn each_line_has_its_own_direction() {
        let layout = Layout::new(
            "abc\nשלום\n12\n",
            &["abc", "\n", "שלום", "\n", "12", "\n"],
            0,
        );
        let directions: Vec<_> = layout.lines.iter().map(|line| line.direction).collect();
        assert_eq!(directions, [Ltr, Rtl, Ltr]);
        // To the right, also within the line that is read from the right, and then on to the next line.
        assert_eq!(walk(&layout, 0, Side::Right), [0, 1, 3, 2, 4, 5]);
    }

    #[test]
    fn a_long_prompt_is_laid_out_in_linear_time() {
        // With time that grows by the square this would take hours.
        let line = "a שלום 12 (😀)";
        let prompt = vec![line; 50_000].join("\n");
        let cuts: Vec<_> = (0..prompt.len()).step_by(3).collect();
        let texts = cut(&prompt, &cuts);
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let start = std::time::Instant::now();
        let layout = Layout::new(&prompt, &texts, 0);
        assert!(layout.lines.len() > 40_000);
        assert!(
            start.elapsed().as_secs() < 20,
            "{} tokens took {:?}",
            texts.len(),
            start.elapsed()
        );
    }

    proptest! {
        #[test]
        fn every_token_is_drawn_once_and_reached_once(prompt in "[ab1אבع🙂 ().\n\u{202e}]{0,24}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..16)) {
            let cuts: Vec<_> = cuts.iter().map(|cut| cut.index(prompt.len() + 1)).collect();
            let texts = cut(&prompt, &cuts);
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            let layout = Layout::new(&prompt, &texts, 0);
            let drawn: Vec<_> = units(&layout).into_iter().flatten().flatten().collect();
            prop_assert_eq!(&drawn, &(0..texts.len()).collect::<Vec<_>>());
            // Along the prompt's direction each is passed over once, and the other arrow goes the same way back.
            let (on, back) = match layout.direction {
                Ltr => (Side::Right, Side::Left),
                Rtl => (Side::Left, Side::Right),
            };
            let first = layout.order[0];
            let path = walk(&layout, first, on);
            let mut sorted = path.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, drawn);
            let mut reverse = walk(&layout, path[path.len() - 1], back);
            reverse.reverse();
            prop_assert_eq!(path, reverse);
        }
    }
}
