//! The transpose of a sparse encoding, in three kernels after the clearing of its marks.

use crate::cpu::{mark_latents, prefix_sums, scatter_latents};
use crate::kernel::copy::workgroups;
use crate::kernel::fill::fill;
use crate::kernel::sparse_codes::{LatentEntries, Levels, SparseCodes};
use crate::{Buffer, Error, Recorder, kernel};

pub(crate) static MARK_SHADER: kernel::Shader = kernel::shader!("mark_latents", Read Read Write);
pub(crate) static SUMS_SHADER: kernel::Shader = kernel::shader!("prefix_sums", Read Write);
pub(crate) static SCATTER_SHADER: kernel::Shader =
    kernel::shader!("scatter_latents", Read Read Read Read Read Write);

const KERNEL: &str = "transpose_codes";

/// Records the transpose of a sparse encoding: of each latent its rows, ascending, with level and activation. Only integers are
/// added up by more than one invocation, so the result is the same bits in every run.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit; [`Error::BufferTooLarge`] where `d_sae · rows` bits, which it marks, do
/// not fit one binding.
pub fn transpose_codes(
    recorder: &mut Recorder,
    codes: &SparseCodes<'_>,
    levels: &Levels<'_>,
    into: &LatentEntries<'_>,
) -> Result<(), Error> {
    codes.check(KERNEL)?;
    levels.check(KERNEL)?;
    let slots = codes.rows * codes.k;
    kernel::require(KERNEL, "firsts", into.firsts, codes.d_sae + 1)?;
    kernel::require(KERNEL, "entries", into.entries, 2 * slots)?;
    kernel::dimension(KERNEL, "rows · levels", codes.rows * levels.count)?;
    let mark_words = codes.mark_words();
    let marks = recorder.scratch("rows of latents", codes.d_sae * mark_words)?;
    fill(recorder, &marks, codes.d_sae * mark_words, 0)?;
    mark(recorder, codes, &marks)?;
    let parameters = prefix_sums::Parameters {
        count: kernel::dimension(KERNEL, "d_sae", codes.d_sae)?,
        stride: mark_words as u32,
    };
    let threads = kernel::threads(recorder.device(), 256, 16);
    recorder.dispatch(
        &SUMS_SHADER,
        &[threads],
        parameters,
        &[&marks, into.firsts],
        [1, 1, 1],
        move |bindings| prefix_sums::run(&parameters, bindings),
    )?;
    scatter(recorder, codes, levels, (&marks, into))
}

fn mark(recorder: &mut Recorder, codes: &SparseCodes<'_>, marks: &Buffer) -> Result<(), Error> {
    let slots = codes.rows * codes.k;
    let workgroups = workgroups(slots);
    let parameters = mark_latents::Parameters {
        slots: kernel::dimension(KERNEL, "slots", slots)?,
        k: kernel::dimension(KERNEL, "k", codes.k)?,
        d_sae: kernel::dimension(KERNEL, "d_sae", codes.d_sae)?,
        mark_words: codes.mark_words() as u32,
        invocations: workgroups * 64,
    };
    recorder.dispatch(
        &MARK_SHADER,
        &[],
        parameters,
        &[codes.latents, codes.activations, marks],
        [workgroups, 1, 1],
        move |bindings| mark_latents::run(&parameters, bindings),
    )
}

fn scatter(
    recorder: &mut Recorder,
    codes: &SparseCodes<'_>,
    levels: &Levels<'_>,
    (marks, into): (&Buffer, &LatentEntries<'_>),
) -> Result<(), Error> {
    let slots = codes.rows * codes.k;
    let workgroups = workgroups(slots);
    let parameters = scatter_latents::Parameters {
        slots: slots as u32,
        k: codes.k as u32,
        d_sae: codes.d_sae as u32,
        mark_words: codes.mark_words() as u32,
        levels: kernel::dimension(KERNEL, "levels", levels.count)?,
        invocations: workgroups * 64,
    };
    let by_rank = levels.by_rank;
    recorder.dispatch(
        &SCATTER_SHADER,
        &[kernel::flag("by_rank", by_rank)],
        parameters,
        &[
            codes.latents,
            codes.activations,
            marks,
            into.firsts,
            levels.table,
            into.entries,
        ],
        [workgroups, 1, 1],
        move |bindings| scatter_latents::run(&parameters, by_rank, bindings),
    )
}
