//! Models and autoencoders from Hugging Face, its mirrors, or any host with the same files, into a cache folder.
//!
//! A [`Hub`] brings one file at a time: it asks the host what an [`Address`] holds, downloads what the [`Cache`] does not
//! have, goes on where an earlier download ended, and verifies the contents' hash where the host tells it. Several
//! processes may use one cache folder at a time. It knows nothing of what the files mean.

mod address;
mod cache;
mod download;
mod error;
mod hf_cache;
mod http;
mod redirect;
mod token;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use address::{Address, HUGGING_FACE};
pub use cache::{Cache, Entry};
use download::Found;
pub use error::Error;
use hf_cache::HfCache;
pub use hf_cache::hf_cache_folder;
use http::{Ask, Client, Failure, host};
pub use token::Token;

/// How often a file may change while it is downloaded.
const CHANGES: usize = 3;
/// Names in a listing that are shown.
const NEAR: usize = 8;

/// What a hub does while it works; `name` is the file's address as people write it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Another process downloads the same file.
    Waiting {
        /// The file.
        name: &'a str,
    },
    /// A download begins, or goes on.
    Started {
        /// The file.
        name: &'a str,
        /// Bytes that are here from an earlier time.
        from: u64,
        /// The file's size, if the host says it.
        bytes: Option<u64>,
    },
    /// Some of it has arrived.
    Advanced {
        /// The file.
        name: &'a str,
        /// Bytes that are here.
        loaded: u64,
        /// The file's size, if the host says it.
        bytes: Option<u64>,
    },
    /// A try failed, and after a wait there is another.
    Retrying {
        /// The file.
        name: &'a str,
        /// Why.
        reason: String,
        /// How long the wait is.
        wait: Duration,
    },
    /// The file is in the cache.
    Finished {
        /// The file.
        name: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// The file is in Hugging Face's own cache and is read there.
    InHfCache {
        /// The file.
        name: &'a str,
        /// The commit that the file is of, 40 hexadecimal digits.
        commit: &'a str,
        /// The cache's folder.
        folder: &'a Path,
    },
    /// The host cannot be asked, and what the cache has is used.
    Unreachable {
        /// The file.
        name: &'a str,
        /// Why.
        reason: String,
    },
}

/// How a hub works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The cache folder.
    pub cache: PathBuf,
    /// The cache of Hugging Face's own libraries, usually [`hf_cache_folder`]: it is read before anything is requested, and
    /// never written to. None leaves it out.
    pub hf_cache: Option<PathBuf>,
    /// The base of the addresses of repositories: [`HUGGING_FACE`] or a mirror.
    pub base: String,
    /// Whether only the cache is used.
    pub offline: bool,
    /// How long a host may be silent.
    pub silence: Duration,
    /// How often in a row a file is tried.
    pub tries: u32,
    /// The wait after the first failure; each one after it is twice as long.
    pub first_wait: Duration,
    /// What shows the host that private and gated repositories may be given out.
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

