//! Ablations of a prompt in batches. Each runs only the positions that it can change: those from the first one on at which
//! its feature is active. Keys and values of the positions before are those of the clean pass, computed once and read by
//! all.

use std::rc::Rc;

use gpt2::{Cache, CacheSlot, Sequence};
use wire::Operation;

use super::clean::Active;
use crate::analysis::edit_table::{capacity, operation, runs};
use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::set::Prepared;
use crate::run::clean::CleanPass;
use crate::run::compile::Parts;
use crate::run::executor::{Executor, Submitted};
use crate::run::input::RunInput;
use crate::run::spec::{CacheMode, HeadRows, HeadSpec, RunSpec, SetAt, StartAt};
use crate::store::feature_set::LoadedSet;
use crate::tokens::Prompt;

/// Most ablations of a batch: each has its last row's logits read back.
const MOST: usize = 64;

/// A feature that is set to 0.
#[derive(Clone, Copy)]
pub(super) struct Ablation {
    pub(super) latent: u32,
    pub(super) active: Active,
}

/// Divides ablations into batches of at most `rows` rows, the longest first, and each into the first batch with room.
/// `tokens` are those of the prompt; an ablation takes those from its first active position on.
pub(super) fn pack(mut ablations: Vec<Ablation>, tokens: usize, rows: usize) -> Vec<Vec<Ablation>> {
    ablations.sort_by_key(|one| (one.active.first, one.latent));
    let mut batches: Vec<(usize, Vec<Ablation>)> = Vec::new();
    for one in ablations {
        let length = tokens - one.active.first;
        let mut open = batches.iter_mut();
        let found = open.find(|(used, batch)| used + length <= rows && batch.len() < MOST);
        match found {
            Some((used, batch)) => {
                *used += length;
                batch.push(one);
            }
            None => batches.push((length, vec![one])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// The rows of a plan for a batch of `used` rows: the most, or a half, a quarter, … of it, so that few plans serve all batches.
fn plan_rows(used: usize, most: usize) -> usize {
    let mut rows = most;
    while rows / 2 >= used && rows > 1 {
        rows /= 2;
    }
    rows
}

/// Keys and values of a clean pass, from the block on where ablations start. Its plans go with it.
struct Past<'a> {
    cache: Rc<Cache>,
    executor: &'a Executor,
}

impl Drop for Past<'_> {
    fn drop(&mut self) {
        self.executor.forget_cache(&self.cache);
    }
}

/// The means to run ablations of a feature set's latents.
pub(super) struct Ablations<'a> {
    question: &'a Question<'a>,
    prompt: &'a Prompt,
    pass: &'a CleanPass,
    set: &'a LoadedSet,
    coder: Prepared<'a>,
    /// The chosen positions, in runs.
    positions: Vec<std::ops::Range<u32>>,
    /// Nothing where no block follows.
    past: Option<Past<'a>>,
}

impl<'a> Ablations<'a> {
    /// For the chosen positions of a prompt. `latents` are those that will be ablated.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn new(
        question: &'a Question<'a>,
        (prompt, pass): (&'a Prompt, &'a CleanPass),
        set: &'a LoadedSet,
        chosen: &[bool],
        latents: Vec<u32>,
    ) -> Result<Self, Error> {
        use crate::analysis::question::Source;
        let coder = question.prepared(set, Source::Pass(pass), latents).await?;
        Ok(Self {
            question,
            prompt,
            pass,
            set,
            coder,
            positions: runs(chosen),
            past: past(question, prompt, pass, set).await?,
        })
    }

    /// Rows of the largest batch.
    pub(super) fn rows(&self) -> usize {
        self.question.batch_rows().max(self.prompt.ids.len())
    }

    /// Starts the runs of a batch.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn submit(&self, batch: &[Ablation]) -> Result<Submitted, Error> {
        let model = self.question.model()?;
        let tokens = self.prompt.ids.len();
        let mut table = Vec::new();
        let mut sequences = Vec::new();
        let mut last = Vec::new();
        let mut used = 0;
        for (sequence, one) in (0..).zip(batch) {
            let latent = self.coder.index_of(one.latent)?;
            table.extend(self.positions.iter().map(|positions| kernels::Edit {
                set: self.set.id.0,
                sequence: Some(sequence),
                positions: positions.clone(),
                latent,
                operation: operation(Operation::Set(0.0)),
                condition: None,
            }));
            sequences.push(self.from(one.active.first));
            used += tokens - one.active.first;
            last.push(used - 1);
        }
        let rows = plan_rows(used, self.rows());
        // The rest of the rows is the clean run's, whose results nobody reads.
        while used < rows {
            let length = (rows - used).min(tokens);
            sequences.push(self.from(tokens - length));
            used += length;
        }
        last.resize(batch.len().next_power_of_two(), 0);
        let spec = RunSpec {
            cache: match self.past {
                Some(_) => CacheMode::Read,
                None => CacheMode::None,
            },
            edits: vec![SetAt::of(self.set)],
            edit_capacity: capacity(table.len()),
            head: Some(HeadSpec {
                rows: HeadRows::All,
                top: 0,
                compare: true,
                keep: false,
                read: false,
                shown: last.len(),
            }),
            ..RunSpec::from_hook(self.set.hook, model.info.n_layers, true)
        };
        let parts = Parts {
            model,
            coders: &[(self.set.id, self.coder.coder())],
            base: Some(&self.pass.run),
            cache: self.past.as_ref().map(|past| &past.cache),
        };
        let input = RunInput {
            sequences: &sequences,
            edits: &table,
            shown: &last,
            ..RunInput::default()
        };
        let keep = self.coder.is_resident();
        self.question.start(&spec, &parts, keep, &input).await
    }

    /// The prompt from a position on.
    fn from(&self, first: usize) -> Sequence<'_> {
        Sequence {
            first_position: first,
            cache: self.past.as_ref().map(|_| CacheSlot {
                first: 0,
                past: first,
            }),
            source_first: Some(first),
            ..Sequence::new(&self.prompt.ids[first..])
        }
    }
}

