//! The tiled GEMM. Called through [`crate::linear`].

use crate::kernel::linear::{Flags, Linear, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("matmul", Read Read Read Read Read Write);

/// Rows and outputs one workgroup computes.
const TILE: u32 = 64;

/// Records the product of `input` with one shard of the weights.
pub(crate) fn dispatch(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
) -> Result<(), Error> {
    let dummy = recorder.device().dummy()?;
    let flags = Flags::of(args);
    recorder.dispatch(
        &SHADER,
        &[
            kernel::flag("weights_f16", flags.weights_f16),
            kernel::flag("gelu", flags.gelu),
            kernel::flag("has_bias", flags.has_bias),
            kernel::flag("has_residual", flags.has_residual),
            kernel::flag("use_position", flags.use_position),
        ],
        parameters,
        &[
            args.position.unwrap_or(&dummy),
            args.input,
            weights,
            args.bias.unwrap_or(&dummy),
            args.residual.unwrap_or(&dummy),
            args.output,
        ],
        [
            parameters.outputs.div_ceil(TILE),
            parameters.rows.div_ceil(TILE),
            1,
        ],
        move |bindings| cpu::matmul::run(&parameters, flags, bindings),
    )
}
