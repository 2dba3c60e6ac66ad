//! The product for several rows on an adapter in software.

use crate::kernel::linear::{Flags, Linear, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("matmul_direct", Read Read Read Read Read Write);

/// Rows of one workgroup.
const ROWS: u32 = 4;
/// Outputs of one workgroup.
const OUTPUTS: u32 = 16 * 4;

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
            kernel::flag("aligned", args.weights.fills_vectors()),
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
            parameters.outputs.div_ceil(OUTPUTS),
            parameters.rows.div_ceil(ROWS),
            1,
        ],
        move |bindings| cpu::matmul_direct::run(&parameters, flags, bindings),
    )
}
