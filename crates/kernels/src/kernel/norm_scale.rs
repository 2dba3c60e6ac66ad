//! The divisor of LayerNorm, for observation.

use crate::cpu::norm_scale::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("norm_scale", Read Write);

/// Arguments of [`norm_scale`].
pub struct NormScale<'a> {
    /// `[rows, width]` f32.
    pub input: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// d_model.
    pub width: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// `[rows]`: √(mean((x − mean)²) + ε).
    pub scales: &'a Buffer,
}

/// Records the divisors of LayerNorm with biased variance, `hook_scale` in TransformerLens.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn norm_scale(recorder: &mut Recorder, args: &NormScale<'_>) -> Result<(), Error> {
    kernel::require("norm_scale", "input", args.input, args.rows * args.width)?;
    kernel::require("norm_scale", "scales", args.scales, args.rows)?;
    let parameters = Parameters {
        rows: kernel::dimension("norm_scale", "rows", args.rows)?,
        width: kernel::dimension("norm_scale", "width", args.width)?,
        epsilon: args.epsilon,
    };
    let threads = kernel::threads(recorder.device(), 64, 4);
    recorder.dispatch(
        &SHADER,
        &[threads],
        parameters,
        &[args.input, args.scales],
        [parameters.rows, 1, 1],
        move |bindings| cpu::norm_scale::run(&parameters, bindings),
    )
}
