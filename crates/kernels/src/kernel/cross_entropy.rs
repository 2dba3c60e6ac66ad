//! Log-softmax statistics and cross-entropy of rows of logits.

use crate::cpu::cross_entropy::{Parameters, STATISTICS_PER_ROW};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("cross_entropy", Read Read Write);

/// Arguments of [`cross_entropy`].
pub struct CrossEntropy<'a> {
    /// `[rows, vocabulary]`.
    pub logits: &'a Buffer,
    /// One token per row from `first_target` on; `u32::MAX` for none.
    pub targets: &'a Buffer,
    /// The target of the first row.
    pub first_target: usize,
    /// Number of rows.
    pub rows: usize,
    /// Width of a row.
    pub vocabulary: usize,
    /// `[rows, 4]`.
    pub statistics: &'a Buffer,
}

/// Records the statistics of every row.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn cross_entropy(recorder: &mut Recorder, args: &CrossEntropy<'_>) -> Result<(), Error> {
    kernel::require(
        "cross_entropy",
        "logits",
        args.logits,
        args.rows * args.vocabulary,
    )?;
    kernel::require(
        "cross_entropy",
        "targets",
        args.targets,
        args.first_target + args.rows,
    )?;
    kernel::require(
        "cross_entropy",
        "statistics",
        args.statistics,
        args.rows * STATISTICS_PER_ROW,
    )?;
    let parameters = Parameters {
        rows: kernel::dimension("cross_entropy", "rows", args.rows)?,
        vocabulary: kernel::dimension("cross_entropy", "vocabulary", args.vocabulary)?,
        first_target: kernel::dimension("cross_entropy", "first target", args.first_target)?,
    };
    let threads = kernel::threads(recorder.device(), 128, 4);
    recorder.dispatch(
        &SHADER,
        &[threads],
        parameters,
        &[args.logits, args.targets, args.statistics],
        [parameters.rows, 1, 1],
        move |bindings| cpu::cross_entropy::run(&parameters, bindings),
    )
}
