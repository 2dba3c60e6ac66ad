//! A part of the demo's corpus as one small file of the site, for trainings and evaluations in the page.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::compress::Coding;
use crate::paths::Paths;

/// The corpus, in the checkout.
const CORPUS: &str = "demo/corpus/sample.jsonl.zst";
/// The file, in the site. By its name it is no compressed copy of another one, which hosts would decompress.
const SAMPLE: &str = "demo/corpus-sample.jsonl.gzip";
/// One document of so many is taken.
const EVERY: usize = 12;

/// Writes every twelfth document of the corpus, as JSON lines in gzip, into a site.
pub fn write_into(paths: &Paths, site: &Path) -> Result<()> {
    let from = paths.root.join(CORPUS);
    let bytes = fs::read(&from).with_context(|| format!("could not read {}", from.display()))?;
    let bytes = Coding::Gzip.compress(&sample(&bytes)?)?;
    let to = site.join(SAMPLE);
    fs::write(&to, bytes).with_context(|| format!("could not write {}", to.display()))
}

/// The documents that are taken, a line each.
fn sample(corpus: &[u8]) -> Result<Vec<u8>> {
    let corpus = zstd::decode_all(corpus).context("the demo's corpus is damaged")?;
    let lines = corpus.split(|byte| *byte == b'\n');
    let taken = lines.filter(|line| !line.is_empty()).step_by(EVERY);
    Ok(taken
        .flat_map(|line| [line, b"\n"])
        .flatten()
        .copied()
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn it_has_documents_of_every_source_and_a_size_for_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let corpus = fs::read(root.join(CORPUS)).unwrap();
        let sample = sample(&corpus).unwrap();
        assert!(
            (1_000_000..2_000_000).contains(&sample.len()),
            "{}",
            sample.len()
        );
        let text = String::from_utf8(sample).unwrap();
        let records = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let sources: BTreeSet<String> = records
            .map(|record| {
                assert!(record["text"].as_str().is_some_and(|text| !text.is_empty()));
                record["source"].as_str().unwrap().to_owned()
            })
            .collect();
        let expected = [
            "kjv",
            "python-docs",
            "rust-docs",
            "rust-src",
            "standardebooks",
            "wordnet",
        ];
        assert!(sources.iter().eq(expected), "{sources:?}");
    }
}
