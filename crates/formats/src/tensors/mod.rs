//! Tensors in `safetensors` files.

mod shards;

use std::ops::Range;

use safetensors::tensor::{Dtype as StoredDtype, Metadata, SafeTensors, TensorInfo};

use crate::error::{Error, Result, shortened};
use crate::unique::UniqueMap;

pub use shards::{ShardIndex, TensorSet};

/// What is known of a tensor without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tensor's key.
    pub name: String,
    /// The name of its data type, of weights or not: `F32`, `BF16`, `I64`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// How a tensor's floating-point elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE 754 double precision, 8 bytes.
    F64,
    /// IEEE 754 single precision, 4 bytes.
    F32,
    /// IEEE 754 half precision, 2 bytes.
    F16,
    /// The upper half of a single, 2 bytes.
    BF16,
}

impl Dtype {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// One little-endian element as f32. `bytes` must hold exactly [`Dtype::size`] bytes; anything else reads as NaN.
    fn element(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (Self::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            _ => f32::NAN,
        }
    }

    /// All little-endian elements of `bytes` as f32, in order.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        // The match on the dtype stands outside of the loop, so that each loop vectorises.
        match self {
            Self::F64 => bytes
                .as_chunks::<8>()
                .0
                .iter()
                .map(|b| Self::F64.element(b))
                .collect(),
            Self::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| Self::F32.element(b))
                .collect(),
            Self::F16 => bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| Self::F16.element(b))
                .collect(),
            Self::BF16 => bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| Self::BF16.element(b))
                .collect(),
        }
    }
}

