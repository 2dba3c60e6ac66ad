//! Comparison of a query with names.

/// How well a text answers a query; the later, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Each word of the query is somewhere in the text.
    Inside,
    /// Words of the text begin with those of the query.
    WordStarts,
    /// The text begins with the query.
    Beginning,
    /// The text is the query.
    Whole,
}

/// Match of a query with a text, without regard to the case of ASCII letters: the tables for other letters would weigh
/// several kilobytes. Nothing where a word of the query is not in the text, or where there is no word.
pub fn match_text(query: &str, text: &str) -> Option<Match> {
    let (query, text) = (query.trim().to_ascii_lowercase(), text.to_ascii_lowercase());
    if query.is_empty() || !query.split_whitespace().all(|word| text.contains(word)) {
        return None;
    }
    Some(if text == query {
        Match::Whole
    } else if text.starts_with(&query) {
        Match::Beginning
    } else if query
        .split_whitespace()
        .all(|word| begins_a_word(&text, word))
    {
        Match::WordStarts
    } else {
        Match::Inside
    })
}

/// The best match of a query with any of some texts.
pub fn match_any(query: &str, texts: &[&str]) -> Option<Match> {
    texts
        .iter()
        .filter_map(|text| match_text(query, text))
        .max()
}

fn begins_a_word(text: &str, start: &str) -> bool {
    text.match_indices(start).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|character| !character.is_alphanumeric())
    })
}
