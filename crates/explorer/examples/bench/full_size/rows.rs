//! The rows of the table.

use gpt2::{CacheUse, Error, HookPoint, Hooks, Pass, RowTable, Sequence, Start};
use kernels::{Buffer, Copy, Recorder};

use super::{CONFIG, D_MODEL, FullSize, Row, Run, random};
use crate::Result;
use crate::decoder::Decoder;

/// All rows.
pub(super) const ROWS: [Row; 4] = [
    Row {
        name: "trace of 64 tokens",
        runs: 9,
        prepare: trace,
    },
    Row {
        name: "prefill of 512 tokens",
        runs: 5,
        prepare: prefill,
    },
    Row {
        name: "one token at position 64",
        runs: 31,
        prepare: decode,
    },
    Row {
        name: "SAE encoding of 64 tokens",
        runs: 15,
        prepare: encode,
    },
];

fn tokens(count: usize) -> Vec<u32> {
    (0..count as u32)
        .map(|i| i * 37 % CONFIG.vocab_size as u32)
        .collect()
}

/// A forward pass with all logits, and encode, TopK and decode of one layer's residual stream.
fn trace(full_size: &FullSize) -> Result<Run<'_>> {
    let (device, model, sae) = (&full_size.device, &full_size.model, &full_size.sae);
    let tokens = tokens(64);
    let rows = tokens.len();
    let mut hooks = Keep(device.buffer("stream", rows * D_MODEL)?);
    Ok(Box::new(move || {
        let mut recorder = Recorder::new(device);
        let table = RowTable::new(model, rows)?;
        table.write(model, &[Sequence::new(&tokens)], CacheUse::None)?;
        let pass = Pass {
            rows: &table,
            start: Start::Tokens,
            cache: CacheUse::None,
        };
        let stream = model.record(&mut recorder, &pass, &mut hooks)?;
        let logits = recorder.scratch("logits", rows * CONFIG.vocab_size)?;
        model.record_logits(&mut recorder, &stream, 0..rows, &logits, &mut hooks)?;
        let encoding = sae.record_encode(&mut recorder, &hooks.0, rows)?;
        let decoded = sae.record_decode(&mut recorder, &encoding)?;
        for buffer in [&encoding.latents, &encoding.activations, &decoded] {
            recorder.read_back(buffer, buffer.words())?;
        }
        recorder.read_back(&logits, 1)?;
        pollster::block_on(recorder.finish().run())?;
        Ok(())
    }))
}

/// Keeps the residual stream of the middle layer.
struct Keep(Buffer);

impl Hooks for Keep {
    fn wants(&self, point: HookPoint) -> bool {
        point == HookPoint::ResidPost(6)
    }

    fn visit(
        &mut self,
        recorder: &mut Recorder,
        _point: HookPoint,
        activation: &Buffer,
    ) -> std::result::Result<Option<Buffer>, Error> {
        let copy = Copy {
            input: activation,
            input_offset: 0,
            output: &self.0,
            output_offset: 0,
            words: self.0.words(),
        };
        kernels::copy(recorder, &copy)?;
        Ok(None)
    }
}

/// 512 tokens into an empty cache, logits after the last.
fn prefill(full_size: &FullSize) -> Result<Run<'_>> {
    let model = &full_size.model;
    let tokens = tokens(512);
    let mut decoder = Decoder::new(model)?;
    Ok(Box::new(move || {
        decoder.reset();
        decoder.prefill(&tokens)
    }))
}

/// One token after 60 others and those of the runs before.
fn decode(full_size: &FullSize) -> Result<Run<'_>> {
    let model = &full_size.model;
    let mut decoder = Decoder::new(model)?;
    decoder.prefill(&tokens(60))?;
    Ok(Box::new(move || decoder.next(1)))
}

/// Encode and TopK of 64 rows.
fn encode(full_size: &FullSize) -> Result<Run<'_>> {
    let rows = 64;
    let input = random(3, (0.0, 1.0), 0..rows * D_MODEL);
    let input = full_size.device.buffer_with("input", &input)?;
    let mut recorder = Recorder::new(&full_size.device);
    let encoding = full_size.sae.record_encode(&mut recorder, &input, rows)?;
    for buffer in [&encoding.latents, &encoding.activations] {
        recorder.read_back(buffer, buffer.words())?;
    }
    let plan = recorder.finish();
    let mut words = Vec::new();
    Ok(Box::new(move || {
        Ok(pollster::block_on(plan.run_into(&mut words))?)
    }))
}
