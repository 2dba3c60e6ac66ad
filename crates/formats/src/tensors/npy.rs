//! Matrices in NumPy's `.npy` files, read by rows.
//!
//! The layout is that of NumPy's `numpy.lib.format`: the magic bytes, a version, the length of a header, and the header, a dictionary
//! as Python writes it, of which `descr`, `fortran_order` and `shape` matter.

use std::ops::Range;
use std::rc::Rc;

use super::{Dtype, check_finite, check_rows};
use crate::error::{Error, Result};
use crate::source::{self, ByteSource};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header that is read: NumPy itself warns beyond 10,000 bytes.
const LONGEST_HEADER: u64 = 1 << 16;

/// A matrix in an `.npy` file.
#[derive(Debug)]
pub struct NpyFile {
    source: Rc<dyn ByteSource>,
    dtype: Dtype,
    shape: [usize; 2],
    start: u64,
}

impl NpyFile {
    /// Reads the header.
    ///
    /// # Errors
    /// `bad-file` where it is no `.npy` file, does not hold a matrix `[rows, width]` of little-endian f64, f32 or f16 in C's order, or
    /// has another length than its header says; `unreadable`.
    pub async fn open(source: Rc<dyn ByteSource>) -> Result<Self> {
        let name = source.name().to_owned();
        let bad = |why: String| Error::bad(&name, why);
        let length = source.len();
        let head = source::read(&*source, 0, length.min(12)).await?;
        let (header_length, first) = match &*head {
            [m @ .., 1, _, a, b, _, _] if m == MAGIC => (u16::from_le_bytes([*a, *b]).into(), 10),
            [m @ .., 2 | 3, _, a, b, c, d] if m == MAGIC => {
                (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12)
            }
            _ => {
                return Err(bad(
                    "not a NumPy array (.npy), or of a version after 3".to_owned()
                ));
            }
        };
        let start = first + header_length;
        if header_length > LONGEST_HEADER || start > length {
            let why = format!("its header claims {header_length} bytes");
            return Err(bad(why));
        }
        let header = source::read(&*source, first, header_length).await?;
        let header = String::from_utf8_lossy(&header).into_owned();
        let (dtype, shape) = parse(&header).map_err(bad)?;
        let size = dtype.size() as u64;
        let elements = (shape[0] as u64).checked_mul(shape[1] as u64);
        let bytes = elements.and_then(|elements| elements.checked_mul(size));
        let held = length - start;
        if bytes != Some(held) {
            let [rows, width] = shape;
            let why = format!(
                "{rows}×{width} numbers of {size} bytes do not take the {held} bytes behind its header"
            );
            return Err(bad(why));
        }
        Ok(Self {
            source,
            dtype,
            shape,
            start,
        })
    }

    /// Rows and width.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Some rows, row-major, as f32.
    ///
    /// # Errors
    /// `wrong-shape` where they reach past the end; `non-finite-weights`; `unreadable`.
    pub async fn read_rows(&self, rows: Range<usize>) -> Result<Vec<f32>> {
        const TENSOR: &str = "array";
        let file = self.source.name();
        check_rows(file, TENSOR, &self.shape, &rows)?;
        let width = self.shape[1];
        // Checked against the file's length when it was opened.
        let row_bytes = (width * self.dtype.size()) as u64;
        let (first, count) = (rows.start as u64, rows.len() as u64);
        let place = self.start + first * row_bytes;
        let bytes = source::read(&*self.source, place, count * row_bytes).await?;
        let values = self.dtype.decode(bytes);
        check_finite(file, TENSOR, &values, rows.start * width)?;
        Ok(values)
    }
}

/// The value of a key in the header, to the header's end.
fn value<'a>(header: &'a str, key: &str) -> std::result::Result<&'a str, String> {
    let found = ['\'', '"'].iter().find_map(|quote| {
        let (_, rest) = header.split_once(&format!("{quote}{key}{quote}"))?;
        rest.trim_start().strip_prefix(':')
    });
    found
        .map(str::trim_start)
        .ok_or_else(|| format!("its header has no {key}"))
}

