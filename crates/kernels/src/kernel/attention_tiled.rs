//! Attention for many rows. Called through [`crate::attention`].

use crate::cpu::attention_inputs::{Flags, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("attention_tiled", Read Read Write Write);

/// Rows of one workgroup.
const TILE: u32 = 32;
/// Dimensions of the values that a workgroup takes at a time.
const VALUE_DIMENSIONS: u32 = 64;

/// Records the dispatch; `buffers` are those of the untiled kernel.
pub(crate) fn dispatch(
    recorder: &mut Recorder,
    mut constants: Vec<(&'static str, f64)>,
    parameters: Parameters,
    flags: Flags,
    buffers: &[&Buffer],
) -> Result<(), Error> {
    let chunks = parameters.head_dim.div_ceil(VALUE_DIMENSIONS);
    constants.push(("value_chunks", f64::from(chunks)));
    recorder.dispatch(
        &SHADER,
        &constants,
        parameters,
        buffers,
        [parameters.n_heads, parameters.rows.div_ceil(TILE), 1],
        move |bindings| cpu::attention::run(&parameters, flags, bindings),
    )
}
