//! Filling of a buffer with one word.

use crate::cpu::fill::Parameters;
use crate::kernel::copy::workgroups;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("fill", Write);

/// Records that the first `words` words of a buffer become `value`.
///
/// # Errors
/// [`Error::Shape`] where the buffer is too short.
pub fn fill(
    recorder: &mut Recorder,
    buffer: &Buffer,
    words: usize,
    value: u32,
) -> Result<(), Error> {
    kernel::require("fill", "output", buffer, words)?;
    let workgroups = workgroups(words);
    let parameters = Parameters {
        words: kernel::dimension("fill", "words", words)?,
        value,
        invocations: workgroups * 64,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[buffer],
        [workgroups, 1, 1],
        move |bindings| cpu::fill::run(&parameters, bindings),
    )
}
