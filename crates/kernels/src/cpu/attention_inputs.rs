//! Inputs of attention on the CPU: parameters, the keys of a row, and one row after the other.

use crate::cpu::simd;
use crate::rows::{CACHE_FIRST, FIRST_ROW, PAST, ROW_WORDS};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub n_heads: u32,
    pub head_dim: u32,
    pub scale: f32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub use_cache: bool,
    pub append: bool,
}

/// Inputs of attention.
pub(crate) struct Inputs<'a> {
    pub(crate) parameters: &'a Parameters,
    pub(crate) rows: &'a [u32],
    pub(crate) qkv: &'a [f32],
    pub(crate) cache: &'a [f32],
    pub(crate) use_cache: bool,
}

/// Memory that rows use one after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    query: Vec<f32>,
    scores: Vec<f32>,
}

impl Inputs<'_> {
    pub(crate) fn head_dim(&self) -> usize {
        self.parameters.head_dim as usize
    }

    pub(crate) fn d_model(&self) -> usize {
        self.parameters.n_heads as usize * self.head_dim()
    }

    pub(crate) fn keys(&self, row: usize) -> Keys {
        Keys::of(self.rows, row, self.d_model(), self.use_cache)
    }

    /// The output `[head_dim]` of one row and head.
    pub(crate) fn attend(&self, row: usize, head: usize, scratch: &mut Scratch, out: &mut [f32]) {
        let (d_model, head_dim) = (self.d_model(), self.head_dim());
        let column = head * head_dim;
        let keys = self.keys(row);
        let Scratch { query, scores } = scratch;
        query.resize(head_dim, 0.0);
        let sources = (self.qkv, self.cache);
        keys.scores(sources, (row, column), self.parameters.scale, query, scores);
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum = simd::exponentials(scores, largest);
        out.fill(0.0);
        let (past, own) = scores.split_at(keys.past);
        for (score, key) in past.iter().zip(keys.cache_first..) {
            let value = &self.cache[key * 2 * d_model + d_model + column..][..head_dim];
            simd::add_scaled(out, score / sum, value);
        }
        for (score, key) in own.iter().zip(keys.first_row..) {
            let value = &self.qkv[key * 3 * d_model + 2 * d_model + column..][..head_dim];
            simd::add_scaled(out, score / sum, value);
        }
    }
}

/// The keys that a row attends to: cached ones, then those of its run's rows up to itself.
pub(crate) struct Keys {
    pub(crate) cache_first: usize,
    pub(crate) past: usize,
    pub(crate) first_row: usize,
    d_model: usize,
}

impl Keys {
    /// Those of a row of the table.
    pub(crate) fn of(rows: &[u32], row: usize, d_model: usize, use_cache: bool) -> Self {
        let word = |word: usize| rows[row * ROW_WORDS + word] as usize;
        Self {
            cache_first: word(CACHE_FIRST),
            past: if use_cache { word(PAST) } else { 0 },
            first_row: word(FIRST_ROW),
            d_model,
        }
    }

    /// The scores of one row and head over its keys, past ones first. `query` has room for the head's query.
    pub(crate) fn scores(
        &self,
        (qkv, cache): (&[f32], &[f32]),
        (row, column): (usize, usize),
        scale: f32,
        query: &mut [f32],
        scores: &mut Vec<f32>,
    ) {
        let (d_model, head_dim) = (self.d_model, query.len());
        for (scaled, value) in query.iter_mut().zip(&qkv[row * 3 * d_model + column..]) {
            *scaled = value * scale;
        }
        scores.clear();
        scores.extend((self.cache_first..self.cache_first + self.past).map(|key| {
            let key = &cache[key * 2 * d_model + column..][..head_dim];
            simd::dot(query, key)
        }));
        scores.extend((self.first_row..=row).map(|key| {
            let key = &qkv[key * 3 * d_model + d_model + column..][..head_dim];
            simd::dot(query, key)
        }));
    }
}
