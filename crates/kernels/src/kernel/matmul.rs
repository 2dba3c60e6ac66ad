//! The tiled GEMM. Called through [`crate::linear`].

use crate::kernel::linear::{Flags, Linear, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("matmul", Read Read Read Read Write);

/// Rows and outputs one workgroup computes.
const TILE: u32 = 64;

/// Records the product of `input` with one shard of the weights.
pub(crate) fn dispatch(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
) -> Result<(), Error> {
    dispatch_as(
        recorder,
        args,
        weights,
        parameters,
        (&SHADER, TILE, TILE),
        None,
    )
}

/// Records a product by a shader with this one's bindings, whose workgroups compute so many outputs of so many rows.
pub(crate) fn dispatch_as(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
    (shader, outputs, rows): (&'static kernel::Shader, u32, u32),
    constant: Option<(&'static str, f64)>,
) -> Result<(), Error> {
    let dummy = recorder.device().dummy()?;
    let flags = Flags::of(args);
    let mut constants = vec![
        kernel::flag("weights_f16", flags.weights_f16),
        flags.activation.constant(),
        kernel::flag("has_bias", flags.has_bias),
        kernel::flag("has_residual", flags.has_residual),
    ];
    constants.extend(constant);
    recorder.dispatch(
        shader,
        &constants,
        parameters,
        &[
            args.input,
            weights,
            args.bias.unwrap_or(&dummy),
            args.residual.unwrap_or(&dummy),
            args.output,
        ],
        [
            parameters.outputs.div_ceil(outputs),
            parameters.rows.div_ceil(rows),
            1,
        ],
        move |bindings| cpu::matmul::run(&parameters, flags, bindings),
    )
}
