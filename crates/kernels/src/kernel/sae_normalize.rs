//! The input of a sparse autoencoder's encoder.

use crate::cpu::sae_normalize::{Normalization, Parameters};
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
    /// Normalization of every row.
    pub normalization: Normalization,
    /// `[width]`, subtracted last where given.
    pub b_dec: Option<&'a Buffer>,
    /// `[rows, width]`.
    pub output: &'a Buffer,
    /// `[rows, 2]`: the shift and scale that undo it: mean and deviation for `layer_norm`.
    pub statistics: &'a Buffer,
}

/// Records `output = normalise(input) - b_dec`, row by row.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or a width of 1 is to be divided by its deviation.
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
    if args.normalization == Normalization::LayerNorm && args.width < 2 {
        return Err(Error::shape(
            "sae_normalize",
            "a width of 1 has no deviation",
        ));
    }
    let factor = match args.normalization {
        Normalization::Scaled(factor) if !factor.is_finite() || factor <= 0.0 => {
            return Err(Error::shape(
                "sae_normalize",
                format!("inputs cannot be scaled by {factor}"),
            ));
        }
        Normalization::Scaled(factor) => factor,
        _ => 1.0,
    };
    let parameters = Parameters {
        rows: kernel::dimension("sae_normalize", "rows", args.rows)?,
        width: kernel::dimension("sae_normalize", "width", args.width)?,
        factor,
    };
    let (normalization, subtract) = (args.normalization, args.b_dec.is_some());
    let mode = match normalization {
        Normalization::None => 0.0,
        Normalization::LayerNorm => 1.0,
        Normalization::ConstantNorm => 2.0,
        Normalization::Centred => 3.0,
        Normalization::Scaled(_) => 4.0,
    };
    let dummy = recorder.device().dummy()?;
    let threads = kernel::threads(recorder.device(), 64, 4);
    recorder.dispatch(
        &SHADER,
        &[
            threads,
            ("mode", mode),
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
        move |bindings| cpu::sae_normalize::run(&parameters, normalization, subtract, bindings),
    )
}
