//! Decoding of one sequence with a KV cache, for measurements of the model alone.

use gpt2::{Cache, CacheSlot, CacheUse, Gpt2, NoHooks, Pass, RowTable, Sequence, Start};
use kernels::{Plan, Recorder};

use crate::Result;

/// One sequence, with the plan of a decoded token recorded beforehand.
pub struct Decoder<'a> {
    model: &'a Gpt2,
    cache: Cache,
    step: Plan,
    rows: RowTable,
    position: usize,
    logits: Vec<u32>,
}

impl<'a> Decoder<'a> {
    /// An empty sequence with room for the model's context.
    pub fn new(model: &'a Gpt2) -> Result<Self> {
        let cache = Cache::new(model, model.config().n_positions)?;
        let rows = RowTable::one_row_each(model, 1)?;
        let step = record(model, &cache, &rows)?;
        Ok(Self {
            model,
            cache,
            step,
            rows,
            position: 0,
            logits: Vec::new(),
        })
    }

    /// Forgets the sequence.
    pub fn reset(&mut self) {
        self.position = 0;
    }

    /// Appends tokens with a plan recorded for their number, and reads the logits after the last back.
    pub fn prefill(&mut self, tokens: &[u32]) -> Result<()> {
        let rows = RowTable::new(self.model, tokens.len())?;
        self.write(&rows, tokens)?;
        let plan = record(self.model, &self.cache, &rows)?;
        pollster::block_on(plan.run_into(&mut self.logits))?;
        self.position += tokens.len();
        Ok(())
    }

    /// Appends one token, and reads the logits after it back.
    pub fn next(&mut self, token: u32) -> Result<()> {
        self.write(&self.rows, &[token])?;
        pollster::block_on(self.step.run_into(&mut self.logits))?;
        self.position += 1;
        Ok(())
    }

    fn write(&self, rows: &RowTable, tokens: &[u32]) -> Result<()> {
        let sequence = Sequence {
            first_position: self.position,
            cache: Some(CacheSlot {
                first: 0,
                past: self.position,
            }),
            ..Sequence::new(tokens)
        };
        Ok(rows.write(self.model, &[sequence], CacheUse::Append(&self.cache))?)
    }
}

/// A pass that appends to the cache, and the logits of its last row.
fn record(model: &Gpt2, cache: &Cache, rows: &RowTable) -> Result<Plan> {
    let mut recorder = Recorder::new(model.device());
    let pass = Pass {
        rows,
        start: Start::Tokens,
        cache: CacheUse::Append(cache),
    };
    let stream = model.record(&mut recorder, &pass, &mut NoHooks)?;
    let vocab_size = model.config().vocab_size;
    let logits = recorder.scratch("logits", vocab_size)?;
    let last = rows.rows() - 1..rows.rows();
    model.record_logits(&mut recorder, &stream, last, &logits, &mut NoHooks)?;
    recorder.read_back(&logits, vocab_size)?;
    Ok(recorder.finish())
}
