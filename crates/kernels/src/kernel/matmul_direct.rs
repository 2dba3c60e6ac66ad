//! The product for several rows on an adapter in software.

use crate::cpu::linear::Parameters;
use crate::kernel::matmul;
use crate::kernel::product::Linear;
use crate::{Buffer, Error, Recorder, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("matmul_direct", Read Read Read Read Write);

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
    let workgroups = [
        parameters.outputs.div_ceil(OUTPUTS),
        parameters.rows.div_ceil(ROWS),
        1,
    ];
    let aligned = kernel::flag("aligned", args.weights.fills_vectors());
    matmul::dispatch_as(
        recorder,
        args,
        weights,
        parameters,
        (&SHADER, workgroups),
        Some(aligned),
    )
}
