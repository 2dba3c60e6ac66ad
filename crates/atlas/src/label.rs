//! Automatic labels: a few words about a feature from its statistics alone. They say what it fires on, not what it means.

use std::collections::BTreeMap;

use crate::info::CorpusInfo;
use crate::record::{Example, FeatureRecord, LogitEffect};

/// Share of tokens from which on a feature fires almost everywhere, and from which on that is the most that can be said.
const ALMOST_EVERYWHERE: f64 = 0.3;
const OFTEN: f64 = 0.1;
/// Share of the firings that what a label names has to explain.
const MOST: f64 = 0.6;
/// The same of a list of a few tokens.
const SEVERAL: f64 = 0.5;
/// Tokens that a label names.
const NAMED: usize = 3;
/// Share of the listed firings that are of one kind of token, and of all firings that have to be listed for that.
const OF_A_KIND: f64 = 0.8;
const LISTED: f64 = 0.4;
/// Different words that a beginning or an end has to be shared by.
const WORDS: usize = 4;
/// Share of the firings in one source, and share of the corpus that the source may have at the most.
const FROM_ONE_SOURCE: f64 = 0.8;
const SMALL_SOURCE: f64 = 0.5;
/// Examples that all begin with the peak where a feature fires on first tokens.
const FIRST_TOKENS: usize = 5;
/// Standard deviations of its effects on all logits above which the effect on a token is telling.
const TELLING: f64 = 5.0;
/// Firings below which the number is a part of the label: what so few have in common may be chance.
const RARE: u64 = 10;
/// Letters of a token that a label shows.
const LETTERS: usize = 16;

/// A test of a word.
type Kind<'a> = dyn Fn(&str) -> bool + 'a;

/// A label for a feature from its record's statistics, about 10 to 40 characters long; empty where they suggest none. `text`
/// gives a token's text. Equal records give equal labels.
///
/// The first that applies: it never fires; it fires on a tenth of all tokens or more; on the first token of windows alone;
/// on one token, or on few; on words with one beginning or end, or on tokens of one kind; it raises few logits far above all
/// others; its three most frequent tokens, if these are a quarter of its firings. A source that four fifths of the firings
/// are from goes before it, if the source is less than half of the corpus.
pub fn label(record: &FeatureRecord, corpus: &CorpusInfo, text: &dyn Fn(u32) -> String) -> String {
    let fired = record.moments.fired;
    if fired == 0 {
        return "dead on this corpus".to_owned();
    }
    if record.moments.density >= OFTEN {
        return often(record, text);
    }
    if fires_first(record) {
        return "first token of a text window".to_owned();
    }
    let words = Words::of(record, text);
    let about = words
        .dominant()
        .or_else(|| words.of_a_kind())
        .or_else(|| {
            record
                .logits
                .as_ref()
                .and_then(|logits| pushes(logits, text))
        })
        .or_else(|| words.frequent());
    // Few firings are from one source by chance.
    let source = source(record, corpus).filter(|_| fired >= RARE);
    let about = match (source, about) {
        (Some(source), Some(about)) => format!("{source}: {about}"),
        (Some(source), None) => format!("in {source}"),
        (None, about) => about.unwrap_or_default(),
    };
    match fired {
        1 if about.is_empty() => "fires once".to_owned(),
        2..RARE if about.is_empty() => format!("fires {fired} times"),
        1 => format!("once: {about}"),
        2..RARE => format!("{fired} times: {about}"),
        _ => about,
    }
}

/// A feature that fires on many tokens: what it is strongest on says more than what it fires on.
fn often(record: &FeatureRecord, text: &dyn Fn(u32) -> String) -> String {
    let percent = (100.0 * record.moments.density).round();
    let often = if record.moments.density >= ALMOST_EVERYWHERE {
        format!("almost everywhere ({percent} % of tokens)")
    } else {
        format!("often ({percent} % of tokens)")
    };
    let peaks = record.top.iter().filter_map(peak).map(|token| (token, 1));
    let words = Words::counted(peaks, record.top.len() as u64, text);
    match words.dominant() {
        Some(words) if record.top.len() >= FIRST_TOKENS => format!("{often}, most on {words}"),
        _ => often,
    }
}

fn peak(example: &Example) -> Option<u32> {
    example.tokens.get(usize::from(example.peak)).copied()
}

