//! Edits of a continuation: the table of the prompt, and that of each token behind it.

use kernels::Edit as TableRow;
use wire::Edit;

use crate::analysis::edit_table::{
    Conditions, Resolved, Taken, capacity, operation, resolve, runs,
};
use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::coder::Coder;
use crate::run::decoder::UsedSets;
use crate::run::spec::SetAt;
use crate::store::feature_set::{LoadedSet, SetId};
use crate::tokens::{Prompt, Vocabulary};

/// The edits under which a prompt is continued.
pub(crate) struct Steering<'a> {
    edits: Vec<Resolved<'a>>,
    sets: Vec<SetAt>,
    coders: Vec<(SetId, &'a dyn Coder)>,
    capacity: usize,
    /// The number of each edit's condition.
    numbers: Vec<Option<u32>>,
    conditions: Conditions,
    conditional: Vec<SetAt>,
    /// Sets whose features are read, in the order of their taps.
    watched: Vec<SetAt>,
    /// The rows of the table for the prompt.
    prompt: Vec<TableRow>,
}

impl<'a> Steering<'a> {
    /// # Errors
    /// As [`resolve`]; [`Error::BadOption`] for a position behind the context, and for two edits of one latent at one
    /// position; [`Error::Unsupported`] for a set that stays in its file.
    pub(crate) fn new(
        question: &'a Question<'_>,
        prompt: &Prompt,
        edits: &'a [Edit],
    ) -> Result<Self, Error> {
        let model = question.model()?;
        let edits = resolve(question, edits)?;
        let mut sets = Vec::new();
        let mut conditional = Vec::new();
        let mut coders: Vec<(SetId, &dyn Coder)> = Vec::new();
        let mut conditions = Conditions::default();
        let mut numbers = Vec::new();
        for Resolved { set, when, .. } in &edits {
            note((&mut sets, &mut coders), set, EDITING)?;
            numbers.push(match when {
                None => None,
                Some(when) => {
                    note((&mut conditional, &mut coders), when.set, EDITING)?;
                    Some(conditions.number(when, when.latent))
                }
            });
        }
        let tokens = prompt.ids.len();
        let mut taken = Taken::default();
        let mut rows = Vec::new();
        let mut largest = edits.len();
        for (edit, condition) in edits.iter().zip(&numbers) {
            let counted = edit.set.counted(&model.vocabulary, prompt);
            // Positions that the context has, and the prompt perhaps not.
            let all = (0..model.info.n_ctx).map(|at| counted.get(at).copied().unwrap_or(true));
            let chosen = edit.chosen(&all.collect::<Vec<_>>(), "the model's context")?;
            taken.take(edit, &chosen)?;
            let of_prompt = runs(chosen.get(..tokens).unwrap_or(&chosen));
            rows.extend(of_prompt.into_iter().map(|positions| TableRow {
                set: edit.set.id.0,
                sequence: None,
                positions,
                latent: edit.edit.latent,
                operation: operation(edit.edit.operation),
                condition: *condition,
            }));
            largest = largest.max(rows.len());
        }
        Ok(Self {
            edits,
            sets,
            coders,
            capacity: capacity(largest),
            numbers,
            conditions,
            conditional,
            watched: Vec::new(),
            prompt: rows,
        })
    }

    /// Has the features of a set read at every token as well.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a set that stays in its file.
    pub(crate) fn watch(&mut self, set: &'a LoadedSet) -> Result<(), Error> {
        note((&mut self.watched, &mut self.coders), set, "watching")
    }

    /// The sets that the edits change and those that are read, as plans are made for them.
    pub(crate) fn sets(&self) -> UsedSets<'_> {
        UsedSets {
            sets: &self.sets,
            coders: &self.coders,
            capacity: self.capacity,
            conditional: &self.conditional,
            conditions: self.conditions.rows(),
            watched: &self.watched,
        }
    }

    /// The rows of the table for the prompt.
    pub(crate) fn of_prompt(&self) -> &[TableRow] {
        &self.prompt
    }

    /// Writes the rows of the table for a token that was generated.
    pub(crate) fn at(
        &self,
        rows: &mut Vec<TableRow>,
        vocabulary: &Vocabulary,
        (position, id): (usize, u32),
    ) {
        rows.clear();
        // A position in the context was counted as u32 when the table of rows was written.
        let at = position as u32;
        for (Resolved { edit, set, .. }, condition) in self.edits.iter().zip(&self.numbers) {
            let applies = match &edit.positions {
                None => set.counts_generated(vocabulary, position, id),
                Some(positions) => positions.contains(at),
            };
            if applies {
                rows.push(TableRow {
                    set: set.id.0,
                    sequence: None,
                    positions: at..at + 1,
                    latent: edit.latent,
                    operation: operation(edit.operation),
                    condition: *condition,
                });
            }
        }
    }
}

/// What an edit needs a set for, in the message that it stays in its file.
const EDITING: &str = "editing";

/// Notes a feature set and its coder; `doing` is what it is needed for.
fn note<'a>(
    (sets, coders): (&mut Vec<SetAt>, &mut Vec<(SetId, &'a dyn Coder)>),
    set: &'a LoadedSet,
    doing: &str,
) -> Result<(), Error> {
    let at = SetAt::of(set);
    if !sets.contains(&at) {
        sets.push(at);
    }
    if coders.iter().any(|(known, _)| *known == set.id) {
        return Ok(());
    }
    let coder = set.features.resident();
    let coder = coder.ok_or_else(|| Error::Unsupported {
        what: format!(
            "{doing} {}, which stays in its file, while text is generated: each token would have to read the file. Load it whole; this",
            set.info.id
        ),
    })?;
    coders.push((set.id, coder));
    Ok(())
}
