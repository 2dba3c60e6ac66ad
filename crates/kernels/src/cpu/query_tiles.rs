//! Attention over several threads, natively: the rows of a sequence in tiles of queries, whose scores and sums are products of
//! the crate `gemm`; where a sequence has few rows, row by row.
//!
//! As in `panels.rs`, vectors lie along the rows: a tile's scores are `[keys, lanes]`, its sums `[head_dim, lanes]`. A row's
//! result does not depend on the tile that it lies in: keys behind it have a weight of 0, and sums over 512 keys at a time
//! begin with the first key.

use std::ops::Range;

use crate::cpu::attention_inputs::{Inputs, Keys, Scratch};
use crate::cpu::destination::Destination;
use crate::cpu::lanes::{self, Right, multiply};
use crate::cpu::{parallel, simd};

/// Queries of a tile; the last one of a sequence has fewer.
const TILE_ROWS: usize = 64;
/// Keys and values' numbers that a product takes at a time: see [`lanes::multiply`].
const BLOCK_OUTPUTS: usize = 64;
/// Sequences with fewer rows are taken row by row.
const FEW_ROWS: usize = 8;
/// Operations that a thread does in a nanosecond, exponentials included.
const OPERATIONS_PER_NANOSECOND: usize = 20;

/// Work that a thread takes at a time.
enum Part {
    /// All heads of one row.
    Row(usize),
    /// One head of rows of one sequence.
    Tile(Range<usize>, usize),
}

/// Memory that tiles use one after the other.
#[derive(Default)]
struct TileScratch {
    one: Scratch,
    /// `[rows, head_dim]`: queries at first, outputs at last.
    rows: Vec<f32>,
    /// `[head_dim, lanes]`.
    queries: Vec<f32>,
    /// `[keys, lanes]`.
    scores: Vec<f32>,
    /// `[head_dim, lanes]`.
    sums: Vec<f32>,
}

/// Computes all rows and heads.
pub(crate) fn run(inputs: &Inputs<'_>, output: &mut [f32]) {
    let (rows, heads) = (
        inputs.parameters.rows as usize,
        inputs.parameters.n_heads as usize,
    );
    let mut parts = Vec::new();
    let mut operations = 0;
    let mut first = 0;
    while first < rows {
        let keys = inputs.keys(first);
        let end = (first..rows)
            .find(|&row| inputs.keys(row).first_row != keys.first_row)
            .unwrap_or(rows);
        let count = end - first;
        operations += 4 * count * (keys.past + count.div_ceil(2)) * inputs.d_model();
        if count < FEW_ROWS {
            parts.extend((first..end).map(Part::Row));
        } else {
            let tiles = (first..end).step_by(TILE_ROWS);
            parts.extend(tiles.flat_map(|first| {
                let rows = first..(first + TILE_ROWS).min(end);
                (0..heads).map(move |head| Part::Tile(rows.clone(), head))
            }));
        }
        first = end;
    }
    let destination = Destination::new(output);
    parallel::for_each(
        operations / OPERATIONS_PER_NANOSECOND,
        parts.into_iter(),
        TileScratch::default,
        |scratch, part| match part {
            Part::Row(row) => {
                (0..heads).for_each(|head| one(inputs, row, head, scratch, &destination))
            }
            Part::Tile(rows, head) => tile(inputs, rows, head, scratch, &destination),
        },
    );
}

/// One row of one head.
fn one(
    inputs: &Inputs<'_>,
    row: usize,
    head: usize,
    scratch: &mut TileScratch,
    destination: &Destination<'_>,
) {
    let head_dim = inputs.head_dim();
    scratch.rows.resize(head_dim, 0.0);
    inputs.attend(row, head, &mut scratch.one, &mut scratch.rows);
    let place = row * inputs.d_model() + head * head_dim;
    // SAFETY: each row and head is one thread's.
    unsafe { destination.write(place, &scratch.rows) };
}

