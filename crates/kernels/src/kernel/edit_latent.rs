//! Sets one latent to a value, the autoencoder's error term kept.

use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("edit_latent", Read Read Read Read Read Read Write);

/// Arguments of [`edit_latent`].
pub struct EditLatent<'a> {
    /// `[rows, width]`: the activation at the hook.
    pub input: &'a Buffer,
    /// `[rows, k]`.
    pub latents: &'a Buffer,
    /// `[rows, k]`.
    pub activations: &'a Buffer,
    /// `[rows, 2]` of [`crate::sae_normalize`].
    pub statistics: &'a Buffer,
    /// `[rows]` u32: rows with 0 are left as they are.
    pub mask: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Places a row.
    pub k: usize,
    /// W_dec `[d_sae, width]`.
    pub w_dec: &'a Matrix,
    /// Which latent.
    pub latent: usize,
    /// Its new activation.
    pub value: f32,
    /// `[rows, width]`; another buffer than the input.
    pub output: &'a Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub k: u32,
    pub width: u32,
    pub latent: u32,
    pub first_word: u32,
    pub value: f32,
}

/// Records `output = input + deviation · (value − z[latent]) · w_dec[latent]` on the masked rows.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or there is no such latent.
pub fn edit_latent(recorder: &mut Recorder, args: &EditLatent<'_>) -> Result<(), Error> {
    let width = args.w_dec.cols();
    for (role, buffer, words) in [
        ("input", args.input, args.rows * width),
        ("latents", args.latents, args.rows * args.k),
        ("activations", args.activations, args.rows * args.k),
        ("statistics", args.statistics, args.rows * 2),
        ("mask", args.mask, args.rows),
        ("output", args.output, args.rows * width),
    ] {
        kernel::require("edit_latent", role, buffer, words)?;
    }
    let Some(shard) = args
        .w_dec
        .shards
        .iter()
        .find(|shard| shard.rows.contains(&args.latent))
    else {
        return Err(Error::shape(
            "edit_latent",
            format!(
                "latent {} of an autoencoder with {} latents",
                args.latent,
                args.w_dec.rows()
            ),
        ));
    };
    let parameters = Parameters {
        rows: kernel::dimension("edit_latent", "rows", args.rows)?,
        k: kernel::dimension("edit_latent", "k", args.k)?,
        width: kernel::dimension("edit_latent", "width", width)?,
        latent: kernel::dimension("edit_latent", "latent", args.latent)?,
        first_word: kernel::dimension(
            "edit_latent",
            "first word",
            (args.latent - shard.rows.start) * args.w_dec.row_words(),
        )?,
        value: args.value,
    };
    recorder.dispatch(
        &SHADER,
        &[kernel::flag("weights_f16", args.w_dec.is_f16())],
        parameters,
        &[
            args.input,
            args.latents,
            args.activations,
            args.statistics,
            args.mask,
            &shard.buffer,
            args.output,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::edit_latent::run(&parameters, bindings),
    )
}
