//! The inputs of a run: written into a compiled plan's buffers before it is submitted.

use std::cell::RefCell;

use gpt2::{CacheUse, RowTable, Sequence};
use kernels::{Buffer, CONDITION_WORDS, Device, EDIT_HEADER, EDIT_WORDS, Edit, EditCondition};

use crate::error::Error;
use crate::run::spec::{HeadRows, RunSpec, Tap};
use crate::store::model::LoadedModel;
use crate::tokens::Prompt;

/// The inputs of a run.
#[derive(Clone, Copy, Default)]
pub(crate) struct RunInput<'a> {
    pub(crate) sequences: &'a [Sequence<'a>],
    /// `[rows]`: rows on which a reconstruction replaces the activation.
    pub(crate) mask: &'a [bool],
    pub(crate) edits: &'a [Edit],
    pub(crate) conditions: &'a [EditCondition],
    /// Rows whose logits are wanted, where the spec says that they are chosen.
    pub(crate) wanted: &'a [usize],
    /// Rows whose logits are read back beside the other results, as many as the spec says.
    pub(crate) shown: &'a [usize],
}

/// Whole prompts as sequences of a run.
pub(crate) fn sequences<'a>(prompts: impl IntoIterator<Item = &'a Prompt>) -> Vec<Sequence<'a>> {
    let prompts = prompts.into_iter();
    prompts.map(|prompt| Sequence::new(&prompt.ids)).collect()
}

/// Buffers that a plan reads its inputs from.
pub(crate) struct Inputs {
    pub(crate) rows: RowTable,
    /// `[rows]` u32, 1 where a reconstruction replaces the activation.
    pub(crate) mask: Option<Buffer>,
    pub(crate) edits: Option<Buffer>,
    pub(crate) conditions: Option<Buffer>,
    /// `[wanted]` u32: the token after each row whose logits are wanted; `u32::MAX` for none.
    pub(crate) targets: Option<Buffer>,
    /// `[rows]` u32: the same after every row, where a logit lens reads it.
    pub(crate) next: Option<Buffer>,
    /// `[wanted]` u32: rows whose logits are wanted, where they are chosen.
    pub(crate) wanted: Option<Buffer>,
    /// `[shown]` u32: rows whose logits are read back beside the other results.
    pub(crate) shown: Option<Buffer>,
    /// The base's row that each wanted row is compared with, one buffer per chunk of logits.
    pub(crate) sources: Vec<Buffer>,
    scratch: RefCell<Scratch>,
}

/// Memory that writing uses again: a decoded token makes nothing.
#[derive(Default)]
struct Scratch {
    /// The token after each row, or `u32::MAX`.
    next: Vec<u32>,
    sources: Vec<u32>,
    chosen: Vec<u32>,
    /// Words of the table of edits, and then of that of conditions.
    edits: Vec<u32>,
}

impl Inputs {
    /// Buffers for runs of `rows` rows. `chunks` are the numbers of wanted rows whose logits are computed at a time.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::EmptyPrompt`] for no rows.
    pub(crate) fn new(
        device: &Device,
        spec: &RunSpec,
        rows: RowTable,
        chunks: &[usize],
    ) -> Result<Self, Error> {
        let count = rows.rows();
        let capacity = EDIT_HEADER + spec.edit_capacity * EDIT_WORDS;
        let condition_words = EDIT_HEADER + spec.condition_capacity * CONDITION_WORDS;
        let wanted: usize = chunks.iter().sum();
        let has_lens = spec
            .taps
            .iter()
            .any(|tap| matches!(tap, Tap::LogitLens { .. }));
        Ok(Self {
            rows,
            mask: match spec.splice {
                Some(_) => Some(device.buffer("mask of rows", count)?),
                None => None,
            },
            edits: match spec.edits.is_empty() {
                true => None,
                false => Some(device.buffer("edits", capacity)?),
            },
            conditions: match spec.conditions.is_empty() {
                true => None,
                false => Some(device.buffer("conditions", condition_words)?),
            },
            targets: match spec.head {
                Some(_) => Some(device.buffer("targets", wanted)?),
                None => None,
            },
            next: match has_lens {
                true => Some(device.buffer("next tokens", count)?),
                false => None,
            },
            wanted: match spec.head.map(|head| head.rows) {
                Some(HeadRows::Chosen(count)) => Some(device.buffer("wanted rows", count)?),
                Some(HeadRows::All) | None => None,
            },
            shown: match spec.head.map_or(0, |head| head.shown) {
                0 => None,
                rows => Some(device.buffer("rows to show", rows)?),
            },
            sources: match spec.head {
                Some(head) if head.compare => chunks
                    .iter()
                    .map(|rows| device.buffer("rows to compare with", *rows))
                    .collect::<Result<_, _>>()?,
                _ => Vec::new(),
            },
            scratch: RefCell::default(),
        })
    }

