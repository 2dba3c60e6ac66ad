//! Labels of tokens from the text alone, for probes.

/// A yes-or-no question about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: &'static str,
    /// The tokens of which it is true.
    pub definition: &'static str,
}

const fn task(name: &'static str, definition: &'static str) -> Task {
    Task { name, definition }
}

/// The tasks; their numbers are the bits of [`labels`].
pub const TASKS: [Task; 12] = [
    task(
        "quotation",
        "has a character, no quotation mark or white space, behind an opening quotation mark (\" or “) and before the closing one, in one paragraph",
    ),
    task(
        "capital",
        "its first character that is no white space is an upper-case letter",
    ),
    task(
        "all capitals",
        "has two letters or more, all of them upper-case",
    ),
    task("digit", "has a digit"),
    task(
        "punctuation",
        "has neither letter nor digit, and is not white space alone",
    ),
    task("word start", "has a letter with no letter before it"),
    task(
        "word middle",
        "begins with a letter, and the character before it is a letter",
    ),
    task(
        "code",
        "has a character, no white space, on a line with one of { } == != => -> :: () </ or an equals sign between spaces",
    ),
    task("past tense", "ends a word of four letters or more in -ed"),
    task("-ing", "ends a word of five letters or more in -ing"),
    task(
        "plural",
        "ends a word of four letters or more in -s, but not in -ss, -us or -is",
    ),
    task(
        "sentence start",
        "its first character that is no white space follows . ! or ? and white space, or begins the document",
    ),
];

/// Signs of code in a line.
const CODE: [&str; 10] = ["{", "}", "==", "!=", "=>", "->", "::", "()", "</", " = "];

/// For each token of a document the tasks that are true of it, task i as bit i. The document is the tokens' texts one after the
/// other.
pub fn labels(tokens: &[&str]) -> Vec<u16> {
    let text: Vec<char> = tokens.concat().chars().collect();
    let quoted = quoted(&text);
    let code = code(&text);
    let mut place = 0;
    let mut labels = Vec::with_capacity(tokens.len());
    for token in tokens {
        let range = place..place + token.chars().count();
        place = range.end;
        let view = View { text: &text, range };
        let bits = [
            view.shown().any(|at| quoted[at]),
            view.first().is_some_and(|at| text[at].is_uppercase()),
            view.all_capitals(),
            view.shown().any(|at| text[at].is_numeric()),
            view.first().is_some() && !view.shown().any(|at| text[at].is_alphanumeric()),
            view.range.clone().any(|at| view.starts_word(at)),
            view.range
                .clone()
                .next()
                .is_some_and(|at| text[at].is_alphabetic() && !view.starts_word(at)),
            view.shown().any(|at| code[at]),
            view.ends_word(4, &["ed"], &[]),
            view.ends_word(5, &["ing"], &[]),
            view.ends_word(4, &["s"], &["ss", "us", "is"]),
            view.first().is_some_and(|at| view.starts_sentence(at)),
        ];
        labels.push((0..).zip(bits).map(|(bit, is)| u16::from(is) << bit).sum());
    }
    labels
}

/// A token in its document.
struct View<'a> {
    text: &'a [char],
    range: std::ops::Range<usize>,
}

impl View<'_> {
    /// Places of characters that are no white space.
    fn shown(&self) -> impl Iterator<Item = usize> {
        self.range
            .clone()
            .filter(|at| !self.text[*at].is_whitespace())
    }

    fn first(&self) -> Option<usize> {
        self.shown().next()
    }

    fn all_capitals(&self) -> bool {
        let letters = || self.shown().filter(|at| self.text[*at].is_alphabetic());
        letters().count() >= 2 && letters().all(|at| self.text[at].is_uppercase())
    }

    fn starts_word(&self, at: usize) -> bool {
        let before = at
            .checked_sub(1)
            .is_some_and(|before| self.text[before].is_alphabetic());
        self.text[at].is_alphabetic() && !before
    }

    /// True if the token's last character is the last of a word of so many letters, with one of the endings and none of the others.
    fn ends_word(&self, least: usize, endings: &[&str], others: &[&str]) -> bool {
        let goes_on = self
            .text
            .get(self.range.end)
            .is_some_and(|next| next.is_alphabetic());
        if goes_on || self.range.is_empty() {
            return false;
        }
        let before = self.text[..self.range.end].iter().rev().copied();
        let letters: Vec<char> = before.take_while(|c| c.is_alphabetic()).collect();
        let ends = |ending: &&str| {
            let ending: Vec<char> = ending.chars().rev().collect();
            letters.starts_with(&ending)
        };
        letters.len() >= least && endings.iter().any(ends) && !others.iter().any(ends)
    }

    fn starts_sentence(&self, at: usize) -> bool {
        let mut before = self.text[..at].iter().rev().copied().peekable();
        match before.peek() {
            None => true,
            Some(last) if !last.is_whitespace() => false,
            Some(_) => before
                .find(|c| !c.is_whitespace())
                .is_none_or(|c| matches!(c, '.' | '!' | '?')),
        }
    }
}

