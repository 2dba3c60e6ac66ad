//! The tokenizer beside Hugging Face's, on text made to be difficult, and what must hold for any text.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::common::{file, json};
use formats::tokenizer::Tokenizer;
use proptest::prelude::*;

static DEMO: LazyLock<Tokenizer> = LazyLock::new(|| {
    Tokenizer::from_tokenizer_json(&file("web/demo/model/tokenizer.json")).unwrap()
});
static PARTS: LazyLock<Tokenizer> = LazyLock::new(|| {
    let vocab = file("tests/fixtures/tokenizer/vocab.json");
    Tokenizer::from_vocab_merges(&vocab, &file("tests/fixtures/tokenizer/merges.txt")).unwrap()
});
static REFERENCE: LazyLock<serde_json::Value> =
    LazyLock::new(|| json("tests/fixtures/tokenizer/reference.json"));

#[test]
fn difficult_text_tokenises_as_in_the_reference() {
    let samples: Vec<(String, Vec<u32>)> =
        serde_json::from_value(REFERENCE["samples"].clone()).unwrap();
    assert!(samples.len() > 90);
    for (text, expected) in samples {
        for tokenizer in [&DEMO, &PARTS] {
            let ids = tokenizer.encode(&text);
            let differ = ids.iter().zip(&expected).position(|(a, b)| a != b);
            assert!(
                ids == expected,
                "{:?}… differs at token {differ:?}",
                text.chars().take(60).collect::<String>()
            );
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decoding_gives_the_text_back(text in any::<String>()) {
        prop_assert_eq!(DEMO.decode(&DEMO.encode(&text)), text.clone());
        prop_assert_eq!(DEMO.encode(&text), PARTS.encode(&text));
    }

    #[test]
    fn decoding_gives_text_of_few_kinds_of_characters_back(text in "([ \t\n\u{a0}\u{3000}'sla1!é東\u{301}🦊]|<\\|endoftext\\|>|  |'ll){0,60}") {
        prop_assert_eq!(DEMO.decode(&DEMO.encode(&text)), text);
    }

    #[test]
    fn words_do_not_depend_on_what_was_seen_before(a in "[a-z ]{0,30}", b in "[a-z ]{0,30}") {
        // The special token separates; so the tokens of each side are those of the side by itself.
        let ids = DEMO.encode(&format!("{a}<|endoftext|>{b}"));
        let expected = [DEMO.encode(&a), vec![8191], DEMO.encode(&b)].concat();
        prop_assert_eq!(ids, expected);
    }

    #[test]
    fn any_ids_decode(ids in proptest::collection::vec(any::<u32>().prop_map(|id| id % 9000), 0..50)) {
        DEMO.decode(&ids);
        for id in ids {
            prop_assert_eq!(DEMO.token_bytes(id).is_some(), id < 8192);
            prop_assert!(!DEMO.display(id).is_empty());
        }
    }
}

#[test]
fn very_long_words_take_no_quadratic_time() {
    for word in [
        "a".repeat(2_000_000),
        " ".repeat(2_000_000),
        "the ".repeat(500_000),
        "🦊".repeat(300_000),
    ] {
        let start = Instant::now();
        let ids = DEMO.encode(&word);
        // A quadratic loop over two million symbols would take hours.
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{} tokens took {:?}",
            ids.len(),
            start.elapsed()
        );
        assert_eq!(DEMO.decode(&ids), word);
    }
}

#[test]
fn parts_of_characters_are_shown_as_bytes() {
    let ids = DEMO.encode(" 🦊");
    let shown: String = ids.iter().map(|&id| DEMO.display(id)).collect();
    assert!(shown.contains("<0xF0>"), "{shown}");
    assert!(!shown.contains('\u{fffd}'));
    assert_eq!(DEMO.display(8191), "<|endoftext|>");
    assert_eq!(DEMO.display(8192), "<token 8192>");
    assert_eq!(DEMO.decode(&[8192, ids[0], 9000])[..12], *"<token 8192>");
    let the = DEMO.encode(" the");
    assert_eq!(DEMO.display(the[0]), " the");
    assert_eq!(
        DEMO.decode(&ids[..1]),
        String::from_utf8_lossy(DEMO.token_bytes(ids[0]).unwrap())
    );
}

fn error(edit: impl FnOnce(&mut serde_json::Value)) -> formats::Error {
    let mut root = json("web/demo/model/tokenizer.json");
    edit(&mut root);
    Tokenizer::from_tokenizer_json(root.to_string().as_bytes()).unwrap_err()
}

#[test]
fn other_tokenizers_are_refused_by_name() {
    let cases: [(formats::Error, &str, &str); 6] = [
        (
            error(|r| r["model"]["type"] = "WordPiece".into()),
            "unsupported-architecture",
            "WordPiece",
        ),
        (
            error(|r| r["pre_tokenizer"]["type"] = "Metaspace".into()),
            "unsupported-architecture",
            "Metaspace",
        ),
        (
            error(|r| r["normalizer"] = serde_json::json!({"type": "NFC"})),
            "unsupported-architecture",
            "NFC",
        ),
        (
            error(|r| r["pre_tokenizer"]["add_prefix_space"] = true.into()),
            "unsupported-architecture",
            "add_prefix_space",
        ),
        (
            error(|r| r["added_tokens"][0]["lstrip"] = true.into()),
            "unsupported-architecture",
            "lstrip",
        ),
        (
            error(|r| r["model"]["byte_fallback"] = true.into()),
            "unsupported-architecture",
            "byte_fallback",
        ),
    ];
    for (error, code, culprit) in cases {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(culprit), "{error}");
    }
}

