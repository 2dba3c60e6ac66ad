//! Tensors in `safetensors` files.

mod dtype;
mod header;
pub mod npy;
mod shards;

use std::ops::Range;
use std::rc::Rc;

use wide::f32x4;

use crate::error::{Error, Result, shortened};
use crate::source::{self, ByteSource, Bytes, MemoryBytes};
use header::{Header, Info, LENGTH_BYTES};

pub use dtype::Dtype;
pub use shards::{ShardIndex, TensorSet};

/// Bytes that are read at a time where a whole tensor is looked over.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

/// Description of a tensor, known without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tensor's key.
    pub name: String,
    /// The name of its data type, of weights or not: `F32`, `BF16`, `I64`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// Refuses NaN and infinities. `first` is the row-major index of `values[0]` in the tensor.
pub(crate) fn check_finite(file: &str, tensor: &str, values: &[f32], first: usize) -> Result<()> {
    if all_finite(values) {
        return Ok(());
    }
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NonFinite {
            file: file.to_owned(),
            tensor: shortened(tensor),
            index: first.saturating_add(at),
            value: values.get(at).map(f32::to_string).unwrap_or_default(),
        }),
    }
}

/// True if there is neither NaN nor an infinity, four at a time: every weight of a model passes through here.
fn all_finite(values: &[f32]) -> bool {
    let (chunks, rest) = values.as_chunks::<4>();
    let mut zeros = f32x4::ZERO;
    for chunk in chunks {
        // 0 times a number is 0; times an infinity or NaN it is NaN, and stays.
        zeros += f32x4::from(*chunk) * f32x4::ZERO;
    }
    zeros.reduce_add() == 0.0 && rest.iter().all(|value| value.is_finite())
}

/// Refuses rows that reach past the end of a tensor's leading dimension.
pub(crate) fn check_rows(
    file: &str,
    tensor: &str,
    shape: &[usize],
    rows: &Range<usize>,
) -> Result<()> {
    let height = shape.first().copied().unwrap_or(0);
    if rows.start <= rows.end && rows.end <= height {
        return Ok(());
    }
    let mut expected = shape.to_vec();
    expected.splice(..expected.len().min(1), [rows.end]);
    Err(Error::WrongShape {
        file: file.to_owned(),
        tensor: shortened(tensor),
        expected,
        found: shape.to_vec(),
    })
}

/// Refuses a tensor's data type where it cannot hold weights.
pub(crate) fn no_weights(file: &str, tensor: &str, dtype: &str) -> Error {
    let what = format!(
        "the tensor `{}` has a data type that cannot hold weights:",
        shortened(tensor)
    );
    Error::unsupported(file, &what, dtype, "F64, F32, F16, BF16")
}

/// A `safetensors` file: its header read and checked, its tensors read on demand, only the requested bytes.
#[derive(Debug)]
pub struct TensorFile {
    source: Rc<dyn ByteSource>,
    /// First byte of the tensors.
    data_start: u64,
    header: Header,
}

impl TensorFile {
    /// Takes a whole file and checks its header: sizes, offsets and shapes must agree with the bytes at hand.
    ///
    /// # Errors
    /// `bad-file` where the file is truncated, damaged or not `safetensors` at all.
    pub fn from_safetensors(file_name: &str, bytes: Vec<u8>) -> Result<Self> {
        let bad = |reason: String| Error::bad(file_name, reason);
        let size = bytes.len() as u64;
        let length = Header::length(&bytes, size).map_err(bad)?;
        let data_start = LENGTH_BYTES + length;
        let json = bytes
            .get(LENGTH_BYTES as usize..data_start as usize)
            .unwrap_or_default();
        let header = Header::parse(json, size - data_start).map_err(bad)?;
        Ok(Self {
            source: Rc::new(MemoryBytes::new(file_name, bytes)),
            data_start,
            header,
        })
    }

    /// Reads a file's header and checks it: sizes, offsets and shapes must agree with the file's size.
    ///
    /// # Errors
    /// `bad-file` where the file is truncated, damaged or not `safetensors` at all; `unreadable`.
    pub async fn open(source: Rc<dyn ByteSource>) -> Result<Self> {
        let size = source.len();
        let bad = |reason: String| Error::bad(source.name(), reason);
        let first = source::read(&*source, 0, size.min(LENGTH_BYTES)).await?;
        let length = Header::length(&first, size).map_err(bad)?;
        let json = source::read(&*source, LENGTH_BYTES, length).await?;
        let data_start = LENGTH_BYTES + length;
        let header = Header::parse(&json, size - data_start).map_err(bad)?;
        Ok(Self {
            source,
            data_start,
            header,
        })
    }

    /// The name that the file was handed in with.
    pub fn file_name(&self) -> &str {
        self.source.name()
    }

    /// The file's size in bytes.
    pub fn file_size(&self) -> u64 {
        self.source.len()
    }

    /// The tensors' keys, in the order of their data.
    pub fn names(&self) -> Vec<String> {
        self.header.names().map(str::to_owned).collect()
    }

