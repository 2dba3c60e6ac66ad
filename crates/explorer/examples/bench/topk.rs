//! Exact TopK beside its alternatives: reading everything back and selecting on the CPU, and sorting on the GPU.

use std::cmp::Reverse;

use kernels::{Device, Recorder, TopK};
use serde_json::{Value, json};

use crate::Result;
use crate::peer::Peer;
use crate::sorting;
use crate::table;
use crate::timing::{median, numbers};

const ROWS: usize = 64;
const K: usize = 32;

pub fn measure(device: &Device, peer: &Peer) -> Result<Value> {
    let mut lines = Vec::new();
    let mut results = Vec::new();
    for n in [32_768, 131_072] {
        let values = numbers(ROWS * n, n as u64);
        let (selection, indices) = selection(device, &values, n)?;
        let (on_cpu, cpu_indices) = read_back(device, &values, n)?;
        // A full sort of all rows takes seconds on an adapter in software: there, fewer rows stand for all.
        let rows = if selection > 0.05 { 8 } else { ROWS };
        let (sorted, sorted_indices) = sorting::sort(peer, &values[..rows * n], n, K, 3)?;
        let sorted = sorted * (ROWS / rows) as f64;
        if indices != cpu_indices || indices[..K] != sorted_indices {
            return Err(format!("three ways to select, n = {n}, and three answers").into());
        }
        lines.push(vec![
            n.to_string(),
            table::milliseconds(selection),
            table::milliseconds(on_cpu),
            format!("{:.1}×", on_cpu / selection),
            table::milliseconds(sorted),
            format!("{:.1}×", sorted / selection),
        ]);
        results.push(json!({
            "n": n, "k": K, "rows": ROWS,
            "seconds": selection,
            "read_back_and_select_seconds": on_cpu,
            "bitonic_sort_seconds": sorted,
            "bitonic_sort_rows_measured": rows,
        }));
    }
    table::print(
        &format!("TopK, k = {K}, {ROWS} rows, results read back (ms)"),
        &[
            "n",
            "topk",
            "read back + CPU",
            "",
            "bitonic sort on GPU",
            "",
        ],
        &lines,
    );
    Ok(json!(results))
}

fn selection(device: &Device, values: &[f32], n: usize) -> Result<(f64, Vec<u32>)> {
    let values = device.buffer_with("values", values)?;
    let top_indices = device.buffer("indices", ROWS * K)?;
    let top_values = device.buffer("top values", ROWS * K)?;
    let nan_counts = device.buffer("NaN counts", ROWS)?;
    let mut recorder = Recorder::new(device);
    kernels::topk(
        &mut recorder,
        &TopK {
            values: &values,
            rows: ROWS,
            n,
            k: K,
            relu: true,
            top_indices: &top_indices,
            top_values: &top_values,
            nan_counts: &nan_counts,
        },
    )?;
    recorder.read_back(&top_indices, ROWS * K)?;
    recorder.read_back(&top_values, ROWS * K)?;
    let plan = recorder.finish();
    let mut words = Vec::new();
    pollster::block_on(plan.run_into(&mut words))?;
    let seconds = median(5, || Ok(pollster::block_on(plan.run_into(&mut words))?))?;
    words.truncate(ROWS * K);
    Ok((seconds, words))
}

fn read_back(device: &Device, values: &[f32], n: usize) -> Result<(f64, Vec<u32>)> {
    let values = device.buffer_with("values", values)?;
    let mut recorder = Recorder::new(device);
    recorder.read_back(&values, ROWS * n)?;
    let plan = recorder.finish();
    let mut words = Vec::new();
    let mut indices = Vec::new();
    let mut run = || {
        pollster::block_on(plan.run_into(&mut words))?;
        indices.clear();
        for row in words.chunks_exact(n) {
            let mut keys: Vec<(u32, Reverse<u32>)> = (0..)
                .zip(row)
                .map(|(i, bits)| {
                    let key = if bits >> 31 == 1 {
                        !bits
                    } else {
                        bits | 1 << 31
                    };
                    (key, Reverse(i))
                })
                .collect();
            keys.select_nth_unstable_by(K - 1, |a, b| b.cmp(a));
            keys.truncate(K);
            keys.sort_unstable_by(|a, b| b.cmp(a));
            indices.extend(keys.iter().map(|(_, Reverse(i))| *i));
        }
        Ok(())
    };
    run()?;
    Ok((median(5, run)?, indices))
}
