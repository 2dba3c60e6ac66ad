//! Edits of latents from a table on the device, the autoencoder's error term kept.

use crate::cpu::apply_edits::{Flags, OldKind, Parameters};
use crate::edits::{EDIT_HEADER, EDIT_WORDS};
use crate::rows::ROW_WORDS;
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("apply_edits", Read Read Read Read Read Read Write Read);

/// The latents' values before the edits.
#[derive(Clone, Copy)]
pub enum OldValues<'a> {
    /// The latents listed for each row; one that is not listed is 0.
    Sparse {
        /// `[.., k]` u32.
        latents: &'a Buffer,
        /// `[.., k]` f32.
        activations: &'a Buffer,
        /// Slots per row.
        k: usize,
    },
    /// Every latent of each row.
    Dense {
        /// `[.., d]` f32, with d the number of directions.
        values: &'a Buffer,
        /// Takes a value below 0 as 0.
        relu: bool,
    },
    /// Latent i is dimension i of the activation itself, as the edits before it in the table left it. Only with
    /// [`Directions::Identity`] and without `by_source`.
    Activation,
}

/// The direction in which a latent writes.
#[derive(Clone, Copy)]
pub enum Directions<'a> {
    /// Row `latent` of W_dec `[d_sae, width]`.
    Rows(&'a Matrix),
    /// Dimension `latent` of the activation, as neurons do.
    Identity,
}

/// Arguments of [`apply_edits`].
pub struct ApplyEdits<'a> {
    /// `[rows, width]`, changed in place.
    pub activation: &'a Buffer,
    /// Words per row of the activation.
    pub width: usize,
    /// The edit table: [`EDIT_HEADER`] words, then [`EDIT_WORDS`] per edit. Its size is the capacity; a number of
    /// edits beyond it is cut to it.
    pub edits: &'a Buffer,
    /// The row table `[rows, ROW_WORDS]`.
    pub rows_table: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// The edits of this set apply, and no others.
    pub set: u32,
    /// The latents' values before the edits.
    pub old: OldValues<'a>,
    /// Takes old values and statistics from the row that the row table's word `source` names, instead of the row's
    /// own. A source that they do not have makes the edited row NaN.
    pub by_source: bool,
    /// `[.., 2]` of [`crate::sae_normalize`]: mean and deviation. `None` stands for a deviation of 1.
    pub statistics: Option<&'a Buffer>,
    /// The directions in which the latents write.
    pub directions: Directions<'a>,
    /// `[rows, conditions]` of [`crate::edit_conditions`], and the number of conditions. Without them an edit with a condition
    /// applies nowhere.
    pub gates: Option<(&'a Buffer, usize)>,
}

