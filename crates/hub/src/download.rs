//! A file's way from its host into the cache.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::cache::{Record, hex, sha256_hex};
use crate::error::Error;
use crate::http::{Answer, Ask, Failure};
use crate::{Event, Hub};

/// Bytes that are moved at a time.
const PIECE: usize = 1 << 16;
/// Progress after which the tries are counted anew: a connection that is cut now and then still gets there.
const PROGRESS: u64 = 1 << 20;
/// Between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What an address holds now.
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

    /// What is noted of it. `url` tells apart what two hosts call by one ETag.
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

    /// Whether another answer speaks of the same contents.
    fn same(&self, answer: &Answer) -> bool {
        let same_size = match (self.size, answer.size) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        same_size && self.validator == answer.validator
    }
}

/// How a try ended.
enum Received {
    /// The file is here.
    All,
    /// The address holds something else than it did.
    Other,
}

/// The beginning of a file, with the hash of what is there.
struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    hasher: Sha256,
}

impl Part {
    /// Opens what was kept, and hashes it.
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

    /// Forgets what was kept.
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

    /// Removes what was kept.
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

impl Hub {
    /// Brings what was found at an address into the cache. Nothing where the address meanwhile holds something else.
    pub(crate) fn download(
        &self,
        url: &str,
        name: &str,
        found: &Found,
    ) -> Result<Option<PathBuf>, Error> {
        let record = found.record(url, name);
        let waiting = || (self.tell)(&Event::Waiting { name });
        let _lock = self.cache.lock(&record.key, waiting)?;
        // Before the first byte, so that a listing can say what a part belongs to.
        self.cache.note(url, &record)?;
        if let Some(path) = self.cache.complete(&record) {
            return Ok(Some(path));
        }
        let mut part = Part::open(self.cache.part(&record.key))?;
        // Without a validator nothing says that the rest belongs to what was kept.
        if found.validator.is_none() || found.size.is_some_and(|size| size < part.length) {
            part.restart()?;
        }
        self.check_space(name, found.size, part.length)?;
        (self.tell)(&Event::Started {
            name,
            from: part.length,
            bytes: found.size,
        });
        let kept = |part: &Part| found.validator.as_ref().map_or(0, |_| part.length);
        let mut tries = 0;
        let mut began_anew = false;
        loop {
            let before = part.length;
            let failure = match self.receive(url, name, found, &mut part) {
                Ok(Received::All) => match self.settle(name, found, &record.key, &mut part) {
                    // What was kept of an earlier try may be at fault.
                    Err(Error::Damaged { .. }) if before > 0 && !began_anew => {
                        began_anew = true;
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
            self.wait_after(failure, name, tries, kept(&part))?;
        }
    }

    /// Refuses what cannot fit before its first byte is asked for. A file system that does not say what is free is tried.
    fn check_space(&self, name: &str, size: Option<u64>, here: u64) -> Result<(), Error> {
        let Ok(free) = fs4::available_space(self.cache.root()) else {
            return Ok(());
        };
        match size {
            Some(size) if size.saturating_sub(here) > free => Err(Error::NoSpace {
                name: name.to_owned(),
                cache: self.cache.root().to_owned(),
                bytes: Some(size),
                free: Some(free),
            }),
            _ => Ok(()),
        }
    }

    /// Asks for what is missing, and takes as much as comes.
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
        let mut answer = self.client.ask(Ask::Body(part.length), url, name)?;
        if answer.start != Some(part.length) {
            // The host cannot go on in the middle.
            part.restart()?;
            if answer.start != Some(0) {
                answer = self.client.ask(Ask::Body(0), url, name)?;
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
            (self.tell)(&Event::Advanced {
                name,
                loaded: length,
                bytes: found.size,
            });
        }
    }

    /// Verifies what has arrived and gives it its name.
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
        // On the disk before it has its name: a machine that stops in between leaves a part, never a hollow file.
        let synced = part.file.sync_all();
        synced.map_err(|error| self.unwritten(error, name, found.size, &part.path))?;
        fs::rename(&part.path, &path).map_err(Error::cache(&path, "written"))?;
        (self.tell)(&Event::Finished {
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

    /// Waits before the next try, each time twice as long; gives up where there were enough tries or none can help.
    pub(crate) fn wait_after(
        &self,
        failure: Failure,
        name: &str,
        tries: u32,
        kept: u64,
    ) -> Result<(), Error> {
        let (reason, asked) = match failure {
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
        let wait = asked.unwrap_or_default().max(own).min(LONGEST_WAIT);
        (self.tell)(&Event::Retrying { name, reason, wait });
        thread::sleep(wait);
        Ok(())
    }
}
