//! Scale and shift of every dimension: the weight and bias of a LayerNorm.

use crate::cpu::scale_shift::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("scale_shift", Read Read Write);

/// Arguments of [`scale_shift`].
pub struct ScaleShift<'a> {
    /// `[rows, width]`.
    pub input: &'a Buffer,
    /// Weight, then bias: `[2, width]`.
    pub weight_bias: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Width of a row.
    pub width: usize,
    /// `[rows, width]`.
    pub output: &'a Buffer,
}

/// Records `output = input ⊙ weight + bias`, row by row.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn scale_shift(recorder: &mut Recorder, args: &ScaleShift<'_>) -> Result<(), Error> {
    let words = args.rows * args.width;
    for (role, buffer, words) in [
        ("input", args.input, words),
        ("weight and bias", args.weight_bias, 2 * args.width),
        ("output", args.output, words),
    ] {
        kernel::require("scale_shift", role, buffer, words)?;
    }
    let parameters = Parameters {
        rows: kernel::dimension("scale_shift", "rows", args.rows)?,
        width: kernel::dimension("scale_shift", "width", args.width)?,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.input, args.weight_bias, args.output],
        [parameters.rows, 1, 1],
        move |bindings| cpu::scale_shift::run(&parameters, bindings),
    )
}
