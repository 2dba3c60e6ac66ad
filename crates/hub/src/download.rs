//! Download of one file from its host into the cache, resumed where an earlier one ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::cache::{Cache, Record, hex, sha256_hex};
use crate::error::Error;
use crate::event::Event;
use crate::http::{Answer, Client, Failure, Method};

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 16;
/// Bytes of progress after which tries are counted anew: a connection that breaks now and then still completes.
const PROGRESS: u64 = 1 << 20;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Contents of an address, as its host describes them.
pub(crate) struct Found {
    /// As [`Answer::validator`].
    validator: Option<String>,
    sha256: Option<String>,
    size: Option<u64>,
}

impl Found {
    pub fn new(answer: &Answer) -> Self {
        Self {
            validator: answer.validator.clone(),
            sha256: answer.sha256().map(str::to_owned),
            size: answer.size,
        }
    }

    /// The record for the cache. `url` distinguishes contents that two hosts give the same ETag.
    pub fn record(&self, url: &str, name: &str) -> Record {
        let key = match &self.sha256 {
            Some(sha256) => format!("sha256-{sha256}"),
            None => {
                let validator = self.validator.as_deref().unwrap_or_default();
                let size = self.size.map_or_else(String::new, |size| size.to_string());
                let whole = format!("{url}\n{size}\n{validator}");
                format!("etag-{}", sha256_hex(whole.as_bytes()))
            }
        };
        Record {
            name: name.to_owned(),
            key,
            bytes: self.size,
        }
    }

    /// True if another answer is about the same contents.
    fn same(&self, answer: &Answer) -> bool {
        let same_size = match (self.size, answer.size) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        same_size && self.validator == answer.validator
    }
}

/// Outcome of a try.
enum Received {
    /// The file is complete.
    All,
    /// The address now holds other contents.
    Other,
}

/// The beginning of a file in the cache, with its hash so far.
struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    hasher: Sha256,
}

impl Part {
    /// Opens the part that an earlier download left, and hashes it.
    fn open(path: PathBuf) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(Error::cache(&path, "opened"))?;
        let mut part = Self {
            path,
            file,
            length: 0,
            hasher: Sha256::new(),
        };
        let mut piece = vec![0; PIECE];
        loop {
            let read = part.file.read(&mut piece);
            let read = read.map_err(Error::cache(&part.path, "read"))?;
            if read == 0 {
                return Ok(part);
            }
            part.hasher.update(piece.get(..read).unwrap_or_default());
            part.length += read as u64;
        }
    }

    /// Empties the part.
    fn restart(&mut self) -> Result<(), Error> {
        let emptied = self
            .file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(Error::cache(&self.path, "written"))?;
        self.length = 0;
        self.hasher = Sha256::new();
        Ok(())
    }

    /// Deletes the part.
    fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(Error::cache(&self.path, "deleted"))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Downloads files into a cache and reports its progress.
