//! Edits as they are asked for, checked against what is loaded and against a prompt.

use std::collections::BTreeSet;
use std::ops::Range;

use kernels::{EditCondition, EditOperation};
use wire::{Condition, Edit, Operation};

use crate::analysis::question::Question;
use crate::error::Error;
use crate::store::feature_set::{LoadedSet, SetId};

/// Conditions that a table has room for at least.
const FEWEST_CONDITIONS: usize = 4;

/// Edits that a table has room for at least, so that one more or less makes no new plan.
const FEWEST_EDITS: usize = 16;

/// The room of a table for so many edits.
pub(crate) fn capacity(edits: usize) -> usize {
    edits.max(FEWEST_EDITS).next_power_of_two()
}

/// The room of a table for so many conditions; none where there are none.
pub(crate) fn condition_capacity(conditions: usize) -> usize {
    match conditions {
        0 => 0,
        _ => conditions.max(FEWEST_CONDITIONS).next_power_of_two(),
    }
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
    pub(crate) when: Option<ResolvedCondition<'a>>,
}

/// A condition whose feature set and latent are there.
#[derive(Clone, Copy)]
pub(crate) struct ResolvedCondition<'a> {
    pub(crate) set: &'a LoadedSet,
    pub(crate) latent: u32,
    pub(crate) above: f32,
}

/// The edits of a list that are switched on, with their feature sets.
///
/// # Errors
/// [`Error::UnknownSae`]; [`Error::BadOption`] for a hook at which several sets are attached, a latent that is not there, and
/// a value that is not finite or beyond [`wire::LARGEST_VALUE`], and for a condition behind the edit in the pass.
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
        let when = edit
            .when
            .as_ref()
            .map(|when| condition(question, edit, set, when));
        Ok(Resolved {
            edit,
            set,
            when: when.transpose()?,
        })
    })
    .collect()
}

/// A condition that is known before the edit is made.
fn condition<'a>(
    question: &'a Question<'_>,
    edit: &Edit,
    set: &LoadedSet,
    when: &'a Condition,
) -> Result<ResolvedCondition<'a>, Error> {
    let n_layers = question.model()?.info.n_layers;
    let of = question.store.set_or_hook(&when.sae)?;
    of.check_latent(when.latent)?;
    if of.hook.order(n_layers) > set.hook.order(n_layers) {
        return Err(Error::BadOption {
            name: "when",
            value: format!("{}:{} at {}", when.sae, when.latent, of.hook),
            expected: format!(
                "a condition is taken before the edit is made: its hook point has to be that of {} or one before it, {}",
                edit.sae, set.hook
            ),
        });
    }
    Ok(ResolvedCondition {
        set: of,
        latent: when.latent,
        above: when.above,
    })
}

/// The rows of a table of conditions, each once.
#[derive(Default)]
pub(crate) struct Conditions(Vec<EditCondition>);

impl Conditions {
    /// The number of a condition in the table, where it is put if it is not there yet. `latent` is the coder's index of it.
    pub(crate) fn number(&mut self, when: &ResolvedCondition<'_>, latent: u32) -> u32 {
        let row = EditCondition {
            set: when.set.id.0,
            latent,
            above: when.above,
        };
        let at = self.0.iter().position(|known| *known == row);
        let at = at.unwrap_or_else(|| {
            self.0.push(row);
            self.0.len() - 1
        });
        // There are no more conditions than edits, which a table counts as u32.
        at as u32
    }

    pub(crate) fn rows(&self) -> &[EditCondition] {
        &self.0
    }
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
