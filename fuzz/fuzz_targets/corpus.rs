//! Any bytes as a text and as JSON lines of a corpus.
#![no_main]

use corpus::{Entry, Error, Input, Options, read_records, read_text};
use libfuzzer_sys::fuzz_target;

/// Bytes of the longest document: small, so that the limit is met.
const LONGEST: usize = 256;

fn check(entries: impl Iterator<Item = Result<Entry, Error>>, bytes: usize) {
    let mut failed = false;
    let mut length = 0;
    for entry in entries {
        assert!(!failed, "nothing follows an error");
        match entry {
            Ok(entry) => {
                assert!(entry.text.len() <= LONGEST && !entry.text.trim().is_empty());
                length += entry.text.len();
            }
            Err(_) => failed = true,
        }
    }
    assert!(
        length <= bytes,
        "no text is longer than what it was read from"
    );
}

fuzz_target!(|data: &[u8]| {
    let options = Options {
        longest: LONGEST,
        ..Options::default()
    };
    let input = || Input {
        reader: data,
        file: "fuzz.txt".to_owned(),
        stem: "fuzz".to_owned(),
        compressed: false,
    };
    check(read_text(input(), &options), data.len());
    check(read_records(input(), &options), data.len());
});
