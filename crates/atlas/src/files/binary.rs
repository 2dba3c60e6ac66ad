//! Binary files: header, zlib, postcard.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::VERSION;
use crate::error::Error;
use crate::record::{FeatureRecord, FeatureRow, TokenIndex};
use crate::tally::Tally;

const MAGIC: &[u8; 8] = b"SAEATLAS";
const HEADER: usize = 16;

/// Bytes that a file may hold after decompression. What claims more is refused before it is decompressed to its end.
const MOST_BYTES: u64 = 256 << 20;

/// A value that has a kind of binary file.
pub trait Binary: Serialize + DeserializeOwned {
    /// Number of the kind in the header.
    const KIND: u32;
    /// Bytes that such a file may hold after decompression.
    const MOST_BYTES: u64 = MOST_BYTES;
    /// Level of compression, 1 to 9. What is read often is small; what is written often is quick.
    const LEVEL: u32 = 9;
}

/// A shard.
impl Binary for Vec<FeatureRecord> {
    const KIND: u32 = 1;
}

/// A table of all features.
impl Binary for Vec<FeatureRow> {
    const KIND: u32 = 2;
}

/// Coordinates: x and y per feature, both within -1 to 1.
impl Binary for Vec<[f32; 2]> {
    const KIND: u32 = 3;
}

/// For each token of the vocabulary, the features that fire on it: latent and number of times, the most frequent first.
impl Binary for TokenIndex {
    const KIND: u32 = 4;
}

/// For each token of the vocabulary, its bytes.
impl Binary for Vec<Vec<u8>> {
    const KIND: u32 = 6;
}

/// The state of a scan.
impl Binary for Tally {
    const KIND: u32 = 5;
    const MOST_BYTES: u64 = 8 << 30;
    const LEVEL: u32 = 1;
}

/// A value as a file.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn encode<T: Binary>(value: &T) -> Result<Vec<u8>, Error> {
    let unwritable = |why: String| Error::Unwritable {
        what: format!("a file of kind {}", T::KIND),
        why,
    };
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&T::KIND.to_le_bytes());
    let mut packed = ZlibEncoder::new(bytes, Compression::new(T::LEVEL));
    let plain = postcard::to_stdvec(value).map_err(|error| unwritable(error.to_string()))?;
    packed
        .write_all(&plain)
        .and_then(|()| packed.finish())
        .map_err(|error| unwritable(error.to_string()))
}

/// The value in a file. `path` is its name for errors.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Version`].
pub fn decode<T: Binary>(path: &str, bytes: &[u8]) -> Result<T, Error> {
    let damaged = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    let word = |at: usize| -> Option<u32> {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if !bytes.starts_with(MAGIC) {
        return Err(damaged(
            "it does not begin as files of an atlas do".to_owned(),
        ));
    }
    let (Some(version), Some(kind)) = (word(8), word(12)) else {
        return Err(damaged(format!("it ends after {} bytes", bytes.len())));
    };
    if version != VERSION {
        return Err(Error::Version {
            path: path.to_owned(),
            version,
            known: VERSION,
        });
    }
    if kind != T::KIND {
        return Err(damaged(format!(
            "it is of kind {kind}; a file of kind {} belongs here",
            T::KIND
        )));
    }
    let mut plain = Vec::new();
    ZlibDecoder::new(&bytes[HEADER..])
        .take(T::MOST_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| damaged(format!("it cannot be decompressed ({error})")))?;
    if plain.len() as u64 > T::MOST_BYTES {
        return Err(damaged(format!(
            "it holds more than {} MiB after decompression",
            T::MOST_BYTES >> 20
        )));
    }
    let (value, rest) = postcard::take_from_bytes(&plain).map_err(|error| {
        damaged(format!(
            "its content does not have the form that it should ({error})"
        ))
    })?;
    if !rest.is_empty() {
        return Err(damaged(format!(
            "{} bytes follow after its content",
            rest.len()
        )));
    }
    Ok(value)
}
