//! Locations of the files that the command line names: on this machine, or on a host.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use formats::source::{ByteSource, FileBytes};
use hub::{Address, Cache, Hub, Options, Token};

use crate::args::Downloads;
use crate::error::Error;
use crate::progress::Progress;

/// Endings of a name that is requested as a file before it is taken for a folder.
const ENDINGS: [&str; 6] = [".pt", ".pth", ".bin", ".safetensors", ".json", ".txt"];

/// Options of the command line about files and downloads.
pub struct Places<'a> {
    downloads: &'a Downloads,
    hub: OnceCell<Rc<Hub>>,
}

/// A file or a folder.
#[derive(Clone)]
pub enum Place {
    /// On this machine.
    Local(PathBuf),
    /// On a host.
    Remote {
        /// Brings it.
        hub: Rc<Hub>,
        /// Its location.
        address: Address,
        /// Other meanings, as the end of an error's sentence.
        hint: String,
    },
}

/// The cache that is named, or else the user's.
pub fn cache(named: Option<&PathBuf>) -> Result<PathBuf, Error> {
    let named = named.filter(|folder| !folder.as_os_str().is_empty());
    match named {
        Some(folder) => Ok(folder.clone()),
        None => Cache::default_folder().ok_or(Error::NoCache),
    }
}

impl<'a> Places<'a> {
    /// Places as the command line allows them.
    pub fn new(downloads: &'a Downloads) -> Self {
        Self {
            downloads,
            hub: OnceCell::new(),
        }
    }

    /// The meaning of a word: a path that exists, a repository's name, a link, or else a path that does not exist.
    pub fn at(&self, given: &str) -> Result<Place, Error> {
        let path = Path::new(given);
        if path.exists() {
            return Ok(Place::Local(path.to_owned()));
        }
        let mirror = self.mirror();
        let address = Address::parse(given, mirror).map_err(|source| Error::Hub {
            source: Box::new(source),
            hint: String::new(),
        })?;
        let Some(address) = address else {
            return Ok(Place::Local(path.to_owned()));
        };
        let hint = if given.contains([':', '@']) {
            String::new()
        } else {
            format!(
                " (nothing on this machine is called {given}, so it was taken for a repository)"
            )
        };
        Ok(Place::Remote {
            hub: self.hub()?,
            address,
            hint,
        })
    }

    /// `PLACE@HOOK` at its last `@`, unless a file of the whole name is there or what follows is a revision.
    pub fn at_hook<'b>(&self, given: &'b str) -> Result<(Place, Option<&'b str>), Error> {
        let split = given.rsplit_once('@').filter(|(place, hook)| {
            let is_path = hook.contains(['/', '\\', ':']) || Path::new(given).exists();
            // Hooks have this in their names, or are modules' names; `owner/name@v1` is neither.
            let is_hook = hook.contains("hook_")
                || explorer::hook_name(hook).is_some()
                || Path::new(place).exists();
            let in_repository = Address::parse(place, None)
                .ok()
                .flatten()
                .is_some_and(|address| address.is_repository() && !place.contains("://"));
            !is_path && (is_hook || !in_repository)
        });
        match split {
            Some((place, hook)) => Ok((self.at(place)?, Some(hook))),
            None => Ok((self.at(given)?, None)),
        }
    }

    fn mirror(&self) -> Option<&str> {
        let mirror = self.downloads.mirror.as_deref();
        mirror.filter(|mirror| !mirror.is_empty())
    }

    fn hub(&self) -> Result<Rc<Hub>, Error> {
        if let Some(hub) = self.hub.get() {
            return Ok(Rc::clone(hub));
        }
        let mut options = Options::new(cache(self.downloads.cache.as_ref())?);
        if !self.downloads.no_hf_cache {
            options.hf_cache = hub::hf_cache_folder();
        }
        options.offline = self.downloads.offline;
        options.token = std::env::var("HF_TOKEN")
            .ok()
            .as_deref()
            .and_then(Token::new);
        if let Some(mirror) = self.mirror() {
            options.base = mirror.to_owned();
        }
        let progress = Progress::new();
        let hub = Rc::new(Hub::new(options, move |event| progress.tell(event)));
        Ok(Rc::clone(self.hub.get_or_init(|| hub)))
    }
}