fn parse(header: &str) -> std::result::Result<(Dtype, [usize; 2]), String> {
    let descr = value(header, "descr")?;
    let descr = descr.split(['\'', '"']).nth(1).unwrap_or_default();
    let dtype = match descr {
        "<f8" => Dtype::F64,
        "<f4" => Dtype::F32,
        "<f2" => Dtype::F16,
        other => {
            return Err(format!(
                "its numbers are {other:?}; read are little-endian floats of 8, 4 or 2 bytes: convert it with .astype('<f4')"
            ));
        }
    };
    if !value(header, "fortran_order")?.starts_with("False") {
        return Err("it is in Fortran's order: convert it with numpy.ascontiguousarray".to_owned());
    }
    let shape = value(header, "shape")?;
    let inside = shape
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map_or("", |(inside, _)| inside);
    let sizes = inside
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let sizes: Option<Vec<usize>> = sizes.map(|size| size.parse().ok()).collect();
    match sizes.as_deref() {
        Some(&[rows, width]) if rows > 0 && width > 0 => Ok((dtype, [rows, width])),
        _ => Err(format!(
            "its shape is ({inside}); a matrix of activations has the shape (rows, width)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use proptest::prelude::*;

    use super::*;
    use crate::source::MemoryBytes;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &[version, 0]].concat();
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn open(bytes: Vec<u8>) -> Result<NpyFile> {
        block_on(NpyFile::open(Rc::new(MemoryBytes::new("a.npy", bytes))))
    }

    fn data(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    const HEADER: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";

    #[test]
    fn rows_are_read_in_every_version() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, -6.0];
        for version in 1..=3 {
            let file = open(file(version, HEADER, &data(&values))).unwrap();
            assert_eq!(file.shape(), [3, 2]);
            assert_eq!(block_on(file.read_rows(1..3)).unwrap(), values[2..]);
            assert!(block_on(file.read_rows(2..4)).is_err());
        }
        let half = HEADER.replace("<f4", "<f2").replace("(3, 2)", "(1, 2)");
        let file = open(file(1, &half, &[0, 0x3c, 0, 0xc0])).unwrap();
        assert_eq!(block_on(file.read_rows(0..1)).unwrap(), [1.0, -2.0]);
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let six = data(&[0.0; 6]);
        for (header, says) in [
            (HEADER.replace("<f4", ">f4"), ">f4"),
            (HEADER.replace("<f4", "|O"), "|O"),
            (HEADER.replace("False", "True"), "Fortran"),
            (HEADER.replace("(3, 2)", "(6,)"), "(6,)"),
            (HEADER.replace("(3, 2)", "(4, 2)"), "4×2"),
            (HEADER.replace("(3, 2)", "(4294967296, 4294967296)"), "×"),
            (HEADER.replace("shape", "form"), "no shape"),
        ] {
            let error = open(file(1, &header, &six)).unwrap_err();
            assert!(error.to_string().contains(says), "{header}: {error}");
        }
        let nan = data(&[0.0, 1.0, 2.0, f32::NAN, 0.0, 0.0]);
        let file = open(file(1, HEADER, &nan)).unwrap();
        let error = block_on(file.read_rows(0..3)).unwrap_err();
        assert_eq!(error.code(), "non-finite-weights");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_matrix_or_an_error(
            version in 0u8..5,
            header in "[(){}',:a-z<0-9 ]{0,60}",
            data in prop::collection::vec(any::<u8>(), 0..40),
            cut in 0usize..100,
        ) {
            let mut bytes = file(version, &header, &data);
            bytes.truncate(cut);
            if let Ok(file) = open(bytes) {
                let [rows, _] = file.shape();
                let _ = block_on(file.read_rows(0..rows));
            }
        }
    }
}
