//! Options of a hub.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::HUGGING_FACE;
use crate::token::Token;

/// Options of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The cache folder.
    pub cache: PathBuf,
    /// The cache of Hugging Face's own libraries, usually [`hf_cache_folder`](crate::hf_cache_folder): it is read before anything is requested, and
    /// never written to. None leaves it out.
    pub hf_cache: Option<PathBuf>,
    /// The base of the addresses of repositories: [`HUGGING_FACE`] or a mirror.
    pub base: String,
    /// Use the caches alone, without the network.
    pub offline: bool,
    /// The time after which a host that sends nothing is given up.
    pub silence: Duration,
    /// Tries in a row for one file.
    pub tries: u32,
    /// The wait after the first failure; each one after it is twice as long.
    pub first_wait: Duration,
    /// Access token for private and gated repositories.
    pub token: Option<Token>,
}

impl Options {
    /// The usual options with this cache folder.
    pub fn new(cache: PathBuf) -> Self {
        Self {
            cache,
            hf_cache: None,
            base: HUGGING_FACE.to_owned(),
            offline: false,
            silence: Duration::from_secs(30),
            tries: 5,
            first_wait: Duration::from_millis(500),
            token: None,
        }
    }
}
