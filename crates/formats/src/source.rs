//! Sources of a file's bytes, read in parts: memory, a file on disk, or a source of the caller's own.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use crate::error::{Error, Result};

/// Bytes that are being read. An error is a sentence that says why they cannot be had, without the file's name.
pub type Reading<'a> = Pin<Box<dyn Future<Output = std::result::Result<Bytes, String>> + 'a>>;

/// Bytes of a file, which lie in memory as words do, so that they become `f32` without another copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    words: Vec<u32>,
    length: usize,
}

impl Bytes {
    /// So many zeros, to be written over.
    pub fn zeroed(length: usize) -> Self {
        Self {
            words: vec![0; length.div_ceil(4)],
            length,
        }
    }

    /// All bytes as little-endian `f32`, in order; what is left over at the end is dropped.
    pub(crate) fn into_f32(mut self) -> Vec<f32> {
        self.words.truncate(self.length / 4);
        for word in &mut self.words {
            // Nothing to do on a machine that is little-endian itself.
            *word = u32::from_le(*word);
        }
        bytemuck::cast_vec(self.words)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        let mut all = Self::zeroed(bytes.len());
        all.copy_from_slice(bytes);
        all
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.length]
    }
}

/// A file whose bytes are read in parts, so that a model need not be in memory as a whole.
pub trait ByteSource {
    /// The file's name, as it stands in messages.
    fn name(&self) -> &str;

    /// Its size in bytes.
    fn len(&self) -> u64;

    /// True if it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `length` bytes from `offset` on: exactly so many, or an error.
    fn read(&self, offset: u64, length: usize) -> Reading<'_>;
}

impl fmt::Debug for dyn ByteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name(), self.len())
    }
}

/// Bytes from a source, after checking that it can have them: nothing is allocated for a length that a damaged file
/// states, and no source is read past its end.
pub(crate) async fn read(source: &dyn ByteSource, offset: u64, length: u64) -> Result<Bytes> {
    let unreadable = |reason: String| Error::Unreadable {
        file: source.name().to_owned(),
        reason,
    };
    let inside = offset
        .checked_add(length)
        .is_some_and(|end| end <= source.len());
    let size = usize::try_from(length).ok().filter(|_| inside);
    let Some(size) = size else {
        return Err(unreadable(format!(
            "{length} bytes from byte {offset} on are requested, and it has {}",
            source.len()
        )));
    };
    if size == 0 {
        return Ok(Bytes::zeroed(0));
    }
    let bytes = source.read(offset, size).await.map_err(unreadable)?;
    if bytes.len() != size {
        return Err(unreadable(format!(
            "{size} bytes were requested from byte {offset} on, and {} arrived",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// A file that is in memory as a whole.
pub struct MemoryBytes {
    name: String,
    bytes: Vec<u8>,
}

impl MemoryBytes {
    /// A file of this name with these bytes.
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
        }
    }
}

impl ByteSource for MemoryBytes {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Reading<'_> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.get(start..start.checked_add(length)?))
            .map(Bytes::from)
            .ok_or_else(|| "it ends before these bytes".to_owned());
        Box::pin(std::future::ready(part))
    }
}

#[cfg(not(target_family = "wasm"))]
pub use file::FileBytes;

#[cfg(not(target_family = "wasm"))]
mod file {
    use std::cell::RefCell;
    use std::fs::File;
    use std::io::{Read as _, Seek as _, SeekFrom};
    use std::path::Path;

    use super::{ByteSource, Bytes, Reading};
    use crate::error::{Error, Result};

    /// A file on disk, of which only the requested parts are read.
    #[derive(Debug)]
    pub struct FileBytes {
        name: String,
        length: u64,
        // The position in the file is a part of its state, and each reading sets it anew.
        file: RefCell<File>,
    }

    impl FileBytes {
        /// Opens a file. Messages call it by its path.
        ///
        /// # Errors
        /// `unreadable` with the path and what the system says.
        pub fn open(path: &Path) -> Result<Self> {
            Self::open_as(&path.display().to_string(), path)
        }

        /// Opens a file that messages call `name`.
        ///
        /// # Errors
        /// `unreadable` with the path and what the system says.
        pub fn open_as(name: &str, path: &Path) -> Result<Self> {
            let unreadable = |error: std::io::Error| Error::Unreadable {
                file: path.display().to_string(),
                reason: error.to_string(),
            };
            let file = File::open(path).map_err(unreadable)?;
            let length = file.metadata().map_err(unreadable)?.len();
            Ok(Self {
                name: name.to_owned(),
                length,
                file: RefCell::new(file),
            })
        }

        fn part(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
            let mut file = self.file.borrow_mut();
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Bytes::zeroed(length);
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        }
    }

    impl ByteSource for FileBytes {
        fn name(&self) -> &str {
            &self.name
        }

        fn len(&self) -> u64 {
            self.length
        }

        fn read(&self, offset: u64, length: usize) -> Reading<'_> {
            let part = self.part(offset, length);
            Box::pin(std::future::ready(part.map_err(|error| error.to_string())))
        }
    }
}
