//! `atlas merge`: the shards of a scan into an atlas.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use atlas::{DocumentInfo, Tally};
use scan::counted;
use scan_folder::Part;
use scan_folder::disk::{read_shards, read_tally};

use super::args::Merge;
use super::error::AtlasError;
use super::save::Save;
use super::weights::Weights;
use super::words::tokenizer;
use crate::error::Error;

/// Merges shards.
pub async fn merge(arguments: &Merge) -> Result<(), Error> {
    let parts = read_shards(&arguments.shards).map_err(AtlasError::from)?;
    let Some((_, first)) = parts.first() else {
        return Ok(());
    };
    let vocabulary = arguments
        .tokenizer
        .as_deref()
        .map(|given| tokenizer(given, Some(&first.model)))
        .transpose()?;
    let weights = Weights::load(&arguments.weights, first).await?;
    let vocabulary = match &weights {
        Some(weights) => Some(weights.vocabulary()?),
        None => vocabulary,
    };
    let mut info = first.atlas();
    let mut documents: BTreeMap<u64, DocumentInfo> = BTreeMap::new();
    let mut save: Option<Save> = None;
    for set in 0..first.sets.len() {
        let mut tally = merged(&parts, set)?;
        tally.keep_fewer(arguments.top, arguments.per_interval, arguments.random);
        info.settings = tally.settings().clone();
        if save.is_none() {
            info.corpus = tally.corpus();
        }
        let save = match &mut save {
            Some(save) => save,
            none => none.insert(Save::new(&arguments.out, &info, !arguments.no_tables)?),
        };
        documents.extend(
            tally
                .documents()
                .into_iter()
                .map(|document| (document.number, document)),
        );
        let described = match &weights {
            Some(weights) => weights.describe(&tally).await?,
            None => counted(&tally),
        };
        let (index, map) = (Some(&described.token_index), described.map.as_ref());
        save.set(&info, described.info, &described.records, index, map)?;
    }
    let mut save = match save {
        Some(save) => save,
        None => Save::new(&arguments.out, &info, !arguments.no_tables)?,
    };
    if let Some(vocabulary) = &vocabulary {
        save.vocabulary(vocabulary)?;
    }
    info.documents = documents.into_values().collect();
    let info = save.finish(&info)?;
    let sets = if info.sets.len() == 1 {
        "feature set"
    } else {
        "feature sets"
    };
    writeln!(
        io::stderr(),
        "{}: {} {sets} over {} tokens",
        arguments.out.display(),
        info.sets.len(),
        info.corpus.tokens
    )?;
    Ok(())
}

/// The tally of a set over all shards, one of them in memory at a time.
fn merged(parts: &[Part], set: usize) -> Result<Tally, AtlasError> {
    let mut whole: Option<Tally> = None;
    for (folder, info) in parts {
        let Some(file) = info.tallies.get(set) else {
            return Err(atlas::Error::Damaged {
                path: folder.display().to_string(),
                why: format!("it has no tally of feature set {set}"),
            }
            .into());
        };
        let tally = read_tally(folder, file)?;
        whole = Some(match whole {
            Some(whole) => whole.merge(tally)?,
            None => tally,
        });
    }
    // There is at least one shard.
    whole.ok_or_else(|| {
        AtlasError::Tally(atlas::Error::Shape {
            what: "shards",
            got: 0,
            expected: 1,
        })
    })
}
