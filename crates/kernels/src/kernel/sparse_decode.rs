//! Reconstruction from a few latents per row.

use crate::cpu::sparse_decode::{Flags, Parameters};
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("sparse_decode", Read Read Read Read Read Write);

/// Arguments of [`sparse_decode`].
pub struct SparseDecode<'a> {
    /// `[rows, k]`; an index of no latent (`u32::MAX`) is an empty slot.
    pub latents: &'a Buffer,
    /// `[rows, k]`.
    pub activations: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Slots per row.
    pub k: usize,
    /// W_dec `[d_sae, width]`.
    pub w_dec: &'a Matrix,
    /// `[width]`.
    pub b_dec: &'a Buffer,
    /// `[rows, 2]` of [`crate::sae_normalize`].
    pub statistics: &'a Buffer,
    /// `[rows, width]`.
    pub output: &'a Buffer,
}

/// Records `output = (Σ activation · w_dec[latent] + b_dec) · deviation + mean`, one dispatch per shard.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn sparse_decode(recorder: &mut Recorder, args: &SparseDecode<'_>) -> Result<(), Error> {
    let width = args.w_dec.cols();
    for (role, buffer, words) in [
        ("latents", args.latents, args.rows * args.k),
        ("activations", args.activations, args.rows * args.k),
        ("b_dec", args.b_dec, width),
        ("statistics", args.statistics, args.rows * 2),
        ("output", args.output, args.rows * width),
    ] {
        kernel::require("sparse_decode", role, buffer, words)?;
    }
    let count = args.w_dec.shards.len();
    for (index, shard) in args.w_dec.shards.iter().enumerate() {
        let parameters = Parameters {
            rows: kernel::dimension("sparse_decode", "rows", args.rows)?,
            k: kernel::dimension("sparse_decode", "k", args.k)?,
            width: kernel::dimension("sparse_decode", "width", width)?,
            row_words: kernel::dimension("sparse_decode", "row words", args.w_dec.row_words())?,
            shard_first_row: kernel::dimension("sparse_decode", "first row", shard.rows.start)?,
            shard_rows: kernel::dimension("sparse_decode", "shard rows", shard.rows.len())?,
        };
        let flags = Flags {
            weights_f16: args.w_dec.is_f16(),
            first_shard: index == 0,
            last_shard: index + 1 == count,
        };
        recorder.dispatch(
            &SHADER,
            &[
                kernel::flag("weights_f16", flags.weights_f16),
                kernel::flag("first_shard", flags.first_shard),
                kernel::flag("last_shard", flags.last_shard),
            ],
            parameters,
            &[
                args.latents,
                args.activations,
                &shard.buffer,
                args.b_dec,
                args.statistics,
                args.output,
            ],
            [width.div_ceil(128) as u32, parameters.rows, 1],
            move |bindings| cpu::sparse_decode::run(&parameters, flags, bindings),
        )?;
    }
    Ok(())
}