/// Brings files into the cache.
pub struct Hub {
    cache: Cache,
    hf_cache: Option<HfCache>,
    base: String,
    offline: bool,
    tries: u32,
    first_wait: Duration,
    client: Client,
    tell: Box<dyn Fn(&Event<'_>)>,
    /// What was brought by this hub already: a host is asked once.
    brought: RefCell<HashMap<String, PathBuf>>,
    /// Hosts that could not be asked for what the cache has: they are not waited for again.
    away: RefCell<HashSet<String>>,
}

impl Hub {
    /// A hub that tells what it does to `tell`.
    pub fn new(options: Options, tell: impl Fn(&Event<'_>) + 'static) -> Self {
        Self {
            cache: Cache::new(options.cache),
            hf_cache: options.hf_cache.map(HfCache::new),
            base: options.base,
            offline: options.offline,
            tries: options.tries.max(1),
            first_wait: options.first_wait,
            client: Client::new(options.silence, options.token),
            tell: Box::new(tell),
            brought: RefCell::default(),
            away: RefCell::default(),
        }
    }

    /// The base of the addresses of repositories.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Where a file lies in the cache, after it was downloaded if need be. The host is asked whether it has changed,
    /// unless it cannot be reached or the address names a commit.
    ///
    /// # Errors
    /// All that [`Error`] lists.
    pub fn file(&self, address: &Address) -> Result<PathBuf, Error> {
        match self.ask(address) {
            Err(Error::NotFound { name, said, .. }) => {
                let near = self.near(address);
                Err(Error::NotFound { name, said, near })
            }
            asked => asked,
        }
    }

    /// As [`Hub::file`], but None where the host has no such file, or where neither the host nor the network can be
    /// asked and the cache has none.
    ///
    /// # Errors
    /// The others that [`Error`] lists.
    pub fn find(&self, address: &Address) -> Result<Option<PathBuf>, Error> {
        match self.ask(address) {
            Ok(path) => Ok(Some(path)),
            Err(Error::NotFound { .. } | Error::Offline { .. }) => Ok(None),
            Err(Error::Network { .. }) if self.is_away(&address.url(&self.base)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_away(&self, url: &str) -> bool {
        self.away.borrow().contains(host(url))
    }

    fn ask(&self, address: &Address) -> Result<PathBuf, Error> {
        let url = address.url(&self.base);
        if let Some(path) = self.brought.borrow().get(&url) {
            return Ok(path.clone());
        }
        let path = self.from_caches_or_host(address)?;
        self.brought.borrow_mut().insert(url, path.clone());
        Ok(path)
    }

    /// The file in Hugging Face's cache where that has it, else as [`Hub::bring`].
    ///
    /// Where that cache knows the revision's commit and lacks the file, the file is requested at this commit: files of one
    /// load are of one commit.
    fn from_caches_or_host(&self, address: &Address) -> Result<PathBuf, Error> {
        let Some(hf_cache) = &self.hf_cache else {
            return self.bring(address);
        };
        let Some(snapshot) = hf_cache.snapshot(address)? else {
            return self.bring(address);
        };
        match snapshot.found {
            hf_cache::Found::File(path) => {
                (self.tell)(&Event::InHfCache {
                    name: &address.to_string(),
                    commit: &snapshot.commit,
                    folder: hf_cache.root(),
                });
                return Ok(path);
            }
            hf_cache::Found::Folder => {
                return Err(Error::NotFound {
                    name: address.to_string(),
                    said: "it is a folder".to_owned(),
                    near: Vec::new(),
                });
            }
            hf_cache::Found::Nothing => {}
        }
        if address.is_pinned() {
            return self.bring(address);
        }
        let found = self.bring(&address.at_revision(&snapshot.commit));
        found.map_err(|error| error.at_commit_of(hf_cache.root()))
    }

    fn bring(&self, address: &Address) -> Result<PathBuf, Error> {
        let (name, url) = (address.to_string(), address.url(&self.base));
        let url = url.as_str();
        let record = self.cache.record(url);
        let cached = record
            .as_ref()
            .and_then(|record| self.cache.complete(record));
        if self.offline {
            let cache = self.cache.root().to_owned();
            return cached.ok_or(Error::Offline { name, cache });
        }
        if let Some(path) = cached.clone().filter(|_| address.is_pinned()) {
            return Ok(path);
        }
        for _ in 0..CHANGES {
            let once = cached.is_some() || self.is_away(url);
            let found = match (self.look(url, &name, once), &cached) {
                (Ok(found), _) => found,
                (Err(Error::Network { reason, .. }), Some(path)) => {
                    self.away.borrow_mut().insert(host(url).to_owned());
                    let name = name.as_str();
                    (self.tell)(&Event::Unreachable { name, reason });
                    return Ok(path.clone());
                }
                (Err(error), _) => return Err(error),
            };
            if let Some(path) = self.download(url, &name, &found)? {
                return Ok(path);
            }
        }
        Err(Error::Changed { name })
    }

    /// What an address holds now.
    fn look(&self, url: &str, name: &str, once: bool) -> Result<Found, Error> {
        let mut tries = if once { self.tries } else { 1 };
        loop {
            let answer = match self.client.ask(Ask::Head, url, name) {
                // Some hosts know no HEAD, or sign addresses for GET alone.
                Err(Failure::Lasting(Error::Refused { .. } | Error::Status { .. })) => {
                    self.client.ask(Ask::Body(0), url, name)
                }
                answer => answer,
            };
            match answer {
                Ok(answer) => return Ok(Found::new(&answer)),
                Err(failure) => self.wait_after(failure, name, tries, 0)?,
            }
            tries += 1;
        }
    }

    /// What lies in the folder that should hold a file, those with the most similar names first.
    fn near(&self, address: &Address) -> Vec<String> {
        let mut missing = address.clone();
        while let Some(folder) = missing.parent() {
            if let Some(names) = self.listing(&folder) {
                return nearest(names, &missing.file_name());
            }
            missing = folder;
        }
        Vec::new()
    }

    /// The names in a folder, folders with a slash at the end. None where the host has no listing of it.
    fn listing(&self, folder: &Address) -> Option<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Item {
            #[serde(rename = "type")]
            kind: String,
            path: String,
        }
        let json = self.client.text(&folder.listing_url(&self.base)?)?;
        let items: Vec<Item> = serde_json::from_str(&json).ok()?;
        let names = items.into_iter().map(|item| {
            let name = item.path.rsplit('/').next().unwrap_or_default();
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            if item.kind == "directory" {
                format!("{name}/")
            } else {
                name
            }
        });
        Some(names.collect())
    }
}

/// The names that share the longest beginning with what was asked for.
fn nearest(mut names: Vec<String>, asked: &str) -> Vec<String> {
    let shared = |name: &String| {
        let pairs = name.chars().zip(asked.chars());
        pairs.take_while(|(a, b)| a == b).count()
    };
    names.sort_by_key(|name| std::cmp::Reverse(shared(name)));
    if names.len() > NEAR {
        let more = names.len() - NEAR;
        names.truncate(NEAR);
        names.push(format!("and {more} more"));
    }
    names
}
