//! Weight matrices on a device: row-major, `f32` or packed halves, in as many shards as the device's limits ask.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::device::{BackendKind, Device};
use crate::error::Error;

/// How weights are stored. Arithmetic is always `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// 32 bits a weight.
    F32,
    /// Two IEEE halves in a word, read with `unpack2x16float`; the lower half is the even column.
    #[default]
    F16,
}

/// A matrix `[rows, cols]` whose rows lie one after the other, padded with zeros to whole groups of four words,
/// split by rows into shards that each fit one binding.
#[derive(Clone)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    row_words: usize,
    format: WeightFormat,
    pub(crate) shards: Vec<Shard>,
}

/// Rows `rows` of a matrix in one buffer.
#[derive(Clone)]
pub(crate) struct Shard {
    pub(crate) rows: Range<usize>,
    pub(crate) buffer: Buffer,
}

/// Rows are read from their source and converted in pieces of about this many weights.
const UPLOAD_WEIGHTS: usize = 1 << 20;

impl Matrix {
    /// Uploads a matrix whose rows are given, piece by piece, by `source`: `source(a..b)` returns the
    /// `(b - a) * cols` weights of rows `a..b`. On the CPU device the format is always `f32`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the source gives another number of weights; whatever `source` and
    /// [`Device::buffer`] return.
    pub fn upload(
        device: &Device,
        label: &str,
        (rows, cols): (usize, usize),
        format: WeightFormat,
        mut source: impl FnMut(Range<usize>) -> Result<Vec<f32>, Error>,
    ) -> Result<Self, Error> {
        let format = match device.kind() {
            BackendKind::Gpu => format,
            BackendKind::Cpu => WeightFormat::F32,
        };
        let row_words = row_words(cols, format);
        let rows_per_shard =
            ((device.max_binding_bytes() / 4) as usize / row_words.max(1)).clamp(1, rows.max(1));
        let rows_per_piece = (UPLOAD_WEIGHTS / cols.max(1)).max(1);
        let mut shards = Vec::new();
        for first in (0..rows).step_by(rows_per_shard) {
            let shard_rows = first..(first + rows_per_shard).min(rows);
            let buffer = device.buffer(label, shard_rows.len() * row_words)?;
            for piece in shard_rows.clone().step_by(rows_per_piece) {
                let range = piece..(piece + rows_per_piece).min(shard_rows.end);
                let weights = source(range.clone())?;
                if weights.len() != range.len() * cols {
                    return Err(Error::shape(
                        "matrix",
                        format!(
                            "{label}: rows {range:?} of {cols} columns came as {} weights",
                            weights.len()
                        ),
                    ));
                }
                buffer.write(
                    (range.start - first) * row_words,
                    &pack_rows(&weights, cols, row_words, format),
                )?;
            }
            shards.push(Shard {
                rows: shard_rows,
                buffer,
            });
            device.check()?;
        }
        Ok(Self {
            rows,
            cols,
            row_words,
            format,
            shards,
        })
    }

    /// Uploads a matrix that is whole in memory.
    ///
    /// # Errors
    /// As [`Matrix::upload`].
    pub fn from_rows(
        device: &Device,
        label: &str,
        shape: (usize, usize),
        format: WeightFormat,
        weights: &[f32],
    ) -> Result<Self, Error> {
        let cols = shape.1;
        Self::upload(device, label, shape, format, |rows| {
            weights
                .get(rows.start * cols..rows.end * cols)
                .map(<[f32]>::to_vec)
                .ok_or_else(|| {
                    Error::shape(
                        "matrix",
                        format!("{label}: {} weights for shape {shape:?}", weights.len()),
                    )
                })
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// 32-bit words a stored row takes, padding included.
    pub fn row_words(&self) -> usize {
        self.row_words
    }

    /// How the weights are stored.
    pub fn format(&self) -> WeightFormat {
        self.format
    }

    /// Number of buffers the matrix is split into.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Whether a row fills whole vectors of four words.
    pub(crate) fn fills_vectors(&self) -> bool {
        self.cols.is_multiple_of(if self.is_f16() { 8 } else { 4 })
    }

    pub(crate) fn is_f16(&self) -> bool {
        self.format == WeightFormat::F16
    }
}

/// Whether packing a weight as a half loses nothing.
pub fn is_exact_in_f16(weight: f32) -> bool {
    half::f16::from_f32(weight).to_f32() == weight
}

/// Words a row of `cols` weights takes: whole groups of four, so that kernels read `vec4<u32>`.
fn row_words(cols: usize, format: WeightFormat) -> usize {
    let words = match format {
        WeightFormat::F32 => cols,
        WeightFormat::F16 => cols.div_ceil(2),
    };
    words.next_multiple_of(4)
}

fn pack_rows(weights: &[f32], cols: usize, row_words: usize, format: WeightFormat) -> Vec<u32> {
    let mut words = vec![0_u32; weights.len() / cols.max(1) * row_words];
    for (row, out) in weights
        .chunks_exact(cols.max(1))
        .zip(words.chunks_exact_mut(row_words.max(1)))
    {
        match format {
            WeightFormat::F32 => {
                for (word, weight) in out.iter_mut().zip(row) {
                    *word = weight.to_bits();
                }
            }
            WeightFormat::F16 => {
                for (word, pair) in out.iter_mut().zip(row.chunks(2)) {
                    let low = half::f16::from_f32(pair[0]).to_bits();
                    let high = pair.get(1).map_or(0, |w| half::f16::from_f32(*w).to_bits());
                    *word = u32::from(low) | u32::from(high) << 16;
                }
            }
        }
    }
    words
}
