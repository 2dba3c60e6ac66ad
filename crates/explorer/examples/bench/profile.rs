//! Times of the demo's kernels inside a pass, from the device's timestamps, beside what it takes to read all that they bind. A
//! kernel that reads little of it, as an embedding does, comes out above 100 %.

use gpt2::{Cache, CacheSlot, CacheUse, Gpt2, NoHooks, Pass, RowTable, Sequence, Start};
use kernels::{Device, KernelTime, Plan, Recorder};
use serde_json::{Value, json};

use crate::Result;
use crate::model::load;
use crate::table;

/// Runs of which the fastest counts for each kernel.
const RUNS: usize = 5;
/// Tokens in the cache before the decoded one.
const PAST: usize = 64;

/// All dispatches of one kernel in a pass.
struct Sum {
    kernel: &'static str,
    count: usize,
    nanoseconds: f64,
    bytes: u64,
}

/// A pass over 64 tokens, and one decoded token after them. `bytes_per_second` is what a copy reads and writes.
pub fn measure(device: &Device, demo: &str, bytes_per_second: f64) -> Result<Value> {
    if !device.has_timestamps() {
        println!("{} has no timestamps.\n", device.adapter_name());
        return Ok(Value::Null);
    }
    let model = load(device, demo)?;
    let tokens: Vec<u32> = (0..PAST as u32).collect();
    let mut report = json!({});
    for (name, tokens, past) in [("64 tokens", &tokens[..], 0), ("one token", &[1], PAST)] {
        let (plan, _rows) = plan(&model, tokens, past)?;
        let sums = sums(&plan)?;
        let lines: Vec<Vec<String>> = sums.iter().map(|sum| line(sum, bytes_per_second)).collect();
        let title = format!("Kernels of a pass over {name} (demo, timestamps)");
        let headings = ["kernel", "count", "µs", "MB bound", "floor µs", "reached"];
        table::print(&title, &headings, &lines);
        report[name] = sums
            .iter()
            .map(|sum| {
                json!({
                    "kernel": sum.kernel, "count": sum.count,
                    "nanoseconds": sum.nanoseconds, "bytes": sum.bytes,
                })
            })
            .collect();
    }
    Ok(report)
}

fn line(sum: &Sum, bytes_per_second: f64) -> Vec<String> {
    let floor = sum.bytes as f64 / bytes_per_second * 1e9;
    vec![
        sum.kernel.to_owned(),
        sum.count.to_string(),
        format!("{:.1}", sum.nanoseconds / 1e3),
        format!("{:.2}", sum.bytes as f64 / 1e6),
        format!("{:.1}", floor / 1e3),
        format!("{:.0} %", 100.0 * floor / sum.nanoseconds.max(1.0)),
    ]
}

/// The pass, with the logits of the last row; and its row table.
fn plan(model: &Gpt2, tokens: &[u32], past: usize) -> Result<(Plan, RowTable)> {
    let cache = Cache::new(model, PAST + 1)?;
    let rows = match tokens.len() {
        1 => RowTable::one_row_each(model, 1)?,
        count => RowTable::new(model, count)?,
    };
    let sequence = Sequence {
        first_position: past,
        cache: Some(CacheSlot { first: 0, past }),
        ..Sequence::new(tokens)
    };
    let cache = CacheUse::Append(&cache);
    rows.write(model, &[sequence], cache)?;
    let mut recorder = Recorder::new(model.device());
    let pass = Pass {
        rows: &rows,
        start: Start::Tokens,
        cache,
    };
    let stream = model.record(&mut recorder, &pass, &mut NoHooks)?;
    let logits = recorder.scratch("logits", model.config().vocab_size)?;
    let last = tokens.len() - 1..tokens.len();
    model.record_logits(&mut recorder, &stream, last, &logits, &mut NoHooks)?;
    Ok((recorder.finish(), rows))
}

/// The times by kernel, the longest first.
fn sums(plan: &Plan) -> Result<Vec<Sum>> {
    let mut fastest: Vec<KernelTime> = Vec::new();
    // The first run warms up.
    for run in 0..=RUNS {
        let times = pollster::block_on(plan.profile())?.ok_or("the device lost its clock")?;
        if run <= 1 {
            fastest = times;
            continue;
        }
        for (fastest, time) in fastest.iter_mut().zip(times) {
            fastest.nanoseconds = fastest.nanoseconds.min(time.nanoseconds);
        }
    }
    let mut sums: Vec<Sum> = Vec::new();
    for time in fastest {
        let place = sums.iter().position(|sum| sum.kernel == time.kernel);
        let place = place.unwrap_or_else(|| {
            sums.push(Sum {
                kernel: time.kernel,
                count: 0,
                nanoseconds: 0.0,
                bytes: 0,
            });
            sums.len() - 1
        });
        sums[place].count += 1;
        sums[place].nanoseconds += time.nanoseconds;
        sums[place].bytes += time.bytes;
    }
    sums.sort_by(|a, b| b.nanoseconds.total_cmp(&a.nanoseconds));
    Ok(sums)
}
