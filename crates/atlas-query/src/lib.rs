//! SQL over the tables of atlases, and the merging of scans' shards as SQL: in this process, or on a Ballista cluster.
//!
//! [`Engine`] is where a query runs. [`query()`] asks the tables in Parquet of one atlas or several; [`merge()`] makes one scan of its
//! shards, by the function `merge_tallies` of [`function`]. [`cluster`] has the two kinds of processes of a cluster, which know that
//! function.

mod address;
pub mod cluster;
mod engine;
mod error;
pub mod function;
mod merge;
mod query;

pub use engine::Engine;
pub use error::Error;
pub use merge::{SQL, merge};
pub use query::{TABLES, lines, query, table};
