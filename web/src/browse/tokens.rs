//! Search by token: which tokens of the vocabulary a person means, and the features that fire on them.

use std::fmt::Write;

use super::places::Rows;

/// Most tokens that a query is taken to mean.
pub const MOST_TOKENS: usize = 12;

/// The text of a token search as it is meant: between backticks or quotes exactly what stands there.
fn meant(query: &str) -> (&str, bool) {
    for (open, close) in [("`", "`"), ("\"", "\""), ("“", "”"), ("'", "'")] {
        let inner = query
            .trim()
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner.filter(|inner| !inner.is_empty()) {
            return (inner, true);
        }
    }
    (query, false)
}

/// The tokens that a query means: one that is written exactly so, with a space before it or without, in any case of ASCII
/// letters; the closest first, at most [`MOST_TOKENS`]. A query that begins with a space, or stands between backticks or
/// quotes, means that very token alone where there is one. Where no token is so, those that begin so, the shortest first.
/// `vocabulary` has the bytes of each token.
pub fn tokens_of(query: &str, vocabulary: &[Vec<u8>]) -> Vec<u32> {
    let (text, exact) = meant(query);
    let (text, bare) = (text.as_bytes(), text.trim().as_bytes());
    if exact || text.starts_with(b" ") {
        let same = (0..).zip(vocabulary).filter(|(_, token)| *token == text);
        let same: Vec<_> = same.map(|(id, _)| id).collect();
        if exact || !same.is_empty() {
            return same;
        }
    }
    if bare.is_empty() {
        return Vec::new();
    }
    // By how many things are different: the case, the space before it.
    let mut found: Vec<(usize, u32)> = Vec::new();
    for (id, token) in (0..).zip(vocabulary) {
        let word = word(token);
        if word.eq_ignore_ascii_case(bare) {
            let difference = 2 * usize::from(word != bare) + usize::from(word.len() == token.len());
            found.push((difference, id));
        }
    }
    if found.is_empty() {
        for (id, token) in (0..).zip(vocabulary) {
            let word = word(token);
            if word
                .get(..bare.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(bare))
            {
                found.push((word.len(), id));
            }
        }
    }
    found.sort_unstable();
    found
        .into_iter()
        .take(MOST_TOKENS)
        .map(|(_, id)| id)
        .collect()
}

/// A token without the space before it.
fn word(token: &[u8]) -> &[u8] {
    token.strip_prefix(b" ").unwrap_or(token)
}

/// A token's bytes as text: those that are no part of a whole character are written as `<0xF0>`, as the engine writes them.
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "<0x{byte:02X}>");
        }
    }
    text
}

/// The features that fire on any of some tokens, with the number of times, most often first; of equals the lower number.
/// `index` lists for each token of the vocabulary the features that fire on it.
pub fn firing_on(index: &[Vec<(u32, u64)>], tokens: &[u32], rows: Rows<'_>) -> Vec<(u32, f64)> {
    let mut sums = std::collections::BTreeMap::<u32, u64>::new();
    for &(latent, fired) in tokens
        .iter()
        .filter_map(|token| index.get(*token as usize))
        .flatten()
    {
        if let Some(at) = rows.index_of(latent) {
            *sums.entry(at).or_default() += fired;
        }
    }
    let mut found: Vec<_> = sums.into_iter().collect();
    // The map was in the order of the rows, and the sort is stable.
    found.sort_by_key(|(_, fired)| std::cmp::Reverse(*fired));
    found
        .into_iter()
        .map(|(at, fired)| (at, fired as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::FeatureRow;

    const VOCABULARY: [&str; 8] = [
        "king", " king", " King", "KING", " kingdom", "e\u{301}", " ", " kings",
    ];

    fn found(query: &str) -> Vec<&'static str> {
        let vocabulary = VOCABULARY.map(|token| token.as_bytes().to_vec());
        tokens_of(query, &vocabulary)
            .into_iter()
            .map(|id| VOCABULARY[id as usize])
            .collect()
    }

    #[test]
    fn a_word_means_its_tokens_the_closest_first() {
        assert_eq!(found("king"), [" king", "king", " King", "KING"]);
        assert_eq!(found("KING"), ["KING", " king", " King", "king"]);
    }

    #[test]
    fn a_space_or_quotes_mean_one_token() {
        assert_eq!(found(" king"), [" king"]);
        assert_eq!(found("` King`"), [" King"]);
        assert_eq!(found("\"KING\""), ["KING"]);
        assert_eq!(found("` `"), [" "]);
        assert_eq!(found("`queen`"), [] as [&str; 0]);
        // No such token begins with a space: the word is meant.
        assert_eq!(found(" KING"), ["KING", " king", " King", "king"]);
    }

    #[test]
    fn the_beginning_of_a_word_finds_those_that_begin_so() {
        assert_eq!(found("kingd"), [" kingdom"]);
        assert_eq!(
            found("kin"),
            ["king", " king", " King", "KING", " kings", " kingdom"]
        );
        for nothing in ["", "  ", "é", "queen"] {
            assert_eq!(found(nothing), [] as [&str; 0], "{nothing}");
        }
    }

    #[test]
    fn bytes_of_no_character_are_written_out() {
        assert_eq!(text_of(" King é".as_bytes()), " King é");
        assert_eq!(text_of(&[b'a', 0xF0, 0x9F, b'b']), "a<0xF0><0x9F>b");
    }

    #[test]
    fn features_are_listed_by_how_often_they_fire_on_the_tokens() {
        let rows: Vec<_> = (0..4)
            .map(|latent| FeatureRow {
                latent,
                ..FeatureRow::default()
            })
            .collect();
        let rows = Rows::new(&rows, 100);
        let index = vec![vec![(3, 9), (0, 2)], vec![(0, 8), (2, 1), (7, 50)], vec![]];
        assert_eq!(
            firing_on(&index, &[0, 1], rows),
            [(0, 10.0), (3, 9.0), (2, 1.0)]
        );
        assert_eq!(firing_on(&index, &[2, 99], rows), []);
    }
}