#[test]
fn damaged_vocabularies_name_the_culprit() {
    let remove = |token: &'static str| {
        error(move |r| drop(r["model"]["vocab"].as_object_mut().unwrap().remove(token)))
    };
    let cases = [
        (remove("Ġ"), "0x20"),
        (remove("Ġthe"), "Ġthe"),
        (
            error(|r| r["model"]["vocab"]["Ġthe"] = 4_000_000_000u64.into()),
            "4000000000",
        ),
        (
            error(|r| r["model"]["vocab"]["Ġthe"] = 5.into()),
            "another token",
        ),
        (error(|r| r["model"]["vocab"]["Ġthe"] = "x".into()), "Ġthe"),
        (error(|r| r["model"]["merges"][3] = "a b c".into()), "a b c"),
        (
            error(|r| drop(r.as_object_mut().unwrap().remove("model"))),
            "model",
        ),
        (Tokenizer::from_tokenizer_json(b"[1]").unwrap_err(), "JSON"),
        (
            Tokenizer::from_vocab_merges(b"{}", b"").unwrap_err(),
            "0x00",
        ),
        (
            Tokenizer::from_vocab_merges(b"{", b"").unwrap_err(),
            "vocab.json",
        ),
        (
            Tokenizer::from_vocab_merges(b"{}", b"#version: 0.2\na").unwrap_err(),
            "merges.txt",
        ),
        (
            Tokenizer::from_vocab_merges(b"{}", b"\xff").unwrap_err(),
            "merges.txt",
        ),
    ];
    for (error, culprit) in cases {
        assert_eq!(error.code(), "bad-file", "{error}");
        assert!(
            error.to_string().contains(culprit),
            "{error} should name {culprit}"
        );
    }
}

#[test]
fn special_tokens_are_those_that_the_file_marks() {
    let mut root = json("web/demo/model/tokenizer.json");
    let end = root["added_tokens"][0].clone();
    let mut added = |content: &str, id: u32, special: serde_json::Value| {
        let mut token = end.clone();
        token["content"] = content.into();
        token["id"] = id.into();
        token["special"] = special;
        root["added_tokens"].as_array_mut().unwrap().push(token);
    };
    added("<pad>", 8192, true.into());
    added("<word>", 8193, false.into());
    let tokenizer = Tokenizer::from_tokenizer_json(root.to_string().as_bytes()).unwrap();
    let special: Vec<u32> = (0..9000).filter(|&id| tokenizer.is_special(id)).collect();
    assert_eq!(special, [8191, 8192]);
    assert_eq!(tokenizer.encode("<pad><word>"), [8192, 8193]);
}

#[test]
fn the_end_of_text_is_special_whatever_files_it_comes_from() {
    let mut vocab = json("web/demo/model/tokenizer.json")["model"]["vocab"].take();
    vocab["<|endoftext|>"] = 8191.into();
    let vocab = vocab.to_string();
    let tokenizer = Tokenizer::from_vocab_merges(vocab.as_bytes(), b"").unwrap();
    let special: Vec<u32> = (0..9000).filter(|&id| tokenizer.is_special(id)).collect();
    assert_eq!(special, [8191]);
}

#[test]
fn merges_may_be_texts_or_pairs() {
    let mut root = json("web/demo/model/tokenizer.json");
    for merge in root["model"]["merges"].as_array_mut().unwrap() {
        *merge = match merge.take() {
            serde_json::Value::String(line) => line.split(' ').collect::<Vec<_>>().into(),
            pair => format!(
                "{} {}",
                pair[0].as_str().unwrap(),
                pair[1].as_str().unwrap()
            )
            .into(),
        };
    }
    let other = Tokenizer::from_tokenizer_json(root.to_string().as_bytes()).unwrap();
    let text = "Once upon a time there was a king who had three daughters";
    assert_eq!(other.encode(text), DEMO.encode(text));
}
