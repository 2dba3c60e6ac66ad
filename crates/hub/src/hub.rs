//! Resolution of addresses to files on this machine.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::address::Address;
use crate::cache::Cache;
use crate::download::Downloader;
use crate::error::Error;
use crate::event::Event;
use crate::hf_cache::{self, HfCache};
use crate::http::{Client, host};
use crate::options::Options;

/// Times that a file may change while it is downloaded.
const CHANGES: usize = 3;
/// Names of a listing that an error shows.
const NEAR: usize = 8;

/// Access to files of hosts through the cache.
pub struct Hub {
    hf_cache: Option<HfCache>,
    base: String,
    offline: bool,
    downloader: Downloader,
    /// Paths of files by their addresses: each is requested from its host once.
    resolved: RefCell<HashMap<String, PathBuf>>,
    /// Hosts that could not be reached when a cached file was checked: there is no second try.
    unreachable: RefCell<HashSet<String>>,
}

impl Hub {
    /// A hub that passes what it does to `report`.
    pub fn new(options: Options, report: impl Fn(&Event<'_>) + 'static) -> Self {
        Self {
            hf_cache: options.hf_cache.map(HfCache::new),
            base: options.base,
            offline: options.offline,
            downloader: Downloader {
                cache: Cache::new(options.cache),
                client: Client::new(options.silence, options.token),
                tries: options.tries.max(1),
                first_wait: options.first_wait,
                report: Box::new(report),
            },
            resolved: RefCell::default(),
            unreachable: RefCell::default(),
        }
    }

    /// The base of the addresses of repositories.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Path of a file in the cache, after a download if needed. The host is asked whether the file has changed, unless it
    /// cannot be reached or the address names a commit.
    ///
    /// # Errors
    /// All that [`Error`] lists.
    pub fn file(&self, address: &Address) -> Result<PathBuf, Error> {
        match self.resolve(address) {
            Err(Error::NotFound { name, said, .. }) => {
                let near = self.near(address);
                Err(Error::NotFound { name, said, near })
            }
            result => result,
        }
    }

    /// As [`Hub::file`], but None where the host has no such file, or where neither the host nor the network can be
    /// asked and the cache has none.
    ///
    /// # Errors
    /// The others that [`Error`] lists.
    pub fn find(&self, address: &Address) -> Result<Option<PathBuf>, Error> {
        match self.resolve(address) {
            Ok(path) => Ok(Some(path)),
            Err(Error::NotFound { .. } | Error::Offline { .. }) => Ok(None),
            Err(Error::Network { .. }) if self.is_unreachable(&address.url(&self.base)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_unreachable(&self, url: &str) -> bool {
        self.unreachable.borrow().contains(host(url))
    }

    fn resolve(&self, address: &Address) -> Result<PathBuf, Error> {
        let url = address.url(&self.base);
        if let Some(path) = self.resolved.borrow().get(&url) {
            return Ok(path.clone());
        }
        let path = self.find_or_download(address)?;
        self.resolved.borrow_mut().insert(url, path.clone());
        Ok(path)
    }

    /// The file in Hugging Face's cache where that has it, else as [`Hub::through_cache`].
    ///
    /// If that cache knows the revision's commit and lacks the file, it is requested at this commit: files of one
    /// load are of one commit.
    fn find_or_download(&self, address: &Address) -> Result<PathBuf, Error> {
        let Some(hf_cache) = &self.hf_cache else {
            return self.through_cache(address);
        };
        let Some(snapshot) = hf_cache.snapshot(address)? else {
            return self.through_cache(address);
        };
        match snapshot.found {
            hf_cache::Found::File(path) => {
                (self.downloader.report)(&Event::InHfCache {
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
            return self.through_cache(address);
        }
        let found = self.through_cache(&address.at_revision(&snapshot.commit));
        found.map_err(|error| error.at_commit_of(hf_cache.root()))
    }

    /// The file in our own cache, after the host was asked whether it has changed, or as it is downloaded.
    fn through_cache(&self, address: &Address) -> Result<PathBuf, Error> {
        let (name, url) = (address.to_string(), address.url(&self.base));
        let url = url.as_str();
        let record = self.downloader.cache.record(url);
        let cached = record
            .as_ref()
            .and_then(|record| self.downloader.cache.complete(record));
        if self.offline {
            let cache = self.downloader.cache.root().to_owned();
            return cached.ok_or(Error::Offline { name, cache });
        }
        if let Some(path) = cached.clone().filter(|_| address.is_pinned()) {
            return Ok(path);
        }
        for _ in 0..CHANGES {
            let once = cached.is_some() || self.is_unreachable(url);
            let found = match (self.downloader.look(url, &name, once), &cached) {
                (Ok(found), _) => found,
                (Err(Error::Network { reason, .. }), Some(path)) => {
                    self.unreachable.borrow_mut().insert(host(url).to_owned());
                    let name = name.as_str();
                    (self.downloader.report)(&Event::Unreachable { name, reason });
                    return Ok(path.clone());
                }
                (Err(error), _) => return Err(error),
            };
            if let Some(path) = self.downloader.download(url, &name, &found)? {
                return Ok(path);
            }
        }
        Err(Error::Changed { name })
    }

    /// Names in the folder that should hold a file, the most similar first.
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
        let json = self
            .downloader
            .client
            .text(&folder.listing_url(&self.base)?)?;
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

/// The names that share the longest beginning with the requested one.
fn nearest(mut names: Vec<String>, requested: &str) -> Vec<String> {
    let shared = |name: &String| {
        let pairs = name.chars().zip(requested.chars());
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
