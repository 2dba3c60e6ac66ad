//! The input of a sparse autoencoder's encoder.

use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("sae_normalize", Read Read Write Write);

/// Arguments of [`sae_normalize`].
pub struct SaeNormalize<'a> {
    /// `[rows, width]`.
    pub input: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// d_in.
    pub width: usize,
    /// Whether to centre and divide by the deviation.
    pub normalise: bool,
    /// `[width]`, subtracted last where given.
    pub b_dec: Option<&'a Buffer>,
    /// `[rows, width]`.
    pub output: &'a Buffer,
    /// `[rows, 2]`: mean and deviation (0 and 1 without `normalise`).
    pub statistics: &'a Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
}

/// Records `output = (input - mean) / (deviation + 1e-5) - b_dec` with the unbiased deviation.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or a width of 1 is to be normalised.
pub fn sae_normalize(recorder: &mut Recorder, args: &SaeNormalize<'_>) -> Result<(), Error> {
    let words = args.rows * args.width;
    kernel::require("sae_normalize", "input", args.input, words)?;
    kernel::require("sae_normalize", "output", args.output, words)?;
    kernel::require(
        "sae_normalize",
        "statistics",
        args.statistics,
        args.rows * 2,
    )?;
    if let Some(b_dec) = args.b_dec {
        kernel::require("sae_normalize", "b_dec", b_dec, args.width)?;
    }
    if args.normalise && args.width < 2 {
        return Err(Error::shape(
            "sae_normalize",
            "a width of 1 has no deviation",
        ));
    }
    let parameters = Parameters {
        rows: kernel::dimension("sae_normalize", "rows", args.rows)?,
        width: kernel::dimension("sae_normalize", "width", args.width)?,
    };
    let (normalise, subtract) = (args.normalise, args.b_dec.is_some());
    let dummy = recorder.device().dummy()?;
    recorder.dispatch(
        &SHADER,
        &[
            kernel::flag("normalise", normalise),
            kernel::flag("subtract_b_dec", subtract),
        ],
        parameters,
        &[
            args.input,
            args.b_dec.unwrap_or(&dummy),
            args.output,
            args.statistics,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::sae_normalize::run(&parameters, normalise, subtract, bindings),
    )
}
