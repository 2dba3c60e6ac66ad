//! Errors of queries and of clusters.

use std::io;
use std::path::PathBuf;

use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use thiserror::Error as ThisError;

/// Errors of this crate.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The engine refuses a query, or fails at it.
    #[error("{0}")]
    Query(#[from] DataFusionError),
    /// A folder without the tables of an atlas.
    #[error("{} has no {table}: `sae-explorer atlas merge` writes it, unless --no-tables is given", .folder.display())]
    NoTable {
        /// The folder.
        folder: PathBuf,
        /// The missing file.
        table: &'static str,
    },
    /// A scan's folder, or shards that are not those of one scan.
    #[error(transparent)]
    Scan(#[from] scan_folder::Error),
    /// Tallies that refuse to merge.
    #[error(transparent)]
    Tally(#[from] atlas::Error),
    /// A file that cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Shards that cannot be written as a table.
    #[error("{} cannot be written as a table: {source}", .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// A result that is not what was asked for.
    #[error("the merged scan has no tally of {set}")]
    NoTally {
        /// The feature set.
        set: String,
    },
    /// Nothing to merge.
    #[error("no shard was given")]
    NoShard,
    /// A folder that has something in it already.
    #[error("{} holds another scan already: name another folder, or remove this one", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A process of a cluster cannot run.
    #[error("the {role} at {address} ended: {why}")]
    Cluster {
        /// `scheduler` or `executor`.
        role: &'static str,
        /// Where it listens.
        address: String,
        /// Why.
        why: String,
    },
    /// An address that is none.
    #[error("{given:?} is no address: it must be HOST:PORT, such as 10.0.0.5:50050")]
    Address {
        /// As it was given.
        given: String,
    },
}
