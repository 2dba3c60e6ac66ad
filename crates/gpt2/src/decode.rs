//! Token by token with a KV cache.

use kernels::{Buffer, Plan, Recorder};

use crate::forward::Start;
use crate::tokens::Batch;
use crate::weights::Gpt2;
use crate::{Error, Hooks};

/// Queries, keys and values of one sequence's past, a buffer `[n_positions, 3 * d_model]` a block. The query's third is
/// never read again; it buys that the projection writes the cache itself, without another dispatch.
pub struct Cache {
    pub(crate) blocks: Vec<Buffer>,
}

impl Cache {
    /// An empty cache for `n_positions` tokens.
    ///
    /// # Errors
    /// As [`kernels::Device::buffer`].
    pub fn new(model: &Gpt2) -> Result<Self, Error> {
        let config = &model.config;
        let words = config.n_positions * 3 * config.n_embd;
        Ok(Self {
            blocks: (0..config.n_layer)
                .map(|layer| model.device.buffer(&format!("kv cache {layer}"), words))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Continues one sequence. A decoded token is one plan made beforehand: 5 dispatches a block, one for the embedding and
/// one a shard of the unembedding; one submit; one read-back; no buffer, bind group or pipeline.
pub struct Decoder {
    cache: Cache,
    step: Plan,
    /// Position and token of the step.
    tokens: Buffer,
    position: usize,
    limit: usize,
    logits: Vec<u32>,
}

impl Decoder {
    /// An empty sequence.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn new(model: &Gpt2, hooks: &mut dyn Hooks) -> Result<Self, Error> {
        let cache = Cache::new(model)?;
        let tokens = model.device.buffer("position and token", 2)?;
        let step = record_pass(model, &cache, &tokens, 1, hooks)?;
        Ok(Self {
            cache,
            step,
            tokens,
            position: 0,
            limit: model.config.n_positions,
            logits: Vec::new(),
        })
    }

    /// Forgets the sequence.
    pub fn reset(&mut self) {
        self.position = 0;
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
        let batch = Batch {
            sequences: 1,
            tokens_per_sequence: tokens.len(),
        };
        let buffer = model.upload_tokens(tokens, batch, self.position)?;
        let plan = record_pass(model, &self.cache, &buffer, tokens.len(), hooks)?;
        plan.run_into(&mut self.logits).await?;
        self.position += tokens.len();
        Ok(self.last_logits())
    }

    /// Appends one token and returns the logits `[vocab_size]` after it.
    ///
    /// # Errors
    /// [`Error::ContextFull`], [`Error::UnknownToken`], [`Error::Device`].
    pub async fn next(&mut self, model: &Gpt2, token: u32) -> Result<&[f32], Error> {
        if self.position >= self.limit {
            return Err(Error::ContextFull {
                tokens: self.position + 1,
                limit: self.limit,
            });
        }
        model.check_tokens(&[token])?;
        self.tokens.write(0, &[self.position as u32, token])?;
        self.step.run_into(&mut self.logits).await?;
        self.position += 1;
        Ok(self.last_logits())
    }

    fn last_logits(&self) -> &[f32] {
        kernels::words_as_f32(&self.logits)
    }
}

/// One pass over `rows` tokens with the cache, logits of the last row read back.
fn record_pass(
    model: &Gpt2,
    cache: &Cache,
    tokens: &Buffer,
    rows: usize,
    hooks: &mut dyn Hooks,
) -> Result<Plan, Error> {
    let mut recorder = Recorder::new(&model.device);
    let batch = Batch {
        sequences: 1,
        tokens_per_sequence: rows,
    };
    let resid = model.record(
        &mut recorder,
        tokens,
        batch,
        Start::Tokens,
        Some(cache),
        hooks,
    )?;
    let vocab_size = model.config.vocab_size;
    let logits = recorder.scratch("logits", vocab_size)?;
    model.record_logits(&mut recorder, &resid, rows - 1..rows, &logits, hooks)?;
    recorder.read_back(&logits, vocab_size)?;
    Ok(recorder.finish())
}
