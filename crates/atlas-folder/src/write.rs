//! Writing of an atlas.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use atlas::files::{INDEX, Written, encode_info, write_set, write_vocabulary};
use atlas::info::{FileInfo, hexadecimal};
use atlas::record::TokenIndex;
use atlas::{AtlasInfo, FeatureRecord, SetInfo};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::replace::{Beside, Lock, remove, sync_folder, write_error};

/// An atlas that is being written. It is not there before [`Writer::finish`]; dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    beside: Beside,
    folder: PathBuf,
    /// Sets, vocabulary and tables so far.
    sets: Vec<SetInfo>,
    vocabulary: Option<FileInfo>,
    tables: Vec<FileInfo>,
    _lock: Lock,
}

impl Writer {
    /// Begins an atlas that will be the folder `target`. An atlas that is there stays until the new one is whole.
    ///
    /// # Errors
    /// [`Error::NotReplaced`] where something else is there, [`Error::Busy`], [`Error::Write`].
    pub fn new(target: &Path) -> Result<Self, Error> {
        let beside = Beside::new(target)?;
        let lock = beside.lock()?;
        beside.check_replaceable()?;
        let folder = beside.fresh();
        fs::create_dir(&folder).map_err(write_error(&folder))?;
        Ok(Self {
            beside,
            folder,
            sets: Vec::new(),
            vocabulary: None,
            tables: Vec::new(),
            _lock: lock,
        })
    }

    /// Writes the files of a set. The arguments are those of [`write_set`].
    ///
    /// # Errors
    /// [`Error::Write`], and [`Error::File`] as [`write_set`] fails.
    pub fn set(
        &mut self,
        mut set: SetInfo,
        records: &[FeatureRecord],
        token_index: Option<&TokenIndex>,
        points: Option<&Vec<[f32; 2]>>,
    ) -> Result<(), Error> {
        let files = write_set(&mut set, records, token_index, points);
        for file in files.map_err(self.in_folder())? {
            self.write(&file)?;
        }
        self.sets.push(set);
        Ok(())
    }

    /// Writes the bytes of each token of the vocabulary.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn vocabulary(&mut self, vocabulary: &Vec<Vec<u8>>) -> Result<(), Error> {
        let file = write_vocabulary(vocabulary).map_err(self.in_folder())?;
        self.write(&file)?;
        self.vocabulary = Some(file.info);
        Ok(())
    }

    /// Begins a table of the atlas, for [`Writer::table`].
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(&self, path: &str) -> Result<NewFile, Error> {
        let place = self.folder.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(write_error(folder))?;
        }
        let file = File::create_new(&place).map_err(write_error(&place))?;
        Ok(NewFile {
            place,
            path: path.to_owned(),
            file: BufWriter::new(file),
            bytes: 0,
            hash: Sha256::new(),
        })
    }

    /// Ends a table and adds it to the index.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn table(&mut self, file: NewFile) -> Result<(), Error> {
        self.tables.push(file.finish()?);
        Ok(())
    }

    /// The atlas, whole and durable, in the place of the old one. What `info` says of sets, vocabulary and tables is replaced.
    ///
    /// # Errors
    /// [`Error::Write`]; then the old atlas is as it was.
    pub fn finish(mut self, info: &AtlasInfo) -> Result<AtlasInfo, Error> {
        let info = AtlasInfo {
            sets: std::mem::take(&mut self.sets),
            vocabulary: self.vocabulary.take(),
            tables: std::mem::take(&mut self.tables),
            ..info.clone()
        };
        let bytes = encode_info(&info).map_err(self.in_folder())?;
        let mut index = self.create(INDEX)?;
        let written = index.write_all(&bytes);
        written.map_err(write_error(&index.place))?;
        index.finish()?;
        for entry in fs::read_dir(&self.folder).map_err(write_error(&self.folder))? {
            let path = entry.map_err(write_error(&self.folder))?.path();
            if path.is_dir() {
                sync_folder(&path).map_err(write_error(&path))?;
            }
        }
        sync_folder(&self.folder).map_err(write_error(&self.folder))?;
        self.beside.exchange()?;
        Ok(info)
    }

    fn write(&self, written: &Written) -> Result<(), Error> {
        let mut file = self.create(&written.info.path)?;
        let result = file.write_all(&written.bytes);
        result.map_err(write_error(&file.place))?;
        file.finish()?;
        Ok(())
    }

    fn in_folder(&self) -> impl Fn(atlas::Error) -> Error + use<> {
        let folder = self.beside.target.clone();
        move |source| Error::File {
            folder: folder.clone(),
            source,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name.
        let _ = remove(&self.folder);
    }
}

/// A file that is being written, with its hash so far.
#[derive(Debug)]
pub struct NewFile {
    place: PathBuf,
    path: String,
    file: BufWriter<File>,
    bytes: u64,
    hash: Sha256,
}

impl NewFile {
    /// The file on disk.
    pub fn place(&self) -> &Path {
        &self.place
    }

    fn finish(mut self) -> Result<FileInfo, Error> {
        let flushed = self.file.flush();
        let synced = flushed.and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(write_error(&self.place))?;
        Ok(FileInfo {
            path: self.path,
            bytes: self.bytes,
            sha256: hexadecimal(&self.hash.finalize()),
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
