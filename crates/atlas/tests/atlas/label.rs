//! Automatic labels: what a record's statistics make of the feature, case by case.

use atlas::CorpusInfo;
use atlas::label::label;
use atlas::record::{
    Example, FeatureRecord, Histogram, LogitEffect, Moments, TokenCount, TokenValue,
};

const TEXTS: &[&str] = &[
    " king",
    " King",
    "king",
    " queen",
    " prince",
    " running",
    " singing",
    "walking",
    " sitting",
    " unable",
    " unhappy",
    " undone",
    " unseen",
    "1",
    "22",
    " 333",
    "4",
    "\n",
    " the",
    " Lord",
    " God",
    " a",
    "<script>",
    " Mary",
    " John",
    " Anne",
    " Tom",
    " incomprehensibilities",
    ",",
    "\"",
    " (",
    " [",
];

fn text(token: u32) -> String {
    TEXTS
        .get(token as usize)
        .map_or_else(|| format!(" other{token}"), |text| (*text).to_owned())
}

fn id(text: &str) -> u32 {
    TEXTS.iter().position(|other| *other == text).unwrap() as u32
}

fn corpus() -> CorpusInfo {
    CorpusInfo {
        name: "test".to_owned(),
        sources: vec!["fiction".to_owned(), "kjv".to_owned()],
        source_tokens: vec![90_000, 10_000],
        documents: 3,
        windows: 2_000,
        tokens: 100_000,
    }
}

/// A feature that fires so often on some tokens, and so often in all, in fiction alone.
fn record(tokens: &[(&str, u64)], fired: u64) -> FeatureRecord {
    FeatureRecord {
        moments: Moments {
            fired,
            windows: fired / 2,
            density: fired as f64 / 100_000.0,
            max: 3.0,
            ..Moments::default()
        },
        tokens: tokens
            .iter()
            .map(|(text, fired)| TokenCount {
                token: id(text),
                fired: *fired,
                occurs: *fired,
            })
            .collect(),
        sources: vec![fired, 0],
        ..FeatureRecord::default()
    }
}

fn of(record: &FeatureRecord) -> String {
    label(record, &corpus(), &text)
}

/// An effect on a thousand tokens between −1 and 1, and these above.
fn effect(up: &[(&str, f32)]) -> LogitEffect {
    let mut counts = vec![250; 4];
    counts.push(up.len() as u64);
    LogitEffect {
        up: up
            .iter()
            .map(|(text, value)| TokenValue {
                token: id(text),
                value: *value,
            })
            .collect(),
        down: Vec::new(),
        histogram: Histogram {
            origin: 0.0,
            width: 0.5,
            first: -2,
            counts,
        },
    }
}

#[test]
fn a_feature_that_never_fires_is_dead_on_the_corpus() {
    assert_eq!(of(&record(&[], 0)), "dead on this corpus");
}

#[test]
fn one_token_is_named_whatever_its_capitals_and_spaces() {
    assert_eq!(
        of(&record(
            &[
                (" king", 300),
                (" King", 200),
                ("king", 120),
                (" queen", 50)
            ],
            1000
        )),
        "king"
    );
    assert_eq!(of(&record(&[("\n", 700)], 1000)), "line break");
    assert_eq!(
        of(&record(&[(" incomprehensibilities", 700)], 1000)),
        "incomprehensibil…"
    );
    assert_eq!(of(&record(&[("<script>", 700)], 1000)), "<script>");
}

#[test]
fn parts_of_words_have_a_hyphen_and_signs_no_commas() {
    assert_eq!(of(&record(&[("walking", 700)], 1000)), "-walking");
    let words = [(" king", 200), ("walking", 190), (" queen", 180)];
    assert_eq!(of(&record(&words, 1000)), "king, -walking, queen");
    let signs = [(",", 300), ("\"", 260), (" (", 100)];
    assert_eq!(of(&record(&signs, 1000)), ", \"");
    let mixed = [(",", 300), (" king", 290)];
    assert_eq!(of(&record(&mixed, 1000)), ", king");
    let signs = [(",", 160), ("\"", 150), (" (", 140), (" [", 130)];
    assert_eq!(of(&record(&signs, 1000)), "punctuation: , \" (");
}

