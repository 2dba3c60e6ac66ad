//! Activations that a threshold decides: JumpReLU and gated.

use crate::cpu::gate::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("gate", Read Read Read Write);

/// The magnitude of a gated unit, where it is open.
pub struct Magnitude<'a> {
    /// exp(r_mag) `[n]`.
    pub scale: &'a Buffer,
    /// b_mag `[n]`.
    pub bias: &'a Buffer,
}

/// Arguments of [`gate`].
pub struct Gate<'a> {
    /// θ of JumpReLU or b_gate `[n]`.
    pub threshold: &'a Buffer,
    /// The value that an open gate lets through; `None` for JumpReLU, which lets the pre-activation through.
    pub magnitude: Option<Magnitude<'a>>,
    /// `[rows, n]`, changed in place.
    pub values: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Values a row.
    pub n: usize,
}

/// Records JumpReLU, `ReLU(h) · [h > θ]`, or a gated activation, `[h + b_gate > 0] · ReLU(h · scale + b_mag)`.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn gate(recorder: &mut Recorder, args: &Gate<'_>) -> Result<(), Error> {
    let words = args.rows * args.n;
    kernel::require("gate", "values", args.values, words)?;
    kernel::require("gate", "threshold", args.threshold, args.n)?;
    if let Some(magnitude) = &args.magnitude {
        kernel::require("gate", "scale", magnitude.scale, args.n)?;
        kernel::require("gate", "bias", magnitude.bias, args.n)?;
    }
    let workgroups = kernel::copy::workgroups(words);
    let parameters = Parameters {
        words: kernel::dimension("gate", "words", words)?,
        n: kernel::dimension("gate", "n", args.n)?,
        invocations: workgroups * 64,
    };
    let gated = args.magnitude.is_some();
    let dummy = recorder.device().dummy()?;
    let (scale, bias) = match &args.magnitude {
        Some(magnitude) => (magnitude.scale, magnitude.bias),
        None => (&dummy, &dummy),
    };
    recorder.dispatch(
        &SHADER,
        &[kernel::flag("gated", gated)],
        parameters,
        &[args.threshold, scale, bias, args.values],
        [workgroups, 1, 1],
        move |bindings| cpu::gate::run(&parameters, gated, bindings),
    )
}
