//! Masking of columns before a selection.

use crate::cpu::mask_columns::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("mask_columns", Read Write);

/// Records that columns of `values` `[rows, columns]` become −3e38 where the first word of `mask` `[columns, 2]` is 0.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn mask_columns(
    recorder: &mut Recorder,
    (values, rows, columns): (&Buffer, usize, usize),
    mask: &Buffer,
) -> Result<(), Error> {
    kernel::require("mask_columns", "values", values, rows * columns)?;
    kernel::require("mask_columns", "mask", mask, 2 * columns)?;
    let parameters = Parameters {
        rows: kernel::dimension("mask_columns", "rows", rows)?,
        columns: kernel::dimension("mask_columns", "columns", columns)?,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[mask, values],
        [parameters.rows, parameters.columns.div_ceil(64), 1],
        move |bindings| cpu::mask_columns::run(&parameters, bindings),
    )
}