#[test]
fn of_few_firings_the_number_is_told() {
    assert_eq!(of(&record(&[(" king", 1)], 1)), "once: king");
    assert_eq!(
        of(&record(&[(" king", 4), (" queen", 2)], 6)),
        "6 times: king"
    );
    assert_eq!(of(&record(&[(" king", 9), (" queen", 1)], 10)), "king");
    assert_eq!(of(&record(&[(" king", 1)], 9)), "fires 9 times");
    // Where so few are from says nothing.
    let mut few = record(&[(" king", 4)], 4);
    few.sources = vec![0, 4];
    assert_eq!(of(&few), "4 times: king");
}

#[test]
fn few_tokens_are_listed_as_far_as_they_explain_most() {
    assert_eq!(
        of(&record(
            &[(" king", 300), (" queen", 250), (" prince", 10)],
            1000
        )),
        "king, queen"
    );
    assert_eq!(
        of(&record(
            &[(" king", 200), (" queen", 170), (" prince", 150)],
            1000
        )),
        "king, queen, prince"
    );
}

#[test]
fn shared_beginnings_ends_and_kinds_are_recognised() {
    let ends = [
        (" running", 120),
        (" singing", 110),
        ("walking", 110),
        (" sitting", 100),
        (" the", 20),
    ];
    assert_eq!(of(&record(&ends, 1000)), "words in -ing");
    let beginnings = [
        (" unable", 120),
        (" unhappy", 110),
        (" undone", 110),
        (" unseen", 100),
    ];
    assert_eq!(of(&record(&beginnings, 1000)), "words with un-");
    let numbers = [("1", 120), ("22", 110), (" 333", 110), ("4", 100)];
    assert_eq!(of(&record(&numbers, 1000)), "numbers: 1, 22, 333");
    let names = [
        (" Mary", 120),
        (" John", 110),
        (" Anne", 110),
        (" Tom", 100),
    ];
    assert_eq!(
        of(&record(&names, 1000)),
        "capitalised words: Mary, John, Anne"
    );
}

#[test]
fn a_source_that_is_a_small_part_of_the_corpus_goes_before() {
    let mut found = record(&[(" king", 700)], 1000);
    found.sources = vec![100, 900];
    assert_eq!(of(&found), "kjv: king");
    found.tokens.clear();
    assert_eq!(of(&found), "in kjv");
    // Most of the corpus is fiction, so that says nothing.
    found.sources = vec![950, 50];
    assert_eq!(of(&found), "");
}

#[test]
fn what_fires_often_is_said_with_its_share_of_the_tokens() {
    let mut found = record(&[(" the", 5000)], 38_000);
    assert_eq!(of(&found), "almost everywhere (38 % of tokens)");
    found.moments.density = 0.12;
    assert_eq!(of(&found), "often (12 % of tokens)");
    found.top = vec![
        Example {
            tokens: vec![id(" a"), id(" king")],
            peak: 1,
            positions: vec![1],
            ..Example::default()
        };
        6
    ];
    assert_eq!(of(&found), "often (12 % of tokens), most on king");
}

#[test]
fn first_tokens_are_recognised_by_all_examples() {
    let mut found = record(&[(" the", 60), (" a", 50)], 500);
    found.moments.windows = 500;
    let first = Example {
        tokens: vec![id(" the")],
        positions: vec![0],
        ..Example::default()
    };
    found.top = vec![first.clone(); 6];
    assert_eq!(of(&found), "first token of a text window");
    found.random = vec![Example {
        positions: vec![1],
        ..first
    }];
    assert_eq!(of(&found), "");
}

#[test]
fn telling_logits_speak_where_tokens_do_not() {
    let mut found = record(&[(" the", 100), (" a", 50)], 1000);
    found.logits = Some(effect(&[(" Lord", 9.0), (" God", 8.0), (" a", 1.0)]));
    assert_eq!(of(&found), "pushes Lord, God");
    found.logits = Some(effect(&[(" Lord", 1.1), (" God", 1.0)]));
    assert_eq!(of(&found), "");
    found.tokens = record(&[(" the", 150), (" a", 100), (" king", 50)], 1000).tokens;
    assert_eq!(of(&found), "the, a, king, …");
}
