//! Texts and JSON lines from any reader, whatever they hold.

use std::io::{self, BufReader, Read};

use corpus::{Entry, Error, Input, Options, Place, SEPARATOR, read_records, read_text};
use proptest::prelude::*;

/// A reader that gives a few bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        let (now, rest) = self.0.split_at(count);
        into[..count].copy_from_slice(now);
        self.0 = rest;
        Ok(count)
    }
}

fn input(bytes: &[u8], drop: usize) -> Input<BufReader<Drops<'_>>> {
    Input {
        reader: BufReader::with_capacity(drop.max(1), Drops(bytes, drop.max(1))),
        file: "folder/file.txt".to_owned(),
        stem: "file".to_owned(),
        compressed: false,
    }
}

fn texts(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    read_text(input(bytes, 7), &Options::default()).collect()
}

fn records(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    read_records(input(bytes, 7), &Options::default()).collect()
}

fn entry(name: &str, source: &str, text: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        source: source.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn documents_of_a_text_are_separated_by_lines_that_hold_nothing_else() {
    let text = "\u{feff}one\n<|endoftext|>\n\ntwo <|endoftext|>\n <|endoftext|>\r\n<|endoftext|>\r\n \n<|endoftext|>\nthree";
    let expected = [
        entry("file #1", "file", "one"),
        entry("file #2", "file", "\ntwo <|endoftext|>\n <|endoftext|>"),
        entry("file #3", "file", "three"),
    ];
    assert_eq!(texts(text.as_bytes()).unwrap(), expected);
    let whole = "a text\nof lines\n";
    assert_eq!(
        texts(whole.as_bytes()).unwrap(),
        [entry("file", "file", whole)]
    );
}

#[test]
fn records_have_texts_sources_and_names() {
    let lines = concat!(
        "{\"text\": \"one\", \"source\": \"a\", \"id\": 7, \"title\": \"The first\", \"more\": [1, {\"x\": null}]}\n",
        "\n",
        "{\"id\": 8, \"title\": null, \"text\": \"tw\\u00f6 \\ud83d\\ude00\"}\r\n",
        "{\"text\": \" \\n\", \"source\": \"a\"}\n",
        "{\"text\": \"<script>alert(1)</script>\"}",
    );
    let expected = [
        entry("The first", "a", "one"),
        entry("8", "file", "twö 😀"),
        entry("file #5", "file", "<script>alert(1)</script>"),
    ];
    assert_eq!(records(lines.as_bytes()).unwrap(), expected);
    let options = Options {
        text_field: "content".to_owned(),
        ..Options::default()
    };
    let other = read_records(input(b"{\"text\": 1, \"content\": \"x\"}", 3), &options);
    assert_eq!(
        other.collect::<Result<Vec<_>, _>>().unwrap(),
        [entry("file #1", "file", "x")]
    );
}

/// The message names the file and the line.
#[track_caller]
fn says(error: &Error, parts: &[&str]) {
    let message = error.to_string();
    for part in parts.iter().chain(&["file.txt"]) {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

#[test]
fn what_is_not_utf8_is_named_by_line_and_byte() {
    let text = b"one\n<|endoftext|>\ntwo\nth\xffree\n";
    let mut documents = read_text(input(text, 5), &Options::default());
    assert_eq!(documents.next().unwrap().unwrap().text, "one");
    let error = documents.next().unwrap().unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NotText {
                place: Place::Line(4),
                offset: 24,
                ..
            }
        ),
        "{error}"
    );
    says(&error, &["line 4", "byte 24"]);
    assert!(documents.next().is_none());
    let error = records(b"{\"text\": \"a\"}\n{\"text\": \"\xc3\"}\n").unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NotText {
                place: Place::Line(2),
                offset: 24,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    /// Gives letters without end; counts them.
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            into.fill(b'x');
            self.0 += into.len() as u64;
            assert!(self.0 < 1 << 20, "too much was read");
            Ok(into.len())
        }
    }
    let options = Options {
        longest: 1000,
        ..Options::default()
    };
    let endless = || Input {
        reader: BufReader::new(Endless(0)),
        file: "file.txt".to_owned(),
        stem: "file".to_owned(),
        compressed: false,
    };
    let error = read_text(endless(), &options).next().unwrap().unwrap_err();
    says(&error, &["line 1", "1000 bytes"]);
    let error = read_records(endless(), &options)
        .next()
        .unwrap()
        .unwrap_err();
    says(&error, &["line 1", "1000 bytes"]);
    // The longest that may be, and one byte more.
    let text = |length: usize| format!("a\n{SEPARATOR}\n{}\n{SEPARATOR}\nb", "x".repeat(length));
    let read = |text: &str| -> Result<Vec<Entry>, Error> {
        read_text(input(text.as_bytes(), 64), &options).collect()
    };
    assert_eq!(read(&text(1000)).unwrap()[1].text.len(), 1000);
    says(&read(&text(1001)).unwrap_err(), &["line 3"]);
}

