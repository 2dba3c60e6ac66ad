//! Copying of words from one buffer to another.

use crate::cpu::copy::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("copy", Read Write);

/// Arguments of [`copy`].
pub struct Copy<'a> {
    /// Source of the words.
    pub input: &'a Buffer,
    /// First word taken.
    pub input_offset: usize,
    /// Destination of the words; another buffer than the input.
    pub output: &'a Buffer,
    /// First word written.
    pub output_offset: usize,
    /// Number of words.
    pub words: usize,
}

impl<'a> Copy<'a> {
    /// The first `words` words of one buffer into the first of another.
    pub fn beginning(input: &'a Buffer, output: &'a Buffer, words: usize) -> Self {
        Self {
            input,
            input_offset: 0,
            output,
            output_offset: 0,
            words,
        }
    }
}

/// Workgroups of 64 for a loop over `words`: enough to fill a device, few enough for any limit.
pub(crate) fn workgroups(words: usize) -> u32 {
    words.div_ceil(64).min(4096) as u32
}

/// Records a copy of words.
///
/// # Errors
/// [`Error::Shape`] where a buffer is too short.
pub fn copy(recorder: &mut Recorder, args: &Copy<'_>) -> Result<(), Error> {
    kernel::require("copy", "input", args.input, args.input_offset + args.words)?;
    kernel::require(
        "copy",
        "output",
        args.output,
        args.output_offset + args.words,
    )?;
    let workgroups = workgroups(args.words);
    let parameters = Parameters {
        words: kernel::dimension("copy", "words", args.words)?,
        input_offset: kernel::dimension("copy", "input offset", args.input_offset)?,
        output_offset: kernel::dimension("copy", "output offset", args.output_offset)?,
        invocations: workgroups * 64,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.input, args.output],
        [workgroups, 1, 1],
        move |bindings| cpu::copy::run(&parameters, bindings),
    )
}
