//! The files of one feature set: which records lie in which shard, and their names.

use sha2::{Digest, Sha256};

use super::{SHARD_SIZE, binary};
use crate::error::Error;
use crate::info::{FileInfo, SetInfo, hexadecimal};
use crate::record::{FeatureRecord, TokenIndex};
use crate::table;

/// A file to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its name, length and hash.
    pub info: FileInfo,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Name, length and hash of a file.
pub fn file_info(path: String, bytes: &[u8]) -> FileInfo {
    let hash = Sha256::digest(bytes);
    FileInfo {
        path,
        bytes: bytes.len() as u64,
        sha256: hexadecimal(&hash),
    }
}

impl FileInfo {
    /// Compares what arrived with what was written.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let found = file_info(self.path.clone(), bytes);
        if found == *self {
            return Ok(());
        }
        let why = if found.bytes == self.bytes {
            "its content is not that which was written (the SHA-256 differs)".to_owned()
        } else {
            format!(
                "it has {} bytes in the place of {}",
                found.bytes, self.bytes
            )
        };
        Err(Error::Damaged {
            path: self.path.clone(),
            why,
        })
    }
}

/// Index of the shard with a latent, and the latent's index in it.
pub fn shard_of(set: &SetInfo, latent: u32) -> Option<(usize, usize)> {
    let inside = latent < set.n_latents && set.shard_size > 0;
    inside.then(|| {
        let (shard, at) = (latent / set.shard_size, latent % set.shard_size);
        (shard as usize, at as usize)
    })
}

/// The file with the texts of the vocabulary's tokens.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write_vocabulary(tokens: &Vec<Vec<u8>>) -> Result<Written, Error> {
    let bytes = binary::encode(tokens)?;
    let info = file_info("vocabulary.bin".to_owned(), &bytes);
    Ok(Written { info, bytes })
}

/// All files of a set, from one record per latent in order. What is said of files in `set` is replaced.
///
/// `vocabulary` is the number of tokens; `points` are coordinates per latent, where there are any.
///
/// # Errors
/// [`Error::Shape`] where records or coordinates are not one per latent; [`Error::Unwritable`].
pub fn write_set(
    set: &mut SetInfo,
    records: &[FeatureRecord],
    token_index: Option<&TokenIndex>,
    points: Option<&Vec<[f32; 2]>>,
) -> Result<Vec<Written>, Error> {
    let expected = set.n_latents as usize;
    let lengths = [
        ("records", records.len()),
        ("coordinates", points.map_or(expected, Vec::len)),
    ];
    for (what, got) in lengths {
        if got != expected {
            return Err(Error::Shape {
                what,
                got,
                expected,
            });
        }
    }
    let mut files = Vec::new();
    let mut write = |name: String, bytes: Vec<u8>| {
        let info = file_info(format!("{}/{name}", set.id), &bytes);
        files.push(Written {
            info: info.clone(),
            bytes,
        });
        info
    };
    let mut shards = Vec::new();
    for (number, records) in records.chunks(SHARD_SIZE as usize).enumerate() {
        let bytes = binary::encode(&records.to_vec())?;
        shards.push(write(format!("features-{number:04}.bin"), bytes));
    }
    let table = table::rows(records);
    let table = Some(write("table.bin".to_owned(), binary::encode(&table)?));
    let map = points
        .map(|points| Ok(write("map.bin".to_owned(), binary::encode(points)?)))
        .transpose()?;
    let token_index = token_index
        .map(|index| Ok(write("tokens.bin".to_owned(), binary::encode(index)?)))
        .transpose()?;
    set.shard_size = SHARD_SIZE;
    set.shards = shards;
    set.table = table;
    set.map = map;
    set.token_index = token_index;
    Ok(files)
}
