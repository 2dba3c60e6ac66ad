//! `output = left + right`.

use crate::cpu::add::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("add", Read Read Write);

/// Arguments of [`add`].
pub struct Add<'a> {
    /// `[words]` f32.
    pub left: &'a Buffer,
    /// `[words]` f32.
    pub right: &'a Buffer,
    /// `[words]` f32; another buffer than the two.
    pub output: &'a Buffer,
    /// Number of values to add.
    pub words: usize,
}

/// Records `output = left + right`, element by element.
///
/// # Errors
/// [`Error::Shape`] where a buffer is too short.
pub fn add(recorder: &mut Recorder, args: &Add<'_>) -> Result<(), Error> {
    for (role, buffer) in [
        ("left", args.left),
        ("right", args.right),
        ("output", args.output),
    ] {
        kernel::require("add", role, buffer, args.words)?;
    }
    let workgroups = kernel::copy::workgroups(args.words);
    let parameters = Parameters {
        words: kernel::dimension("add", "words", args.words)?,
        invocations: workgroups * 64,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[args.left, args.right, args.output],
        [workgroups, 1, 1],
        move |bindings| cpu::add::run(&parameters, bindings),
    )
}