    /// Descriptions of all tensors, in the order of their data.
    pub fn entries(&self) -> Vec<Entry> {
        self.names()
            .iter()
            .filter_map(|name| self.entry(name).ok())
            .collect()
    }

    /// Description of a tensor, known without reading it.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor.
    pub fn entry(&self, name: &str) -> Result<Entry> {
        let info = self.info(name)?;
        Ok(Entry {
            name: name.to_owned(),
            dtype: info.dtype.clone(),
            shape: info.shape.clone(),
        })
    }

    /// True if a tensor of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    /// A tensor's shape.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.info(name)?.shape)
    }

    /// First byte of a tensor in the file.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor.
    pub fn offset(&self, name: &str) -> Result<u64> {
        Ok(self.data_start + self.info(name)?.start())
    }

    /// Data type of a tensor's elements.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor, `unsupported-architecture` where it does not hold f64, f32, f16 or
    /// bf16.
    pub fn dtype(&self, name: &str) -> Result<Dtype> {
        let dtype = &self.info(name)?.dtype;
        Dtype::named(dtype).ok_or_else(|| no_weights(self.file_name(), name, dtype))
    }

    /// A whole tensor, row-major, widened (or, from f64, narrowed) to f32.
    ///
    /// # Errors
    /// As [`TensorFile::dtype`]; `non-finite-weights` where it holds NaN or an infinity; `unreadable`.
    pub async fn read(&self, name: &str) -> Result<Vec<f32>> {
        let dtype = self.dtype(name)?;
        let bytes = self.bytes(name, 0, self.info(name)?.bytes()).await?;
        let values = dtype.decode(bytes);
        check_finite(self.file_name(), name, &values, 0)?;
        Ok(values)
    }

    /// Some rows of a tensor: `rows` of its leading dimension, row-major, as f32. Only their bytes are read.
    ///
    /// # Errors
    /// As [`TensorFile::read`]; `wrong-shape` where the rows reach past the leading dimension.
    pub async fn read_rows(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let dtype = self.dtype(name)?;
        let shape = self.shape(name)?;
        check_rows(self.file_name(), name, shape, &rows)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        // The header was checked, and there is a row: no product here can overflow, and the rows lie inside of the data.
        let width: u64 = shape.iter().skip(1).map(|&size| size as u64).product();
        let row_bytes = width * dtype.size() as u64;
        let (first, count) = (rows.start as u64, rows.len() as u64);
        let bytes = self
            .bytes(name, first * row_bytes, count * row_bytes)
            .await?;
        let values = dtype.decode(bytes);
        check_finite(self.file_name(), name, &values, rows.start * width as usize)?;
        Ok(values)
    }

    /// Refuses NaN and infinities in a tensor, reading it in pieces.
    pub(crate) async fn check_finite(&self, name: &str) -> Result<()> {
        let dtype = self.dtype(name)?;
        let (mut at, size) = (0, self.info(name)?.bytes());
        while at < size {
            let length = (size - at).min(PIECE_BYTES as u64);
            let values = dtype.decode(self.bytes(name, at, length).await?);
            let first = at / dtype.size() as u64;
            check_finite(self.file_name(), name, &values, first as usize)?;
            at += length;
        }
        Ok(())
    }

    /// Refuses a tensor that is missing or has another shape.
    pub(crate) fn expect(&self, name: &str, expected: &[usize]) -> Result<()> {
        let found = self.shape(name)?;
        if found == expected {
            return Ok(());
        }
        Err(Error::WrongShape {
            file: self.file_name().to_owned(),
            tensor: shortened(name),
            expected: expected.to_vec(),
            found: found.to_vec(),
        })
    }

    /// True if a tensor and one of another file have the same shape and, as f32, the same values, however they are stored.
    /// Both are read in pieces, up to the first difference.
    async fn same(&self, name: &str, other: &Self, other_name: &str) -> Result<bool> {
        let shape = self.shape(name)?;
        if shape != other.shape(other_name)? {
            return Ok(false);
        }
        let height = shape.first().copied().unwrap_or(0);
        let width: usize = shape.iter().skip(1).product();
        let step = (PIECE_BYTES / 4 / width.max(1)).max(1);
        for first in (0..height).step_by(step) {
            let rows = first..height.min(first + step);
            let ours = self.read_rows(name, rows.clone()).await?;
            if ours != other.read_rows(other_name, rows).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn info(&self, name: &str) -> Result<&Info> {
        self.header.info(name).ok_or_else(|| Error::MissingTensor {
            file: self.file_name().to_owned(),
            tensor: shortened(name),
            present: self.header.names().take(4).map(str::to_owned).collect(),
        })
    }

    /// A part of a tensor's bytes, from its own beginning on.
    async fn bytes(&self, name: &str, from: u64, length: u64) -> Result<Bytes> {
        let start = self.offset(name)?;
        source::read(&*self.source, start + from, length).await
    }
}
