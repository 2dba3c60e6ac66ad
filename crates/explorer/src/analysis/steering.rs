//! Edits of a continuation: the table of the prompt, and that of each token behind it.

use kernels::Edit as TableRow;
use wire::Edit;

use crate::analysis::edit_table::{Resolved, Taken, capacity, operation, resolve, runs};
use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::coder::Coder;
use crate::run::decoder::EditedSets;
use crate::run::spec::SetAt;
use crate::store::feature_set::SetId;
use crate::tokens::{Prompt, Vocabulary};

/// The edits under which a prompt is continued.
pub(crate) struct Steering<'a> {
    edits: Vec<Resolved<'a>>,
    sets: Vec<SetAt>,
    coders: Vec<(SetId, &'a dyn Coder)>,
    capacity: usize,
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
        let (mut sets, mut coders) = (Vec::new(), Vec::new());
        for Resolved { set, .. } in &edits {
            let at = SetAt::of(set);
            if sets.contains(&at) {
                continue;
            }
            let coder = set.features.resident();
            let coder = coder.ok_or_else(|| Error::Unsupported {
                what: format!(
                    "editing {}, which stays in its file, while text is generated: each token would have to read the file. Load it whole; this",
                    set.info.id
                ),
            })?;
            sets.push(at);
            coders.push((set.id, coder));
        }
        let tokens = prompt.ids.len();
        let mut taken = Taken::default();
        let mut rows = Vec::new();
        let mut largest = edits.len();
        for edit in &edits {
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
            }));
            largest = largest.max(rows.len());
        }
        Ok(Self {
            edits,
            sets,
            coders,
            capacity: capacity(largest),
            prompt: rows,
        })
    }

    /// The sets that the edits change, as plans are made for them.
    pub(crate) fn sets(&self) -> EditedSets<'_> {
        EditedSets {
            sets: &self.sets,
            coders: &self.coders,
            capacity: self.capacity,
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
        rows.extend(
            self.edits
                .iter()
                .filter(|Resolved { edit, set }| {
                    let counts = || set.counts_generated(vocabulary, position, id);
                    match &edit.positions {
                        None => counts(),
                        Some(positions) => positions.contains(at),
                    }
                })
                .map(|Resolved { edit, set }| TableRow {
                    set: set.id.0,
                    sequence: None,
                    positions: at..at + 1,
                    latent: edit.latent,
                    operation: operation(edit.operation),
                }),
        );
    }
}
