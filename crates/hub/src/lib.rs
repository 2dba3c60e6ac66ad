//! Download of models and autoencoders from Hugging Face, its mirrors, or any host with the same files, into a cache folder.
//!
//! A [`Hub`] finds one file at a time: it requests from the host what an [`Address`] holds, downloads what the [`Cache`]
//! does not have, resumes an earlier download, and verifies the contents' hash where the host states it. Several
//! processes may use one cache folder at a time. The files' meaning is unknown here.

mod address;
mod cache;
mod download;
mod error;
mod event;
mod hf_cache;
mod http;
mod hub;
mod options;
mod redirect;
mod token;

pub use address::{Address, HUGGING_FACE};
pub use cache::{Cache, Entry};
pub use error::Error;
pub use event::Event;
pub use hf_cache::hf_cache_folder;
pub use hub::Hub;
pub use options::Options;
pub use token::Token;
