//! A scan's folder on disk.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use atlas::Tally;
use atlas::files::file_info;

use crate::error::Error;
use crate::info::{INDEX, ScanInfo, TallyFile, decode_info, encode_info, tally_name};
use crate::shards::{Part, check_shards};
use crate::state::Scan;

/// Folders of the two generations of checkpoints.
const CHECKPOINTS: [&str; 2] = ["checkpoint-0", "checkpoint-1"];

/// A file that a process locks while it writes in the folder.
const LOCK: &str = "lock";

/// Ending of a file that is being written.
const PART: &str = ".part";

/// The index of a folder, of an ended scan or of one that runs.
///
/// # Errors
/// [`Error::NoScan`], [`Error::Read`], [`atlas::Error::Damaged`], [`atlas::Error::Version`].
pub fn read_info(folder: &Path) -> Result<ScanInfo, Error> {
    let path = folder.join(INDEX);
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NoScan {
            path: folder.to_owned(),
        },
        _ => Error::Read {
            path: path.clone(),
            source,
        },
    })?;
    decode_info(&path.display().to_string(), &bytes)
}

/// The index of an ended scan.
///
/// # Errors
/// As [`read_info`]; [`Error::Unfinished`].
pub fn read_complete(folder: &Path) -> Result<ScanInfo, Error> {
    let info = read_info(folder)?;
    if !info.complete {
        return Err(Error::Unfinished {
            path: folder.to_owned(),
        });
    }
    Ok(info)
}

/// The shards of one scan, all of them.
///
/// # Errors
/// As [`read_complete`] and [`check_shards`].
pub fn read_shards(folders: &[PathBuf]) -> Result<Vec<Part>, Error> {
    let parts = folders
        .iter()
        .map(|path| Ok((path.clone(), read_complete(path)?)));
    let parts: Vec<Part> = parts.collect::<Result<_, Error>>()?;
    check_shards(&parts)?;
    Ok(parts)
}

/// A tally of a folder, compared with the length and hash that its index names.
///
/// # Errors
/// [`Error::Read`], [`atlas::Error::Damaged`], [`atlas::Error::Version`].
pub fn read_tally(folder: &Path, tally: &TallyFile) -> Result<Tally, Error> {
    let path = folder.join(&tally.file.path);
    let bytes = fs::read(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let name = path.display().to_string();
    let damaged = |why: String| atlas::Error::Damaged {
        path: name.clone(),
        why,
    };
    tally.file.check(&bytes).map_err(|error| match error {
        atlas::Error::Damaged { why, .. } => damaged(why),
        other => other,
    })?;
    let decoded: Tally = atlas::files::decode(&name, &bytes)?;
    decoded
        .check()
        .map_err(|error| damaged(error.to_string()))?;
    Ok(decoded)
}

/// A folder that a scan is written into. Other processes are kept out of it.
pub struct Folder {
    path: PathBuf,
    /// The generation that the next checkpoint is written to.
    next: usize,
    _lock: File,
}

/// The state in which a folder was found.
pub enum Found {
    /// There was no scan, or none of its state had been saved.
    Nothing,
    /// The scan, as it was last saved.
    Unfinished(Box<Scan>),
    /// The same scan, which has ended.
    Complete(Box<ScanInfo>),
}

impl Folder {
    /// Opens the folder of a scan, which is made where it is missing.
    ///
    /// # Errors
    /// [`Error::OtherScan`] where it holds a scan that differs in more than how far it is; [`Error::InUse`]; [`Error::Read`],
    /// [`Error::Write`], [`Error::DiskFull`], [`atlas::Error::Damaged`], [`atlas::Error::Version`].
    pub fn open(path: &Path, wanted: &ScanInfo) -> Result<(Self, Found), Error> {
        fs::create_dir_all(path).map_err(|source| refused(path, source, 0))?;
        let lock_path = path.join(LOCK);
        let lock = File::create(&lock_path).map_err(|source| refused(&lock_path, source, 0))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(refused(&lock_path, source, 0)),
        }
        let mut folder = Self {
            path: path.to_owned(),
            next: 0,
            _lock: lock,
        };
        let info = match read_info(path) {
            Ok(info) => info,
            Err(Error::NoScan { .. }) => return folder.begin(wanted),
            Err(other) => return Err(other),
        };
        if let Some((what, there, here)) = info.difference(wanted) {
            // Nothing is lost where nothing was saved.
            if !info.complete && !folder.has_checkpoint() {
                return folder.begin(wanted);
            }
            return Err(Error::OtherScan {
                path: path.to_owned(),
                what,
                there,
                here,
            });
        }
        if info.complete {
            // Left over where it was killed right after its end.
            for name in CHECKPOINTS {
                remove_checkpoint(&path.join(name))?;
            }
            return Ok((folder, Found::Complete(Box::new(info))));
        }
        Ok(match folder.newest(wanted) {
            Some((generation, scan)) => {
                folder.next = 1 - generation;
                (folder, Found::Unfinished(Box::new(scan)))
            }
            None => (folder, Found::Nothing),
        })
    }

    fn begin(self, wanted: &ScanInfo) -> Result<(Self, Found), Error> {
        let bytes = encode_info(&Scan::new(wanted.clone()).info)?;
        write(&self.path.join(INDEX), &bytes)?;
        Ok((self, Found::Nothing))
    }

    fn has_checkpoint(&self) -> bool {
        let mut names = CHECKPOINTS.iter();
        names.any(|name| self.path.join(name).join(INDEX).exists())
    }

    /// The checkpoint that is furthest of those that are whole, and its generation.
    fn newest(&self, wanted: &ScanInfo) -> Option<(usize, Scan)> {
        let mut found: Vec<(usize, ScanInfo)> = CHECKPOINTS
            .iter()
            .enumerate()
            .filter_map(|(number, name)| Some((number, read_info(&self.path.join(name)).ok()?)))
            .filter(|(_, info)| info.difference(wanted).is_none())
            .collect();
        found.sort_by_key(|(_, info)| std::cmp::Reverse(info.progress.windows));
        found.into_iter().find_map(|(number, info)| {
            let folder = self.path.join(CHECKPOINTS[number]);
            let tallies = info.tallies.iter().map(|tally| read_tally(&folder, tally));
            let tallies: Vec<Tally> = tallies.collect::<Result<_, _>>().ok()?;
            let sets = tallies.iter().map(Tally::set);
            let whole = sets.eq(&info.sets);
            whole.then(|| (number, Scan::of(info, tallies)))
        })
    }

    /// Saves a scan beside the checkpoint before, which stays until this one is whole. The bytes that were written.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Write`], [`atlas::Error::Unwritable`]. The checkpoint before is there then.
    pub fn checkpoint(&mut self, scan: &Scan) -> Result<u64, Error> {
        let folder = self.path.join(CHECKPOINTS[self.next]);
        remove_checkpoint(&folder)?;
        fs::create_dir(&folder).map_err(|source| refused(&folder, source, 0))?;
        sync_folder(&self.path)?;
        match write_scan(&folder, scan) {
            Ok(bytes) => {
                self.next = 1 - self.next;
                Ok(bytes)
            }
            Err(error) => {
                // Its room is of more use to others than half a checkpoint.
                let _ = remove_checkpoint(&folder);
                Err(error)
            }
        }
    }

    /// Writes an ended scan as the result, and removes its checkpoints.
    ///
    /// # Errors
    /// As [`Folder::checkpoint`].
    pub fn finish(&mut self, scan: &Scan) -> Result<ScanInfo, Error> {
        let written = write_scan(&self.path, scan);
        if let Err(error) = written {
            for set in &scan.info.sets {
                let _ = fs::remove_file(self.path.join(tally_name(&set.id)));
            }
            return Err(error);
        }
        for name in CHECKPOINTS {
            remove_checkpoint(&self.path.join(name))?;
        }
        read_info(&self.path)
    }
}

