//! Runs of a prompt from a position on, many in a batch. Keys and values of the positions before are those of the clean pass,
//! computed once and read by all.

use std::rc::Rc;

use gpt2::{Cache, CacheSlot, Sequence};

use crate::analysis::question::Question;
use crate::error::Error;
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::Executor;
use crate::run::input::RunInput;
use crate::run::spec::{CacheMode, RunSpec};

/// Most runs of a batch: of each, the last row's logits are read back.
const MOST: usize = 64;

/// Keys and values of a prompt. The plans that read them go with them.
pub(crate) struct Past<'a> {
    cache: Rc<Cache>,
    executor: &'a Executor,
}

impl<'a> Past<'a> {
    /// Of the tokens, in the blocks that `spec` runs; it starts from the rows of `base` where it does not start at the tokens.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn new(
        question: &'a Question<'a>,
        ids: &[u32],
        spec: RunSpec,
        base: Option<&Rc<Compiled>>,
    ) -> Result<Self, Error> {
        let model = question.model()?;
        let past = Self {
            cache: Rc::new(Cache::new(&model.model, ids.len())?),
            executor: question.executor,
        };
        let spec = RunSpec {
            cache: CacheMode::Append { one_row: false },
            ..spec
        };
        let parts = Parts {
            base,
            cache: Some(&past.cache),
            ..Parts::of_model(model)
        };
        let input = RunInput {
            sequences: &[Sequence {
                cache: Some(CacheSlot { first: 0, past: 0 }),
                ..Sequence::new(ids)
            }],
            ..RunInput::default()
        };
        let submitted = question.start(&spec, &parts, false, &input).await?;
        submitted.output(|set| question.name(set)).await?;
        Ok(past)
    }

    /// The cache, for the parts of a run that reads it.
    pub(crate) fn cache(&self) -> &Rc<Cache> {
        &self.cache
    }
}

impl Drop for Past<'_> {
    fn drop(&mut self) {
        self.executor.forget_cache(&self.cache);
    }
}

/// The tokens from a position on, each row starting from the row of the clean pass with the number of its position.
pub(crate) fn suffix<'s>(ids: &'s [u32], first: usize, past: Option<&Past<'_>>) -> Sequence<'s> {
    Sequence {
        first_position: first,
        cache: past.map(|_| CacheSlot {
            first: 0,
            past: first,
        }),
        source_first: Some(first),
        ..Sequence::new(&ids[first..])
    }
}

/// The sequences of a batch, as many rows as one of its few plans has.
pub(crate) struct Suffixes<'s> {
    /// The runs, and behind them rows whose results nobody reads: a plan runs all its rows.
    pub(crate) sequences: Vec<Sequence<'s>>,
    /// The last row of each run, and as often row 0 as makes a power of two.
    pub(crate) last: Vec<usize>,
}

impl<'s> Suffixes<'s> {
    /// Of runs of a prompt with so many tokens; `most` are the rows of the largest batch, `from` is the prompt from a position on.
    pub(crate) fn new(
        runs: Vec<Sequence<'s>>,
        tokens: usize,
        most: usize,
        from: impl Fn(usize) -> Sequence<'s>,
    ) -> Self {
        let mut used = 0;
        let ends = runs.iter().map(|run| {
            used += run.tokens.len();
            used - 1
        });
        let mut last: Vec<usize> = ends.collect();
        last.resize(runs.len().next_power_of_two(), 0);
        let mut sequences = runs;
        let mut rest = plan_rows(used, most) - used;
        while rest > 0 {
            let length = rest.min(tokens);
            sequences.push(from(tokens - length));
            rest -= length;
        }
        Self { sequences, last }
    }
}

/// Divides runs into batches of at most `rows` rows, the longest first, and each into the first batch with room. `first` is the
/// position where a run begins.
pub(crate) fn pack<T>(
    mut all: Vec<T>,
    tokens: usize,
    rows: usize,
    first: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    all.sort_by_key(&first);
    let mut batches: Vec<(usize, Vec<T>)> = Vec::new();
    for one in all {
        let length = tokens - first(&one);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_run_once_and_no_more_rows_than_fit() {
        let tokens = 64;
        let all: Vec<(usize, usize)> = (0..500).map(|run| (run, (run * 37) % tokens)).collect();
        let batches = pack(all, tokens, 256, |one| one.1);
        let length =
            |batch: &Vec<(usize, usize)>| -> usize { batch.iter().map(|one| tokens - one.1).sum() };
        assert!(
            batches
                .iter()
                .all(|batch| length(batch) <= 256 && batch.len() <= MOST)
        );
        let mut runs: Vec<usize> = batches.iter().flatten().map(|one| one.0).collect();
        runs.sort_unstable();
        assert!(runs.into_iter().eq(0..500));
        // All but the last few are full.
        let rows: usize = batches.iter().map(length).sum();
        assert!(batches.len() <= rows.div_ceil(256) + 2, "{}", batches.len());
        // One that is longer than a batch has one of its own.
        assert_eq!(pack(vec![0, 0], 300, 256, |first| *first).len(), 2);
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
