//! Any bytes as `vocab.json` and, after the first zero byte, `merges.txt`.
#![no_main]

use formats::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let vocab = parts.next().unwrap_or_default();
    let merges = parts.next().unwrap_or_default();
    if let Ok(tokenizer) = Tokenizer::from_vocab_merges(vocab, merges) {
        tokenizer.encode("some text, <|endoftext|> and ÿ\u{1f600}\0  \n");
        tokenizer.decode(&[0, 1, u32::MAX]);
    }
});
