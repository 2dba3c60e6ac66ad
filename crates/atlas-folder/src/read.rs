//! Reading of an atlas.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use atlas::files::{Binary, INDEX, all_files, decode, decode_info, shard_of};
use atlas::info::{FileInfo, hexadecimal};
use atlas::record::{FeatureRow, TokenIndex};
use atlas::{AtlasInfo, FeatureRecord, ModelKey, SetInfo};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Bytes that an index or a file of the page may have. What has more is refused before it is read.
const MOST_BYTES: u64 = 1 << 30;

/// Bytes that are read at once where a file is only compared with its hash.
const BLOCK: usize = 1 << 20;

/// An atlas on disk.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    info: AtlasInfo,
}

impl Folder {
    /// Reads the index of the atlas in a folder.
    ///
    /// # Errors
    /// [`Error::NoAtlas`], [`Error::Read`], [`Error::File`] where the index is damaged or of an unknown version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let index = path.join(INDEX);
        let bytes = match read_regular(&index) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Err(Error::NoAtlas {
                    path: path.to_owned(),
                    hint: hint(path),
                });
            }
            read => read.map_err(|source| Error::Read {
                path: index,
                source,
            })?,
        };
        let info = decode_info(INDEX, &bytes).map_err(|source| Error::File {
            folder: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            info,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index.
    pub fn info(&self) -> &AtlasInfo {
        &self.info
    }

    /// A feature set by its id.
    ///
    /// # Errors
    /// [`Error::NoSet`].
    pub fn set(&self, id: &str) -> Result<&SetInfo, Error> {
        let found = self.info.sets.iter().find(|set| set.id == id);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.info.sets.iter().map(|set| set.id.as_str()).collect();
            Error::NoSet {
                folder: self.path.clone(),
                set: id.to_owned(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            }
        })
    }

    /// The record of a feature: one shard is read.
    ///
    /// # Errors
    /// [`Error::NoLatent`], [`Error::NoRecord`], and those of [`Folder::shard`].
    pub fn feature(&self, set: &SetInfo, latent: u32) -> Result<FeatureRecord, Error> {
        let no_latent = || Error::NoLatent {
            set: set.id.clone(),
            latent,
            last: set.n_latents.saturating_sub(1),
        };
        let (shard, at) = shard_of(set, latent).ok_or_else(no_latent)?;
        if !self.info.has(&set.id, latent) {
            let imported = self.info.imported.as_ref();
            return Err(Error::NoRecord {
                set: set.id.clone(),
                latent,
                format: imported.map_or_else(String::new, |imported| imported.format.clone()),
            });
        }
        self.shard(set, shard)?
            .into_iter()
            .nth(at)
            .ok_or_else(no_latent)
    }

    /// The records of a shard, in the order of their latents. Latents that [`AtlasInfo::has`] not are among them, empty.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`], which name the file.
    pub fn shard(&self, set: &SetInfo, shard: usize) -> Result<Vec<FeatureRecord>, Error> {
        let first = shard as u64 * u64::from(set.shard_size);
        let Some(file) = set.shards.get(shard) else {
            return Err(Error::NoLatent {
                set: set.id.clone(),
                latent: first.try_into().unwrap_or(u32::MAX),
                last: set.n_latents.saturating_sub(1),
            });
        };
        let records: Vec<FeatureRecord> = self.decode(file)?;
        let expected =
            u64::from(set.shard_size).min(u64::from(set.n_latents).saturating_sub(first));
        let in_order = records
            .iter()
            .zip(first..)
            .all(|(record, latent)| u64::from(record.latent) == latent);
        if records.len() as u64 != expected || !in_order {
            let why = format!("it does not hold the {expected} latents from {first} on");
            return Err(self.damaged(file, why));
        }
        Ok(records)
    }

    /// The records of all latents of a set, one shard in memory at a time. After an error the next shard follows.
    pub fn shards<'a>(
        &'a self,
        set: &'a SetInfo,
    ) -> impl Iterator<Item = Result<Vec<FeatureRecord>, Error>> + 'a {
        (0..set.shards.len()).map(move |shard| self.shard(set, shard))
    }

    /// The table of all features of a set; None where the atlas has none.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`].
    pub fn table(&self, set: &SetInfo) -> Result<Option<Vec<FeatureRow>>, Error> {
        set.table.as_ref().map(|file| self.decode(file)).transpose()
    }

    /// The features that fire on each token of the vocabulary; None where the atlas has no such index.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`].
    pub fn token_index(&self, set: &SetInfo) -> Result<Option<TokenIndex>, Error> {
        set.token_index
            .as_ref()
            .map(|file| self.decode(file))
            .transpose()
    }

    /// Coordinates of the features of a set; None where the atlas has none.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`].
    pub fn map(&self, set: &SetInfo) -> Result<Option<Vec<[f32; 2]>>, Error> {
        set.map.as_ref().map(|file| self.decode(file)).transpose()
    }

    /// The bytes of each token; None where the atlas does not hold them.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`] also where they are not those of the tokenizer that the index names.
    pub fn vocabulary(&self) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let Some(file) = &self.info.vocabulary else {
            return Ok(None);
        };
        let vocabulary: Vec<Vec<u8>> = self.decode(file)?;
        let model = &self.info.model;
        if vocabulary.len() != model.vocabulary as usize
            || ModelKey::tokenizer_hash(&vocabulary) != model.tokenizer_sha256
        {
            let why = "it is of another tokenizer than the atlas".to_owned();
            return Err(self.damaged(file, why));
        }
        Ok(Some(vocabulary))
    }

    /// A table for analysis, after its bytes were compared with the index.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::File`].
    pub fn checked(&self, file: &FileInfo) -> Result<PathBuf, Error> {
        let path = self.path.join(&file.path);
        let failed = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let (mut source, length) = open_regular(&path).map_err(failed)?;
        if length != file.bytes {
            let why = format!("it has {length} bytes in the place of {}", file.bytes);
            return Err(self.damaged(file, why));
        }
        let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK]);
        loop {
            let read = source.read(&mut block).map_err(failed)?;
            if read == 0 {
                break;
            }
            hash.update(&block[..read]);
        }
        if hexadecimal(&hash.finalize()) != file.sha256 {
            let why = "its content is not that which was written (the SHA-256 differs)".to_owned();
            return Err(self.damaged(file, why));
        }
        Ok(path)
    }

    /// Compares every file with its hash and reads it. `each` gets a file and what is wrong with it, if anything.
    pub fn check(&self, mut each: impl FnMut(&FileInfo, Option<Error>)) {
        for set in &self.info.sets {
            for (number, file) in set.shards.iter().enumerate() {
                each(file, self.shard(set, number).err());
            }
            let rest = [
                (&set.table, self.table(set).err()),
                (&set.map, self.map(set).err()),
                (&set.token_index, self.token_index(set).err()),
            ];
            for (file, error) in rest {
                if let Some(file) = file {
                    each(file, error);
                }
            }
        }
        if let Some(file) = &self.info.vocabulary {
            each(file, self.vocabulary().err());
        }
        for file in &self.info.tables {
            each(file, self.checked(file).err());
        }
    }

    /// Number and bytes of all files that the index names.
    pub fn size(&self) -> (usize, u64) {
        let files = all_files(&self.info);
        files.fold((0, 0), |(files, bytes), file| {
            (files + 1, bytes + file.bytes)
        })
    }

    fn decode<T: Binary>(&self, file: &FileInfo) -> Result<T, Error> {
        let path = self.path.join(&file.path);
        let bytes = match read_regular(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.damaged(file, "it is missing".to_owned()));
            }
            read => read.map_err(|source| Error::Read { path, source })?,
        };
        let value = file.check(&bytes).and_then(|()| decode(&file.path, &bytes));
        value.map_err(|source| Error::File {
            folder: self.path.clone(),
            source,
        })
    }

    fn damaged(&self, file: &FileInfo, why: String) -> Error {
        Error::File {
            folder: self.path.clone(),
            source: atlas::Error::Damaged {
                path: file.path.clone(),
                why,
            },
        }
    }
}

/// What a person can do where there is no atlas.
fn hint(path: &Path) -> String {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return String::new();
    };
    let old = path.with_file_name(format!(".{name}.old"));
    if old.join(INDEX).is_file() {
        format!(
            "; an interrupted run left it at {}: rename that",
            old.display()
        )
    } else {
        String::new()
    }
}

fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // Before it is opened, since to open a pipe can take for ever.
    let data = fs::metadata(path)?;
    if !data.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    Ok((File::open(path)?, data.len()))
}

fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let (file, length) = open_regular(path)?;
    if length > MOST_BYTES {
        let why = format!("it has {length} bytes, which no file of an atlas has");
        return Err(io::Error::new(ErrorKind::FileTooLarge, why));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
