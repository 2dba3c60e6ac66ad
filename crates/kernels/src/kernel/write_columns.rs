//! Columns of a weight matrix, from a strip of its transpose.

use crate::cpu::write_columns::{HEADER, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("write_columns", Read Write);

/// Arguments of [`write_columns`].
pub(crate) struct WriteColumns<'a> {
    /// The header, then `[columns, rows]` f32.
    pub strip: &'a Buffer,
    /// The most rows that a strip will have.
    pub most_rows: usize,
    /// One shard of the matrix.
    pub matrix: &'a Buffer,
    /// Words a row of it takes.
    pub row_words: usize,
    /// True for packed f16 weights.
    pub weights_f16: bool,
}

/// Records the strip's columns into the shard. What the strip holds is read when the plan runs, so that one plan serves
/// every strip.
///
/// # Errors
/// [`Error::Shape`] where a size does not fit 32 bits.
pub(crate) fn write_columns(recorder: &mut Recorder, args: &WriteColumns<'_>) -> Result<(), Error> {
    kernel::require("write_columns", "strip", args.strip, HEADER)?;
    let parameters = Parameters {
        row_words: kernel::dimension("write_columns", "row words", args.row_words)?,
    };
    let rows = kernel::dimension("write_columns", "rows", args.most_rows)?;
    recorder.dispatch(
        &SHADER,
        &[kernel::flag("weights_f16", args.weights_f16)],
        parameters,
        &[args.strip, args.matrix],
        [rows.div_ceil(64), 1, 1],
        move |bindings| cpu::write_columns::run(&parameters, bindings),
    )
}
