//! CPU reference of `topk.wgsl`.

use std::cmp::Reverse;

use crate::cpu::{Bindings, parallel, simd};

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
    let rows_wanted = parameters.rows as usize;
    rows(
        (values, stride, n),
        (k, relu),
        (
            &mut top_indices[..rows_wanted * k],
            &mut top_values[..rows_wanted * k],
        ),
        &mut nan_counts[..rows_wanted],
    );
}

/// The best `k` of the first `n` values of each row, which lie `stride` apart, with the count of the row's NaN.
pub(crate) fn rows(
    (values, stride, n): (&[f32], usize, usize),
    (k, relu): (usize, bool),
    (top_indices, top_values): (&mut [u32], &mut [f32]),
    nan_counts: &mut [u32],
) {
    let rows = nan_counts.len();
    let nanoseconds = rows * n;
    let at_once = parallel::rows_at_once(rows, nanoseconds);
    let parts = top_indices
        .chunks_mut(at_once * k)
        .zip(top_values.chunks_mut(at_once * k))
        .zip(nan_counts.chunks_mut(at_once))
        .zip(values.chunks(at_once * stride));
    parallel::for_each(
        nanoseconds,
        parts,
        || Vec::with_capacity(2 * k + 64 + GROUP),
        |candidates, (((indices, tops), nan_counts), values)| {
            let rows = indices.chunks_exact_mut(k).zip(tops.chunks_exact_mut(k));
            for (((indices, tops), nans), values) in rows.zip(nan_counts).zip(values.chunks(stride))
            {
                *nans = simd::vectorised(
                    #[inline(always)]
                    || row(&values[..n], relu, candidates, (indices, tops)),
                );
            }
        },
    );
}

/// One row's best; returns how many of its values are NaN.
#[inline(always)]
fn row(
    values: &[f32],
    relu: bool,
    candidates: &mut Vec<(u32, Reverse<u32>)>,
    (top_indices, top_values): (&mut [u32], &mut [f32]),
) -> u32 {
    let nans = select(values, top_indices.len(), candidates);
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
    nans
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

/// Values that are compared with the k-th so far at once.
const GROUP: usize = 16;

/// Leaves the `k` best (key, index) pairs, best first, in `candidates`; returns how many values are NaN.
#[inline(always)]
fn select(values: &[f32], k: usize, candidates: &mut Vec<(u32, Reverse<u32>)>) -> u32 {
    candidates.clear();
    let mut nans = 0;
    // A later value that only equals the k-th so far has a higher index and loses; a NaN is not larger than any.
    let mut kth: Option<f32> = None;
    for (group, some) in values.chunks(GROUP).enumerate() {
        nans += some
            .iter()
            .map(|value| u32::from(value.is_nan()))
            .sum::<u32>();
        let mut larger = match kth {
            Some(kth) => (0..)
                .zip(some)
                .map(|(place, value)| u32::from(*value > kth) << place)
                .fold(0, |all, one| all | one),
            None => (1_u32 << some.len()) - 1,
        };
        while larger != 0 {
            let place = larger.trailing_zeros() as usize;
            larger &= larger - 1;
            let index = (group * GROUP + place) as u32;
            candidates.push((order_key(some[place]), Reverse(index)));
        }
        if candidates.len() >= 2 * k + 64 {
            candidates.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
            candidates.truncate(k);
            let (_, Reverse(index)) = candidates[k - 1];
            // Every number is larger than a NaN, which no comparison says.
            kth = Some(values[index as usize]).filter(|kth| !kth.is_nan());
        }
    }
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    candidates.truncate(k);
    nans
}
