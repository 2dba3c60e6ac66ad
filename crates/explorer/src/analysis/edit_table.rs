//! Edits as they are asked for, checked against what is loaded and against a prompt.

use std::collections::BTreeSet;
use std::ops::Range;

use kernels::EditOperation;
use wire::{Edit, Operation};

use crate::analysis::question::Question;
use crate::error::Error;
use crate::store::feature_set::{LoadedSet, SetId};

/// Edits that a table has room for at least, so that one more or less makes no new plan.
const FEWEST_EDITS: usize = 16;

/// The room of a table for so many edits.
pub(crate) fn capacity(edits: usize) -> usize {
    edits.max(FEWEST_EDITS).next_power_of_two()
}

/// The operation as kernels have it.
pub(crate) fn operation(operation: Operation) -> EditOperation {
    match operation {
        Operation::Set(value) => EditOperation::Set(value),
        Operation::Add(value) => EditOperation::Add(value),
        Operation::Scale(value) => EditOperation::Scale(value),
    }
}

/// An edit whose feature set and latent are there.
#[derive(Clone, Copy)]
pub(crate) struct Resolved<'a> {
    pub(crate) edit: &'a Edit,
    pub(crate) set: &'a LoadedSet,
}

/// The edits of a list that are switched on, with their feature sets.
///
/// # Errors
/// [`Error::UnknownSae`]; [`Error::BadOption`] for a hook at which several sets are attached, a latent that is not there, and
/// a value that is not finite or beyond [`wire::LARGEST_VALUE`]; [`Error::Unsupported`] for a condition.
pub(crate) fn resolve<'a>(
    question: &'a Question<'_>,
    edits: &'a [Edit],
) -> Result<Vec<Resolved<'a>>, Error> {
    let on = edits.iter().filter(|edit| edit.on);
    on.map(|edit| {
        let set = question.store.set_or_hook(&edit.sae)?;
        set.check_latent(edit.latent)?;
        edit.check_values().map_err(|fault| Error::BadOption {
            name: "value",
            value: edit.operation.value().to_string(),
            expected: format!(
                "it must be a finite number of at most {} in magnitude: {fault}",
                wire::LARGEST_VALUE
            ),
        })?;
        if edit.when.is_some() {
            return Err(Error::Unsupported {
                what: format!("a condition, as in {edit},"),
            });
        }
        Ok(Resolved { edit, set })
    })
    .collect()
}

impl Resolved<'_> {
    /// `[tokens]`: the positions that it changes, those that it names or all that count; `what` has so many tokens. A range
    /// without an end may begin behind them: there it waits for tokens that are generated.
    ///
    /// # Errors
    /// [`Error::BadOption`] for another position that the prompt does not have.
    pub(crate) fn chosen(&self, counted: &[bool], what: &str) -> Result<Vec<bool>, Error> {
        let Some(positions) = &self.edit.positions else {
            return Ok(counted.to_vec());
        };
        let tokens = counted.len();
        let mut chosen = vec![false; tokens];
        for span in &positions.0 {
            let last = span.end.map(|end| end.saturating_sub(1) as usize);
            if let Some(last) = last.filter(|last| *last >= tokens) {
                return Err(Error::BadOption {
                    name: "positions",
                    value: last.to_string(),
                    expected: format!("{what} has {tokens} tokens"),
                });
            }
            let first = (span.first as usize).min(tokens);
            let end = last.map_or(tokens, |last| last + 1);
            if let Some(chosen) = chosen.get_mut(first..end) {
                chosen.fill(true);
            }
        }
        Ok(chosen)
    }
}

/// Latents with the positions at which a list edits them.
#[derive(Default)]
pub(crate) struct Taken(BTreeSet<(SetId, u32, usize)>);

impl Taken {
    /// Notes the positions that an edit changes.
    ///
    /// # Errors
    /// [`Error::BadOption`] where another edit changes the same latent.
    pub(crate) fn take(&mut self, edit: &Resolved<'_>, chosen: &[bool]) -> Result<(), Error> {
        let latent = edit.edit.latent;
        for (position, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
            if !self.0.insert((edit.set.id, latent, position)) {
                return Err(Error::BadOption {
                    name: "positions",
                    value: position.to_string(),
                    expected: format!(
                        "latent {latent} of {} is edited there already; one edit per latent and position",
                        edit.set.info.id
                    ),
                });
            }
        }
        Ok(())
    }
}

/// The runs of chosen positions.
pub(crate) fn runs(chosen: &[bool]) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for (position, _) in (0_u32..).zip(chosen).filter(|(_, chosen)| **chosen) {
        match runs.last_mut() {
            Some(run) if run.end == position => run.end += 1,
            _ => runs.push(position..position + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_positions_become_runs() {
        assert_eq!(runs(&[false, true, true, false, true]), [1..3, 4..5]);
        assert_eq!(runs(&[true]), [Range { start: 0, end: 1 }]);
        assert!(runs(&[false, false]).is_empty());
    }
}
