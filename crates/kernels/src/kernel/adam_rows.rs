//! A step of Adam, with what happens to decoder directions around it.

use crate::cpu::adam_rows::{Flags, Parameters};
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("adam_rows", Read Read Write Write Write Write);

const KERNEL: &str = "adam_rows";

/// Values of a vector that a workgroup takes.
const PIECE: usize = 1024;

/// Settings of a step of Adam that stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamRule {
    /// β₁.
    pub beta1: f32,
    /// β₂.
    pub beta2: f32,
    /// ε.
    pub epsilon: f32,
    /// Factor of the running mean.
    pub ema: f32,
    /// True where the running mean is updated before the step.
    pub ema_before_step: bool,
}

/// Treatment of rows that are directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdamDirections {
    /// Rows get length 1 before the step.
    pub normalise_before: bool,
    /// Rows get length 1 after the step.
    pub normalise_after: bool,
    /// The gradient loses its part along its row.
    pub remove_parallel: bool,
}

/// Arguments of [`adam_rows`] and [`adam_vector`]: matrices, or vectors, of one shape.
#[derive(Clone, Copy)]
pub struct Adam<'a, T> {
    /// The weights.
    pub values: &'a T,
    /// Their gradient.
    pub gradient: &'a T,
    /// The first moment.
    pub first: &'a T,
    /// The second moment.
    pub second: &'a T,
    /// The weights' running mean, if there is one.
    pub mean: Option<&'a T>,
    /// `[2]` f32: the learning rate over 1 − β₁ᵗ, and √(1 − β₂ᵗ), with t the step from 1.
    pub numbers: &'a Buffer,
    /// Settings.
    pub rule: AdamRule,
}

/// Records a step of Adam on the rows of a matrix; one dispatch per shard.
///
/// # Errors
/// [`Error::Shape`] where sizes do not fit, or a matrix is f16.
pub fn adam_rows(
    recorder: &mut Recorder,
    args: &Adam<'_, Matrix>,
    directions: AdamDirections,
) -> Result<(), Error> {
    let matrix = args.values;
    let mut all = vec![matrix, args.gradient, args.first, args.second];
    all.extend(args.mean);
    kernel::require_alike(KERNEL, &all)?;
    for (number, shard) in matrix.shards.iter().enumerate() {
        let of = |matrix: &'_ Matrix| matrix.shards[number].buffer.clone();
        let mean = args.mean.map(of);
        let parts = Adam {
            values: &shard.buffer,
            gradient: &of(args.gradient),
            first: &of(args.first),
            second: &of(args.second),
            mean: mean.as_ref(),
            numbers: args.numbers,
            rule: args.rule,
        };
        let row_words = matrix.row_words();
        let length = shard.rows.len() * row_words;
        let shape = (shard.rows.len(), matrix.cols(), row_words, length);
        dispatch(recorder, &parts, directions, shape)?;
    }
    Ok(())
}

/// Records a step of Adam on a vector of `length` values.
///
/// # Errors
/// [`Error::Shape`] where sizes do not fit.
pub fn adam_vector(
    recorder: &mut Recorder,
    args: &Adam<'_, Buffer>,
    length: usize,
) -> Result<(), Error> {
    let buffers = [args.values, args.gradient, args.first, args.second];
    for buffer in buffers.into_iter().chain(args.mean) {
        kernel::require(KERNEL, "a vector", buffer, length)?;
    }
    let shape = (length.div_ceil(PIECE), PIECE, PIECE, length);
    dispatch(recorder, args, AdamDirections::default(), shape)
}

fn dispatch(
    recorder: &mut Recorder,
    args: &Adam<'_, Buffer>,
    directions: AdamDirections,
    (rows, width, row_words, length): (usize, usize, usize, usize),
) -> Result<(), Error> {
    kernel::require(KERNEL, "numbers", args.numbers, 2)?;
    let dummy = recorder.device().dummy()?;
    let rule = args.rule;
    let parameters = Parameters {
        rows: kernel::dimension(KERNEL, "rows", rows)?,
        width: kernel::dimension(KERNEL, "width", width)?,
        row_words: kernel::dimension(KERNEL, "row words", row_words)?,
        length: kernel::dimension(KERNEL, "length", length)?,
        beta1: rule.beta1,
        beta2: rule.beta2,
        epsilon: rule.epsilon,
        ema: rule.ema,
    };
    let flags = Flags {
        normalise_before: directions.normalise_before,
        normalise_after: directions.normalise_after,
        remove_parallel: directions.remove_parallel,
        has_mean: args.mean.is_some(),
        mean_before: rule.ema_before_step,
    };
    let threads = kernel::threads(recorder.device(), 64, 8);
    recorder.dispatch(
        &SHADER,
        &[
            threads,
            kernel::flag("normalise_before", flags.normalise_before),
            kernel::flag("normalise_after", flags.normalise_after),
            kernel::flag("remove_parallel", flags.remove_parallel),
            kernel::flag("has_mean", flags.has_mean),
            kernel::flag("mean_before", flags.mean_before),
        ],
        parameters,
        &[
            args.numbers,
            args.gradient,
            args.values,
            args.first,
            args.second,
            args.mean.unwrap_or(&dummy),
        ],
        kernel::grid(rows),
        move |bindings| cpu::adam_rows::run(&parameters, flags, bindings),
    )
}
