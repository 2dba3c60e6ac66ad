//! CPU reference of `topk.wgsl`.

use std::cmp::Reverse;

use crate::cpu::{Bindings, parallel};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub n: u32,
    pub row_stride: u32,
    pub k: u32,
    pub sort_length: u32,
}

pub(crate) fn run(parameters: &Parameters, relu: bool, bindings: &Bindings<'_>) {
    let values = bindings.f32(1);
    let mut top_indices = bindings.u32_mut(2);
    let mut top_values = bindings.f32_mut(3);
    let mut nan_counts = bindings.u32_mut(4);
    let (n, k) = (parameters.n as usize, parameters.k as usize);
    let stride = parameters.row_stride as usize;
    let values = &*values;
    let rows = parameters.rows as usize;
    let nanoseconds = rows * n;
    let at_once = parallel::rows_at_once(rows, nanoseconds);
    let parts = top_indices[..rows * k]
        .chunks_mut(at_once * k)
        .zip(top_values[..rows * k].chunks_mut(at_once * k))
        .zip(nan_counts[..rows].chunks_mut(at_once))
        .zip(values.chunks(at_once * stride));
    parallel::for_each(
        nanoseconds,
        parts,
        || Vec::with_capacity(2 * k + 64),
        |candidates, (((indices, tops), nan_counts), values)| {
            let rows = indices.chunks_exact_mut(k).zip(tops.chunks_exact_mut(k));
            for (((indices, tops), nans), values) in rows.zip(nan_counts).zip(values.chunks(stride))
            {
                *nans = row(&values[..n], relu, candidates, (indices, tops));
            }
        },
    );
}

/// One row's best; returns how many of its values are NaN.
fn row(
    values: &[f32],
    relu: bool,
    candidates: &mut Vec<(u32, Reverse<u32>)>,
    (top_indices, top_values): (&mut [u32], &mut [f32]),
) -> u32 {
    select(values, top_indices.len(), candidates);
    for (place, (top_index, top_value)) in top_indices.iter_mut().zip(top_values).enumerate() {
        (*top_index, *top_value) = match candidates.get(place) {
            None => (u32::MAX, 0.0),
            Some(&(_, Reverse(index))) => {
                let value = values[index as usize];
                // A zero comes back without its sign, as from the shader's keys.
                let clipped = if value == 0.0 || (relu && value < 0.0) {
                    0.0
                } else {
                    value
                };
                (index, clipped)
            }
        };
    }
    values.iter().filter(|value| value.is_nan()).count() as u32
}

/// Larger keys are larger floats; 0 is NaN; a zero's sign does not count.
fn order_key(value: f32) -> u32 {
    let bits = value.to_bits();
    if value.is_nan() {
        0
    } else if value == 0.0 {
        0x8000_0000
    } else if bits & 0x8000_0000 != 0 {
        !bits
    } else {
        bits | 0x8000_0000
    }
}

/// Leaves the `k` best (key, index) pairs, best first, in `candidates`.
fn select(values: &[f32], k: usize, candidates: &mut Vec<(u32, Reverse<u32>)>) {
    candidates.clear();
    // A later value that only equals the k-th so far has a higher index and loses.
    let mut threshold = None;
    for (index, value) in values.iter().enumerate() {
        let key = order_key(*value);
        if threshold.is_some_and(|threshold| key <= threshold) {
            continue;
        }
        candidates.push((key, Reverse(index as u32)));
        if candidates.len() >= 2 * k + 64 {
            candidates.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
            candidates.truncate(k);
            threshold = Some(candidates[k - 1].0);
        }
    }
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    candidates.truncate(k);
}
