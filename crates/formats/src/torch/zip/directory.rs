//! The directory at an archive's end.

use std::cell::{Cell, RefCell};

use super::{Entry, Fields, LOCAL_BYTES, Progress, damaged};
use crate::error::{Error, Result, shortened};
use crate::source::{self, ByteSource};

/// Flags of an encrypted entry: its bytes, or its header.
pub(super) const ENCRYPTED: u16 = 0x2001;

/// The flag of an entry whose sizes and checksum follow its bytes.
pub(super) const STREAMED: u16 = 0x0008;

/// Bytes of the end record without its comment.
const END_BYTES: usize = 22;
/// Bytes of the zip64 record that is read, and of what points to it.
const END_64_BYTES: u64 = 56;
const LOCATOR_BYTES: usize = 20;

/// Range of the directory in the archive.
struct Location {
    entries: u64,
    start: u64,
    size: u64,
}

/// Reads and checks the directory. The entries come in the order of their bytes.
pub(super) async fn read(source: &dyn ByteSource) -> Result<Vec<Entry>> {
    // One bound for what a hostile directory may make of itself in memory; torch.save's has a few kilobytes.
    const LARGEST: u64 = 4 << 20;
    let location = find(source).await?;
    if location.size > LARGEST {
        let reason = format!(
            "the archive's directory takes {} bytes, but at most {LARGEST} are read",
            location.size
        );
        return Err(Error::bad(source.name(), reason));
    }
    let bytes = source::read(source, location.start, location.size).await?;
    let broken = || {
        let reason = "the archive's directory is damaged: it does not hold the entries that its end record states";
        Error::bad(source.name(), reason)
    };
    let mut fields = Fields::new(&bytes);
    let mut entries = Vec::new();
    for _ in 0..location.entries {
        entries.push(entry(&mut fields, source.name(), location.start, &broken)?);
    }
    if !fields.rest().is_empty() {
        return Err(broken());
    }
    entries.sort_by_key(|entry| entry.header);
    check_neighbours(source.name(), &mut entries, location.start)?;
    Ok(entries)
}

/// Finds the end record, which a comment may follow, and the zip64 one.
async fn find(source: &dyn ByteSource) -> Result<Location> {
    let bad = |reason: &str| {
        let reason = format!("truncated, or not a zip archive as torch.save writes: {reason}");
        Error::bad(source.name(), reason)
    };
    let size = source.len();
    let tail_size = size.min((END_BYTES + usize::from(u16::MAX) + LOCATOR_BYTES) as u64);
    let tail = source::read(source, size - tail_size, tail_size).await?;
    let at = tail
        .windows(END_BYTES)
        .rposition(|record| record.starts_with(b"PK\x05\x06"))
        .ok_or_else(|| bad("it has no end record"))?;
    let (before, record) = tail.split_at_checked(at).unwrap_or_default();
    let (location, comment) = end_record(record).ok_or_else(|| bad("its end record is damaged"))?;
    if record.len() != END_BYTES + usize::from(comment) {
        return Err(bad("its end record is damaged"));
    }
    let record_at = size - record.len() as u64;
    let locator = before
        .len()
        .checked_sub(LOCATOR_BYTES)
        .and_then(|at| locator(before.get(at..)?));
    let (location, end) = match locator {
        None => (location, record_at),
        Some(at) if at < record_at => {
            let large = source::read(source, at, END_64_BYTES.min(record_at - at)).await?;
            let large = end_record_64(&large).ok_or_else(|| bad("its zip64 record is damaged"))?;
            let agree = |small: u64, large: u64, none: u64| small == none || small == large;
            let max = u64::from(u32::MAX);
            if !agree(location.entries, large.entries, u16::MAX.into())
                || !agree(location.start, large.start, max)
                || !agree(location.size, large.size, max)
            {
                return Err(bad("its two end records contradict each other"));
            }
            (large, at)
        }
        Some(_) => return Err(bad("its zip64 record lies past its end")),
    };
    if location.start.checked_add(location.size) != Some(end) {
        return Err(bad("its directory does not lie where the end record says"));
    }
    Ok(location)
}

fn end_record(record: &[u8]) -> Option<(Location, u16)> {
    let mut fields = Fields::new(record);
    fields.signature(b"PK\x05\x06")?;
    let disks = (fields.u16()?, fields.u16()?);
    let (here, entries) = (fields.u16()?, fields.u16()?);
    let (size, start) = (fields.u32()?.into(), fields.u32()?.into());
    let one_disk = matches!(disks, (0, 0) | (u16::MAX, u16::MAX)) && here == entries;
    let location = Location {
        entries: entries.into(),
        start,
        size,
    };
    one_disk.then_some((location, fields.u16()?))
}

