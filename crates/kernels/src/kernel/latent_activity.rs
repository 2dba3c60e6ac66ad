//! Active and dead latents.

use crate::cpu::latent_activity::Parameters;
use crate::kernel::copy::workgroups;
use crate::kernel::sparse_codes::LatentEntries;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("latent_activity", Read Read Read Write Write);

const KERNEL: &str = "latent_activity";

/// Arguments of [`latent_activity`].
pub struct LatentActivity<'a> {
    /// The active latents of the batch.
    pub entries: LatentEntries<'a>,
    /// Number of latents.
    pub d_sae: usize,
    /// Number of levels.
    pub levels: usize,
    /// The last level that counts.
    pub main_level: usize,
    /// An activation above this makes a latent active; at least 0.
    pub threshold: f32,
    /// A latent is dead that was not active for more steps than these.
    pub dead_steps: u32,
    /// `[1]` u32: the number of this step.
    pub clock: &'a Buffer,
    /// `[d_sae]` u32: the last step in which each latent was active.
    pub last_active: &'a Buffer,
    /// `[d_sae, 2]` f32: 1 for a dead latent, else 0; and the number of its entries up to `main_level`.
    pub activity: &'a Buffer,
}

/// Records the update of `last_active`, and `activity`.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or the threshold is below 0.
pub fn latent_activity(recorder: &mut Recorder, args: &LatentActivity<'_>) -> Result<(), Error> {
    for (role, buffer, words) in [
        ("firsts", args.entries.firsts, args.d_sae + 1),
        ("clock", args.clock, 1),
        ("last active", args.last_active, args.d_sae),
        ("activity", args.activity, 2 * args.d_sae),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    if !(args.threshold >= 0.0 && args.levels > 0) {
        let what = format!("threshold {}, {} levels", args.threshold, args.levels);
        return Err(Error::shape(KERNEL, what));
    }
    let workgroups = workgroups(args.d_sae);
    let parameters = Parameters {
        d_sae: kernel::dimension(KERNEL, "d_sae", args.d_sae)?,
        levels: kernel::dimension(KERNEL, "levels", args.levels)?,
        main_level: kernel::dimension(KERNEL, "main level", args.main_level)?,
        dead_steps: args.dead_steps,
        // Without the sign of a zero.
        threshold: args.threshold.abs().to_bits(),
        invocations: workgroups * 64,
    };
    recorder.dispatch(
        &SHADER,
        &[],
        parameters,
        &[
            args.entries.firsts,
            args.entries.entries,
            args.clock,
            args.last_active,
            args.activity,
        ],
        [workgroups, 1, 1],
        move |bindings| cpu::latent_activity::run(&parameters, bindings),
    )
}