#[test]
fn empty_files_and_wrong_records_are_refused() {
    for empty in ["", "\n \n", "<|endoftext|>\n<|endoftext|>\n"] {
        let error = texts(empty.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error}");
    }
    assert!(matches!(records(b"\n\n"), Err(Error::Empty { .. })));
    for (line, part) in [
        ("[1]", "a JSON object"),
        ("{\"text\": \"a\"", "JSON object on one line"),
        (
            "{\"text\": \"a\"} {\"text\": \"b\"}",
            "JSON object on one line",
        ),
        ("{\"text\": 5}", "\"text\" of the record is not a text"),
        ("{\"text\": null}", "is not a text"),
        ("{\"content\": \"a\", \"id\": 1}", "content, id"),
        ("{\"text\": \"\\ud800\"}", "JSON object on one line"),
        ("plain text", "JSON object on one line"),
    ] {
        let error = records(format!("{{\"text\": \"x\"}}\n{line}\n").as_bytes()).unwrap_err();
        assert!(
            matches!(
                &error,
                Error::Record {
                    place: Place::Line(2),
                    ..
                }
            ),
            "{line}: {error}"
        );
        says(&error, &["line 2", part]);
    }
    // Nested without end.
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert!(matches!(
        records(deep.as_bytes()),
        Err(Error::Record { .. })
    ));
}

proptest! {
    #[test]
    fn what_is_joined_by_separators_comes_apart_again(
        documents in prop::collection::vec("[a-z \n<|>é]{0,40}", 1..8),
        drop in 1usize..40,
    ) {
        let joined = documents.join(&format!("\n{SEPARATOR}\n"));
        let with_text = |text: &&String| !text.trim().is_empty();
        let expected: Vec<String> = documents.iter().filter(with_text).cloned().collect();
        let found: Result<Vec<Entry>, Error> =
            read_text(input(joined.as_bytes(), drop), &Options::default()).collect();
        match found {
            Ok(found) => {
                let texts: Vec<String> = found.into_iter().map(|entry| entry.text).collect();
                prop_assert_eq!(texts, expected);
            }
            Err(error) => prop_assert!(
                expected.is_empty() && matches!(error, Error::Empty { .. }),
                "an error"
            ),
        }
    }

    #[test]
    fn texts_come_out_of_records_as_they_went_in(
        texts in prop::collection::vec(any::<String>(), 1..8),
        drop in 1usize..40,
    ) {
        let lines: Vec<String> = texts
            .iter()
            .map(|text| serde_json::json!({"id": 3, "text": text, "other": {"text": 1}}).to_string())
            .collect();
        let with_text = |text: &&String| !text.trim().is_empty();
        let expected: Vec<String> = texts.iter().filter(with_text).cloned().collect();
        let found: Result<Vec<Entry>, Error> =
            read_records(input(lines.join("\n").as_bytes(), drop), &Options::default()).collect();
        match found {
            Ok(found) => {
                let texts: Vec<String> = found.into_iter().map(|entry| entry.text).collect();
                prop_assert_eq!(texts, expected);
            }
            Err(error) => prop_assert!(
                expected.is_empty() && matches!(error, Error::Empty { .. }),
                "an error"
            ),
        }
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300), drop in 1usize..40) {
        let options = Options { longest: 50, ..Options::default() };
        for found in [
            read_text(input(&bytes, drop), &options).collect::<Vec<_>>(),
            read_records(input(&bytes, drop), &options).collect::<Vec<_>>(),
        ] {
            let errors = found.iter().filter(|entry| entry.is_err()).count();
            prop_assert!(errors <= 1 && found.len() <= bytes.len() + 1);
            for entry in found.iter().flatten() {
                prop_assert!(entry.text.len() <= 50 && !entry.text.trim().is_empty());
            }
        }
    }
}