/// True where all examples fire on their first token and nowhere else.
fn fires_first(record: &FeatureRecord) -> bool {
    let of_intervals = record
        .intervals
        .iter()
        .flat_map(|interval| &interval.examples);
    let mut examples = record
        .top
        .iter()
        .chain(&record.random)
        .chain(of_intervals)
        .peekable();
    record.top.len() >= FIRST_TOKENS
        && record.moments.windows == record.moments.fired
        && examples.all(|example| example.positions == [0])
}

/// The source that most of the firings are from, if it is a small part of the corpus.
fn source<'a>(record: &FeatureRecord, corpus: &'a CorpusInfo) -> Option<&'a str> {
    let tokens: u64 = corpus.source_tokens.iter().sum();
    let counts = record
        .sources
        .iter()
        .zip(&corpus.source_tokens)
        .zip(&corpus.sources);
    let mut found = counts.filter(|((fired, of_source), _)| {
        share(**fired, record.moments.fired) >= FROM_ONE_SOURCE
            && share(**of_source, tokens) < SMALL_SOURCE
    });
    found.next().map(|(_, name)| name.as_str())
}

/// The tokens whose logits are raised far above all others.
fn pushes(logits: &LogitEffect, text: &dyn Fn(u32) -> String) -> Option<String> {
    let least = TELLING * deviation(logits)?;
    let telling = logits
        .up
        .iter()
        .take(NAMED)
        .filter(|token| f64::from(token.value) >= least);
    let names = distinct(telling.map(|token| shown(&text(token.token))));
    (!names.is_empty()).then(|| format!("pushes {}", list(&names)))
}

/// Standard deviation of the effects on all tokens, from their histogram; their mean is 0.
fn deviation(logits: &LogitEffect) -> Option<f64> {
    let histogram = &logits.histogram;
    let count: u64 = histogram.counts.iter().sum();
    let squares = histogram.counts.iter().zip(0_u32..).map(|(count, bin)| {
        let middle =
            (f64::from(histogram.first) + f64::from(bin) + 0.5) * f64::from(histogram.width);
        *count as f64 * middle * middle
    });
    let variance = squares.sum::<f64>() / count as f64;
    (variance > 0.0).then(|| variance.sqrt())
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Different names, in order.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// Names one after the other; of signs, or where one has a comma, without commas.
fn list(names: &[String]) -> String {
    let has_words = names
        .iter()
        .any(|name| name.chars().any(char::is_alphanumeric));
    let has_comma = names.iter().any(|name| name.contains(','));
    names.join(if has_words && !has_comma { ", " } else { " " })
}

/// A token as a label shows it: without the space before a word, with a hyphen where it goes on with one, white space by its name,
/// and not longer than a word.
fn shown(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return match text.chars().find(|sign| *sign != ' ') {
            None => "spaces".to_owned(),
            Some('\n' | '\r') => "line break".to_owned(),
            Some(_) => "white space".to_owned(),
        };
    }
    let goes_on = text.chars().next().is_some_and(char::is_lowercase);
    let mut short: String = goes_on.then_some('-').into_iter().collect();
    short.extend(trimmed.chars().take(LETTERS));
    if trimmed.chars().count() > LETTERS {
        short.push('…');
    }
    short
}

/// Tokens that a feature fires on, those that differ in spaces and capitals alone taken together.
struct Words {
    /// The most frequent first.
    words: Vec<Word>,
    /// All firings, those on tokens that are not listed too.
    fired: u64,
}

struct Word {
    /// As shown, in its most frequent form.
    name: String,
    /// Without white space.
    text: String,
    fired: u64,
}

impl Words {
    fn of(record: &FeatureRecord, text: &dyn Fn(u32) -> String) -> Self {
        let tokens = record.tokens.iter().map(|count| (count.token, count.fired));
        Self::counted(tokens, record.moments.fired, text)
    }

    /// Of tokens, the most frequent first.
    fn counted(
        tokens: impl Iterator<Item = (u32, u64)>,
        fired: u64,
        text: &dyn Fn(u32) -> String,
    ) -> Self {
        let mut forms: BTreeMap<String, usize> = BTreeMap::new();
        let mut words: Vec<Word> = Vec::new();
        for (token, fired) in tokens {
            let text = text(token);
            let name = shown(&text);
            let word = text.trim().to_owned();
            let form = if word.is_empty() {
                name.clone()
            } else {
                word.to_lowercase()
            };
            let at = *forms.entry(form).or_insert(words.len());
            match words.get_mut(at) {
                Some(word) => word.fired += fired,
                None => words.push(Word {
                    name,
                    text: word,
                    fired,
                }),
            }
        }
        words.sort_by_key(|word| std::cmp::Reverse(word.fired));
        Self { words, fired }
    }

