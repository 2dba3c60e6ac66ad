//! Causal self-attention over sequences of any lengths, with or without a cache of their past.

use crate::cpu::attention_inputs::{Flags, Parameters};
use crate::rows::ROW_WORDS;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("attention", Read Read Write Write);

/// The widest head the kernels take.
const MAX_HEAD_DIM: usize = 256;

/// More rows than these are taken in tiles of queries, which read each key once per tile; for fewer, one workgroup per
/// row and head keeps more of a GPU busy. An adapter in software, too, is faster with tiles from about this number on:
/// 6 times at 256 rows of GPT-2 on lavapipe.
const ROWS_UNTILED: usize = 8;

/// Past keys and values of a run's sequences.
#[derive(Clone, Copy)]
pub enum AttentionCache<'a> {
    /// No sequence has a past: [`PAST`](crate::rows::PAST) is not read.
    None,
    /// `[capacity, 2 * d_model]`, keys and values side by side; several sequences may share a past.
    Read(&'a Buffer),
    /// As `Read`; and the kernel writes each row's key and value to row
    /// `cache_first + past + (row - first_row)`. These rows must not be another sequence's past.
    Append(&'a Buffer),
}

impl<'a> AttentionCache<'a> {
    /// The cache, where there is one.
    pub(crate) fn buffer(self) -> Option<&'a Buffer> {
        match self {
            Self::None => None,
            Self::Read(cache) | Self::Append(cache) => Some(cache),
        }
    }
}

/// Arguments of [`attention`].
pub struct Attention<'a> {
    /// The row table `[rows, ROW_WORDS]`: see [`crate::rows`].
    pub row_table: &'a Buffer,
    /// Queries, keys and values side by side: `[rows, 3 * n_heads * head_dim]`.
    pub qkv: &'a Buffer,
    /// The sequences' past keys and values.
    pub cache: AttentionCache<'a>,
    /// Number of rows.
    pub rows: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// Width of a head, at most 256.
    pub head_dim: usize,
    /// Scores are multiplied by this: 1/√head_dim in GPT-2.
    pub scale: f32,
    /// Promises that each sequence has few rows, as in decoding: rows are then never taken in tiles, which would read
    /// the sequences' pasts one after the other.
    pub few_rows_per_sequence: bool,
    /// `[rows, n_heads * head_dim]`: `hook_z`, heads flattened.
    pub output: &'a Buffer,
}

/// Records causal attention. A row's keys are the cached ones of its sequence's past, then those of this run's rows from
/// its sequence's first row up to itself.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, or a head is wider than 256.
pub fn attention(recorder: &mut Recorder, args: &Attention<'_>) -> Result<(), Error> {
    let d_model = args.n_heads * args.head_dim;
    let parameters = parameters(
        "attention",
        (args.rows, args.n_heads, args.head_dim),
        args.scale,
        (args.row_table, args.qkv),
    )?;
    kernel::require("attention", "output", args.output, args.rows * d_model)?;
    let flags = Flags {
        use_cache: args.cache.buffer().is_some(),
        append: matches!(args.cache, AttentionCache::Append(_)),
    };
    let dummy = recorder.device().dummy()?;
    let cache = args.cache.buffer().unwrap_or(&dummy);
    let buffers = [args.row_table, args.qkv, cache, args.output];
    let mut constants = vec![
        kernel::flag("use_cache", flags.use_cache),
        kernel::flag("append", flags.append),
    ];
    if !args.few_rows_per_sequence && args.rows > ROWS_UNTILED {
        return kernel::attention_tiled::dispatch(recorder, constants, parameters, flags, &buffers);
    }
    let in_software = recorder.device().has_software_profile();
    // On a GPU 16 neighbouring lanes read a key's words together, and the values' sums are divided among 4 groups of
    // lanes. An adapter in software runs the lanes in turn: there one lane takes whole keys.
    let (threads, lanes, groups) = if in_software { (4, 1, 1) } else { (256, 16, 4) };
    constants.extend([
        ("threads", f64::from(threads)),
        ("lanes", f64::from(lanes)),
        ("groups", f64::from(groups)),
    ]);
    recorder.dispatch(
        &SHADER,
        &constants,
        parameters,
        &buffers,
        [parameters.n_heads, parameters.rows, 1],
        move |bindings| cpu::attention::run(&parameters, flags, bindings),
    )
}

/// Checks what the kernels of attention share, and makes their parameters.
pub(crate) fn parameters(
    name: &'static str,
    (rows, n_heads, head_dim): (usize, usize, usize),
    scale: f32,
    (row_table, qkv): (&Buffer, &Buffer),
) -> Result<Parameters, Error> {
    if head_dim == 0 || head_dim > MAX_HEAD_DIM {
        return Err(Error::shape(
            name,
            format!("head_dim {head_dim} is not in 1..={MAX_HEAD_DIM}"),
        ));
    }
    kernel::require(name, "row table", row_table, rows * ROW_WORDS)?;
    kernel::require(name, "qkv", qkv, rows * 3 * n_heads * head_dim)?;
    Ok(Parameters {
        rows: kernel::dimension(name, "rows", rows)?,
        n_heads: kernel::dimension(name, "n_heads", n_heads)?,
        head_dim: kernel::dimension(name, "head_dim", head_dim)?,
        scale,
    })
}
