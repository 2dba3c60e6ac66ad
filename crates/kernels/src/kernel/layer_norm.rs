//! LayerNorm.

use crate::cpu::layer_norm::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("layer_norm", Read Read Write);

/// Arguments of [`layer_norm`].
pub struct LayerNorm<'a> {
    /// `[.., width]` f32.
    pub input: &'a Buffer,
    /// First row taken.
    pub input_first_row: usize,
    /// Number of rows.
    pub rows: usize,
    /// d_model.
    pub width: usize,
    /// Weight, then bias: `[2, width]`.
    pub weight_bias: &'a Buffer,
    /// Added to the variance.
    pub epsilon: f32,
    /// `[rows, width]`.
    pub output: &'a Buffer,
}

/// Records LayerNorm with biased variance.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn layer_norm(recorder: &mut Recorder, args: &LayerNorm<'_>) -> Result<(), Error> {
    let words = args.rows * args.width;
    kernel::require(
        "layer_norm",
        "input",
        args.input,
        args.input_first_row * args.width + words,
    )?;
    kernel::require("layer_norm", "output", args.output, words)?;
    kernel::require(
        "layer_norm",
        "weight and bias",
        args.weight_bias,
        2 * args.width,
    )?;
    let parameters = Parameters {
        rows: kernel::dimension("layer_norm", "rows", args.rows)?,
        width: kernel::dimension("layer_norm", "width", args.width)?,
        input_first_row: kernel::dimension("layer_norm", "first row", args.input_first_row)?,
        epsilon: args.epsilon,
    };
    let threads = kernel::threads(recorder.device(), 64, 4);
    recorder.dispatch(
        &SHADER,
        &[threads],
        parameters,
        &[args.input, args.weight_bias, args.output],
        [parameters.rows, 1, 1],
        move |bindings| cpu::layer_norm::run(&parameters, bindings),
    )
}
