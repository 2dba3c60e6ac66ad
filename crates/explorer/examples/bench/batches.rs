//! Batches beside one run after the other: sequences of the demo's model, and ablations of one prompt.

use std::cell::Cell;

use explorer::{Bos, Edit, Input, Session, TraceOptions};
use kernels::Device;
use pollster::block_on;
use serde_json::{Value, json};

use crate::demo::MIDDLE;
use crate::timing::median;
use crate::{Result, demo, table};

const SEQUENCES: usize = 64;
const TOKENS: usize = 64;
const RUNS: usize = 5;
/// Longer runs are measured once.
const ENOUGH_SECONDS: f64 = 2.0;

/// Measures a session with the demo's model and one of its SAEs.
pub fn measure(device: &Device, folder: &str) -> Result<Value> {
    let session = demo::with_middle(device, folder)?;
    let mut lines = Vec::new();
    let mut results = Vec::new();
    let mut report = |name: &str, one_by_one: f64, batched: f64| {
        let ratio = one_by_one / batched;
        lines.push(vec![
            name.to_owned(),
            table::milliseconds(one_by_one),
            table::milliseconds(batched),
            format!("{ratio:.2}"),
        ]);
        results.push(json!({
            "name": name, "one_by_one_seconds": one_by_one, "batched_seconds": batched, "ratio": ratio,
        }));
    };
    let model_alone = TraceOptions {
        saes: Some(Vec::new()),
        bos: Bos::No,
        ..TraceOptions::default()
    };
    let with_sae = TraceOptions {
        saes: None,
        ..model_alone.clone()
    };
    for (name, options) in [
        ("64 sequences of 64 tokens, the model alone", &model_alone),
        ("64 sequences of 64 tokens, with an SAE of 4,096", &with_sae),
    ] {
        let (one_by_one, batched) = sequences(&session, options)?;
        report(name, one_by_one, batched);
    }
    let (one_by_one, batched) = ablations(&session, &model_alone)?;
    report("64 ablations of a prompt of 64 tokens", one_by_one, batched);
    table::print(
        &format!("Batches on {}, ms", device.adapter_name()),
        &["", "one by one", "batched", "ratio"],
        &lines,
    );
    Ok(json!(results))
}

/// Prompts that differ in their first token, so that none is the one before.
fn prompts(first: u32) -> Vec<Vec<u32>> {
    (0..SEQUENCES as u32)
        .map(|sequence| {
            let rest = (1..TOKENS as u32).map(|i| 300 + i * 37 % 1000);
            [first + sequence].into_iter().chain(rest).collect()
        })
        .collect()
}

/// Seconds for all sequences, one after the other and in batches.
fn sequences(session: &Session, options: &TraceOptions) -> Result<(f64, f64)> {
    // A session keeps the pass of its last prompts; these are new in each run.
    let round = Cell::new(0);
    let fresh = || {
        round.set(round.get() + SEQUENCES as u32);
        prompts(round.get())
    };
    let one_by_one = || -> Result<()> {
        for prompt in fresh() {
            block_on(session.trace(&prompt, options))?;
        }
        Ok(())
    };
    let batched = || -> Result<()> {
        let prompts = fresh();
        let inputs: Vec<Input<'_>> = prompts.iter().map(Input::from).collect();
        block_on(session.trace_batch(&inputs, options))?;
        Ok(())
    };
    compare(one_by_one, batched)
}

/// The medians of both, after one run each to warm up.
fn compare(
    one_by_one: impl Fn() -> Result<()>,
    batched: impl Fn() -> Result<()>,
) -> Result<(f64, f64)> {
    let once = median(1, &one_by_one)?;
    batched()?;
    // What takes seconds, as on an adapter in software, is not measured five times over.
    let runs = if once > ENOUGH_SECONDS { 1 } else { RUNS };
    Ok((median(runs, one_by_one)?, median(runs, batched)?))
}

/// Seconds for as many ablations of one prompt, whose clean pass is kept.
fn ablations(session: &Session, options: &TraceOptions) -> Result<(f64, f64)> {
    let prompt = prompts(0).remove(0);
    let lists: Vec<Vec<Edit>> = (0..SEQUENCES as u32)
        .map(|latent| vec![Edit::set(MIDDLE, latent, 0.5)])
        .collect();
    let one_by_one = || -> Result<()> {
        for list in &lists {
            block_on(session.edited(&prompt, list, options))?;
        }
        Ok(())
    };
    let batched = || -> Result<()> {
        block_on(session.edit_batch(&prompt, &lists, options))?;
        Ok(())
    };
    compare(one_by_one, batched)
}
