//! Conditions of edits: gates that open a row's edits where a latent is above a bound.

use crate::cpu::apply_edits::OldKind;
use crate::cpu::edit_conditions::{Flags, Parameters};
use crate::edits::{CONDITION_WORDS, EDIT_HEADER};
use crate::kernel::apply_edits::OldValues;
use crate::rows::ROW_WORDS;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("edit_conditions", Read Read Read Read Write);

/// Arguments of [`edit_conditions`].
pub struct EditConditions<'a> {
    /// The table of conditions: [`EDIT_HEADER`] words, then [`CONDITION_WORDS`] per condition. Its size is the capacity.
    pub conditions: &'a Buffer,
    /// The row table `[rows, ROW_WORDS]`.
    pub rows_table: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// The conditions of this set are written, and no others.
    pub set: u32,
    /// The latents' values.
    pub values: OldValues<'a>,
    /// Number of latents of the set.
    pub latents: usize,
    /// Takes the values of the row that the row table's word `source` names, instead of the row's own.
    pub by_source: bool,
    /// `[rows, capacity]` u32: 1 where the latent is above the bound, 0 where not, 2 where it is not a number or its source is
    /// not there.
    pub gates: &'a Buffer,
}

/// Records the gates of one set's conditions: `gates[r, c] = value(r, latent of c) > bound of c`.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit, and for [`OldValues::Activation`].
pub fn edit_conditions(recorder: &mut Recorder, args: &EditConditions<'_>) -> Result<(), Error> {
    const KERNEL: &str = "edit_conditions";
    kernel::require(KERNEL, "conditions", args.conditions, EDIT_HEADER)?;
    let capacity = (args.conditions.words() - EDIT_HEADER) / CONDITION_WORDS;
    for (role, buffer, words) in [
        ("row table", args.rows_table, args.rows * ROW_WORDS),
        ("gates", args.gates, args.rows * capacity),
    ] {
        kernel::require(KERNEL, role, buffer, words)?;
    }
    let dummy = recorder.device().dummy()?;
    let (old_kind, relu, latents, values, width) = match args.values {
        OldValues::Sparse {
            latents,
            activations,
            k,
        } => (OldKind::Sparse, false, latents, activations, k),
        OldValues::Dense { values, relu } => (OldKind::Dense, relu, &dummy, values, args.latents),
        OldValues::Activation => {
            return Err(Error::shape(
                KERNEL,
                "an activation is given as dense values",
            ));
        }
    };
    let mut old_rows = values.words() / width.max(1);
    if let OldKind::Sparse = old_kind {
        old_rows = old_rows.min(latents.words() / width.max(1));
    }
    if !args.by_source {
        kernel::require(KERNEL, "values", values, args.rows * width)?;
        if let OldKind::Sparse = old_kind {
            kernel::require(KERNEL, "latents", latents, args.rows * width)?;
        }
    }
    let flags = Flags {
        old_kind,
        relu,
        by_source: args.by_source,
    };
    let parameters = Parameters {
        rows: kernel::dimension(KERNEL, "rows", args.rows)?,
        width_old: kernel::dimension(KERNEL, "values per row", width)?,
        old_rows: kernel::dimension(KERNEL, "rows of values", old_rows)?,
        capacity: kernel::dimension(KERNEL, "capacity", capacity)?,
        set: args.set,
        latents: kernel::dimension(KERNEL, "latents", args.latents)?,
    };
    recorder.dispatch(
        &SHADER,
        &[
            ("old_kind", f64::from(flags.old_kind as u8)),
            kernel::flag("relu", flags.relu),
            kernel::flag("by_source", flags.by_source),
        ],
        parameters,
        &[
            args.conditions,
            args.rows_table,
            latents,
            values,
            args.gates,
        ],
        [parameters.rows, 1, 1],
        move |bindings| cpu::edit_conditions::run(&parameters, flags, bindings),
    )
}
