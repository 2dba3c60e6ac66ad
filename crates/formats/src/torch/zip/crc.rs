//! CRC-32 as zip archives have it, eight bytes at a step.

const LANES: usize = 8;

/// Lookup tables of the checksum. Computed when needed: 8 KiB that no download should carry.
pub(super) struct Tables(Box<[[u32; 256]; LANES]>);

impl Tables {
    pub(super) fn new() -> Self {
        let mut tables = Box::new([[0; 256]; LANES]);
        let mut previous = [0u32; 256];
        for (byte, slot) in previous.iter_mut().enumerate() {
            *slot = (0..8).fold(byte as u32, |crc, _| {
                (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
            });
        }
        let first = previous;
        for table in tables.iter_mut() {
            *table = previous;
            previous = previous.map(|crc| (crc >> 8) ^ first[(crc & 0xff) as usize]);
        }
        Self(tables)
    }

    /// The checksum of what came before and of these bytes. It begins, before any byte, with 0.
    pub(super) fn extend(&self, checksum: u32, bytes: &[u8]) -> u32 {
        let Self(tables) = self;
        let (steps, rest) = bytes.as_chunks::<LANES>();
        let mut crc = !checksum;
        for step in steps {
            let word = u64::from_le_bytes(*step) ^ u64::from(crc);
            crc = (0..LANES).fold(0, |sum, lane| {
                let byte = (word >> (8 * lane)) & 0xff;
                sum ^ tables[LANES - 1 - lane][byte as usize]
            });
        }
        for &byte in rest {
            crc = (crc >> 8) ^ tables[0][usize::from(crc as u8 ^ byte)];
        }
        !crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard_however_the_bytes_are_cut() {
        let tables = Tables::new();
        assert_eq!(tables.extend(0, b""), 0);
        assert_eq!(tables.extend(0, b"123456789"), 0xcbf4_3926);
        let text = b"The quick brown fox jumps over the lazy dog";
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(tables.extend(tables.extend(0, a), b), 0x414f_a339);
        }
    }
}