/// Neighbouring rows of one sequence, for one head.
fn tile(
    inputs: &Inputs<'_>,
    rows: Range<usize>,
    head: usize,
    scratch: &mut TileScratch,
    destination: &Destination<'_>,
) {
    let (d_model, head_dim) = (inputs.d_model(), inputs.head_dim());
    let column = head * head_dim;
    // With a weight of 0, rows count the values of the rows behind them as well; a NaN would become theirs.
    let is_finite = |row: usize| {
        let value = &inputs.qkv[(row * 3 + 2) * d_model + column..][..head_dim];
        value.iter().all(|value| value.is_finite())
    };
    if !rows.clone().all(is_finite) {
        return rows.for_each(|row| one(inputs, row, head, scratch, destination));
    }
    let lanes = rows.len().next_multiple_of(lanes::VECTOR);
    let sources = Source::both(inputs, &rows, column);
    let count: usize = sources.iter().map(|source| source.keys.len()).sum();

    scratch.rows.clear();
    for row in rows.clone() {
        let query = &inputs.qkv[row * 3 * d_model + column..][..head_dim];
        let scale = inputs.parameters.scale;
        scratch.rows.extend(query.iter().map(|value| value * scale));
    }
    scratch.queries.clear();
    scratch.queries.resize(head_dim * lanes, 0.0);
    simd::write_columns(&mut scratch.queries, lanes, 0, &scratch.rows);

    scratch.scores.resize(count * lanes, 0.0);
    let mut scores = &mut scratch.scores[..];
    for source in &sources {
        let part;
        (part, scores) = scores.split_at_mut(source.keys.len() * lanes);
        source.scores(&scratch.queries, lanes, part);
    }
    let divisors = softmax(&mut scratch.scores, lanes, count - rows.len());

    scratch.sums.resize(head_dim * lanes, 0.0);
    let mut scores = &scratch.scores[..];
    for source in sources.iter().filter(|source| !source.keys.is_empty()) {
        let part;
        let is_first = scores.len() == count * lanes;
        (part, scores) = scores.split_at(source.keys.len() * lanes);
        source.sums(part, lanes, is_first, &mut scratch.sums);
    }
    for sums in scratch.sums.chunks_exact_mut(lanes) {
        for (sum, divisor) in sums.iter_mut().zip(&divisors) {
            *sum /= divisor;
        }
    }
    scratch.rows.resize(lanes * head_dim, 0.0);
    simd::write_columns(&mut scratch.rows, head_dim, 0, &scratch.sums);
    for (row, out) in rows.zip(scratch.rows.chunks_exact(head_dim)) {
        // SAFETY: each row and head is one thread's.
        unsafe { destination.write(row * d_model + column, out) };
    }
}

/// Some keys and values of one head: row `key` of `values` has the key from `key_column` on, and the value from
/// `value_column` on.
struct Source<'a> {
    values: &'a [f32],
    stride: usize,
    keys: Range<usize>,
    key_column: usize,
    value_column: usize,
    head_dim: usize,
}

impl<'a> Source<'a> {
    /// The past and the run's own rows, up to the last of `rows`.
    fn both(inputs: &Inputs<'a>, rows: &Range<usize>, column: usize) -> [Self; 2] {
        let (d_model, head_dim) = (inputs.d_model(), inputs.head_dim());
        let Keys {
            cache_first,
            past,
            first_row,
            ..
        } = inputs.keys(rows.start);
        [
            Self {
                values: inputs.cache,
                stride: 2 * d_model,
                keys: cache_first..cache_first + past,
                key_column: column,
                value_column: d_model + column,
                head_dim,
            },
            Self {
                values: inputs.qkv,
                stride: 3 * d_model,
                keys: first_row..rows.end,
                key_column: d_model + column,
                value_column: 2 * d_model + column,
                head_dim,
            },
        ]
    }

    /// `scores[key, lane] = Σ queries[d, lane] · key[d]`.
    fn scores(&self, queries: &[f32], lanes: usize, scores: &mut [f32]) {
        let mut rest = scores;
        let mut first = self.keys.start;
        while first < self.keys.end {
            let left = self.keys.end - first;
            // A single key would take another way through `gemm`, with other last bits.
            let count = if left == BLOCK_OUTPUTS + 1 {
                left
            } else {
                left.min(BLOCK_OUTPUTS)
            };
            let block;
            (block, rest) = rest.split_at_mut(count * lanes);
            let keys = Right {
                values: &self.values[first * self.stride + self.key_column..],
                row_stride: 1,
                column_stride: self.stride,
            };
            multiply((queries, lanes, self.head_dim), &keys, true, block);
            first += count;
        }
    }

