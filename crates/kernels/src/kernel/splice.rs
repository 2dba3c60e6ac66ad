//! Puts a reconstruction in the place of an activation.

use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("splice", Read Read Write);

/// Arguments of [`splice`].
pub struct Splice<'a> {
    /// `[rows, width]`.
    pub input: &'a Buffer,
    /// `[rows, width]`.
    pub replacement: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Width of a row.
    pub width: usize,
    /// Tokens of one sequence.
    pub tokens_per_sequence: usize,
    /// Positions below this keep the input.
    pub first_position: usize,
    /// `[rows, width]`; another buffer than the two.
    pub output: &'a Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub tokens_per_sequence: u32,
    pub first_position: u32,
}

/// Records `output = replacement` at positions from `first_position` on, `input` before.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn splice(recorder: &mut Recorder, args: &Splice<'_>) -> Result<(), Error> {
    let words = args.rows * args.width;
    for (role, buffer) in [
        ("input", args.input),
        ("replacement", args.replacement),
        ("output", args.output),
    ] {
        kernel::require("splice", role, buffer, words)?;
    }
    let parameters = Parameters {
        rows: kernel::dimension("splice", "rows", args.rows)?,
        width: kernel::dimension("splice", "width", args.width)?,
        tokens_per_sequence: kernel::dimension(
            "splice",
            "tokens per sequence",
            args.tokens_per_sequence.max(1),
        )?,
        first_position: kernel::dimension("splice", "first position", args.first_position)?,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.input, args.replacement, args.output],
        [parameters.rows, 1, 1],
        move |bindings| cpu::splice::run(&parameters, bindings),
    )
}
