//! Reconstructions by level, their errors and the gradient in them.

use crate::cpu::decode_levels::{Flags, Parameters};
use crate::kernel::sparse_codes::{Levels, SparseCodes};
use crate::kernel::topk::MAX_K;
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("decode_levels", Read Read Read Read Read Write Write Write);

const KERNEL: &str = "decode_levels";

/// Arguments of [`decode_levels`].
pub struct DecodeLevels<'a> {
    /// The active latents, at most 512 slots per row.
    pub codes: SparseCodes<'a>,
    /// The levels with their weights in the loss.
    pub levels: Levels<'a>,
    /// The level whose residuals are wanted.
    pub main_level: usize,
    /// `[rows, width]`, without the decoder's bias.
    pub targets: &'a Buffer,
    /// True where they are the negative of what is to be reconstructed.
    pub negative_targets: bool,
    /// W_dec `[d_sae, width]`, f32.
    pub w_dec: &'a Matrix,
    /// `[rows, levels, width]`: the gradient in all reconstructions from a level on, which a latent of that level gets.
    pub gradients: &'a Buffer,
    /// `[rows, width]`: reconstruction − target of the level `main_level`.
    pub residuals: &'a Buffer,
    /// `[rows, levels]`: the squared length of reconstruction − target.
    pub squares: &'a Buffer,
}

/// Records reconstructions by level, and the gradient of Σ over levels of weight · ‖reconstruction − target‖²; one dispatch per
/// shard of W_dec.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or W_dec is f16.
pub fn decode_levels(recorder: &mut Recorder, args: &DecodeLevels<'_>) -> Result<(), Error> {
    let SparseCodes { rows, k, d_sae, .. } = args.codes;
    let (width, levels) = (args.w_dec.cols(), args.levels.count);
    args.codes.check(KERNEL)?;
    args.levels.check(KERNEL)?;
    for (role, buffer, words) in [
        ("targets", args.targets, rows * width),
        ("gradients", args.gradients, rows * levels * width),
        ("residuals", args.residuals, rows * width),
        ("squares", args.squares, rows * levels),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    if k > MAX_K || args.w_dec.is_f16() || args.w_dec.rows() != d_sae {
        let rows = args.w_dec.rows();
        let what = format!(
            "{k} slots of at most {MAX_K}; {d_sae} latents and a decoder with {rows}, which has to be f32"
        );
        return Err(Error::shape(KERNEL, what));
    }
    let count = args.w_dec.shards.len();
    for (index, shard) in args.w_dec.shards.iter().enumerate() {
        let parameters = Parameters {
            rows: kernel::dimension(KERNEL, "rows", rows)?,
            k: k as u32,
            width: kernel::dimension(KERNEL, "width", width)?,
            row_words: kernel::dimension(KERNEL, "row words", args.w_dec.row_words())?,
            shard_first_row: kernel::dimension(KERNEL, "first row", shard.rows.start)?,
            shard_rows: kernel::dimension(KERNEL, "shard rows", shard.rows.len())?,
            levels: kernel::dimension(KERNEL, "levels", levels)?,
            main_level: kernel::dimension(KERNEL, "main level", args.main_level)?,
        };
        let flags = Flags {
            by_rank: args.levels.by_rank,
            first_shard: index == 0,
            last_shard: index + 1 == count,
            add_targets: args.negative_targets,
        };
        let threads = kernel::threads(recorder.device(), 64, 8);
        recorder.dispatch(
            &SHADER,
            &[
                threads,
                kernel::flag("by_rank", flags.by_rank),
                kernel::flag("first_shard", flags.first_shard),
                kernel::flag("last_shard", flags.last_shard),
                kernel::flag("add_targets", flags.add_targets),
            ],
            parameters,
            &[
                args.codes.latents,
                args.codes.activations,
                args.levels.table,
                args.targets,
                &shard.buffer,
                args.gradients,
                args.residuals,
                args.squares,
            ],
            kernel::grid(rows),
            move |bindings| cpu::decode_levels::run(&parameters, flags, bindings),
        )?;
        recorder.weigh(2 * (rows * k * width) as u64);
    }
    Ok(())
}
