//! Screening with AVX-512's products of bf16 (`vdpbf16ps`).

use std::arch::x86_64::{
    __m512, __m512bh, _CMP_GE_OQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_reduce_add_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::sync::atomic::{AtomicBool, Ordering};

use super::packed::{LONGER, LONGEST, PANEL, Screen, pack, rounding};
use crate::cpu::parallel;
use crate::cpu::scratch::{Scratch, scratch};

/// Numbers of a vector.
const LANES: usize = 16;
/// Vectors of a panel.
const VECTORS: usize = PANEL / LANES;
/// Rows of a tile: its 24 vectors of sums, four of weights and one of inputs are 29 of the 32 registers.
const TILE: usize = 6;
/// Rows that a thread takes at a time: they meet a panel of weights while it is in the first cache.
const ROWS: usize = 16 * TILE;
/// Products that a thread makes in a nanosecond, as a rule.
const PRODUCTS_PER_NANOSECOND: usize = 150;

/// Whether the processor has these instructions.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// Bytes of a thread's memory, but for what is small beside them.
pub(super) fn memory(inputs: usize, outputs: usize) -> usize {
    4 * ROWS * (outputs + inputs / 2)
}

/// As [`Screen::top_k`].
pub(super) fn top_k(
    screen: &Screen,
    input: &[f32],
    (weights, bias): (&[f32], &[f32]),
    k: usize,
    (indices, values): (&mut [u32], &mut [f32]),
) -> bool {
    assert!(is_there());
    let inputs = screen.inputs;
    let rows = input.len() / inputs;
    let is_finite = AtomicBool::new(true);
    let parts = input
        .chunks(ROWS * inputs)
        .zip(indices[..rows * k].chunks_mut(ROWS * k))
        .zip(values[..rows * k].chunks_mut(ROWS * k));
    parallel::for_each(
        rows * inputs * screen.outputs / PRODUCTS_PER_NANOSECOND,
        parts,
        || Memory::new(screen, k),
        |memory, ((input, indices), values)| {
            // SAFETY: the processor has the instructions, as asserted above.
            let found = unsafe {
                memory.bounds(screen, input, k)
                    && memory.pick(screen, input, (weights, bias), (indices, values))
            };
            if !found {
                is_finite.store(false, Ordering::Relaxed);
            }
        },
    );
    is_finite.into_inner()
}

/// Memory of a thread.
struct Memory {
    k: usize,
    /// Inputs in bf16, `[ROWS, pairs]`.
    rows: Vec<u32>,
    /// What an output's bounds are away from its sum, over the length of its weights.
    errors: [f32; ROWS],
    /// Lower bounds, `[ROWS, panels · PANEL]`.
    lows: Scratch,
    /// The largest lower bounds of each group, `[ROWS, groups]`.
    largest: Scratch,
    groups: usize,
    found: Vec<u32>,
    candidates: Vec<(f32, u32)>,
}

impl Memory {
    fn new(screen: &Screen, k: usize) -> Self {
        let groups = Screen::groups(k) * LANES;
        Self {
            k,
            rows: vec![0; ROWS * screen.inputs.div_ceil(2)],
            errors: [0.0; ROWS],
            lows: scratch(ROWS * screen.bias.len()),
            largest: scratch(ROWS * groups),
            groups,
            found: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Computes the lower bounds of all outputs of up to [`ROWS`] rows. False where a row is not finite.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn bounds(&mut self, screen: &Screen, input: &[f32], k: usize) -> bool {
        debug_assert_eq!(self.k, k);
        let inputs = screen.inputs;
        let (pairs, outputs) = (inputs.div_ceil(2), screen.bias.len());
        for (place, row) in input.chunks_exact(inputs).enumerate() {
            let [squares, _, errors] = pack(row, &mut self.rows[place * pairs..][..pairs], 1);
            let length = squares.sqrt() * LONGER;
            // Not so of a NaN either.
            let is_sound = length < LONGEST;
            if !is_sound {
                return false;
            }
            self.errors[place] =
                errors.sqrt() * LONGER + length * (screen.relative + rounding(inputs));
        }
        // Rows of the last tile that are not there are those of an earlier call, whose bounds nobody reads.
        let tiles = (input.len() / inputs).div_ceil(TILE);
        self.largest.fill(f32::NEG_INFINITY);
        for panel in 0..outputs / PANEL {
            let weights = &screen.weights[panel * pairs * PANEL..][..pairs * PANEL];
            let columns = panel * PANEL..(panel + 1) * PANEL;
            let (bias, lengths) = (
                &screen.bias[columns.clone()],
                &screen.lengths[columns.clone()],
            );
            let group = panel * LANES % self.groups;
            for tile in 0..tiles {
                let rows = &self.rows[tile * TILE * pairs..][..TILE * pairs];
                let sums = products(rows, weights, pairs);
                for (place, sums) in sums.into_iter().enumerate() {
                    let row = tile * TILE + place;
                    let lows = &mut self.lows[row * outputs..][columns.clone()];
                    let largest = &mut self.largest[row * self.groups + group..][..LANES];
                    lower(sums, (bias, lengths), self.errors[row], lows, largest);
                }
            }
        }
        true
    }

    /// Computes the outputs that may be among the largest, and writes those that are. False where one is NaN.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn pick(
        &mut self,
        screen: &Screen,
        input: &[f32],
        (weights, bias): (&[f32], &[f32]),
        (indices, values): (&mut [u32], &mut [f32]),
    ) -> bool {
        let (inputs, outputs, k) = (screen.inputs, screen.bias.len(), self.k);
        let slots = indices.chunks_exact_mut(k).zip(values.chunks_exact_mut(k));
        for ((row, input), (indices, values)) in input.chunks_exact(inputs).enumerate().zip(slots) {
            let largest = &mut self.largest[row * self.groups..][..self.groups];
            let (_, kth, _) = largest.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
            let least = *kth - 2.0 * screen.slack;
            let lows = &self.lows[row * outputs..][..outputs];
            self.found.clear();
            reaching(
                lows,
                &screen.lengths,
                2.0 * self.errors[row],
                least,
                &mut self.found,
            );
            self.candidates.clear();
            for some in self.found.chunks(4) {
                // Of fewer than four the last one is computed again.
                let four: [usize; 4] =
                    std::array::from_fn(|i| some[i.min(some.len() - 1)] as usize);
                let sums = dots(
                    input,
                    four.map(|output| &weights[output * inputs..][..inputs]),
                );
                let computed = some.iter().zip(sums);
                self.candidates
                    .extend(computed.map(|(output, sum)| (sum + bias[*output as usize], *output)));
            }
            if self.candidates.len() < k || self.candidates.iter().any(|(value, _)| value.is_nan())
            {
                return false;
            }
            // Of equal numbers the lower index comes first; 0 and -0 are equal.
            let order = |a: &(f32, u32), b: &(f32, u32)| {
                (b.0 + 0.0).total_cmp(&(a.0 + 0.0)).then(a.1.cmp(&b.1))
            };
            self.candidates.select_nth_unstable_by(k - 1, order);
            self.candidates.truncate(k);
            self.candidates.sort_unstable_by(order);
            for ((value, output), (index, to)) in
                self.candidates.iter().zip(indices.iter_mut().zip(values))
            {
                (*index, *to) = (*output, value.max(0.0));
            }
        }
        true
    }
}

/// Products of a tile of rows `[TILE, pairs]` and a panel of weights `[pairs, PANEL]`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn products(rows: &[u32], weights: &[u32], pairs: usize) -> [[__m512; VECTORS]; TILE] {
    assert!(rows.len() >= TILE * pairs && weights.len() >= pairs * PANEL);
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; TILE];
    let (rows, weights) = (rows.as_ptr(), weights.as_ptr());
    for pair in 0..pairs {
        // SAFETY: the slices are as long as asserted, and vectors of bf16 are vectors of words.
        unsafe {
            let weights = weights.add(pair * PANEL);
            let weights: [__m512bh; VECTORS] = std::array::from_fn(|vector| {
                std::mem::transmute(_mm512_loadu_si512(weights.add(vector * LANES).cast()))
            });
            for (row, sums) in sums.iter_mut().enumerate() {
                let input = _mm512_set1_epi32((*rows.add(row * pairs + pair)).cast_signed());
                let input: __m512bh = std::mem::transmute(input);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm512_dpbf16_ps(*sum, weights, input);
                }
            }
        }
    }
    sums
}

