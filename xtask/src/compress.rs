//! Compression of files as hosts send them: gzip and brotli, each as small as it gets.

use std::io::{Read as _, Write as _};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Bytes that the encoder of brotli reads and writes at once.
const BUFFER: usize = 1 << 16;
const BROTLI_QUALITY: u32 = 11;
/// The base-2 logarithm of the window, in bytes: the largest that every browser reads.
const BROTLI_WINDOW: u32 = 24;

/// A content coding of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `Content-Encoding: gzip`
    Gzip,
    /// `Content-Encoding: br`
    Brotli,
}

impl Coding {
    /// Both, in the order in which a file is compressed.
    pub const ALL: [Self; 2] = [Self::Gzip, Self::Brotli];

    /// What the name of a compressed file ends in, after the name of its source.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }

    /// The bytes, compressed. Equal bytes give equal bytes: no time or name is in them.
    pub fn compress(self, bytes: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).context("gzip failed")?;
                encoder.finish().context("gzip failed")
            }
            Self::Brotli => {
                let (quality, window) = (BROTLI_QUALITY, BROTLI_WINDOW);
                let mut encoder =
                    brotli::CompressorWriter::new(Vec::new(), BUFFER, quality, window);
                encoder.write_all(bytes).context("brotli failed")?;
                encoder.flush().context("brotli failed")?;
                Ok(encoder.into_inner())
            }
        }
    }

    /// The bytes that were compressed, as a browser finds them.
    pub fn decompress(self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        match self {
            Self::Gzip => GzDecoder::new(bytes).read_to_end(&mut plain),
            Self::Brotli => brotli::Decompressor::new(bytes, BUFFER).read_to_end(&mut plain),
        }
        .with_context(|| format!("these are not the bytes of a {} file", self.ending()))?;
        Ok(plain)
    }
}

/// The coding of a compressed file, and the name of the file that it was made from; `None` for a file that is not compressed.
pub fn source_of(name: &str) -> Option<(Coding, &str)> {
    Coding::ALL
        .iter()
        .find_map(|coding| Some((*coding, name.strip_suffix(coding.ending())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decompressed_is_what_was_compressed() {
        let long: Vec<u8> = (0..100_000_u32)
            .flat_map(|i| (i / 7).to_le_bytes())
            .collect();
        for bytes in [&b""[..], b"a", &long] {
            for coding in Coding::ALL {
                let compressed = coding.compress(bytes).unwrap();
                assert_eq!(coding.decompress(&compressed).unwrap(), bytes, "{coding:?}");
                assert_eq!(coding.compress(bytes).unwrap(), compressed, "{coding:?}");
            }
        }
        for coding in Coding::ALL {
            let compressed = coding.compress(&long).unwrap();
            assert!(compressed.len() * 4 < long.len());
            // A part of it is an error, not a shorter file.
            assert!(
                coding
                    .decompress(&compressed[..compressed.len() / 2])
                    .is_err()
            );
            assert!(coding.decompress(b"plain text").is_err());
        }
    }

    #[test]
    fn names_of_sources() {
        assert_eq!(
            source_of("assets/a-0123456789.js.gz"),
            Some((Coding::Gzip, "assets/a-0123456789.js"))
        );
        assert_eq!(source_of("sw.js.br"), Some((Coding::Brotli, "sw.js")));
        for name in ["sw.js", "gz", "a.brief", "b.gz.js"] {
            assert_eq!(source_of(name), None, "{name}");
        }
    }
}
