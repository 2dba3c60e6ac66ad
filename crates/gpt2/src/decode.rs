//! Token by token with a KV cache.

use kernels::{Plan, Recorder};

use crate::cache::{Cache, CacheUse};
use crate::forward::{Pass, Start};
use crate::rows::{CacheSlot, RowTable, Sequence};
use crate::weights::Gpt2;
use crate::{Error, Hooks};

/// Continues one sequence. A decoded token is one plan made beforehand: 5 dispatches per block, one for the embedding and
/// one per shard of the unembedding; one submit; one read-back; no buffer, bind group or pipeline.
pub struct Decoder {
    cache: Cache,
    step: Plan,
    rows: RowTable,
    position: usize,
    logits: Vec<u32>,
}

impl Decoder {
    /// An empty sequence, which may become as long as the model's context.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn new(model: &Gpt2, hooks: &mut dyn Hooks) -> Result<Self, Error> {
        let cache = Cache::new(model, model.config.n_positions)?;
        let rows = RowTable::one_row_each(model, 1)?;
        let step = record_pass(model, &cache, &rows, hooks)?;
        Ok(Self {
            cache,
            step,
            rows,
            position: 0,
            logits: Vec::new(),
        })
    }

    /// A second sequence that begins with the first `position` tokens of this one, whose keys and values are copied on the
    /// device.
    ///
    /// # Errors
    /// [`Error::NotDecoded`], [`Error::Device`], and whatever the hooks return.
    pub async fn fork(
        &self,
        model: &Gpt2,
        position: usize,
        hooks: &mut dyn Hooks,
    ) -> Result<Self, Error> {
        self.check_decoded(position)?;
        let mut fork = Self::new(model, hooks)?;
        let mut recorder = Recorder::new(&model.device);
        self.cache
            .record_copy(&mut recorder, 0..position, &fork.cache, 0)?;
        recorder.finish().run().await?;
        fork.position = position;
        Ok(fork)
    }

    /// Forgets the sequence.
    pub fn reset(&mut self) {
        self.position = 0;
    }

    /// Forgets all but the first `position` tokens.
    ///
    /// # Errors
    /// [`Error::NotDecoded`] where there are fewer.
    pub fn truncate(&mut self, position: usize) -> Result<(), Error> {
        self.check_decoded(position)?;
        self.position = position;
        Ok(())
    }

    /// Tokens seen so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Dispatches a decoded token takes.
    pub fn dispatches_per_token(&self) -> usize {
        self.step.dispatches()
    }

    /// Appends tokens and returns the logits `[vocab_size]` after the last.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::ContextFull`], [`Error::UnknownToken`], [`Error::Device`], and whatever the hooks
    /// return.
    pub async fn prefill(
        &mut self,
        model: &Gpt2,
        tokens: &[u32],
        hooks: &mut dyn Hooks,
    ) -> Result<&[f32], Error> {
        let rows = RowTable::new(model, tokens.len())?;
        self.write(model, &rows, tokens)?;
        let plan = record_pass(model, &self.cache, &rows, hooks)?;
        plan.run_into(&mut self.logits).await?;
        self.position += tokens.len();
        Ok(self.last_logits())
    }

    /// Appends one token and returns the logits `[vocab_size]` after it.
    ///
    /// # Errors
    /// [`Error::ContextFull`], [`Error::UnknownToken`], [`Error::Device`].
    pub async fn next(&mut self, model: &Gpt2, token: u32) -> Result<&[f32], Error> {
        self.write(model, &self.rows, &[token])?;
        self.step.run_into(&mut self.logits).await?;
        self.position += 1;
        Ok(self.last_logits())
    }

    /// Writes the tokens that follow into a table.
    fn write(&self, model: &Gpt2, rows: &RowTable, tokens: &[u32]) -> Result<(), Error> {
        let sequence = Sequence {
            first_position: self.position,
            cache: Some(CacheSlot {
                first: 0,
                past: self.position,
            }),
            ..Sequence::new(tokens)
        };
        rows.write(model, &[sequence], CacheUse::Append(&self.cache))
    }

    fn check_decoded(&self, position: usize) -> Result<(), Error> {
        if position > self.position {
            return Err(Error::NotDecoded {
                position,
                tokens: self.position,
            });
        }
        Ok(())
    }

    fn last_logits(&self) -> &[f32] {
        kernels::words_as_f32(&self.logits)
    }
}

/// One pass that appends to the cache, logits of the last row read back.
fn record_pass(
    model: &Gpt2,
    cache: &Cache,
    rows: &RowTable,
    hooks: &mut dyn Hooks,
) -> Result<Plan, Error> {
    let mut recorder = Recorder::new(&model.device);
    let pass = Pass {
        rows,
        start: Start::Tokens,
        cache: CacheUse::Append(cache),
    };
    let resid = model.record(&mut recorder, &pass, hooks)?;
    let vocab_size = model.config.vocab_size;
    let logits = recorder.scratch("logits", vocab_size)?;
    let last = rows.rows() - 1..rows.rows();
    model.record_logits(&mut recorder, &resid, last, &logits, hooks)?;
    recorder.read_back(&logits, vocab_size)?;
    Ok(recorder.finish())
}
