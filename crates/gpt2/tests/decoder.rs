//! Decoding from the cache: continued, cut back, forked.

mod common;

use common::{CONFIG, assert_close, assert_same, devices, model, models, run, tokens};
use gpt2::{CacheUse, Decoder, Error, Gpt2, NoHooks, Sequence};
use pollster::block_on;

const VOCABULARY: usize = CONFIG.vocab_size;

/// The logits after each token of a text.
fn expected(model: &Gpt2, text: &[u32]) -> Vec<Vec<f32>> {
    let logits = run(model, &[Sequence::new(text)], CacheUse::None, &mut NoHooks);
    logits.chunks(VOCABULARY).map(<[f32]>::to_vec).collect()
}

/// Appends tokens one by one, and returns the logits after each.
fn append(decoder: &mut Decoder, model: &Gpt2, text: &[u32]) -> Vec<Vec<f32>> {
    let mut found = Vec::new();
    for &token in text {
        found.push(block_on(decoder.next(model, token)).unwrap().to_vec());
    }
    found
}

#[test]
fn decoding_from_the_cache_is_the_forward_pass() {
    for model in models() {
        let text = tokens(CONFIG.n_positions, 1);
        let expected = expected(&model, &text);
        let mut decoder = Decoder::new(&model, &mut NoHooks).unwrap();
        // A prefill, one token at a time, and another prefill on top.
        let found = block_on(decoder.prefill(&model, &text[..6], &mut NoHooks)).unwrap();
        assert_close(found, &expected[5], 1e-5);
        let found = append(&mut decoder, &model, &text[6..12]);
        assert_close(&found.concat(), &expected[6..12].concat(), 1e-5);
        let found = block_on(decoder.prefill(&model, &text[12..], &mut NoHooks)).unwrap();
        assert_close(found, &expected[19], 1e-5);
        assert!(matches!(
            block_on(decoder.next(&model, 0)),
            Err(Error::ContextFull {
                sequence: 0,
                tokens: 21,
                limit: 20
            })
        ));
        decoder.reset();
        let found = block_on(decoder.prefill(&model, &text[..1], &mut NoHooks)).unwrap();
        assert_close(found, &expected[0], 1e-5);
    }
}

#[test]
fn a_decoded_token_takes_five_dispatches_per_block_and_makes_nothing() {
    // On an adapter in software LayerNorm is a dispatch of its own: twice per block, and before the logits.
    let norms = [0, 0, 2 * CONFIG.n_layer + 1];
    for (device, norms) in devices().iter().zip(norms) {
        let model = model(device);
        let mut decoder = Decoder::new(&model, &mut NoHooks).unwrap();
        let dispatches = decoder.dispatches_per_token();
        assert_eq!(dispatches, 5 * CONFIG.n_layer + 2 + norms);
        append(&mut decoder, &model, &[1]);
        let before = device.counters();
        append(&mut decoder, &model, &[2, 3]);
        let after = device.counters();
        assert_eq!(after.submits - before.submits, 2);
        assert_eq!(
            (after.buffers, after.bind_groups, after.pipelines),
            (before.buffers, before.bind_groups, before.pipelines)
        );
    }
}

#[test]
fn a_decoder_cut_back_and_continued_is_as_a_fresh_one() {
    for model in models() {
        let (text, other) = (tokens(14, 1), tokens(8, 9));
        let mut decoder = Decoder::new(&model, &mut NoHooks).unwrap();
        block_on(decoder.prefill(&model, &text, &mut NoHooks)).unwrap();
        decoder.truncate(5).unwrap();
        assert_eq!(decoder.position(), 5);
        let found = append(&mut decoder, &model, &other);
        let fresh = expected(&model, &[&text[..5], &other].concat());
        assert_close(&found.concat(), &fresh[5..].concat(), 1e-5);
        assert!(matches!(
            decoder.truncate(14),
            Err(Error::NotDecoded {
                position: 14,
                tokens: 13
            })
        ));
        assert_eq!(decoder.position(), 13);
    }
}

#[test]
fn a_fork_is_as_the_decoder_that_went_on() {
    for model in models() {
        let (text, other) = (tokens(11, 1), tokens(6, 7));
        let mut decoder = Decoder::new(&model, &mut NoHooks).unwrap();
        block_on(decoder.prefill(&model, &text, &mut NoHooks)).unwrap();
        let mut fork = block_on(decoder.fork(&model, 8, &mut NoHooks)).unwrap();
        assert_eq!((fork.position(), decoder.position()), (8, 11));
        let forked = append(&mut fork, &model, &other);
        // The fork left the first one as it was, and the other way round.
        let continued = append(&mut decoder, &model, &other);
        let expected_of = |past: usize| expected(&model, &[&text[..past], &other].concat());
        assert_close(&continued.concat(), &expected_of(11)[11..].concat(), 1e-5);
        decoder.truncate(8).unwrap();
        let cut_back = append(&mut decoder, &model, &other);
        assert_same(&forked.concat(), &cut_back.concat());
        assert!(matches!(
            block_on(decoder.fork(&model, 15, &mut NoHooks)),
            Err(Error::NotDecoded {
                position: 15,
                tokens: 14
            })
        ));
    }
}