/// The keys and values of a prompt's clean pass in the blocks that follow a feature set.
async fn past<'a>(
    question: &'a Question<'a>,
    prompt: &Prompt,
    pass: &CleanPass,
    set: &LoadedSet,
) -> Result<Option<Past<'a>>, Error> {
    let model = question.model()?;
    let n_layers = model.info.n_layers;
    let spec = RunSpec {
        cache: CacheMode::Append { one_row: false },
        ..RunSpec::from_hook(set.hook, n_layers, false)
    };
    if matches!(spec.start, StartAt::Block { layer, .. } if layer == n_layers) {
        return Ok(None);
    }
    let cache = Rc::new(Cache::new(&model.model, prompt.ids.len())?);
    let parts = Parts {
        base: Some(&pass.run),
        cache: Some(&cache),
        ..Parts::of_model(model)
    };
    let sequence = Sequence {
        cache: Some(CacheSlot { first: 0, past: 0 }),
        ..Sequence::new(&prompt.ids)
    };
    let input = RunInput {
        sequences: &[sequence],
        ..RunInput::default()
    };
    let submitted = question.start(&spec, &parts, false, &input).await?;
    submitted.output(|set| question.name(set)).await?;
    Ok(Some(Past {
        cache,
        executor: question.executor,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ablation(latent: u32, first: usize) -> Ablation {
        let active = Active {
            activation: 1.0,
            position: first,
            count: 1,
            first,
            last: 0.0,
        };
        Ablation { latent, active }
    }

    #[test]
    fn batches_hold_every_ablation_once_and_no_more_rows_than_fit() {
        let tokens = 64;
        let all: Vec<Ablation> = (0..500)
            .map(|latent| ablation(latent, (latent as usize * 37) % tokens))
            .collect();
        let batches = pack(all, tokens, 256);
        let length = |batch: &Vec<Ablation>| -> usize {
            batch.iter().map(|one| tokens - one.active.first).sum()
        };
        assert!(
            batches
                .iter()
                .all(|batch| length(batch) <= 256 && batch.len() <= MOST)
        );
        let mut latents: Vec<u32> = batches.iter().flatten().map(|one| one.latent).collect();
        latents.sort_unstable();
        assert!(latents.into_iter().eq(0..500));
        // All but the last few are full.
        let rows: usize = batches.iter().map(length).sum();
        assert!(batches.len() <= rows.div_ceil(256) + 2, "{}", batches.len());
        // One that is longer than a batch has one of its own.
        assert_eq!(
            pack(vec![ablation(1, 0), ablation(2, 0)], 300, 300).len(),
            2
        );
    }

    #[test]
    fn few_plans_serve_all_batches() {
        assert_eq!(plan_rows(256, 256), 256);
        assert_eq!(plan_rows(129, 256), 256);
        assert_eq!(plan_rows(128, 256), 128);
        assert_eq!(plan_rows(3, 256), 4);
        assert_eq!(plan_rows(1, 1), 1);
    }
}
