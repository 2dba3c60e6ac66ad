//! Bringing a weight matrix to the device piece by piece, whichever way round it is stored.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::kernel::write_columns::{HEADER, WriteColumns, write_columns};
use crate::matrix::{Matrix, WeightFormat};
use crate::plan::Plan;
use crate::recorder::Recorder;

/// How a matrix `[rows, cols]` lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Row after row: `[rows, cols]`.
    AsUsed,
    /// Column after column: `[cols, rows]`.
    Transposed,
}

/// Weights are asked for in pieces of about this many: 4 MiB as f32.
const PIECE_WEIGHTS: usize = 1 << 20;

/// How many rows of this many weights make a piece: weights are read in pieces of about 4 MiB, and by the row.
pub fn rows_in_piece(width: usize) -> usize {
    (PIECE_WEIGHTS / width.max(1)).max(1)
}

/// After this many bytes the device is waited for.
const DRAIN_AFTER_BYTES: usize = 32 << 20;

impl Matrix {
    /// Uploads a matrix `[rows, cols]` whose weights `source` gives piece by piece, in the order of the file:
    /// `source(a..b)` returns entries `a..b` of the stored leading dimension, whole and row-major. Of the weights no more
    /// than a few pieces of about 4 MiB are in memory at a time. On the CPU device the format is always `f32`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the source gives another number of weights, [`Error::NotInF16`], whatever `source` and
    /// [`Device::buffer`] return.
    pub async fn upload<E: From<Error>>(
        device: &Device,
        label: &str,
        shape: (usize, usize),
        format: WeightFormat,
        stored: Stored,
        mut source: impl AsyncFnMut(Range<usize>) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let matrix = Self::zeros(device, label, shape, format)?;
        let (leading, across) = match stored {
            Stored::AsUsed => shape,
            Stored::Transposed => (shape.1, shape.0),
        };
        let strips = match stored {
            Stored::AsUsed => None,
            Stored::Transposed => Some(Strips::new(device, &matrix)?),
        };
        let mut per_piece = rows_in_piece(across);
        if strips.is_some() {
            // Two columns share a word where weights are halves.
            per_piece = per_piece.next_multiple_of(2);
        }
        let mut undrained = 0;
        for first in (0..leading).step_by(per_piece) {
            let range = first..(first + per_piece).min(leading);
            let weights = source(range.clone()).await?;
            if weights.len() != range.len() * across {
                return Err(Error::shape(
                    "matrix",
                    format!(
                        "{label}: {range:?} of {leading} with {across} weights each came as {} weights",
                        weights.len()
                    ),
                )
                .into());
            }
            match &strips {
                None => matrix.write_rows(first, &weights)?,
                Some(strips) => strips.write(&matrix, first, weights).await?,
            }
            undrained += 4 * range.len() * across;
            if undrained >= DRAIN_AFTER_BYTES {
                device.drain().await?;
                undrained = 0;
            }
        }
        device.check()?;
        Ok(matrix)
    }
}

/// Writes columns: a buffer for a strip of the transpose, and for each shard a plan that scatters it.
struct Strips {
    buffer: Buffer,
    plans: Vec<Plan>,
}

impl Strips {
    fn new(device: &Device, matrix: &Matrix) -> Result<Self, Error> {
        let bound = (device.max_binding_bytes() / 4) as usize;
        let most_rows = matrix.shards.iter().map(|shard| shard.rows.len()).max();
        let most_rows = most_rows.unwrap_or(0);
        // At least two columns of one row.
        let words = (HEADER + PIECE_WEIGHTS.max(2 * most_rows))
            .min(HEADER + 2 * matrix.rows().max(1) * matrix.cols().max(1))
            .min(bound)
            .max(HEADER + 2);
        let buffer = device.buffer("strip of weights", words)?;
        let plan = |shard: &crate::matrix::Shard| {
            let mut recorder = Recorder::new(device);
            write_columns(
                &mut recorder,
                &WriteColumns {
                    strip: &buffer,
                    most_rows: shard.rows.len(),
                    matrix: &shard.buffer,
                    row_words: matrix.row_words(),
                    weights_f16: matrix.is_f16(),
                },
            )?;
            recorder.finish()
        };
        Ok(Self {
            plans: matrix.shards.iter().map(plan).collect::<Result<_, _>>()?,
            buffer,
        })
    }

    /// Writes `weights`, `[columns, rows]`, as the matrix's columns from `first_column` on.
    async fn write(
        &self,
        matrix: &Matrix,
        first_column: usize,
        mut weights: Vec<f32>,
    ) -> Result<(), Error> {
        let rows = matrix.rows();
        let columns = weights.len() / rows.max(1);
        matrix.check_halves(&weights, self.buffer.label())?;
        if matrix.is_f16() {
            // Rounded here, because WGSL leaves the direction of rounding to the device.
            for weight in &mut weights {
                *weight = half::f16::from_f32(*weight).to_f32();
            }
        }
        let room = self.buffer.words() - HEADER;
        // All columns at once where a useful number of rows fits beside each other, else two by two.
        let columns_at_once = if room / columns.max(1) >= 1 {
            columns
        } else {
            2
        };
        let rows_at_once = (room / columns_at_once.max(1)).max(1);
        let mut strip = Vec::with_capacity(self.buffer.words());
        for (shard, plan) in matrix.shards.iter().zip(&self.plans) {
            for first in (0..columns).step_by(columns_at_once.max(1)) {
                let chosen = first..(first + columns_at_once).min(columns);
                for first_row in shard.rows.clone().step_by(rows_at_once) {
                    let block = first_row..(first_row + rows_at_once).min(shard.rows.end);
                    strip.clear();
                    strip.extend([
                        word(first_column + first)?,
                        word(chosen.len())?,
                        word(block.start - shard.rows.start)?,
                        word(block.len())?,
                    ]);
                    for column in chosen.clone() {
                        let stored = &weights[column * rows..][block.clone()];
                        strip.extend_from_slice(bytemuck::cast_slice(stored));
                    }
                    self.buffer.write(0, &strip)?;
                    plan.run().await?;
                }
            }
        }
        Ok(())
    }
}

fn word(value: usize) -> Result<u32, Error> {
    crate::kernel::dimension("write_columns", "place", value)
}
