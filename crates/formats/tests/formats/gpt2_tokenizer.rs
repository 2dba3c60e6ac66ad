//! GPT-2's own tokenizer beside Hugging Face's and tiktoken's, which agree, on a large sample of difficult text: scripts,
//! emoji, runs of white space, damaged UTF-8, very long words. `tests/reference/tokenizer.py` writes it.

use crate::common::{file, json};
use formats::tokenizer::Tokenizer;
use serde_json::Value;

/// The text of a sample, as it stands or as it is described.
fn text(stored: &Value) -> String {
    if let Some(text) = stored.as_str() {
        return text.to_owned();
    }
    if let Some(hex) = stored["hex"].as_str() {
        let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let repeat = &stored["repeat"];
    repeat[0]
        .as_str()
        .unwrap()
        .repeat(repeat[1].as_u64().unwrap() as usize)
}

/// 64-bit FNV-1a over the ids as little-endian u32.
fn hash(ids: &[u32]) -> String {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[test]
fn difficult_text_tokenises_as_in_the_references() {
    let folder = "tests/fixtures/gpt2-tokenizer";
    let tokenizer = Tokenizer::from_vocab_merges(
        &file(&format!("{folder}/vocab.json")),
        &file(&format!("{folder}/merges.txt")),
    )
    .unwrap();
    assert_eq!(tokenizer.vocab_size(), 50257);
    assert_eq!(tokenizer.bos(), Some(50256));
    let samples = json(&format!("{folder}/reference.json"));
    let samples = samples.as_array().unwrap();
    assert!(samples.len() > 700);
    for sample in samples {
        let text = text(&sample[0]);
        let ids = tokenizer.encode(&text);
        assert_eq!(ids.len() as u64, sample[1], "{}", sample[0]);
        assert_eq!(hash(&ids), sample[2], "{}", sample[0]);
        assert_eq!(tokenizer.decode(&ids), text);
    }
}
