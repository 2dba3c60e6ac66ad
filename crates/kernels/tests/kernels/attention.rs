//! `attention`: runs of sequences of any lengths, with and without a cache of their past.

use kernels::rows::{ROW_WORDS, Row};
use kernels::{Attention, AttentionCache, Device, Error, Recorder, attention};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, assert_close, config, floats, run, widen};

/// How a run uses the cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    None,
    Read,
    Append,
}

/// One sequence of a run.
#[derive(Debug, Clone, Copy)]
pub struct Sequence {
    pub tokens: usize,
    pub cache_first: usize,
    pub past: usize,
}

#[derive(Debug, Clone)]
pub struct Case {
    pub sequences: Vec<Sequence>,
    pub mode: Mode,
    pub n_heads: usize,
    pub head_dim: usize,
    /// How large queries and keys are: large ones make the softmax sharp.
    pub scale: f32,
    /// Divides the scores beside √head_dim.
    pub divisor: usize,
    pub few_rows_per_sequence: bool,
    pub seed: u64,
}

/// What a case runs on.
pub struct Data {
    pub qkv: Vec<f32>,
    /// Rows that are nobody's past are no numbers.
    pub cache: Vec<f32>,
}

impl Case {
    pub fn new(sequences: Vec<Sequence>, mode: Mode, (n_heads, head_dim): (usize, usize)) -> Self {
        Self {
            sequences,
            mode,
            n_heads,
            head_dim,
            scale: 1.0,
            divisor: 1,
            few_rows_per_sequence: false,
            seed: 11,
        }
    }

