//! Attention's softmax weights, for observation.

use crate::cpu::attention_pattern::Parameters;
use crate::kernel::attention::{self, AttentionCache};
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("attention_pattern", Read Read Read Write);

/// Arguments of [`attention_pattern`].
pub struct AttentionPattern<'a> {
    /// The row table `[rows, ROW_WORDS]`: see [`crate::rows`].
    pub row_table: &'a Buffer,
    /// Queries, keys and values side by side: `[rows, 3 * n_heads * head_dim]`.
    pub qkv: &'a Buffer,
    /// The cache that [`crate::attention`] is given; it is only read.
    pub cache: AttentionCache<'a>,
    /// Number of rows.
    pub rows: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// Width of a head, at most 256.
    pub head_dim: usize,
    /// Scores are multiplied by this.
    pub scale: f32,
    /// Keys per row and head that the pattern has room for, at least 1.
    pub keys: usize,
    /// `[rows, n_heads, keys]`: the weights over a row's keys, numbered from the first of its sequence, past ones
    /// included; 0 beyond them. Where a row has more keys than there is room for, the weights of the first ones.
    pub pattern: &'a Buffer,
}

/// Records the softmax weights of causal attention.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, a head is wider than 256, or `keys` is 0.
pub fn attention_pattern(
    recorder: &mut Recorder,
    args: &AttentionPattern<'_>,
) -> Result<(), Error> {
    let name = "attention_pattern";
    if args.keys == 0 {
        return Err(Error::shape(
            name,
            "keys is 0; a pattern needs room for a key",
        ));
    }
    let parameters = Parameters {
        attention: attention::parameters(
            name,
            (args.rows, args.n_heads, args.head_dim),
            args.scale,
            (args.row_table, args.qkv),
        )?,
        keys: kernel::dimension(name, "keys", args.keys)?,
    };
    let words = args.rows * args.n_heads * args.keys;
    kernel::require(name, "pattern", args.pattern, words)?;
    let use_cache = args.cache.buffer().is_some();
    let dummy = recorder.device().dummy()?;
    let threads = kernel::threads(recorder.device(), 64, 4);
    recorder.dispatch(
        &SHADER,
        &[threads, kernel::flag("use_cache", use_cache)],
        parameters,
        &[
            args.row_table,
            args.qkv,
            args.cache.buffer().unwrap_or(&dummy),
            args.pattern,
        ],
        [parameters.attention.n_heads, parameters.attention.rows, 1],
        move |bindings| cpu::attention_pattern::run(&parameters, use_cache, bindings),
    )
}
