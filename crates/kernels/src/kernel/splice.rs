//! Replacement of rows of an activation.

use crate::cpu::splice::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("splice", Read Read Read Write);

/// Arguments of [`splice`].
pub struct Splice<'a> {
    /// `[rows, width]`.
    pub input: &'a Buffer,
    /// `[rows, width]`.
    pub replacement: &'a Buffer,
    /// `[rows]`: not 0 where the replacement is taken.
    pub mask: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Width of a row.
    pub width: usize,
    /// `[rows, width]`; another buffer than the three.
    pub output: &'a Buffer,
}

/// Records `output = replacement` on the rows that the mask names, `input` on the others.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn splice(recorder: &mut Recorder, args: &Splice<'_>) -> Result<(), Error> {
    let words = args.rows * args.width;
    for (role, buffer, words) in [
        ("input", args.input, words),
        ("replacement", args.replacement, words),
        ("mask", args.mask, args.rows),
        ("output", args.output, words),
    ] {
        kernel::require("splice", role, buffer, words)?;
    }
    let parameters = Parameters {
        rows: kernel::dimension("splice", "rows", args.rows)?,
        width: kernel::dimension("splice", "width", args.width)?,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.input, args.replacement, args.mask, args.output],
        [parameters.rows, 1, 1],
        move |bindings| cpu::splice::run(&parameters, bindings),
    )
}