pub(crate) struct Downloader {
    pub cache: Cache,
    pub client: Client,
    /// Tries in a row, at least 1.
    pub tries: u32,
    /// The wait after the first failure; each further one is twice as long.
    pub first_wait: Duration,
    pub report: Box<dyn Fn(&Event<'_>)>,
}

impl Downloader {
    /// Requests what an address holds now. With `once` a failure is not tried again.
    pub fn look(&self, url: &str, name: &str, once: bool) -> Result<Found, Error> {
        let mut tries = if once { self.tries } else { 1 };
        loop {
            let answer = match self.client.request(Method::Head, url, name) {
                // Some hosts know no HEAD, or sign addresses for GET alone.
                Err(Failure::Lasting(Error::Refused { .. } | Error::Status { .. })) => {
                    self.client.request(Method::Get(0), url, name)
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

    /// Downloads the contents of an address into the cache. None where the address meanwhile holds something else.
    pub fn download(&self, url: &str, name: &str, found: &Found) -> Result<Option<PathBuf>, Error> {
        let record = found.record(url, name);
        let waiting = || (self.report)(&Event::Waiting { name });
        let _lock = self.cache.lock(&record.key, waiting)?;
        // Before the first byte, so that a listing can name the file that a part belongs to.
        self.cache.write_record(url, &record)?;
        if let Some(path) = self.cache.complete(&record) {
            return Ok(Some(path));
        }
        let mut part = Part::open(self.cache.part(&record.key))?;
        // Without a validator nothing says that the rest belongs to the part.
        if found.validator.is_none() || found.size.is_some_and(|size| size < part.length) {
            part.restart()?;
        }
        self.check_space(name, found.size, part.length)?;
        (self.report)(&Event::Started {
            name,
            from: part.length,
            bytes: found.size,
        });
        let resumable = |part: &Part| found.validator.as_ref().map_or(0, |_| part.length);
        let mut tries = 0;
        let mut restarted = false;
        loop {
            let before = part.length;
            let failure = match self.receive(url, name, found, &mut part) {
                Ok(Received::All) => match self.settle(name, found, &record.key, &mut part) {
                    // The bytes of an earlier try may be at fault.
                    Err(Error::Damaged { .. }) if before > 0 && !restarted => {
                        restarted = true;
                        continue;
                    }
                    settled => return settled.map(Some),
                },
                Ok(Received::Other) => return part.remove().map(|()| None),
                Err(failure) => failure,
            };
            if part.length >= before + PROGRESS {
                tries = 0;
            }
            tries += 1;
            self.wait_after(failure, name, tries, resumable(&part))?;
        }
    }

    /// Refuses a file that cannot fit before its first byte is requested. A file system that does not state its free space
    /// is tried.
    fn check_space(&self, name: &str, size: Option<u64>, stored: u64) -> Result<(), Error> {
        let Ok(free) = fs4::available_space(self.cache.root()) else {
            return Ok(());
        };
        match size {
            Some(size) if size.saturating_sub(stored) > free => Err(Error::NoSpace {
                name: name.to_owned(),
                cache: self.cache.root().to_owned(),
                bytes: Some(size),
                free: Some(free),
            }),
            _ => Ok(()),
        }
    }

    /// Requests the missing bytes and appends what arrives.
    fn receive(
        &self,
        url: &str,
        name: &str,
        found: &Found,
        part: &mut Part,
    ) -> Result<Received, Failure> {
        if found.size == Some(part.length) {
            return Ok(Received::All);
        }
        let mut answer = self.client.request(Method::Get(part.length), url, name)?;
        if answer.start != Some(part.length) {
            // The host cannot send a range.
            part.restart()?;
            if answer.start != Some(0) {
                answer = self.client.request(Method::Get(0), url, name)?;
            }
        }
        if !found.same(&answer) {
            return Ok(Received::Other);
        }
        let mut body = answer.response.into_body().into_reader();
        let mut piece = vec![0; PIECE];
        loop {
            let read = body.read(&mut piece).map_err(|error| Failure::Passing {
                reason: self.client.broken(error),
                wait: None,
            })?;
            let bytes = piece.get(..read).unwrap_or_default();
            let length = part.length + bytes.len() as u64;
            match found.size {
                Some(expected) if length > expected => {
                    part.restart()?;
                    return Err(Failure::Lasting(Error::WrongLength {
                        name: name.to_owned(),
                        expected,
                        found: length,
                    }));
                }
                Some(expected) if read == 0 && length < expected => {
                    return Err(Failure::Passing {
                        reason: format!("the connection ended after {length} of {expected} bytes"),
                        wait: None,
                    });
                }
                _ if read == 0 => return Ok(Received::All),
                _ => {}
            }
            part.append(bytes)
                .map_err(|error| self.unwritten(error, name, found.size, &part.path))?;
            (self.report)(&Event::Advanced {
                name,
                loaded: length,
                bytes: found.size,
            });
        }
    }

    /// Verifies the whole part and renames it to a blob.
    fn settle(
        &self,
        name: &str,
        found: &Found,
        key: &str,
        part: &mut Part,
    ) -> Result<PathBuf, Error> {
        let hash = hex(&part.hasher.clone().finalize());
        if let Some(expected) = found.sha256.as_ref().filter(|expected| **expected != hash) {
            part.restart()?;
            return Err(Error::Damaged {
                name: name.to_owned(),
                expected: expected.clone(),
                found: hash,
            });
        }
        let path = self.cache.blob(key);
        // Synced before it is renamed: a machine that stops in between leaves a part, never a file without its contents.
        let synced = part.file.sync_all();
        synced.map_err(|error| self.unwritten(error, name, found.size, &part.path))?;
        fs::rename(&part.path, &path).map_err(Error::cache(&path, "written"))?;
        (self.report)(&Event::Finished {
            name,
            bytes: part.length,
        });
        Ok(path)
    }

    fn unwritten(&self, error: io::Error, name: &str, bytes: Option<u64>, path: &Path) -> Error {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            return Error::NoSpace {
                name: name.to_owned(),
                cache: self.cache.root().to_owned(),
                bytes,
                free: None,
            };
        }
        Error::cache(path, "written")(error)
    }

    /// Waits before the next try, each time twice as long; an error where there were enough tries or none can help.
    fn wait_after(&self, failure: Failure, name: &str, tries: u32, kept: u64) -> Result<(), Error> {
        let (reason, requested) = match failure {
            Failure::Lasting(error) => return Err(error),
            Failure::Passing { reason, wait } => (reason, wait),
        };
        if tries >= self.tries {
            return Err(Error::Network {
                name: name.to_owned(),
                reason,
                kept,
            });
        }
        let own = self.first_wait * 2_u32.saturating_pow(tries.saturating_sub(1));
        let wait = requested.unwrap_or_default().max(own).min(LONGEST_WAIT);
        (self.report)(&Event::Retrying { name, reason, wait });
        thread::sleep(wait);
        Ok(())
    }
}
