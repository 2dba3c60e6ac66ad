//! Writing of a `safetensors` file in pieces.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use half::f16;
use serde_json::{Map, json};

use crate::numbers::Numbers;

/// Storage of a tensor's elements in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// f32, as they are.
    F32,
    /// f32, but only numbers that f16 holds exactly: each is rounded to the nearest.
    RoundedF32,
    /// f16, each rounded to the nearest.
    F16,
}

/// A tensor to be written, row-major.
pub(crate) struct Tensor {
    /// Its key.
    pub(crate) name: String,
    /// Its dimensions.
    pub(crate) shape: Vec<usize>,
    /// Its elements.
    pub(crate) numbers: Numbers,
    /// True if the file holds the transpose of the matrix whose elements these are.
    pub(crate) transposed: bool,
    /// Their storage.
    pub(crate) stored: Stored,
}

impl Tensor {
    fn count(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }

    /// Bytes in a file.
    pub(crate) fn bytes(&self) -> u64 {
        self.count() * self.width() as u64
    }

    /// Bytes of an element.
    fn width(&self) -> usize {
        match self.stored {
            Stored::F32 | Stored::RoundedF32 => 4,
            Stored::F16 => 2,
        }
    }

    /// Element `index` as f16 holds it.
    pub(crate) fn rounded(&self, index: u64) -> f32 {
        f16::from_f32(self.numbers.at(index)).to_f32()
    }

    fn push(&self, bytes: &mut Vec<u8>, value: f32) {
        match self.stored {
            Stored::F32 => bytes.extend(value.to_le_bytes()),
            Stored::RoundedF32 => bytes.extend(f16::from_f32(value).to_f32().to_le_bytes()),
            Stored::F16 => bytes.extend(f16::from_f32(value).to_le_bytes()),
        }
    }

    /// Writes the elements, little-endian.
    pub(crate) fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        const PIECE: u64 = 1 << 16;
        let (rows, cols) = match self.shape.as_slice() {
            &[rows, cols] if self.transposed => (rows as u64, cols as u64),
            _ => (1, self.count()),
        };
        let mut bytes = Vec::with_capacity(PIECE as usize * 4);
        for row in 0..rows {
            for start in (0..cols).step_by(PIECE as usize) {
                bytes.clear();
                if self.numbers.are_zeros() {
                    bytes.resize((cols.min(start + PIECE) - start) as usize * self.width(), 0);
                    out.write_all(&bytes)?;
                    continue;
                }
                for col in start..cols.min(start + PIECE) {
                    self.push(&mut bytes, self.numbers.at(col * rows + row));
                }
                out.write_all(&bytes)?;
            }
        }
        Ok(())
    }
}

/// Writes the tensors in this order.
pub(crate) fn write(path: &Path, tensors: &[Tensor]) -> Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        end += tensor.bytes();
        let dtype = match tensor.stored {
            Stored::F32 | Stored::RoundedF32 => "F32",
            Stored::F16 => "F16",
        };
        let entry = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] });
        header.insert(tensor.name.clone(), entry);
    }
    let mut header = serde_json::to_string(&header)?;
    // Tensors begin at a multiple of eight.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let failed = || format!("could not write {}", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(failed)?);
    let mut write = || -> std::io::Result<()> {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for tensor in tensors {
            tensor.write(&mut out)?;
        }
        out.flush()
    };
    write().with_context(failed)
}