/// Writes the tallies, then the index.
fn write_scan(folder: &Path, scan: &Scan) -> Result<u64, Error> {
    let mut info = scan.info.clone();
    info.tallies.clear();
    let mut sum = 0;
    for (set, tally) in info.sets.iter().zip(&scan.tallies) {
        let name = tally_name(&set.id);
        let bytes = atlas::files::encode(tally)?;
        write(&folder.join(&name), &bytes)?;
        sum += bytes.len() as u64;
        info.tallies.push(TallyFile {
            set: set.id.clone(),
            file: file_info(name, &bytes),
        });
    }
    let bytes = encode_info(&info)?;
    write(&folder.join(INDEX), &bytes)?;
    Ok(sum + bytes.len() as u64)
}

/// Removes a checkpoint, its index first: without that it is none.
fn remove_checkpoint(folder: &Path) -> Result<(), Error> {
    let absent = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(refused(folder, error, 0)),
    };
    fs::remove_file(folder.join(INDEX)).or_else(absent)?;
    fs::remove_dir_all(folder).or_else(absent)
}

/// Writes a file so that after a kill or a power failure it is there as it was before or whole.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(PART);
    let part = PathBuf::from(name);
    let written = (|| {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    })();
    if let Err(source) = written {
        let _ = fs::remove_file(&part);
        return Err(refused(path, source, bytes.len() as u64));
    }
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes names in a folder last. Elsewhere than on Unix folders cannot be opened for that.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let synced = File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|source| refused(folder, source, 0))
}

fn refused(path: &Path, source: io::Error, needed: u64) -> Error {
    let path = path.to_owned();
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if !full.contains(&source.kind()) {
        return Error::Write { path, source };
    }
    let there = path.ancestors().find(|folder| folder.is_dir());
    let free = there.and_then(|folder| fs4::available_space(folder).ok());
    Error::DiskFull {
        path,
        needed,
        free: free.unwrap_or(0),
    }
}
