//! Statistics of each latent over rows, and the rows where it is largest.

use crate::cpu::latent_statistics::{LATENT_STATISTICS, Parameters};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("latent_statistics", Read Read Write Write Write);

/// The most rows that are kept for each latent.
pub const MAX_TOP_ROWS: usize = 32;

/// Arguments of [`latent_statistics`].
pub struct LatentStatistics<'a> {
    /// `[rows, k]`; an index of no latent (`u32::MAX`) is an empty slot. A row lists a latent at most once.
    pub latents: &'a Buffer,
    /// `[rows, k]`.
    pub activations: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Slots per row.
    pub k: usize,
    /// Number of latents.
    pub d_sae: usize,
    /// Number of the largest activations to keep for each latent, 1 to 32.
    pub top: usize,
    /// `[d_sae, 4]` f32: the number of rows where z > 0, Σz, Σz², and the largest z (at least 0).
    pub statistics: &'a Buffer,
    /// `[d_sae, top]` f32: the largest activations above 0, descending; 0 where there are fewer.
    pub top_values: &'a Buffer,
    /// `[d_sae, top]` u32: their rows; `u32::MAX` where there are fewer.
    pub top_rows: &'a Buffer,
}

/// Records the statistics of every latent. Ties among the largest go to the lower row.
///
/// A NaN makes a latent's sums NaN, is not counted and never chosen. The sums are compensated (Kahan) in the order of the
/// rows. On the GPU the cost is one read of all slots for each 256 latents, on the CPU it is linear in the slots.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or `top` is not in 1..=32.
pub fn latent_statistics(
    recorder: &mut Recorder,
    args: &LatentStatistics<'_>,
) -> Result<(), Error> {
    const KERNEL: &str = "latent_statistics";
    if args.top == 0 || args.top > MAX_TOP_ROWS {
        return Err(Error::shape(
            KERNEL,
            format!("top = {} is not in 1..={MAX_TOP_ROWS}", args.top),
        ));
    }
    let slots = args.rows * args.k;
    for (role, buffer, words) in [
        ("latents", args.latents, slots),
        ("activations", args.activations, slots),
        (
            "statistics",
            args.statistics,
            args.d_sae * LATENT_STATISTICS,
        ),
        ("top values", args.top_values, args.d_sae * args.top),
        ("top rows", args.top_rows, args.d_sae * args.top),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    let parameters = Parameters {
        slots: kernel::dimension(KERNEL, "slots", slots)?,
        k: kernel::dimension(KERNEL, "k", args.k)?,
        d_sae: kernel::dimension(KERNEL, "d_sae", args.d_sae)?,
        top: args.top as u32,
    };
    let threads = kernel::threads(recorder.device(), 256, 64);
    recorder.dispatch(
        &SHADER,
        &[threads],
        parameters,
        &[
            args.latents,
            args.activations,
            args.statistics,
            args.top_values,
            args.top_rows,
        ],
        [parameters.d_sae.div_ceil(threads.1 as u32), 1, 1],
        move |bindings| cpu::latent_statistics::run(&parameters, bindings),
    )
}