/// Writes the lower bounds of a row's outputs in a panel, and the larger of them and of what is in `largest`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn lower(
    sums: [__m512; VECTORS],
    (bias, lengths): (&[f32], &[f32]),
    error: f32,
    lows: &mut [f32],
    largest: &mut [f32],
) {
    assert!(
        bias.len() >= PANEL
            && lengths.len() >= PANEL
            && lows.len() >= PANEL
            && largest.len() >= LANES
    );
    // SAFETY: the slices are as long as asserted.
    unsafe {
        let mut best = _mm512_loadu_ps(largest.as_ptr());
        for (vector, sum) in sums.into_iter().enumerate() {
            let place = vector * LANES;
            let value = _mm512_add_ps(sum, _mm512_loadu_ps(bias.as_ptr().add(place)));
            let lengths = _mm512_loadu_ps(lengths.as_ptr().add(place));
            let low = _mm512_fnmadd_ps(_mm512_set1_ps(error), lengths, value);
            _mm512_storeu_ps(lows.as_mut_ptr().add(place), low);
            best = _mm512_max_ps(best, low);
        }
        _mm512_storeu_ps(largest.as_mut_ptr(), best);
    }
}

/// Appends the outputs whose upper bound, `twice` their length above the lower one, is at least `least`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn reaching(lows: &[f32], lengths: &[f32], twice: f32, least: f32, found: &mut Vec<u32>) {
    let vectors = lows.as_chunks::<LANES>().0.iter();
    for (vector, (lows, lengths)) in vectors.zip(lengths.as_chunks::<LANES>().0).enumerate() {
        // SAFETY: both are whole vectors.
        let (lows, lengths) = unsafe {
            (
                _mm512_loadu_ps(lows.as_ptr()),
                _mm512_loadu_ps(lengths.as_ptr()),
            )
        };
        let highs = _mm512_fmadd_ps(_mm512_set1_ps(twice), lengths, lows);
        let mut mask = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(highs, _mm512_set1_ps(least));
        while mask != 0 {
            found.push((vector * LANES) as u32 + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
}

/// `Σ a[i] · b[i]` for four b, each of a's length.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn dots(a: &[f32], b: [&[f32]; 4]) -> [f32; 4] {
    let vectors = a.as_chunks::<LANES>().0.len();
    let mut sums = [_mm512_setzero_ps(); 4];
    assert!(b.iter().all(|b| b.len() == a.len()));
    for vector in 0..vectors {
        let place = vector * LANES;
        // SAFETY: so many whole vectors are there.
        unsafe {
            let a = _mm512_loadu_ps(a.as_ptr().add(place));
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm512_fmadd_ps(a, _mm512_loadu_ps(b.as_ptr().add(place)), *sum);
            }
        }
    }
    let mut results = [0.0; 4];
    for ((result, sum), b) in results.iter_mut().zip(sums).zip(b) {
        let rest = a.iter().zip(b).skip(vectors * LANES);
        *result = _mm512_reduce_add_ps(sum) + rest.map(|(a, b)| a * b).sum::<f32>();
    }
    results
}