    /// `sums[d, lane] = Σ scores[key, lane] · value[d]`, added to what is there unless these keys are the first.
    fn sums(&self, scores: &[f32], lanes: usize, is_first: bool, sums: &mut [f32]) {
        let blocks = sums.chunks_mut(BLOCK_OUTPUTS * lanes);
        for (block, sums) in blocks.enumerate() {
            let column = self.value_column + block * BLOCK_OUTPUTS;
            let values = Right {
                values: &self.values[self.keys.start * self.stride + column..],
                row_stride: self.stride,
                column_stride: 1,
            };
            multiply((scores, lanes, self.keys.len()), &values, is_first, sums);
        }
    }
}

/// Replaces the scores `[keys, lanes]` by `exp(score - largest)`, and by 0 where a key lies behind the lane's row: all keys
/// from `diagonal` on are the lanes' own. Returns each lane's sum.
fn softmax(scores: &mut [f32], lanes: usize, diagonal: usize) -> [f32; TILE_ROWS] {
    simd::vectorised(
        #[inline(always)]
        || {
            let mut largest = [f32::NEG_INFINITY; TILE_ROWS];
            for (key, scores) in scores.chunks_exact_mut(lanes).enumerate() {
                let hidden = key.saturating_sub(diagonal).min(lanes);
                scores[..hidden].fill(f32::NEG_INFINITY);
                for (largest, score) in largest.iter_mut().zip(scores) {
                    *largest = if *score > *largest { *score } else { *largest };
                }
            }
            let mut sums = [0.0; TILE_ROWS];
            for scores in scores.chunks_exact_mut(lanes) {
                for ((score, largest), sum) in scores.iter_mut().zip(&largest).zip(&mut sums) {
                    *score = simd::exp(*score - largest);
                    *sum += *score;
                }
            }
            sums
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::attention_inputs::Parameters;
    use crate::rows::{ROW_WORDS, Row};

    const HEADS: usize = 2;
    const HEAD_DIM: usize = 20;
    const D_MODEL: usize = HEADS * HEAD_DIM;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 37 + 11) % 101) as f32 / 32.0 - 1.5)
            .collect()
    }

    /// The outputs of sequences of these lengths, each with a past of so many keys, all of which begin with the same numbers.
    fn outputs(lengths: &[usize], past: usize, by_rows: bool) -> Vec<Vec<f32>> {
        let cache = numbers(past * 2 * D_MODEL);
        let mut qkv = Vec::new();
        let mut table = Vec::new();
        for &length in lengths {
            let first_row = table.len() / ROW_WORDS;
            let row = Row {
                first_row: first_row as u32,
                past: past as u32,
                ..Row::default()
            };
            table.extend((0..length).flat_map(|_| row.words()));
            qkv.extend(numbers(length * 3 * D_MODEL));
        }
        let rows = table.len() / ROW_WORDS;
        let inputs = Inputs {
            parameters: &Parameters {
                rows: rows as u32,
                n_heads: HEADS as u32,
                head_dim: HEAD_DIM as u32,
                scale: 0.2,
            },
            rows: &table,
            qkv: &qkv,
            cache: &cache,
            use_cache: past > 0,
        };
        let mut output = vec![0.0; rows * D_MODEL];
        if by_rows {
            let destination = Destination::new(&mut output);
            for row in 0..rows {
                for head in 0..HEADS {
                    let mut scratch = TileScratch::default();
                    one(&inputs, row, head, &mut scratch, &destination);
                }
            }
        } else {
            run(&inputs, &mut output);
        }
        let mut rest = &output[..];
        lengths
            .iter()
            .map(|length| {
                let sequence;
                (sequence, rest) = rest.split_at(length * D_MODEL);
                sequence.to_vec()
            })
            .collect()
    }

    #[test]
    fn tiles_agree_with_single_rows() {
        for (length, past) in [(8, 0), (64, 1), (65, 0), (130, 70), (600, 0)] {
            let tiles = &outputs(&[length], past, false)[0];
            let rows = &outputs(&[length], past, true)[0];
            for (place, (tile, row)) in tiles.iter().zip(rows).enumerate() {
                assert!(
                    (tile - row).abs() < 1e-5,
                    "{length} rows, {place}: {tile}, {row}"
                );
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_tile() {
        for past in [0, 5] {
            let all = outputs(&[700], past, false).remove(0);
            for part in outputs(&[8, 65, 30, 600, 64, 129], past, false) {
                assert!(
                    part == all[..part.len()],
                    "{} words, past {past}",
                    part.len()
                );
            }
        }
    }
}