/// Offset of the zip64 record.
fn locator(bytes: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(bytes);
    fields.signature(b"PK\x06\x07")?;
    let _disk = fields.u32()?;
    fields.u64()
}

fn end_record_64(record: &[u8]) -> Option<Location> {
    let mut fields = Fields::new(record);
    fields.signature(b"PK\x06\x06")?;
    // The record's size, versions and disks.
    fields.take(20)?;
    let (here, entries) = (fields.u64()?, fields.u64()?);
    let (size, start) = (fields.u64()?, fields.u64()?);
    let location = Location {
        entries,
        start,
        size,
    };
    (here == entries).then_some(location)
}

/// One entry of the directory, which begins at `directory`.
fn entry(
    fields: &mut Fields<'_>,
    file: &str,
    directory: u64,
    broken: &dyn Fn() -> Error,
) -> Result<Entry> {
    let read = |fields: &mut Fields<'_>| {
        fields.signature(b"PK\x01\x02")?;
        let _made_by = fields.u16()?;
        let common = fields.common()?;
        let (comment, _disk) = (fields.u16()?, fields.u16()?);
        let _attributes = (fields.u16()?, fields.u32()?);
        let header = fields.u32()?;
        let name = fields.take(common.name_length.into())?.to_vec();
        let extra = fields.take(common.extra_length.into())?;
        fields.take(comment.into())?;
        let sizes = [common.size, common.packed, header];
        Some((common, name, wide(sizes, extra)?))
    };
    let (common, name, [size, packed, header]) = read(fields).ok_or_else(broken)?;
    let name = String::from_utf8(name).map_err(|error| {
        let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
        damaged(file, &name, "its name is not UTF-8")
    })?;
    if !is_inside(&name) {
        let reason = "its name leads out of the archive, so nothing of it is read";
        return Err(damaged(file, &name, reason));
    }
    if !common.is_plain() {
        let reason = "packed or encrypted, while torch.save stores plain bytes";
        return Err(damaged(file, &name, reason));
    }
    if packed != size {
        let reason = format!("it states {size} bytes, but takes {packed}");
        return Err(damaged(file, &name, &reason));
    }
    let fits = header
        .checked_add(LOCAL_BYTES + name.len() as u64)
        .and_then(|start| start.checked_add(size))
        .is_some_and(|end| end <= directory);
    if !fits {
        let reason = format!(
            "it states {size} bytes from byte {header} on, but the entries end at byte {directory}"
        );
        return Err(damaged(file, &name, &reason));
    }
    Ok(Entry {
        name,
        header,
        size,
        checksum: common.checksum,
        limit: directory,
        start: Cell::new(None),
        progress: RefCell::new(Progress::default()),
    })
}

/// Sizes and offset, from the zip64 field where they do not fit into 32 bits.
fn wide(narrow: [u32; 3], extra: &[u8]) -> Option<[u64; 3]> {
    if !narrow.contains(&u32::MAX) {
        return Some(narrow.map(u64::from));
    }
    let mut fields = Fields::new(extra);
    loop {
        let (id, length) = (fields.u16()?, fields.u16()?);
        let field = fields.take(length.into())?;
        if id == 1 {
            let mut numbers = Fields::new(field);
            let mut out = [0; 3];
            for (wide, narrow) in out.iter_mut().zip(narrow) {
                *wide = match narrow {
                    u32::MAX => numbers.u64()?,
                    small => small.into(),
                };
            }
            return Some(out);
        }
    }
}

/// True if a name stays inside of the folder that the archive stands for.
fn is_inside(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('/')
        && !name.contains(['\\', '\0', ':'])
        && !name.split('/').any(|part| part == "..")
}

/// Refuses entries of one name and entries that overlap, and says where each must end.
fn check_neighbours(file: &str, entries: &mut [Entry], directory: u64) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    for entry in entries.iter() {
        if !names.insert(entry.name.as_str()) {
            return Err(damaged(file, &entry.name, "it stands twice"));
        }
    }
    let (mut limit, mut after) = (directory, "the directory".to_owned());
    for entry in entries.iter_mut().rev() {
        // It was checked that this is no more than the directory's location.
        let end = entry.header + LOCAL_BYTES + entry.name.len() as u64 + entry.size;
        if end > limit {
            let reason = format!(
                "it ends at byte {end}, but `{}` begins at byte {limit}: they overlap",
                shortened(&after)
            );
            return Err(damaged(file, &entry.name, &reason));
        }
        entry.limit = limit;
        limit = entry.header;
        after.clone_from(&entry.name);
    }
    Ok(())
}
