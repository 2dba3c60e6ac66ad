//! KL divergence of next-token distributions.

use crate::kernel::cross_entropy::STATISTICS_PER_ROW;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("kl_divergence", Read Read Read Read Write);

/// Arguments of [`kl_divergence`].
pub struct KlDivergence<'a> {
    /// `[rows, vocabulary]`.
    pub clean_logits: &'a Buffer,
    /// `[rows, 4]` of [`crate::cross_entropy`].
    pub clean_statistics: &'a Buffer,
    /// `[rows, vocabulary]`.
    pub edited_logits: &'a Buffer,
    /// `[rows, 4]` of [`crate::cross_entropy`].
    pub edited_statistics: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Width of a row.
    pub vocabulary: usize,
    /// `[rows]`, nats.
    pub divergences: &'a Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub vocabulary: u32,
}

/// Records KL(clean ‖ edited) of every row.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn kl_divergence(recorder: &mut Recorder, args: &KlDivergence<'_>) -> Result<(), Error> {
    let logits = args.rows * args.vocabulary;
    let statistics = args.rows * STATISTICS_PER_ROW;
    for (role, buffer, words) in [
        ("clean logits", args.clean_logits, logits),
        ("clean statistics", args.clean_statistics, statistics),
        ("edited logits", args.edited_logits, logits),
        ("edited statistics", args.edited_statistics, statistics),
        ("divergences", args.divergences, args.rows),
    ] {
        kernel::require("kl_divergence", role, buffer, words)?;
    }
    let parameters = Parameters {
        rows: kernel::dimension("kl_divergence", "rows", args.rows)?,
        vocabulary: kernel::dimension("kl_divergence", "vocabulary", args.vocabulary)?,
    };
    let threads = kernel::threads(recorder.device(), 128, 4);
    recorder.dispatch(
        &SHADER,
        &[threads],
        parameters,
        &[
            args.clean_logits,
            args.clean_statistics,
            args.edited_logits,
            args.edited_statistics,
            args.divergences,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::kl_divergence::run(&parameters, bindings),
    )
}
