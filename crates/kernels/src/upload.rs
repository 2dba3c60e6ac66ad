//! Upload of a weight matrix to the device piece by piece, stored as used or transposed.

use std::ops::Range;

use crate::cpu::simd;
use crate::device::Device;
use crate::error::Error;
use crate::matrix::{Matrix, WeightFormat};
use crate::pieces::rows_in_piece;
use crate::strips::Strips;

/// Layout of a matrix `[rows, cols]` in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Row after row: `[rows, cols]`.
    AsUsed,
    /// Column after column: `[cols, rows]`.
    Transposed,
}

/// Matrices of one shard and at most so many weights, 16 MiB, are transposed in memory, the others on the device. The
/// first is a pass over bytes that have just been copied, 0.2 ns per weight; on an adapter in software the second takes 5.
const TRANSPOSED_IN_MEMORY: usize = 1 << 22;

/// Treatment of a piece.
enum Way {
    /// Its rows are the matrix's.
    Rows,
    /// Its rows are the columns of this matrix in memory.
    Transposed(Vec<f32>),
    /// Its rows are columns, which the device writes as columns of the matrix.
    Strips(Strips),
}

impl Matrix {
    /// Uploads a matrix `[rows, cols]` whose weights `source` gives piece by piece, in the order of the file:
    /// `source(a..b)` returns entries `a..b` of the stored leading dimension, whole and row-major. Of the weights no more
    /// than a few pieces of about 4 MiB and 16 MiB for the matrix are in memory at a time. On the CPU device the format is
    /// always `f32`.
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
        let in_memory = matrix.shards.len() <= 1 && shape.0 * shape.1 <= TRANSPOSED_IN_MEMORY;
        let mut way = match stored {
            Stored::AsUsed => Way::Rows,
            Stored::Transposed if in_memory => Way::Transposed(vec![0.0; shape.0 * shape.1]),
            Stored::Transposed => Way::Strips(Strips::new(device, &matrix)?),
        };
        let mut per_piece = rows_in_piece(across);
        if stored == Stored::Transposed {
            // Several columns are transposed at once, and two share a word where weights are f16.
            per_piece = per_piece.next_multiple_of(simd::COLUMNS_AT_ONCE);
        }
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
            match &mut way {
                Way::Rows => matrix.write_rows(first, &weights)?,
                Way::Transposed(whole) => simd::write_columns(whole, shape.1, first, &weights),
                Way::Strips(strips) => strips.write(&matrix, first, weights).await?,
            }
            device.sent(4 * range.len() * across).await?;
        }
        if let Way::Transposed(whole) = &way {
            matrix.write_rows(0, whole)?;
        }
        device.check()?;
        Ok(matrix)
    }
}
