//! Zip archives of stored entries, as `torch.save` writes them, read in parts.
//!
//! The directory at the end says where every entry lies. Nothing is packed, so that an entry is never larger than the
//! archive, and a part of an entry is a part of the file. What no such archive has is refused: packed or encrypted
//! entries, names that lead out of the folder, two entries of one name, entries that overlap.

mod crc;
mod directory;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::{Error, Result, shortened};
use crate::source::{self, ByteSource, Bytes};

/// Bytes of a local header before the name.
const LOCAL_BYTES: u64 = 30;

/// An archive whose directory was read and checked.
pub(super) struct Archive {
    source: Rc<dyn ByteSource>,
    /// In the order of their bytes.
    entries: Vec<Entry>,
    tables: crc::Tables,
}

/// An entry of the directory.
struct Entry {
    name: String,
    /// Offset of its local header.
    header: u64,
    size: u64,
    checksum: u32,
    /// Offset of the next entry or of the directory.
    limit: u64,
    /// Offset of its bytes, once the local header was read.
    start: Cell<Option<u64>>,
    progress: RefCell<Progress>,
}

/// Bytes of an entry that were read in order, with their checksum.
#[derive(Default)]
struct Progress {
    next: u64,
    checksum: u32,
}

impl Archive {
    /// Reads the directory.
    ///
    /// # Errors
    /// `bad-file` where the archive is truncated or damaged, or has what is refused; `unreadable`.
    pub(super) async fn open(source: Rc<dyn ByteSource>) -> Result<Self> {
        Ok(Self {
            entries: directory::read(&*source).await?,
            source,
            tables: crc::Tables::new(),
        })
    }

    /// The file's name.
    pub(super) fn file_name(&self) -> &str {
        self.source.name()
    }

    /// The entries' names, in the order of their bytes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// An entry's size in bytes, if it is there.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.find(name).map(|entry| entry.size)
    }

    /// About where an entry's bytes begin in the file, if it is there: up to the length of its local header.
    pub(super) fn position(&self, name: &str) -> Option<u64> {
        self.find(name).map(|entry| entry.header)
    }

    /// A whole entry, of at most `limit` bytes, and compared with its checksum.
    pub(super) async fn read(&self, name: &str, limit: u64) -> Result<Bytes> {
        let size = self.entry(name)?.size;
        if size > limit {
            let reason = format!("it has {size} bytes, but at most {limit} are expected");
            return Err(self.damaged(name, &reason));
        }
        self.read_part(name, 0, size).await
    }

    /// A part of an entry. The checksum is compared where the entry is read from its beginning to its end in order, in
    /// one part or in several; parts in another order, or not all of them, are not checked.
    pub(super) async fn read_part(&self, name: &str, from: u64, length: u64) -> Result<Bytes> {
        let entry = self.entry(name)?;
        let end = from.checked_add(length).filter(|&end| end <= entry.size);
        let Some(end) = end else {
            let reason = format!(
                "it has {} bytes, but {length} from byte {from} on are needed",
                entry.size
            );
            return Err(self.damaged(name, &reason));
        };
        let start = self.start(entry).await?;
        let bytes = source::read(&*self.source, start + from, length).await?;
        let mut progress = entry.progress.borrow_mut();
        if from == 0 {
            *progress = Progress::default();
        }
        if from == progress.next {
            progress.next = end;
            progress.checksum = self.tables.extend(progress.checksum, &bytes);
            if end == entry.size && progress.checksum != entry.checksum {
                let reason = "its bytes do not have the checksum that the archive states, so the file is damaged";
                return Err(self.damaged(name, reason));
            }
        }
        Ok(bytes)
    }

    /// Offset of an entry's bytes: after its local header, which is compared with the directory.
    async fn start(&self, entry: &Entry) -> Result<u64> {
        if let Some(start) = entry.start.get() {
            return Ok(start);
        }
        let length = LOCAL_BYTES + entry.name.len() as u64;
        let header = source::read(&*self.source, entry.header, length).await?;
        let differs = || {
            let reason = "its header and the archive's directory contradict each other";
            self.damaged(&entry.name, reason)
        };
        let mut fields = Fields::new(&header);
        let found = fields.local().ok_or_else(differs)?;
        // A header may leave sizes and checksum to what follows the bytes, as torch.save's do, or to an extra field.
        let streamed = found.flags & directory::STREAMED != 0;
        let states =
            |field: u32, value: u64| streamed || field == u32::MAX || u64::from(field) == value;
        if found.is_plain()
            && fields.rest() == entry.name.as_bytes()
            && states(found.packed, entry.size)
            && states(found.size, entry.size)
            && (streamed || found.checksum == entry.checksum)
        {
            let start = entry.header + length + u64::from(found.extra_length);
            if start.saturating_add(entry.size) <= entry.limit {
                entry.start.set(Some(start));
                return Ok(start);
            }
        }
        Err(differs())
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.find(name)
            .ok_or_else(|| self.damaged(name, "missing from the archive"))
    }

    /// The error for an entry.
    pub(super) fn damaged(&self, name: &str, reason: &str) -> Error {
        damaged(self.file_name(), name, reason)
    }
}

fn damaged(file: &str, name: &str, reason: &str) -> Error {
    Error::bad(file, format!("`{}` in it: {reason}", shortened(name)))
}

/// The fields that a local header and the directory share.
struct Common {
    flags: u16,
    method: u16,
    checksum: u32,
    packed: u32,
    size: u32,
    name_length: u16,
    extra_length: u16,
}

impl Common {
    /// Neither packed nor encrypted.
    fn is_plain(&self) -> bool {
        self.method == 0 && self.flags & directory::ENCRYPTED == 0
    }
}

/// Little-endian fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn signature(&mut self, expected: &[u8; 4]) -> Option<()> {
        self.array::<4>()
            .filter(|found| found == expected)
            .map(drop)
    }

    fn local(&mut self) -> Option<Common> {
        self.signature(b"PK\x03\x04")?;
        self.common()
    }

    /// From the version that is needed up to the lengths of name and extra fields.
    fn common(&mut self) -> Option<Common> {
        let (_version, flags, method) = (self.u16()?, self.u16()?, self.u16()?);
        let _time_and_date = self.u32()?;
        Some(Common {
            flags,
            method,
            checksum: self.u32()?,
            packed: self.u32()?,
            size: self.u32()?,
            name_length: self.u16()?,
            extra_length: self.u16()?,
        })
    }
}