impl Place {
    /// As it stands in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Remote { address, .. } => address.to_string(),
        }
    }

    /// The file's or the folder's own name.
    pub fn file_name(&self) -> String {
        match self {
            Self::Local(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            Self::Remote { address, .. } => address.file_name(),
        }
    }

    /// The path on this machine, if it is there.
    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Remote { .. } => None,
        }
    }

    /// A file of this folder.
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(name)),
            Self::Remote { hub, address, hint } => Self::Remote {
                hub: Rc::clone(hub),
                address: address.join(name),
                hint: hint.clone(),
            },
        }
    }

    /// A file beside this one.
    pub fn beside(&self, name: &str) -> Option<Self> {
        self.folder_of(&[&self.file_name()])
            .map(|folder| folder.join(name))
    }

    /// The folder that this lies in, if it has one of these names and so is a part of what the folder holds.
    pub fn folder_of(&self, parts: &[&str]) -> Option<Self> {
        if !parts.contains(&self.file_name().as_str()) {
            return None;
        }
        match self {
            Self::Local(path) => path.parent().map(|parent| {
                let here = parent.as_os_str().is_empty();
                Self::Local(if here { ".".into() } else { parent.to_owned() })
            }),
            Self::Remote { hub, address, hint } => Some(Self::Remote {
                hub: Rc::clone(hub),
                address: address.parent()?,
                hint: hint.clone(),
            }),
        }
    }

    /// True if it is a folder. On a host nothing says so but the files in it: it is one if it holds one of `markers`,
    /// which should be small. What is neither a file nor such a folder is an error.
    pub fn is_folder(&self, markers: &[&str]) -> Result<bool, Error> {
        let address = match self {
            Self::Local(path) => return Ok(path.is_dir()),
            Self::Remote { address, .. } => address,
        };
        if address.is_repository() {
            return Ok(true);
        }
        let name = self.file_name();
        // A folder's name may end like a file's: `v5_32k_layer_8.pt` is one.
        let like_a_file = ENDINGS.iter().any(|ending| name.ends_with(ending));
        if like_a_file && self.exists()? {
            return Ok(false);
        }
        for marker in markers {
            if self.join(marker).exists()? {
                return Ok(true);
            }
        }
        // Where it is nothing at all, the error names what is near it.
        self.path("").map(|_| false)
    }

    /// True if there is such a file. One of a host is downloaded.
    pub fn exists(&self) -> Result<bool, Error> {
        match self {
            Self::Local(path) => Ok(path.exists()),
            Self::Remote { hub, address, .. } => {
                let found = hub.find(address).map_err(|error| self.refused(error, ""));
                Ok(found?.is_some())
            }
        }
    }

    /// The file's path on this machine, after it was downloaded if need be. `needed` says what a missing file is for,
    /// and what would do instead.
    pub fn path(&self, needed: &str) -> Result<PathBuf, Error> {
        match self {
            Self::Local(path) => match fs::metadata(path) {
                Ok(_) => Ok(path.clone()),
                Err(error) => Err(self.unread(error, needed)),
            },
            Self::Remote { hub, address, .. } => hub
                .file(address)
                .map_err(|error| self.refused(error, needed)),
        }
    }

    /// All bytes of a small file.
    pub fn read(&self, needed: &str) -> Result<Vec<u8>, Error> {
        fs::read(self.path(needed)?).map_err(|error| self.unread(error, needed))
    }

    /// A file to be read in parts, which messages call `name`.
    pub fn open(&self, name: &str, needed: &str) -> Result<Rc<dyn ByteSource>, Error> {
        let path = self.path(needed)?;
        let file = FileBytes::open_as(name, &path).map_err(|error| Error::File(Box::new(error)))?;
        Ok(Rc::new(file))
    }

    fn unread(&self, source: io::Error, needed: &str) -> Error {
        let name = self.name();
        if source.kind() == io::ErrorKind::NotFound {
            let needed = needed.to_owned();
            Error::Missing { name, needed }
        } else {
            Error::Read { name, source }
        }
    }

    fn refused(&self, source: hub::Error, needed: &str) -> Error {
        let mut hint = match self {
            Self::Remote { hint, .. } => hint.clone(),
            Self::Local(_) => String::new(),
        };
        if source.code() == "missing-file" && !needed.is_empty() {
            hint = format!(" ({needed}){hint}");
        }
        let source = Box::new(source);
        Error::Hub { source, hint }
    }
}
