//! Any bytes as `tokenizer.json`: what is taken encodes any text, and decodes any ids.
#![no_main]

use formats::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(tokenizer) = Tokenizer::from_tokenizer_json(data) {
        tokenizer.encode("some text, <|endoftext|> and ÿ\u{1f600}\0  \n");
        let last = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
        tokenizer.decode(&[0, 1, last.saturating_sub(1), last, u32::MAX]);
    }
});
