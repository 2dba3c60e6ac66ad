//! The atlas of a page in one file: of one SAE all that is known of its features but for most of their contexts.

use std::path::Path;

use anyhow::{Context, Result};
use atlas::files::{INDEX, encode_info, write_set, write_vocabulary};
use atlas::{AtlasInfo, FeatureRecord, SetInfo, SetKind};
use atlas_folder::Folder;

/// Contexts that are kept per feature, the strongest: with these the file stays below its limit.
const TOP: u32 = 3;

/// Path below the atlas's folder, and content.
type File = (String, Vec<u8>);

/// A part of an atlas.
pub struct Small {
    /// The files but for the index.
    pub files: Vec<File>,
    /// The index.
    pub index: Vec<u8>,
    /// What is not in it, and what is, as a sentence for people.
    pub lacks: String,
}

/// The part of an atlas on disk that is about one of its SAEs.
pub fn small(folder: &Path, sae: &str) -> Result<Small> {
    let whole = Folder::open(folder)?;
    let info = whole.info();
    let (set, mut files) = kept(&whole, whole.set(sae)?)?;
    let top = info.settings.top.min(TOP);
    let lacks = lacks(info, &set, top);
    let mut info = AtlasInfo {
        sets: vec![set],
        tables: Vec::new(),
        ..info.clone()
    };
    info.settings.top = top;
    info.settings.per_interval = 0;
    info.settings.random = 0;
    if let Some(vocabulary) = whole.vocabulary()? {
        let written = write_vocabulary(&vocabulary)?;
        info.vocabulary = Some(written.info.clone());
        files.push((written.info.path, written.bytes));
    }
    let index = encode_info(&info).with_context(|| format!("could not write {INDEX}"))?;
    Ok(Small {
        files,
        index,
        lacks,
    })
}

fn kept(whole: &Folder, set: &SetInfo) -> Result<(SetInfo, Vec<File>)> {
    let mut records = Vec::new();
    for shard in whole.shards(set) {
        records.extend(shard?.into_iter().map(fewer));
    }
    let (tokens, points) = (whole.token_index(set)?, whole.map(set)?);
    let mut set = set.clone();
    let written = write_set(&mut set, &records, tokens.as_ref(), points.as_ref())?;
    let files = written.into_iter().map(|file| (file.info.path, file.bytes));
    Ok((set, files.collect()))
}

fn fewer(mut record: FeatureRecord) -> FeatureRecord {
    record.top.truncate(TOP as usize);
    record.intervals.clear();
    record.random.clear();
    record
}

fn lacks(info: &AtlasInfo, set: &SetInfo, top: u32) -> String {
    let others = |kind: SetKind, name: &str| {
        let mut others = info.sets.iter().filter(|other| other.id != set.id);
        let any = others.any(|other| other.kind == kind);
        any.then(|| format!("the statistics of {name}"))
    };
    let lacks = [
        others(SetKind::Sae, "the other SAEs' features"),
        others(SetKind::Neurons, "neurons"),
        Some("further contexts".to_owned()),
    ];
    let lacks: Vec<String> = lacks.into_iter().flatten().collect();
    format!(
        "It has the demo's model and SAEs, and for {} the statistics of all features with the {top} strongest contexts of each. It lacks {}. Other models are requested from Hugging Face when you ask for them; no other host is.",
        display::hook_label(&set.hook),
        lacks.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;

    #[test]
    fn the_demos_small_atlas_is_whole_in_what_it_has() {
        let demo = Paths::find().unwrap().root.join("web/demo/atlas");
        let whole = Folder::open(&demo).unwrap();
        let saes = whole.info().sets.iter();
        let set = saes.clone().find(|set| set.kind == SetKind::Sae).unwrap();
        let small = small(&demo, &set.id).unwrap();
        let target = tempfile::tempdir().unwrap();
        let folder = target.path().join("atlas");
        for (path, bytes) in small.files.iter().chain([&(INDEX.to_owned(), small.index)]) {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        let read = Folder::open(&folder).unwrap();
        let mut bad = Vec::new();
        read.check(|file, error| bad.extend(error.map(|error| format!("{}: {error}", file.path))));
        assert!(bad.is_empty(), "{bad:?}");
        let [same] = read.info().sets.as_slice() else {
            panic!("{:?}", read.info().sets);
        };
        // Beside the contexts nothing of a feature is lost.
        assert_eq!(same.id, set.id);
        assert_eq!(whole.table(set).unwrap(), read.table(same).unwrap());
        let (old, new) = (
            whole.feature(set, 9).unwrap(),
            read.feature(same, 9).unwrap(),
        );
        assert_eq!(fewer(old), new);
        assert!(!new.top.is_empty() && new.logits.is_some());
        assert!(small.lacks.contains("neurons"), "{}", small.lacks);
        assert!(super::small(&demo, "none").is_err());
    }
}
