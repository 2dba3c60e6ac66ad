//! Any text through the demo's tokenizer and back.
#![no_main]

use std::sync::LazyLock;

use formats::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_bytes!("../../web/demo/model/tokenizer.json");
    Tokenizer::from_tokenizer_json(json).expect("the demo's tokenizer is sound")
});

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let ids = TOKENIZER.encode(&text);
    assert!(ids.iter().all(|&id| (id as usize) < TOKENIZER.vocab_size()));
    assert_eq!(TOKENIZER.decode(&ids), text);
});
