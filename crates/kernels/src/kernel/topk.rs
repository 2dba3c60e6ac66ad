//! Exact TopK of rows.

use crate::cpu::topk::Parameters;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("topk", Read Write Write Write);

/// The largest k the kernel takes: what it sorts in workgroup memory.
pub const MAX_K: usize = 512;
/// Indices are selected with two digits of 11 bits.
const MAX_N: usize = 1 << 22;

/// Arguments of [`topk`].
pub struct TopK<'a> {
    /// `[rows, n]`.
    pub values: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Values a row, at most 2²².
    pub n: usize,
    /// Number of values to keep, 1 to 512.
    pub k: usize,
    /// Raises kept values below 0 to 0.
    pub relu: bool,
    /// `[rows, k]` u32; `u32::MAX` where n < k.
    pub top_indices: &'a Buffer,
    /// `[rows, k]` f32.
    pub top_values: &'a Buffer,
    /// `[rows]` u32: NaNs seen in each row.
    pub nan_counts: &'a Buffer,
}

/// Refuses what the kernel cannot select from.
pub(crate) fn check_sizes(n: usize, k: usize) -> Result<(), Error> {
    if k == 0 || k > MAX_K {
        return Err(Error::shape(
            "topk",
            format!("k = {k} is not in 1..={MAX_K}"),
        ));
    }
    if n == 0 || n > MAX_N {
        return Err(Error::shape(
            "topk",
            format!("n = {n} is not in 1..={MAX_N}"),
        ));
    }
    Ok(())
}

/// Records the k largest of every row: by value descending, ties to the lower index.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, k is not in 1..=512, or n is over 2²².
pub fn topk(recorder: &mut Recorder, args: &TopK<'_>) -> Result<(), Error> {
    check_sizes(args.n, args.k)?;
    for (role, buffer, words) in [
        ("values", args.values, args.rows * args.n),
        ("top indices", args.top_indices, args.rows * args.k),
        ("top values", args.top_values, args.rows * args.k),
        ("NaN counts", args.nan_counts, args.rows),
    ] {
        kernel::require("topk", role, buffer, words)?;
    }
    let parameters = Parameters {
        rows: kernel::dimension("topk", "rows", args.rows)?,
        n: args.n as u32,
        row_stride: args.n as u32,
        k: args.k as u32,
        sort_length: args.k.next_power_of_two() as u32,
    };
    let relu = args.relu;
    let threads = kernel::threads(recorder.device(), 256, 16);
    recorder.dispatch(
        &SHADER,
        &[threads, kernel::flag("relu", relu)],
        parameters,
        &[
            args.values,
            args.top_indices,
            args.top_values,
            args.nan_counts,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::topk::run(&parameters, relu, bindings),
    )
}
