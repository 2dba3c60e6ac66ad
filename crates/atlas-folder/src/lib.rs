//! An atlas as a folder on disk.
//!
//! [`Writer`] makes a new folder beside the old one and exchanges the two when the new one is whole, so that a kill or a full
//! disk at any moment leaves either the old atlas or the new one. [`Folder`] reads: each file is compared with the length and
//! SHA-256 that the index names for it, and a damaged one is an error of what lies in it, not of the rest.

mod error;
mod read;
mod replace;
mod write;

pub use error::Error;
pub use read::Folder;
pub use write::{NewFile, Writer};
