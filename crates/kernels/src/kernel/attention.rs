//! Causal self-attention, for prefill and for decoding from a cache.

use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("attention", Read Read Write);

/// The widest head the kernel takes.
const MAX_HEAD_DIM: usize = 256;

/// Arguments of [`attention`].
pub struct Attention<'a> {
    /// Queries, keys and values side by side: `[.., 3 * n_heads * head_dim]`.
    pub qkv: &'a Buffer,
    /// Number of queries.
    pub rows: usize,
    /// Tokens of one sequence; `rows` is a multiple.
    pub tokens_per_sequence: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// Width of a head, at most 256.
    pub head_dim: usize,
    /// Scores are multiplied by this: 1/√head_dim in GPT-2.
    pub scale: f32,
    /// Word 0 of this buffer names the row of the first query in `qkv`, where given: then `qkv` is the cache of
    /// one sequence and all rows before the query are its keys.
    pub position: Option<&'a Buffer>,
    /// `[rows, n_heads * head_dim]`: `hook_z`, heads flattened.
    pub output: &'a Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub tokens_per_sequence: u32,
    pub n_heads: u32,
    pub head_dim: u32,
    pub scale: f32,
}

/// Records causal attention.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or a head is wider than 256.
pub fn attention(recorder: &mut Recorder, args: &Attention<'_>) -> Result<(), Error> {
    let d_model = args.n_heads * args.head_dim;
    if args.head_dim == 0 || args.head_dim > MAX_HEAD_DIM {
        return Err(Error::shape(
            "attention",
            format!("head_dim {} is not in 1..={MAX_HEAD_DIM}", args.head_dim),
        ));
    }
    kernel::require("attention", "qkv", args.qkv, args.rows * 3 * d_model)?;
    kernel::require("attention", "output", args.output, args.rows * d_model)?;
    let parameters = Parameters {
        rows: kernel::dimension("attention", "rows", args.rows)?,
        tokens_per_sequence: kernel::dimension(
            "attention",
            "tokens per sequence",
            args.tokens_per_sequence.max(1),
        )?,
        n_heads: kernel::dimension("attention", "n_heads", args.n_heads)?,
        head_dim: kernel::dimension("attention", "head_dim", args.head_dim)?,
        scale: args.scale,
    };
    let use_position = args.position.is_some();
    let dummy = recorder.device().dummy()?;
    let threads = kernel::threads(recorder.device(), 64, 4);
    recorder.dispatch(
        &SHADER,
        &[threads, kernel::flag("use_position", use_position)],
        parameters,
        &[args.position.unwrap_or(&dummy), args.qkv, args.output],
        [parameters.n_heads, parameters.rows, 1],
        move |bindings| cpu::attention::run(&parameters, use_position, bindings),
    )
}
