//! A sequence continued with a cache: appended to, cut back, forked by a copy of its rows.

use crate::common::{
    CONFIG, assert_close, assert_same, devices, model, models, run, run_pass, tokens,
};
use gpt2::{Cache, CacheSlot, CacheUse, Error, Gpt2, NoHooks, Pass, RowTable, Sequence, Start};
use kernels::Recorder;
use pollster::block_on;

const VOCABULARY: usize = CONFIG.vocab_size;

/// The logits after each token of a text, computed without a cache.
fn expected(model: &Gpt2, text: &[u32]) -> Vec<f32> {
    run(model, &[Sequence::new(text)], CacheUse::None, &mut NoHooks)
}

/// The next tokens of the sequence whose first `position` tokens a cache holds.
fn next(text: &[u32], position: usize) -> Sequence<'_> {
    Sequence {
        first_position: position,
        cache: Some(CacheSlot {
            first: 0,
            past: position,
        }),
        ..Sequence::new(text)
    }
}

/// A cache with one sequence, and the sequence's length.
struct Continued<'a> {
    model: &'a Gpt2,
    cache: Cache,
    position: usize,
}

impl<'a> Continued<'a> {
    fn new(model: &'a Gpt2) -> Self {
        Self {
            model,
            cache: Cache::new(model, CONFIG.n_positions).unwrap(),
            position: 0,
        }
    }

    /// Appends tokens in one run, and returns the logits after each.
    fn append(&mut self, text: &[u32]) -> Vec<f32> {
        let cache = CacheUse::Append(&self.cache);
        let sequence = next(text, self.position);
        let logits = run(self.model, &[sequence], cache, &mut NoHooks);
        self.position += text.len();
        logits
    }

    /// Appends tokens in a run each, and returns the logits after each.
    fn append_one_by_one(&mut self, text: &[u32]) -> Vec<f32> {
        let cache = CacheUse::Append(&self.cache);
        let rows = RowTable::one_row_each(self.model, 1).unwrap();
        let pass = Pass {
            rows: &rows,
            start: Start::Tokens,
            cache,
        };
        let mut logits = Vec::new();
        for (position, token) in (self.position..).zip(text.chunks(1)) {
            rows.write(self.model, &[next(token, position)], cache)
                .unwrap();
            logits.extend(run_pass(self.model, &pass, &mut NoHooks));
        }
        self.position += text.len();
        logits
    }

    /// Another cache with a copy of the first `position` rows.
    fn fork(&self, position: usize) -> Self {
        let fork = Self {
            position,
            ..Self::new(self.model)
        };
        let mut recorder = Recorder::new(self.model.device());
        self.cache
            .record_copy(&mut recorder, 0..position, &fork.cache, 0)
            .unwrap();
        block_on(recorder.finish().run()).unwrap();
        fork
    }
}

#[test]
fn decoding_with_a_cache_is_the_forward_pass() {
    for model in models() {
        let text = tokens(CONFIG.n_positions, 1);
        let expected = expected(&model, &text);
        let mut continued = Continued::new(&model);
        // Many tokens at once, one at a time, and many again.
        let mut found = continued.append(&text[..6]);
        found.extend(continued.append_one_by_one(&text[6..12]));
        found.extend(continued.append(&text[12..]));
        assert_close(&found, &expected, 1e-5);
        let rows = RowTable::one_row_each(&model, 1).unwrap();
        let cache = CacheUse::Append(&continued.cache);
        assert!(matches!(
            rows.write(&model, &[next(&[0], CONFIG.n_positions)], cache),
            Err(Error::ContextFull {
                sequence: 0,
                tokens: 21,
                limit: 20
            })
        ));
        // Another sequence over the same rows.
        continued.position = 0;
        let found = continued.append(&text[..1]);
        assert_close(&found, &expected[..VOCABULARY], 1e-5);
    }
}

#[test]
fn a_decoded_token_takes_five_dispatches_per_block_and_makes_nothing() {
    // On an adapter in software LayerNorm is a dispatch of its own: twice per block, and before the logits.
    let norms = [0, 0, 2 * CONFIG.n_layer + 1];
    for (device, norms) in devices().iter().zip(norms) {
        let model = model(device);
        let text = tokens(3, 1);
        let expected = expected(&model, &text);
        let cache = Cache::new(&model, CONFIG.n_positions).unwrap();
        let cache = CacheUse::Append(&cache);
        let rows = RowTable::one_row_each(&model, 1).unwrap();
        let pass = Pass {
            rows: &rows,
            start: Start::Tokens,
            cache,
        };
        let mut recorder = Recorder::new(device);
        let resid = model.record(&mut recorder, &pass, &mut NoHooks).unwrap();
        let logits = recorder.scratch("logits", VOCABULARY).unwrap();
        model
            .record_logits(&mut recorder, &resid, 0..1, &logits, &mut NoHooks)
            .unwrap();
        recorder.read_back(&logits, VOCABULARY).unwrap();
        let plan = recorder.finish();
        assert_eq!(plan.dispatches(), 5 * CONFIG.n_layer + 2 + norms);
        let mut words = Vec::new();
        let mut found = Vec::new();
        let mut step = |position: usize| {
            let sequence = next(&text[position..=position], position);
            rows.write(&model, &[sequence], cache).unwrap();
            block_on(plan.run_into(&mut words)).unwrap();
            found.extend_from_slice(kernels::words_as_f32(&words));
        };
        step(0);
        let before = device.counters();
        step(1);
        step(2);
        let after = device.counters();
        assert_close(&found, &expected, 1e-5);
        assert_eq!(after.submits - before.submits, 2);
        assert_eq!(
            (after.buffers, after.bind_groups, after.pipelines),
            (before.buffers, before.bind_groups, before.pipelines)
        );
    }
}

#[test]
fn a_sequence_cut_back_and_continued_is_as_a_fresh_one() {
    for model in models() {
        let (text, other) = (tokens(14, 1), tokens(8, 9));
        let mut continued = Continued::new(&model);
        continued.append(&text);
        continued.position = 5;
        let found = continued.append_one_by_one(&other);
        let fresh = expected(&model, &[&text[..5], &other].concat());
        assert_close(&found, &fresh[5 * VOCABULARY..], 1e-5);
    }
}

#[test]
fn a_fork_is_as_the_sequence_that_went_on() {
    for model in models() {
        let (text, other) = (tokens(11, 1), tokens(6, 7));
        let mut continued = Continued::new(&model);
        continued.append(&text);
        let mut fork = continued.fork(8);
        let forked = fork.append_one_by_one(&other);
        // What was appended to the fork did not change the first cache.
        let found = continued.append_one_by_one(&other);
        let whole = expected(&model, &[&text[..], &other].concat());
        assert_close(&found, &whole[11 * VOCABULARY..], 1e-5);
        continued.position = 8;
        let cut_back = continued.append_one_by_one(&other);
        assert_same(&forked, &cut_back);
        let whole = expected(&model, &[&text[..8], &other].concat());
        assert_close(&forked, &whole[8 * VOCABULARY..], 1e-5);
    }
}
