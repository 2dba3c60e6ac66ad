//! The atlas of one scan as files in memory, for programs without a disk.

use std::collections::BTreeMap;

use atlas::Tally;
use atlas::files::{INDEX, Written, encode_info, file_info, write_set, write_vocabulary};
use explorer::Session;

use crate::describe::describe;
use crate::error::Error;
use scan_folder::Scan;

/// All files of the atlas of an ended scan, the index last: what tallies and weights say, without tables in Parquet. `map` says
/// whether there are coordinates of the features, which take longest. The session has what was scanned.
///
/// # Errors
/// [`Error::Engine`] as [`Session::directions`], [`Error::Atlas`].
pub async fn atlas_files(session: &Session, scan: &Scan, map: bool) -> Result<Vec<Written>, Error> {
    let mut info = scan.info.atlas();
    if let Some(first) = scan.tallies.first() {
        info.corpus = first.corpus();
        info.settings = first.settings().clone();
    }
    let documents = scan.tallies.iter().flat_map(Tally::documents);
    let documents: BTreeMap<u64, _> = documents.map(|found| (found.number, found)).collect();
    info.documents = documents.into_values().collect();
    let names: BTreeMap<&str, &str> = scan
        .loaded
        .iter()
        .zip(&scan.info.sets)
        .map(|(loaded, set)| (loaded.as_str(), set.id.as_str()))
        .collect();
    let mut files = Vec::new();
    for (tally, loaded) in scan.tallies.iter().zip(&scan.loaded) {
        let mut described = describe(session, tally, loaded, &scan.loaded, map).await?;
        for near in described
            .records
            .iter_mut()
            .flat_map(|record| &mut record.elsewhere)
        {
            if let Some(name) = names.get(near.set.as_str()) {
                near.set = (*name).to_owned();
            }
        }
        let mut set = described.info;
        let (index, map) = (Some(&described.token_index), described.map.as_ref());
        files.extend(write_set(&mut set, &described.records, index, map)?);
        info.sets.push(set);
    }
    let vocabulary = write_vocabulary(&session.vocabulary()?)?;
    info.vocabulary = Some(vocabulary.info.clone());
    files.push(vocabulary);
    let bytes = encode_info(&info)?;
    let info = file_info(INDEX.to_owned(), &bytes);
    files.push(Written { info, bytes });
    Ok(files)
}