/// Records `activation += deviation · Σ (new − old) · direction[latent]` over the edits of one set that apply to a row;
/// one dispatch per shard of the directions.
///
/// new − old is value − old (set), value (add) or old · value − old (scale). A row in which no latent changes keeps
/// every bit. Edits of one latent at one place all start from the old value and add up, in the table's order (shard by
/// shard): refuse them beforehand. Edits of latents beyond the directions do nothing: check them beforehand.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn apply_edits(recorder: &mut Recorder, args: &ApplyEdits<'_>) -> Result<(), Error> {
    const KERNEL: &str = "apply_edits";
    let directions = match args.directions {
        Directions::Rows(matrix) if matrix.cols() != args.width => {
            return Err(Error::shape(
                KERNEL,
                format!(
                    "directions of {} dimensions for an activation of {}",
                    matrix.cols(),
                    args.width
                ),
            ));
        }
        Directions::Rows(matrix) => matrix.rows(),
        Directions::Identity => args.width,
    };
    for (role, buffer, words) in [
        ("activation", args.activation, args.rows * args.width),
        ("edits", args.edits, EDIT_HEADER),
        ("row table", args.rows_table, args.rows * ROW_WORDS),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    let dummy = recorder.device().dummy()?;
    let (old_kind, relu, old_latents, old_values, width_old) = match args.old {
        OldValues::Sparse {
            latents,
            activations,
            k,
        } => (OldKind::Sparse, false, latents, activations, k),
        OldValues::Dense { values, relu } => (OldKind::Dense, relu, &dummy, values, directions),
        OldValues::Activation => {
            if args.by_source || matches!(args.directions, Directions::Rows(_)) {
                return Err(Error::shape(
                    KERNEL,
                    "the activation is its own old value for neurons of the same run only",
                ));
            }
            (OldKind::Activation, false, &dummy, &dummy, 0)
        }
    };
    // What is read of each row, and how many rows of it there are.
    let mut old_rows = usize::MAX;
    for (role, buffer, width, used) in [
        (
            "old latents",
            old_latents,
            width_old,
            matches!(old_kind, OldKind::Sparse),
        ),
        (
            "old values",
            old_values,
            width_old,
            !matches!(old_kind, OldKind::Activation),
        ),
        (
            "statistics",
            args.statistics.unwrap_or(&dummy),
            2,
            args.statistics.is_some(),
        ),
    ] {
        if !used {
            continue;
        }
        if !args.by_source {
            kernel::require(KERNEL, role, buffer, args.rows * width)?;
        }
        old_rows = old_rows.min(buffer.words() / width.max(1));
    }
    let (gates, conditions) = args.gates.unwrap_or((&dummy, 0));
    if args.gates.is_some() {
        kernel::require(KERNEL, "gates", gates, args.rows * conditions)?;
    }
    let flags = Flags {
        old_kind,
        relu,
        by_source: args.by_source,
        has_statistics: args.statistics.is_some(),
        identity: matches!(args.directions, Directions::Identity),
        weights_f16: matches!(args.directions, Directions::Rows(matrix) if matrix.is_f16()),
    };
    let parameters = Parameters {
        rows: kernel::dimension(KERNEL, "rows", args.rows)?,
        width: kernel::dimension(KERNEL, "width", args.width)?,
        width_old: kernel::dimension(KERNEL, "old values per row", width_old)?,
        old_rows: u32::try_from(old_rows).unwrap_or(u32::MAX),
        row_words: 0,
        shard_first_row: 0,
        shard_rows: kernel::dimension(KERNEL, "directions", directions)?,
        capacity: kernel::dimension(
            KERNEL,
            "capacity",
            (args.edits.words() - EDIT_HEADER) / EDIT_WORDS,
        )?,
        set: args.set,
        conditions: kernel::dimension(KERNEL, "conditions", conditions)?,
    };
    let mut dispatch = |shard: &Buffer, parameters: Parameters| {
        recorder.dispatch(
            &SHADER,
            &[
                ("old_kind", f64::from(flags.old_kind as u8)),
                kernel::flag("relu", flags.relu),
                kernel::flag("by_source", flags.by_source),
                kernel::flag("has_statistics", flags.has_statistics),
                kernel::flag("identity", flags.identity),
                kernel::flag("weights_f16", flags.weights_f16),
            ],
            parameters,
            &[
                args.edits,
                args.rows_table,
                old_latents,
                old_values,
                args.statistics.unwrap_or(&dummy),
                shard,
                args.activation,
                gates,
            ],
            [parameters.rows, 1, 1],
            move |bindings| cpu::apply_edits::run(&parameters, flags, bindings),
        )
    };
    let Directions::Rows(matrix) = args.directions else {
        return dispatch(&dummy, parameters);
    };
    for shard in &matrix.shards {
        let parameters = Parameters {
            row_words: kernel::dimension(KERNEL, "row words", matrix.row_words())?,
            shard_first_row: kernel::dimension(KERNEL, "first row", shard.rows.start)?,
            shard_rows: kernel::dimension(KERNEL, "shard rows", shard.rows.len())?,
            ..parameters
        };
        dispatch(&shard.buffer, parameters)?;
    }
    Ok(())
}