    pub fn rows(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.tokens).sum()
    }

    fn d_model(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// Rows of the cache: one more than are used.
    fn capacity(&self) -> usize {
        let ends = self
            .sequences
            .iter()
            .map(|s| s.cache_first + s.past + s.tokens);
        1 + ends.max().unwrap_or(0)
    }

    pub fn factor(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt() / self.divisor as f32
    }

    pub fn table(&self) -> Vec<u32> {
        let mut table = Vec::new();
        for (number, sequence) in self.sequences.iter().enumerate() {
            let first_row = (table.len() / ROW_WORDS) as u32;
            for _ in 0..sequence.tokens {
                let row = Row {
                    first_row,
                    cache_first: sequence.cache_first as u32,
                    past: sequence.past as u32,
                    sequence: number as u32,
                    ..Row::default()
                };
                table.extend(row.words());
            }
        }
        table
    }

    pub fn data(&self) -> Data {
        let (mut numbers, row) = (Numbers::new(self.seed), 2 * self.d_model());
        let qkv = numbers.floats(self.rows() * 3 * self.d_model(), self.scale);
        let mut cache = vec![f32::NAN; self.capacity() * row];
        for sequence in &self.sequences {
            let past = numbers.floats(sequence.past * row, self.scale);
            cache[sequence.cache_first * row..][..past.len()].copy_from_slice(&past);
        }
        Data { qkv, cache }
    }

    /// Each row's weights, by head: over its keys.
    pub fn weights(&self, data: &Data) -> Vec<Vec<Vec<f64>>> {
        self.by_row(data, |query, keys, _| self.softmax(query, keys))
    }

    fn softmax(&self, query: &[f64], keys: &[Vec<f64>]) -> Vec<f64> {
        let scores: Vec<f64> = keys
            .iter()
            .map(|key| {
                let dot: f64 = query.iter().zip(key).map(|(q, k)| q * k).sum();
                dot / (self.head_dim as f64).sqrt() / self.divisor as f64
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    fn expected(&self, data: &Data) -> Vec<f64> {
        let outputs = self.by_row(data, |query, keys, values| {
            let weights = self.softmax(query, keys);
            (0..self.head_dim)
                .map(|d| {
                    weights
                        .iter()
                        .zip(values)
                        .map(|(w, value)| w * value[d])
                        .sum()
                })
                .collect::<Vec<f64>>()
        });
        outputs.concat().concat()
    }

    /// Calls `work` with the query, keys and values of every row and head.
    fn by_row<T>(
        &self,
        data: &Data,
        work: impl Fn(&[f64], &[Vec<f64>], &[Vec<f64>]) -> T,
    ) -> Vec<Vec<T>> {
        let (qkv, cache) = (widen(&data.qkv), widen(&data.cache));
        let (d_model, mut first_row, mut found) = (self.d_model(), 0, Vec::new());
        for sequence in &self.sequences {
            for row in first_row..first_row + sequence.tokens {
                let by_head = (0..self.n_heads).map(|head| {
                    let part = |from: &[f64], row: usize, parts: usize, part: usize| {
                        let first = (row * parts + part) * d_model + head * self.head_dim;
                        from[first..first + self.head_dim].to_vec()
                    };
                    let past = match self.mode {
                        Mode::None => 0,
                        _ => sequence.past,
                    };
                    let past = sequence.cache_first..sequence.cache_first + past;
                    let keys: Vec<_> = past
                        .clone()
                        .map(|key| part(&cache, key, 2, 0))
                        .chain((first_row..=row).map(|key| part(&qkv, key, 3, 1)))
                        .collect();
                    let values: Vec<_> = past
                        .map(|key| part(&cache, key, 2, 1))
                        .chain((first_row..=row).map(|key| part(&qkv, key, 3, 2)))
                        .collect();
                    work(&part(&qkv, row, 3, 0), &keys, &values)
                });
                found.push(by_head.collect());
            }
            first_row += sequence.tokens;
        }
        found
    }

    /// The output, and the cache afterwards.
    fn run(&self, device: &Device, data: &Data) -> Result<(Vec<f32>, Vec<u32>), Error> {
        let row_table = device.buffer_with("row table", &self.table())?;
        let qkv = device.buffer_with("qkv", &data.qkv)?;
        let cache = device.buffer_with("cache", &data.cache)?;
        let output = device.buffer_with("z", &vec![f32::NAN; self.rows() * self.d_model()])?;
        let mut recorder = Recorder::new(device);
        attention(
            &mut recorder,
            &Attention {
                row_table: &row_table,
                qkv: &qkv,
                cache: match self.mode {
                    Mode::None => AttentionCache::None,
                    Mode::Read => AttentionCache::Read(&cache),
                    Mode::Append => AttentionCache::Append(&cache),
                },
                rows: self.rows(),
                n_heads: self.n_heads,
                head_dim: self.head_dim,
                scale: self.factor(),
                few_rows_per_sequence: self.few_rows_per_sequence,
                output: &output,
            },
        )?;
        let found = run(recorder, &[&output, &cache])?;
        Ok((floats(&found[0]), found[1].clone()))
    }

    /// The cache after the run.
    fn cache_after(&self, data: &Data) -> Vec<u32> {
        let (d_model, mut row) = (self.d_model(), 0);
        let mut cache = data.cache.clone();
        for sequence in self.sequences.iter().filter(|_| self.mode == Mode::Append) {
            for place in (sequence.cache_first + sequence.past..).take(sequence.tokens) {
                let appended = &data.qkv[row * 3 * d_model + d_model..][..2 * d_model];
                cache[place * 2 * d_model..][..2 * d_model].copy_from_slice(appended);
                row += 1;
            }
        }
        cache.iter().map(|value| value.to_bits()).collect()
    }

    fn check(&self, devices: &Devices) {
        self.check_data(devices, &self.data());
    }

    fn check_data(&self, devices: &Devices, data: &Data) {
        let (expected, cache) = (self.expected(data), self.cache_after(data));
        for device in devices.each() {
            let what = format!("{:?}, {:?}", device.kind(), self.mode);
            let found = self.run(device, data);
            let (output, cache_found) = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_close(&what, &output, &expected, 1e-4);
            assert!(cache_found == cache, "{what}: the cache");
        }
    }
}

/// Sequences one after the other in the cache, each with room for what it appends.
pub fn apart(lengths: &[(usize, usize)]) -> Vec<Sequence> {
    let mut cache_first = 1;
    let one = |&(tokens, past): &(usize, usize)| {
        let sequence = Sequence {
            tokens,
            cache_first,
            past,
        };
        cache_first += tokens + past + 1;
        sequence
    };
    lengths.iter().map(one).collect()
}

/// Sequences that share a past.
pub fn shared(tokens: &[usize], past: usize) -> Vec<Sequence> {
    let one = |&tokens: &usize| Sequence {
        tokens,
        cache_first: 2,
        past,
    };
    tokens.iter().map(one).collect()
}

fn head_dim() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), Just(64), 1_usize..80]
}

