//! Gradients of an autoencoder's weights, latent by latent.

use crate::cpu::latent_gradients::Parameters;
use crate::kernel::sparse_codes::LatentEntries;
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("latent_gradients", Read Read Read Read Read Write Write Write);

const KERNEL: &str = "latent_gradients";

/// Arguments of [`latent_gradients`].
pub struct LatentGradients<'a> {
    /// The active latents of the batch.
    pub entries: LatentEntries<'a>,
    /// Number of rows.
    pub rows: usize,
    /// Number of entries, for how long it takes; an upper bound will do.
    pub most_entries: usize,
    /// Number of levels.
    pub levels: usize,
    /// `[rows, levels, width]`, of [`crate::decode_levels`].
    pub gradients: &'a Buffer,
    /// The encoder's input `[rows, width]`.
    pub inputs: &'a Buffer,
    /// W_dec `[d_sae, width]`, f32.
    pub w_dec: &'a Matrix,
    /// Gradient of W_dec, of the same shape.
    pub dw_dec: &'a Matrix,
    /// Gradient of W_enc, of the same shape.
    pub dw_enc: &'a Matrix,
    /// `[d_sae]`: gradient of b_enc.
    pub db_enc: &'a Buffer,
    /// True where they are added to what is there.
    pub add: bool,
}

/// Records the gradients of all weights but b_dec; one dispatch per shard of W_dec. A latent's sums go in the order of its rows.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or a matrix is f16.
pub fn latent_gradients(recorder: &mut Recorder, args: &LatentGradients<'_>) -> Result<(), Error> {
    let (d_sae, width) = (args.w_dec.rows(), args.w_dec.cols());
    for (role, buffer, words) in [
        ("firsts", args.entries.firsts, d_sae + 1),
        ("gradients", args.gradients, args.rows * args.levels * width),
        ("inputs", args.inputs, args.rows * width),
        ("db_enc", args.db_enc, d_sae),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    kernel::require_alike(KERNEL, &[args.w_dec, args.dw_dec, args.dw_enc])?;
    let shards = args.dw_dec.shards.iter().zip(&args.dw_enc.shards);
    for (w_dec, (dw_dec, dw_enc)) in args.w_dec.shards.iter().zip(shards) {
        let parameters = Parameters {
            width: kernel::dimension(KERNEL, "width", width)?,
            row_words: kernel::dimension(KERNEL, "row words", args.w_dec.row_words())?,
            levels: kernel::dimension(KERNEL, "levels", args.levels)?,
            shard_first_row: kernel::dimension(KERNEL, "first row", w_dec.rows.start)?,
            shard_rows: kernel::dimension(KERNEL, "shard rows", w_dec.rows.len())?,
        };
        let add = args.add;
        let threads = kernel::threads(recorder.device(), 64, 8);
        recorder.dispatch(
            &SHADER,
            &[threads, kernel::flag("add", add)],
            parameters,
            &[
                args.entries.firsts,
                args.entries.entries,
                args.gradients,
                args.inputs,
                &w_dec.buffer,
                &dw_dec.buffer,
                &dw_enc.buffer,
                args.db_enc,
            ],
            kernel::grid(w_dec.rows.len()),
            move |bindings| cpu::latent_gradients::run(&parameters, add, bindings),
        )?;
        recorder.weigh(6 * (args.most_entries * width) as u64);
    }
    Ok(())
}
