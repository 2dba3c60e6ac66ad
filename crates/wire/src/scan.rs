//! Scans of texts.

use serde::{Serialize, Serializer};
use ts_rs::TS;

/// How far a scan is: first the weights are loaded once more, and read for their hashes, then the texts, then features are described.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(
    tag = "stage",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ScanProgress {
    /// Bytes of the weights that are read; the package tells it.
    Load {
        /// So many.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// Texts that went through the model.
    Scan {
        /// Tokens, without BOS.
        tokens: u64,
        /// Documents.
        documents: u64,
        /// Bytes of the files.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// Features that are described by their weights.
    Describe {
        /// From 0 to 1.
        share: f64,
    },
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Scanned {
    /// Name of the texts.
    pub name: String,
    /// The atlas; its index, `atlas.json`, comes last.
    pub files: Vec<ScannedFile>,
    /// Tokens that went through the model, without BOS.
    pub tokens: u64,
    /// Windows in which they were read.
    pub windows: u64,
    /// Documents that were read.
    pub documents: u64,
    /// True if `signal` ended it before the end of the texts.
    pub stopped: bool,
}

/// A file of an atlas or of an autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ScannedFile {
    /// Path in its folder.
    pub path: String,
    /// Its content.
    #[serde(serialize_with = "as_bytes")]
    #[ts(type = "Uint8Array")]
    pub bytes: Vec<u8>,
}

fn as_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}
