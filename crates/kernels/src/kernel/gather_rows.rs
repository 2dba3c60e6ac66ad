//! Selection of rows by an index on the device.

use crate::cpu::gather_rows::Parameters;
use crate::rows::{ROW_WORDS, SOURCE};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("gather_rows", Read Read Write);

/// The buffer that names a row of the input for each row of the output.
#[derive(Clone, Copy)]
pub enum RowIndex<'a> {
    /// `[rows]` u32.
    List(&'a Buffer),
    /// The word [`SOURCE`] of each row of a row table `[rows, ROW_WORDS]`.
    Source(&'a Buffer),
}

/// Arguments of [`gather_rows`].
pub struct GatherRows<'a> {
    /// `[.., width]`: as many rows as the buffer holds whole.
    pub input: &'a Buffer,
    /// The input's row for each output row.
    pub index: RowIndex<'a>,
    /// Number of output rows.
    pub rows: usize,
    /// Words per row.
    pub width: usize,
    /// `[rows, width]`; another buffer than the input.
    pub output: &'a Buffer,
}

/// Records `output[r] = input[index[r]]`. A row whose index lies beyond the input is filled with NaN.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn gather_rows(recorder: &mut Recorder, args: &GatherRows<'_>) -> Result<(), Error> {
    let (index, stride, word) = match args.index {
        RowIndex::List(list) => (list, 1, 0),
        RowIndex::Source(table) => (table, ROW_WORDS, SOURCE),
    };
    kernel::require("gather_rows", "index", index, args.rows * stride)?;
    kernel::require("gather_rows", "output", args.output, args.rows * args.width)?;
    let input_rows = args.input.words() / args.width.max(1);
    let parameters = Parameters {
        rows: kernel::dimension("gather_rows", "rows", args.rows)?,
        width: kernel::dimension("gather_rows", "width", args.width)?,
        input_rows: kernel::dimension("gather_rows", "input rows", input_rows)?,
        index_stride: stride as u32,
        index_word: word as u32,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.input, index, args.output],
        [parameters.rows, 1, 1],
        move |bindings| cpu::gather_rows::run(&parameters, bindings),
    )
}
