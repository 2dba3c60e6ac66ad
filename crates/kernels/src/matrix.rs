//! Weight matrices on a device: row-major, `f32` or packed f16, in as many shards as the device's limits require.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::options::BackendKind;

/// Storage format of weights. Arithmetic is always `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// 32 bits per weight.
    F32,
    /// Two IEEE f16 weights per word, read with `unpack2x16float`; the even column is in the low 16 bits.
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

impl Matrix {
    /// A matrix of zeros. On the CPU device the format is always `f32`.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn zeros(
        device: &Device,
        label: &str,
        (rows, cols): (usize, usize),
        format: WeightFormat,
    ) -> Result<Self, Error> {
        let format = match device.kind() {
            BackendKind::Gpu => format,
            BackendKind::Cpu => WeightFormat::F32,
        };
        let row_words = row_words(cols, format);
        let rows_per_shard =
            ((device.max_binding_bytes() / 4) as usize / row_words.max(1)).clamp(1, rows.max(1));
        let mut shards = Vec::new();
        for first in (0..rows).step_by(rows_per_shard) {
            let shard_rows = first..(first + rows_per_shard).min(rows);
            let buffer = device.buffer(label, shard_rows.len() * row_words)?;
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

    /// A matrix that is whole in memory, row-major.
    ///
    /// # Errors
    /// As [`Matrix::zeros`] and [`Matrix::write_rows`].
    pub fn from_rows(
        device: &Device,
        label: &str,
        shape: (usize, usize),
        format: WeightFormat,
        weights: &[f32],
    ) -> Result<Self, Error> {
        let matrix = Self::zeros(device, label, shape, format)?;
        if weights.len() != shape.0 * shape.1 {
            return Err(Error::shape(
                "matrix",
                format!("{label}: {} weights for shape {shape:?}", weights.len()),
            ));
        }
        matrix.write_rows(0, weights)?;
        Ok(matrix)
    }

    /// Writes whole rows, from `first_row` on.
    ///
    /// # Errors
    /// [`Error::Shape`] where the weights are not whole rows of this matrix, [`Error::NotInF16`] where one is too large
    /// for f16.
    pub fn write_rows(&self, first_row: usize, weights: &[f32]) -> Result<(), Error> {
        let count = weights.len() / self.cols.max(1);
        let end = first_row.saturating_add(count);
        if count * self.cols != weights.len() || end > self.rows {
            return Err(Error::shape(
                "matrix",
                format!(
                    "{} weights from row {first_row} are not rows of a matrix {} × {}",
                    weights.len(),
                    self.rows,
                    self.cols
                ),
            ));
        }
        for shard in &self.shards {
            let rows = first_row.max(shard.rows.start)..end.min(shard.rows.end);
            if rows.is_empty() {
                continue;
            }
            let part = &weights[(rows.start - first_row) * self.cols..][..rows.len() * self.cols];
            let offset = (rows.start - shard.rows.start) * self.row_words;
            if self.format == WeightFormat::F32 && self.row_words == self.cols {
                shard.buffer.write(offset, bytemuck::cast_slice(part))?;
                continue;
            }
            self.check_f16_range(part, shard.buffer.label())?;
            let words = pack_rows(part, self.cols, self.row_words, self.format);
            shard.buffer.write(offset, &words)?;
        }
        Ok(())
    }

    /// Refuses weights beyond the range of f16 in a matrix of f16 weights.
    pub(crate) fn check_f16_range(&self, weights: &[f32], label: &str) -> Result<(), Error> {
        let largest = half::f16::MAX.to_f32();
        match self.format {
            WeightFormat::F32 => Ok(()),
            WeightFormat::F16 => match weights.iter().find(|weight| weight.abs() > largest) {
                None => Ok(()),
                Some(&value) => Err(Error::NotInF16 {
                    label: label.to_owned(),
                    value,
                }),
            },
        }
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

    /// Storage format of the weights.
    pub fn format(&self) -> WeightFormat {
        self.format
    }

    /// Number of buffers the matrix is split into.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// True where a row fills whole vectors of four words.
    pub(crate) fn fills_vectors(&self) -> bool {
        self.cols.is_multiple_of(if self.is_f16() { 8 } else { 4 })
    }

    pub(crate) fn is_f16(&self) -> bool {
        self.format == WeightFormat::F16
    }
}

/// True where packing a weight as f16 loses nothing.
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
