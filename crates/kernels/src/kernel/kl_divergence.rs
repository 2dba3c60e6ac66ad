//! KL divergence of next-token distributions.

use crate::cpu::cross_entropy::STATISTICS_PER_ROW;
use crate::cpu::kl_divergence::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("kl_divergence", Read Read Read Read Read Write);

/// Arguments of [`kl_divergence`].
pub struct KlDivergence<'a> {
    /// `[rows, vocabulary]`; with `clean_rows`, as many rows as the buffer holds whole.
    pub clean_logits: &'a Buffer,
    /// `[rows, 4]` of [`crate::cross_entropy`], for each row of the clean logits.
    pub clean_statistics: &'a Buffer,
    /// `[rows]` u32: the row of the clean logits and statistics that each row is compared with. A row that they do not
    /// have gives NaN. `None` compares row with row.
    pub clean_rows: Option<&'a Buffer>,
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

/// Records KL(clean ‖ edited) of every row.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn kl_divergence(recorder: &mut Recorder, args: &KlDivergence<'_>) -> Result<(), Error> {
    let logits = args.rows * args.vocabulary;
    let statistics = args.rows * STATISTICS_PER_ROW;
    let clean = if args.clean_rows.is_some() {
        (args.vocabulary, STATISTICS_PER_ROW)
    } else {
        (logits, statistics)
    };
    let dummy = recorder.device().dummy()?;
    for (role, buffer, words) in [
        ("clean logits", args.clean_logits, clean.0),
        ("clean statistics", args.clean_statistics, clean.1),
        (
            "clean rows",
            args.clean_rows.unwrap_or(&dummy),
            args.clean_rows.map_or(0, |_| args.rows),
        ),
        ("edited logits", args.edited_logits, logits),
        ("edited statistics", args.edited_statistics, statistics),
        ("divergences", args.divergences, args.rows),
    ] {
        kernel::require("kl_divergence", role, buffer, words)?;
    }
    let clean_count = (args.clean_logits.words() / args.vocabulary.max(1))
        .min(args.clean_statistics.words() / STATISTICS_PER_ROW);
    let parameters = Parameters {
        rows: kernel::dimension("kl_divergence", "rows", args.rows)?,
        vocabulary: kernel::dimension("kl_divergence", "vocabulary", args.vocabulary)?,
        clean_count: kernel::dimension("kl_divergence", "clean rows", clean_count)?,
    };
    let use_clean_rows = args.clean_rows.is_some();
    let threads = kernel::threads(recorder.device(), 128, 4);
    recorder.dispatch(
        &SHADER,
        &[threads, kernel::flag("use_clean_rows", use_clean_rows)],
        parameters,
        &[
            args.clean_logits,
            args.clean_statistics,
            args.edited_logits,
            args.edited_statistics,
            args.clean_rows.unwrap_or(&dummy),
            args.divergences,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::kl_divergence::run(&parameters, use_clean_rows, bindings),
    )
}