fn lengths(tokens: usize, past: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    proptest::collection::vec((1..=tokens, 0..=past), 1..5)
}

#[test]
fn sequences_of_any_lengths_agree() {
    let devices = Devices::new();
    proptest!(config(), |(
        lengths in lengths(40, 0), n_heads in 1_usize..4, head_dim in head_dim(),
        scale in 0.5_f32..4.0, divisor in 1_usize..5, seed: u64,
    )| {
        Case { scale, divisor, seed, ..Case::new(apart(&lengths), Mode::None, (n_heads, head_dim)) }.check(&devices);
    });
}

#[test]
fn a_cache_of_the_past_agrees() {
    let devices = Devices::new();
    proptest!(config(), |(
        lengths in lengths(20, 90), n_heads in 1_usize..4, head_dim in head_dim(), append: bool, few: bool,
        scale in 0.5_f32..4.0, divisor in 1_usize..5, seed: u64,
    )| {
        let mode = if append { Mode::Append } else { Mode::Read };
        Case {
            scale, divisor, seed, few_rows_per_sequence: few,
            ..Case::new(apart(&lengths), mode, (n_heads, head_dim))
        }.check(&devices);
    });
}

#[test]
fn a_shared_past_agrees() {
    let devices = Devices::new();
    for (tokens, past) in [
        (&[1, 1, 1][..], 70),
        (&[20, 30, 1, 40], 33),
        (&[31, 1, 32], 64),
    ] {
        Case::new(shared(tokens, past), Mode::Read, (2, 40)).check(&devices);
    }
}

/// One token and a long past, as in decoding, of one sequence and of many.
#[test]
fn decoding_agrees() {
    let devices = Devices::new();
    for lengths in [vec![(1, 300)], vec![(1, 65); 40]] {
        Case {
            few_rows_per_sequence: true,
            ..Case::new(apart(&lengths), Mode::Append, (2, 64))
        }
        .check(&devices);
    }
}

#[test]
fn wide_heads_and_long_contexts_agree() {
    let devices = Devices::new();
    for (tokens, head_dim) in [(200, 33), (65, 256), (64, 64), (129, 255), (33, 128)] {
        Case::new(apart(&[(tokens, 0)]), Mode::None, (2, head_dim)).check(&devices);
    }
}

/// A row that is no number stays with the rows that attend to it.
#[test]
fn a_nan_stays_in_its_sequence_and_behind_its_row() {
    let devices = Devices::new();
    for lengths in [
        vec![(3, 2), (4, 1), (2, 0)],
        vec![(20, 5), (30, 40), (25, 0)],
    ] {
        for mode in [Mode::None, Mode::Append, Mode::Read] {
            let case = Case::new(apart(&lengths), mode, (2, 5));
            let row = lengths[0].0 + lengths[1].0 - 2;
            let d_model = case.d_model();
            for part in 0..3 {
                let mut data = case.data();
                data.qkv[(row * 3 + part) * d_model..][..d_model].fill(f32::NAN);
                let nans = case.expected(&data).iter().filter(|x| x.is_nan()).count();
                let rows = if part == 0 { 1 } else { 2 };
                assert_eq!(nans, rows * d_model);
                case.check_data(&devices, &data);
            }
        }
    }
}

/// Scores that fall, then rise by hundreds from block to block, put the running maximum to the test.
#[test]
fn extreme_scores_agree() {
    let devices = Devices::new();
    for slope in [-8.0_f32, 8.0] {
        for tokens in [1, 180] {
            let past = 180 - tokens;
            let case = Case::new(apart(&[(tokens, past)]), Mode::Append, (1, 1));
            let mut data = case.data();
            let key = |key: usize| [(key as f32 - 90.0) * slope, key as f32 / 100.0];
            let past: Vec<f32> = (0..past).flat_map(key).collect();
            data.cache[2..][..past.len()].copy_from_slice(&past);
            data.qkv = (180 - tokens..180)
                .flat_map(|place| [1.0, key(place)[0], key(place)[1]])
                .collect();
            case.check_data(&devices, &data);
        }
    }
}

#[test]
fn a_head_too_wide_is_refused() {
    for device in Devices::new().each() {
        let case = Case::new(apart(&[(1, 0)]), Mode::None, (1, 257));
        let error = case.run(device, &case.data()).err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("attention: head_dim 257 is not in 1..=256")
        );
    }
}