/// Refuses NaN and infinities. `first` is the row-major index of `values[0]` in the tensor.
pub(crate) fn check_finite(file: &str, tensor: &str, values: &[f32], first: usize) -> Result<()> {
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

/// A `safetensors` file held in memory: its header parsed and checked, its tensors read on demand.
#[derive(Debug)]
pub struct TensorFile {
    name: String,
    bytes: Vec<u8>,
    /// Where the tensors' bytes begin.
    data_start: usize,
    header: Metadata,
}

impl TensorFile {
    /// Takes a whole file and checks its header: sizes, offsets and shapes must agree with the bytes at hand.
    ///
    /// # Errors
    /// `bad-file` where the file is truncated, damaged or not `safetensors` at all.
    pub fn from_safetensors(file_name: &str, bytes: Vec<u8>) -> Result<Self> {
        let (header_bytes, header) =
            read_header(&bytes).map_err(|reason| Error::bad(file_name, reason))?;
        Ok(Self {
            name: file_name.to_owned(),
            bytes,
            data_start: header_bytes + 8,
            header,
        })
    }

    /// The name that the file was handed in with.
    pub fn file_name(&self) -> &str {
        &self.name
    }

    /// The tensors' keys, in the order of their data.
    pub fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// What is known of every tensor without reading it, in the order of their data.
    pub fn entries(&self) -> Vec<Entry> {
        self.names()
            .iter()
            .filter_map(|name| self.entry(name).ok())
            .collect()
    }

    /// What is known of a tensor without reading it.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor.
    pub fn entry(&self, name: &str) -> Result<Entry> {
        let info = self.info(name)?;
        Ok(Entry {
            name: name.to_owned(),
            dtype: format!("{:?}", info.dtype),
            shape: info.shape.clone(),
        })
    }

    /// Whether a tensor of this name is there.
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

    /// How a tensor's elements are stored.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor, `unsupported-architecture` where it does not hold f64, f32, f16 or
    /// bf16.
    pub fn dtype(&self, name: &str) -> Result<Dtype> {
        match self.info(name)?.dtype {
            StoredDtype::F64 => Ok(Dtype::F64),
            StoredDtype::F32 => Ok(Dtype::F32),
            StoredDtype::F16 => Ok(Dtype::F16),
            StoredDtype::BF16 => Ok(Dtype::BF16),
            other => Err(Error::unsupported(
                &self.name,
                &format!(
                    "the tensor `{}` has a data type that cannot hold weights:",
                    shortened(name)
                ),
                format!("{other:?}"),
                "F64, F32, F16, BF16",
            )),
        }
    }

    /// A whole tensor, row-major, widened (or, from f64, narrowed) to f32.
    ///
    /// # Errors
    /// As [`TensorFile::dtype`]; `non-finite-weights` where it holds NaN or an infinity.
    pub fn read(&self, name: &str) -> Result<Vec<f32>> {
        let dtype = self.dtype(name)?;
        let values = dtype.decode(self.data(name)?);
        check_finite(&self.name, name, &values, 0)?;
        Ok(values)
    }

    /// Some rows of a tensor: `rows` of its leading dimension, row-major, as f32.
    ///
    /// # Errors
    /// As [`TensorFile::read`]; `wrong-shape` where the rows reach past the leading dimension.
    pub fn read_rows(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let dtype = self.dtype(name)?;
        let shape = self.shape(name)?;
        let height = shape.first().copied().unwrap_or(0);
        let past_the_end = || {
            let mut expected = shape.to_vec();
            expected.splice(..expected.len().min(1), [rows.end]);
            Error::WrongShape {
                file: self.name.clone(),
                tensor: shortened(name),
                expected,
                found: shape.to_vec(),
            }
        };
        if rows.start > rows.end || rows.end > height {
            return Err(past_the_end());
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        // The header was checked, and there is a row: its width cannot overflow, and all rows lie inside of the data.
        let width: usize = shape.iter().skip(1).product();
        let row_bytes = width * dtype.size();
        let bytes = self
            .data(name)?
            .get(rows.start * row_bytes..rows.end * row_bytes)
            .ok_or_else(past_the_end)?;
        let values = dtype.decode(bytes);
        check_finite(&self.name, name, &values, rows.start * width)?;
        Ok(values)
    }

    /// Refuses NaN and infinities in a tensor, reading it in pieces.
    pub(crate) fn check_finite(&self, name: &str) -> Result<()> {
        const PIECE: usize = 1 << 16;
        let dtype = self.dtype(name)?;
        for (i, piece) in self.data(name)?.chunks(PIECE * dtype.size()).enumerate() {
            check_finite(&self.name, name, &dtype.decode(piece), i * PIECE)?;
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
            file: self.name.clone(),
            tensor: shortened(name),
            expected: expected.to_vec(),
            found: found.to_vec(),
        })
    }

    /// Whether a tensor and one of another file are the same bytes in the same type and shape.
    fn same(&self, name: &str, other: &Self, other_name: &str) -> Result<bool> {
        let (x, y) = (self.info(name)?, other.info(other_name)?);
        Ok(x.dtype == y.dtype
            && x.shape == y.shape
            && self.data(name)? == other.data(other_name)?)
    }

    fn info(&self, name: &str) -> Result<&TensorInfo> {
        self.header.info(name).ok_or_else(|| Error::MissingTensor {
            file: self.name.clone(),
            tensor: shortened(name),
            present: self.names().into_iter().take(4).collect(),
        })
    }

    fn data(&self, name: &str) -> Result<&[u8]> {
        let (start, end) = self.info(name)?.data_offsets;
        self.bytes
            .get(self.data_start + start..self.data_start + end)
            .ok_or_else(|| {
                Error::bad(
                    &self.name,
                    format!("the data of `{}` lies past the end", shortened(name)),
                )
            })
    }
}

fn read_header(bytes: &[u8]) -> std::result::Result<(usize, Metadata), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!(
            "not a safetensors file: it has {} bytes, fewer than its header takes",
            bytes.len()
        ));
    };
    let stated = u64::from_le_bytes(*length);
    let Some(header) = usize::try_from(stated).ok().and_then(|n| rest.get(..n)) else {
        return Err(format!(
            "not a safetensors file, or truncated: its header should take {stated} bytes, {} are there",
            rest.len()
        ));
    };
    // Offsets far past the end would overflow sums in the parser below, so they are caught before it.
    let table: UniqueMap<serde_json::Value> = serde_json::from_slice(header)
        .map_err(|e| format!("its safetensors header is not valid JSON: {e}"))?;
    let data = (rest.len() - header.len()) as u64;
    for (name, entry) in &table.0 {
        for offset in entry
            .get("data_offsets")
            .and_then(|o| o.as_array())
            .into_iter()
            .flatten()
        {
            if let Some(offset) = offset.as_u64().filter(|&offset| offset > data) {
                return Err(format!(
                    "truncated: `{}` reaches to byte {offset} of the data, but only {data} bytes are there",
                    shortened(name)
                ));
            }
        }
    }
    SafeTensors::read_metadata(bytes).map_err(|e| format!("its safetensors header is damaged: {e}"))
}
