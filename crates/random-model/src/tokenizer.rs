//! GPT-2's own tokenizer, in the three files in which it is published.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

const VOCABULARY: &str = include_str!("../../../tests/fixtures/gpt2-tokenizer/vocab.json");
const MERGES: &str = include_str!("../../../tests/fixtures/gpt2-tokenizer/merges.txt");

/// Writes `vocab.json`, `merges.txt`, and `tokenizer.json` made of them.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let vocabulary: Map<String, Value> = serde_json::from_str(VOCABULARY)?;
    let merges: Vec<&str> = MERGES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("#version"))
        .collect();
    let end_of_text = "<|endoftext|>";
    let byte_level = |add_prefix_space: bool, trim_offsets: bool| json!({ "type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets, "use_regex": true });
    let joined = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [{
            "id": vocabulary.get(end_of_text).context("the vocabulary has no end of text")?,
            "content": end_of_text,
            "single_word": false,
            "lstrip": false,
            "rstrip": false,
            "normalized": true,
            "special": true,
        }],
        "normalizer": null,
        "pre_tokenizer": byte_level(false, true),
        "post_processor": byte_level(true, false),
        "decoder": byte_level(true, true),
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": false,
            "vocab": vocabulary,
            "merges": merges,
        },
    });
    for (name, text) in [
        ("vocab.json", VOCABULARY),
        ("merges.txt", MERGES),
        ("tokenizer.json", &joined.to_string()),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}
