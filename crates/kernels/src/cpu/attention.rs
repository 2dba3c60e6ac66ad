//! CPU reference of `attention.wgsl`.

use crate::cpu::{Bindings, simd};
use crate::kernel::attention::{Flags, Parameters};
use crate::rows::{CACHE_FIRST, FIRST_ROW, PAST, ROW_WORDS};

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = bindings.u32(1);
    let qkv = bindings.f32(2);
    let mut cache = bindings.f32_mut(3);
    let mut output = bindings.f32_mut(4);
    let inputs = Inputs {
        parameters,
        rows: &rows,
        qkv: &qkv,
        cache: &cache,
        use_cache: flags.use_cache,
    };
    #[cfg(not(target_arch = "wasm32"))]
    crate::cpu::query_tiles::run(&inputs, &mut output);
    #[cfg(target_arch = "wasm32")]
    {
        let mut scratch = Scratch::default();
        let (d_model, head_dim) = (inputs.d_model(), inputs.head_dim());
        for row in 0..parameters.rows as usize {
            for head in 0..parameters.n_heads as usize {
                let out = &mut output[row * d_model + head * head_dim..][..head_dim];
                inputs.attend(row, head, &mut scratch, out);
            }
        }
    }
    if flags.append {
        let d_model = parameters.n_heads as usize * parameters.head_dim as usize;
        for row in 0..parameters.rows as usize {
            let keys = Keys::of(&rows, row, d_model, flags.use_cache);
            let place = keys.cache_first + keys.past + row - keys.first_row;
            cache[place * 2 * d_model..][..2 * d_model]
                .copy_from_slice(&qkv[row * 3 * d_model + d_model..][..2 * d_model]);
        }
    }
}

/// What attention reads.
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