/// For each character whether it is in a quotation.
fn quoted(text: &[char]) -> Vec<bool> {
    let mut inside = false;
    let mut quoted = vec![false; text.len()];
    let mut last_line_is_blank = true;
    for (at, c) in text.iter().enumerate() {
        match c {
            '"' => inside = !inside,
            '“' => inside = true,
            '”' => inside = false,
            _ => quoted[at] = inside && !c.is_whitespace(),
        }
        match c {
            // A blank line ends the paragraph, and what was not closed.
            '\n' if last_line_is_blank => inside = false,
            '\n' => last_line_is_blank = true,
            c if !c.is_whitespace() => last_line_is_blank = false,
            _ => {}
        }
    }
    quoted
}

/// For each character whether its line has a sign of code.
fn code(text: &[char]) -> Vec<bool> {
    let mut code = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|c| *c == '\n') {
        let string: String = line.iter().collect();
        let is = CODE.iter().any(|sign| string.contains(sign));
        code.extend(std::iter::repeat_n(is, line.len()));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens for which a task is true.
    fn of<'a>(name: &str, tokens: &[&'a str]) -> Vec<&'a str> {
        let bit = TASKS.iter().position(|task| task.name == name).unwrap();
        let labels = labels(tokens);
        assert_eq!(labels.len(), tokens.len());
        let chosen = tokens
            .iter()
            .zip(&labels)
            .filter(|(_, bits)| *bits >> bit & 1 == 1);
        chosen.map(|(token, _)| *token).collect()
    }

    #[test]
    fn each_task_is_true_of_its_tokens() {
        let tokens = [
            "The", " king", " said", " \"", "Come", " here", ".\"", " He", " walk", "ed", " in",
            " 1", "2", " classes", " of", " US", "A", " boxes", ",", " sing", "ing", "\n", "red",
            " bus",
        ];
        assert_eq!(of("quotation", &tokens), ["Come", " here", ".\""]);
        assert_eq!(of("capital", &tokens), ["The", "Come", " He", " US", "A"]);
        assert_eq!(of("all capitals", &tokens), [" US"]);
        assert_eq!(of("digit", &tokens), [" 1", "2"]);
        assert_eq!(of("punctuation", &tokens), [" \"", ".\"", ","]);
        assert_eq!(of("word middle", &tokens), ["ed", "A", "ing"]);
        assert_eq!(of("past tense", &tokens), ["ed"]);
        assert_eq!(of("-ing", &tokens), ["ing"]);
        assert_eq!(of("plural", &tokens), [" classes", " boxes"]);
        assert_eq!(of("sentence start", &tokens), ["The"]);
        let sentences = ["One", ".", " Two", "?\n", "Three", " 3", ".", "5"];
        assert_eq!(of("sentence start", &sentences), ["One", " Two", "Three"]);
        assert_eq!(of("word start", &sentences), ["One", " Two", "Three"]);
    }

    #[test]
    fn code_is_of_its_line_and_a_quotation_of_its_paragraph() {
        let tokens = [
            "let", " x", " =", " 1", "\n", "So", " it", " is", "\n", "f", "()", "\n\n", "“",
            "open", "\n\n", "Next",
        ];
        assert_eq!(of("code", &tokens), ["let", " x", " =", " 1", "f", "()"]);
        assert_eq!(of("quotation", &tokens), ["open"]);
        assert_eq!(labels(&[]), Vec::<u16>::new());
    }
}
