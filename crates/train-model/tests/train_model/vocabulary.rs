//! Tokenizers: made of a text as the library's own trainer in Python makes them, and taken from folders.

use formats::tokenizer::Tokenizer;
use serde_json::Value;
use train_model::{Error, TokenizerFiles};

use crate::fixtures;

#[test]
fn a_vocabulary_is_that_of_the_python_package() {
    let case = std::fs::read(fixtures().join("tokenizer.json")).unwrap();
    let case: Value = serde_json::from_slice(&case).unwrap();
    let size = case["vocabulary"].as_u64().unwrap() as usize;
    let documents = case["documents"].as_array().unwrap();
    let texts: Vec<&str> = documents
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    let made = TokenizerFiles::train(texts.iter().copied(), size, 64).unwrap();
    assert_eq!(made.vocabulary(), size);
    assert_eq!(made.end_of_text() as usize, size - 1);
    let file = |name: &str| {
        let found = made.files().iter().find(|(there, _)| there == name);
        &found.unwrap().1[..]
    };
    let json: Value = serde_json::from_slice(file("tokenizer.json")).unwrap();
    let merges = json["model"]["merges"].as_array().unwrap();
    assert_eq!(merges, case["merges"].as_array().unwrap());
    let ids: Vec<u64> = made.encode(texts[0]).into_iter().map(u64::from).collect();
    let expected = case["ids"].as_array().unwrap();
    assert_eq!(
        ids,
        expected
            .iter()
            .map(|id| id.as_u64().unwrap())
            .collect::<Vec<_>>()
    );
    // The files of two kinds are one tokenizer.
    let other = Tokenizer::from_vocab_merges(file("vocab.json"), file("merges.txt")).unwrap();
    assert_eq!(
        (other.bos(), other.vocab_size()),
        (made.tokenizer().bos(), size)
    );
    for text in &texts {
        let ids = made.encode(text);
        assert_eq!(other.encode(text), ids);
        assert_eq!(other.decode(&ids), *text);
    }
    let place = tempfile::tempdir().unwrap();
    for (name, bytes) in made.files() {
        std::fs::write(place.path().join(name), bytes).unwrap();
    }
    let read = TokenizerFiles::of_folder(place.path()).unwrap();
    assert_eq!(read.sha256(), made.sha256());
}

#[test]
fn sizes_that_cannot_be_and_folders_without_a_tokenizer_are_refused() {
    let error = TokenizerFiles::train(["abc"].iter(), 256, 64).unwrap_err();
    assert!(error.to_string().contains("vocabulary = 256"), "{error}");
    let error = TokenizerFiles::train(["abab ab"].iter(), 300, 64).unwrap_err();
    let Error::Vocabulary { wanted: 300, found } = error else {
        panic!("{error}");
    };
    assert!((257..300).contains(&found), "{found}");
    TokenizerFiles::train(["abab ab"].iter(), found, 64).unwrap();
    let place = tempfile::tempdir().unwrap();
    let error = TokenizerFiles::of_folder(place.path()).unwrap_err();
    assert!(matches!(error, Error::NoTokenizer { .. }), "{error}");
}