    fn names(&self, count: usize) -> String {
        let names = self.words.iter().take(count).map(|word| word.name.clone());
        list(&names.collect::<Vec<_>>())
    }

    fn share_of_first(&self, count: usize) -> f64 {
        share(
            self.words.iter().take(count).map(|word| word.fired).sum(),
            self.fired,
        )
    }

    /// One word, or few, that most firings are on.
    fn dominant(&self) -> Option<String> {
        if self.share_of_first(1) >= MOST {
            return Some(self.names(1));
        }
        let enough = (2..=NAMED).find(|count| self.share_of_first(*count) >= SEVERAL);
        enough.map(|count| self.names(count))
    }

    /// The most frequent words, if they are a good part of all.
    fn frequent(&self) -> Option<String> {
        (self.share_of_first(NAMED) >= SEVERAL / 2.0).then(|| format!("{}, …", self.names(NAMED)))
    }

    /// What most of the listed words have in common.
    fn of_a_kind(&self) -> Option<String> {
        let listed: u64 = self.words.iter().map(|word| word.fired).sum();
        if share(listed, self.fired) < LISTED {
            return None;
        }
        let have = |is: &Kind<'_>| {
            let of_kind = self.words.iter().filter(|word| is(&word.text));
            let (words, fired) =
                of_kind.fold((0, 0), |(words, sum), word| (words + 1, sum + word.fired));
            words >= WORDS && share(fired, listed) >= OF_A_KIND
        };
        let letters = |word: &str| word.chars().all(char::is_alphabetic);
        let kinds: [(&str, &Kind<'_>); 4] = [
            ("numbers", &|word| {
                !word.is_empty() && word.chars().all(char::is_numeric)
            }),
            ("punctuation", &|word| {
                !word.is_empty() && !word.chars().any(char::is_alphanumeric)
            }),
            ("words in capitals", &|word| {
                letters(word) && word.chars().count() > 1 && word.chars().all(char::is_uppercase)
            }),
            ("capitalised words", &|word| {
                letters(word) && word.chars().next().is_some_and(char::is_uppercase)
            }),
        ];
        let kind = kinds.into_iter().find(|(_, is)| have(is));
        self.shared_end(&have)
            .or_else(|| self.shared_beginning(&have))
            .or_else(|| kind.map(|(name, _)| format!("{name}: {}", self.names(NAMED))))
    }

    fn shared_end(&self, have: &dyn Fn(&Kind<'_>) -> bool) -> Option<String> {
        let ends = self.words.iter().flat_map(|word| {
            let word = word.text.as_str();
            let starts = word.char_indices().map(|(at, _)| at).rev();
            starts.skip(1).take(4).filter_map(|at| word.get(at..))
        });
        let longest = longest_shared(ends, |end| {
            have(&|word| word.len() > end.len() && word.to_lowercase().ends_with(end))
        });
        longest.map(|end| format!("words in -{end}"))
    }

    fn shared_beginning(&self, have: &dyn Fn(&Kind<'_>) -> bool) -> Option<String> {
        let beginnings = self.words.iter().flat_map(|word| {
            let word = word.text.as_str();
            let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]);
            ends.skip(2).take(4).filter_map(|at| word.get(..at))
        });
        let longest = longest_shared(beginnings, |beginning| {
            have(&|word| word.len() > beginning.len() && word.to_lowercase().starts_with(beginning))
        });
        longest.map(|beginning| format!("words with {beginning}-"))
    }
}

/// The longest of some parts of words that enough words have; of equally long ones the first in the alphabet.
fn longest_shared<'a>(
    parts: impl Iterator<Item = &'a str>,
    is_shared: impl Fn(&str) -> bool,
) -> Option<String> {
    let letters = |part: &&str| part.chars().all(char::is_alphabetic);
    let mut parts: Vec<String> = parts.filter(letters).map(str::to_lowercase).collect();
    parts.sort();
    parts.dedup();
    parts.sort_by_key(|part| std::cmp::Reverse(part.chars().count()));
    parts.into_iter().find(|part| is_shared(part))
}
