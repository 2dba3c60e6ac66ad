//! Sums over rows, in pieces and in fixed order.

use crate::cpu::column_sums::{Parameters, Sum};
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("column_sums", Read Read Write);

const KERNEL: &str = "column_sums";

/// Rows that are summed at a time.
const PIECE: usize = 64;
/// The most pieces of a sum.
const PIECES: usize = 1024;

/// Arguments of [`column_sums`].
pub struct ColumnSums<'a> {
    /// Rows of `width` values, `stride` words apart.
    pub input: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Values that are summed of each row.
    pub width: usize,
    /// Words from row to row.
    pub stride: usize,
    /// `[width]`.
    pub output: &'a Buffer,
    /// Effect on the output's old values.
    pub sum: Sum,
}

/// Records `output[d] = Σ_r input[r, d]`, or adds it, or subtracts it.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn column_sums(recorder: &mut Recorder, args: &ColumnSums<'_>) -> Result<(), Error> {
    let words = args.rows.saturating_sub(1) * args.stride + args.width;
    kernel::require(KERNEL, "input", args.input, words)?;
    sums(recorder, args, None)
}

/// Records `output[d] = Σ_r factors[r] · matrix[r, d]` over all rows of an f32 matrix, or adds it, or subtracts it.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or the matrix is f16.
pub fn matrix_column_sums(
    recorder: &mut Recorder,
    matrix: &Matrix,
    factors: &Buffer,
    (output, sum): (&Buffer, Sum),
) -> Result<(), Error> {
    kernel::require(KERNEL, "factors", factors, matrix.rows())?;
    if matrix.is_f16() {
        return Err(Error::shape(KERNEL, "the matrix has to be f32"));
    }
    for (number, shard) in matrix.shards.iter().enumerate() {
        let args = ColumnSums {
            input: &shard.buffer,
            rows: shard.rows.len(),
            width: matrix.cols(),
            stride: matrix.row_words(),
            output,
            sum: match sum {
                Sum::Write if number > 0 => Sum::Add,
                sum => sum,
            },
        };
        sums(recorder, &args, Some((factors, shard.rows.start)))?;
    }
    Ok(())
}

fn sums(
    recorder: &mut Recorder,
    args: &ColumnSums<'_>,
    factors: Option<(&Buffer, usize)>,
) -> Result<(), Error> {
    kernel::require(KERNEL, "output", args.output, args.width)?;
    let piece_rows = PIECE.max(args.rows.div_ceil(PIECES));
    let pieces = args.rows.div_ceil(piece_rows);
    if pieces <= 1 {
        return dispatch(recorder, args, factors, piece_rows);
    }
    let partial = recorder.scratch("sums of pieces", pieces * args.width)?;
    let first = ColumnSums {
        output: &partial,
        sum: Sum::Write,
        ..*args
    };
    dispatch(recorder, &first, factors, piece_rows)?;
    let second = ColumnSums {
        input: &partial,
        rows: pieces,
        stride: args.width,
        ..*args
    };
    dispatch(recorder, &second, None, pieces)
}

fn dispatch(
    recorder: &mut Recorder,
    args: &ColumnSums<'_>,
    factors: Option<(&Buffer, usize)>,
    piece_rows: usize,
) -> Result<(), Error> {
    let dummy = recorder.device().dummy()?;
    let parameters = Parameters {
        rows: kernel::dimension(KERNEL, "rows", args.rows)?,
        width: kernel::dimension(KERNEL, "width", args.width)?,
        stride: kernel::dimension(KERNEL, "stride", args.stride)?,
        piece_rows: kernel::dimension(KERNEL, "rows of a piece", piece_rows)?,
        first_factor: kernel::dimension(
            KERNEL,
            "first factor",
            factors.map_or(0, |(_, first)| first),
        )?,
    };
    let flags = (factors.is_some(), args.sum);
    let mode = match args.sum {
        Sum::Write => 0.0,
        Sum::Add => 1.0,
        Sum::Subtract => 2.0,
    };
    recorder.dispatch(
        &SHADER,
        &[kernel::flag("has_factors", flags.0), ("mode", mode)],
        parameters,
        &[
            factors.map_or(&dummy, |(factors, _)| factors),
            args.input,
            args.output,
        ],
        [
            parameters.width.div_ceil(64),
            parameters.rows.div_ceil(parameters.piece_rows),
            1,
        ],
        move |bindings| cpu::column_sums::run(&parameters, flags, bindings),
    )
}
