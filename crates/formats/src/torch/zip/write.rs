//! Writing archives of stored entries, laid out as torch does: every entry's bytes begin at a multiple of 64, so that
//! they can be mapped into memory.

use super::crc::Tables;

const ALIGNMENT: usize = 64;
/// The date that zip counts from, 1 January 1980: so that the same entries always give the same bytes.
const DATE: u16 = 0x21;
/// Names are UTF-8.
const UTF_8: u16 = 0x0800;
/// The version of the format with 64-bit sizes.
const VERSION: u16 = 45;

/// An archive that is being written.
pub(in crate::torch) struct Writer {
    out: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
    tables: Tables,
}

impl Writer {
    pub(in crate::torch) fn new() -> Self {
        Self {
            out: Vec::new(),
            directory: Vec::new(),
            entries: 0,
            tables: Tables::new(),
        }
    }

    /// Adds an entry of `size` bytes, which `write` appends. The archive may have 65 535 of them.
    pub(in crate::torch) fn entry(
        &mut self,
        name: &str,
        size: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let header = self.out.len();
        let narrow = u32::try_from(size).unwrap_or(u32::MAX);
        let mut extra = Vec::new();
        if narrow == u32::MAX {
            extra.extend(field(1, &[size as u64, size as u64]));
        }
        let unpadded = header + 30 + name.len() + extra.len() + 4;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        extra.extend(b"FB");
        extra.extend((padding as u16).to_le_bytes());
        extra.extend(std::iter::repeat_n(b'Z', padding));

        self.out.extend(b"PK\x03\x04");
        let common = self.out.len();
        for short in [VERSION, UTF_8, 0, 0, DATE] {
            self.out.extend(short.to_le_bytes());
        }
        for long in [0, narrow, narrow] {
            self.out.extend(long.to_le_bytes());
        }
        for short in [name.len(), extra.len()] {
            self.out.extend((short as u16).to_le_bytes());
        }
        self.out.extend(name.as_bytes());
        self.out.extend(extra);
        let start = self.out.len();
        self.out.reserve(size);
        write(&mut self.out);
        debug_assert_eq!(self.out.len() - start, size);
        let checksum = self.tables.extend(0, &self.out[start..]).to_le_bytes();
        self.out[common + 10..common + 14].copy_from_slice(&checksum);

        let narrow_header = u32::try_from(header).unwrap_or(u32::MAX);
        let mut wide = Vec::new();
        if narrow == u32::MAX {
            wide.extend([size as u64; 2]);
        }
        if narrow_header == u32::MAX {
            wide.push(header as u64);
        }
        let extra = if wide.is_empty() {
            Vec::new()
        } else {
            field(1, &wide)
        };
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&self.out[common..common + 24]);
        self.directory.extend((extra.len() as u16).to_le_bytes());
        // The comment's length, the disk, attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(narrow_header.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.directory.extend(extra);
        self.entries += 1;
    }

    /// The archive's bytes, with the end records of both sizes, as torch writes them.
    pub(in crate::torch) fn finish(mut self) -> Vec<u8> {
        let (start, size) = (self.out.len(), self.directory.len());
        self.out.append(&mut self.directory);
        let end = self.out.len() as u64;
        self.out.extend(b"PK\x06\x06");
        self.out.extend(44u64.to_le_bytes());
        for short in [VERSION, VERSION] {
            self.out.extend(short.to_le_bytes());
        }
        // Disks.
        self.out.extend([0; 8]);
        let entries = u64::from(self.entries);
        for number in [entries, entries, size as u64, start as u64] {
            self.out.extend(number.to_le_bytes());
        }
        self.out.extend(b"PK\x06\x07\0\0\0\0");
        self.out.extend(end.to_le_bytes());
        self.out.extend(1u32.to_le_bytes());
        self.out.extend(b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            self.out.extend(self.entries.to_le_bytes());
        }
        for number in [size, start] {
            let narrow = u32::try_from(number).unwrap_or(u32::MAX);
            self.out.extend(narrow.to_le_bytes());
        }
        self.out.extend([0; 2]);
        self.out
    }
}

/// An extra field.
fn field(id: u16, numbers: &[u64]) -> Vec<u8> {
    let mut out = id.to_le_bytes().to_vec();
    out.extend((numbers.len() as u16 * 8).to_le_bytes());
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    out
}