    /// Writes the inputs of the next run.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::Model`], [`Error::NoSuchIndex`] for a wanted row that is
    /// not there, [`Error::Device`] where something does not fit the buffers.
    pub(crate) fn write(
        &self,
        model: &LoadedModel,
        cache: CacheUse<'_>,
        input: &RunInput<'_>,
    ) -> Result<(), Error> {
        self.rows.write(&model.model, input.sequences, cache)?;
        if let Some(mask) = &self.mask {
            let words: Vec<u32> = input.mask.iter().map(|on| u32::from(*on)).collect();
            mask.write(0, &words)?;
        }
        let scratch = &mut *self.scratch.borrow_mut();
        if let Some(edits) = &self.edits {
            Edit::write_table(input.edits, &mut scratch.edits);
            edits.write(0, &scratch.edits)?;
        }
        if let Some(conditions) = &self.conditions {
            EditCondition::write_table(input.conditions, &mut scratch.edits);
            conditions.write(0, &scratch.edits)?;
        }
        if let Some(shown) = &self.shown {
            let rows = input.shown.iter().map(|row| *row as u32);
            shown.write(0, &rows.collect::<Vec<_>>())?;
        }
        if self.targets.is_none() && self.next.is_none() {
            return Ok(());
        }
        scratch.read(input.sequences);
        if let Some(next) = &self.next {
            next.write(0, &scratch.next)?;
        }
        let Some(targets) = &self.targets else {
            return Ok(());
        };
        let Some(wanted) = &self.wanted else {
            targets.write(0, &scratch.next)?;
            return self.write_sources(&scratch.sources);
        };
        choose(&mut scratch.chosen, &scratch.next, input.wanted)?;
        targets.write(0, &scratch.chosen)?;
        // Rows were counted as u32 when the table was written.
        scratch.chosen.clear();
        let rows = input.wanted.iter().map(|row| *row as u32);
        scratch.chosen.extend(rows);
        wanted.write(0, &scratch.chosen)?;
        choose(&mut scratch.chosen, &scratch.sources, input.wanted)?;
        self.write_sources(&scratch.chosen)
    }

    fn write_sources(&self, sources: &[u32]) -> Result<(), Error> {
        let mut rest = sources;
        for buffer in &self.sources {
            let (chunk, others) = rest.split_at(buffer.words().min(rest.len()));
            buffer.write(0, chunk)?;
            rest = others;
        }
        Ok(())
    }
}

impl Scratch {
    fn read(&mut self, sequences: &[Sequence<'_>]) {
        self.next.clear();
        self.sources.clear();
        for sequence in sequences {
            let first = sequence.source_first.unwrap_or(self.next.len());
            let sources = first..first + sequence.tokens.len();
            self.sources.extend(sources.map(|row| row as u32));
            let rest = sequence.tokens.get(1..).unwrap_or_default();
            self.next.extend_from_slice(rest);
            self.next.push(u32::MAX);
        }
    }
}

/// The values of the wanted rows.
fn choose(chosen: &mut Vec<u32>, values: &[u32], wanted: &[usize]) -> Result<(), Error> {
    chosen.clear();
    for row in wanted {
        let value = values.get(*row).ok_or(Error::NoSuchIndex {
            what: "the wanted row",
            index: *row,
            count: values.len(),
        })?;
        chosen.push(*value);
    }
    Ok(())
}
