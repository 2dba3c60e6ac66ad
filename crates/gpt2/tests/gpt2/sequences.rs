//! Runs of several sequences: their own lengths, shared and appended pasts, passes that start at a block.

use crate::common::{
    CONFIG, Keep, assert_close, assert_same, devices, model, models, run, run_pass, table, tokens,
};
use gpt2::{
    Cache, CacheSlot, CacheUse, Error, Gpt2, HookPoint, NoHooks, Pass, RowTable, Sequence, Start,
};
use kernels::Recorder;
use pollster::block_on;

const VOCABULARY: usize = CONFIG.vocab_size;

fn alone(model: &Gpt2, tokens: &[u32]) -> Vec<f32> {
    run(
        model,
        &[Sequence::new(tokens)],
        CacheUse::None,
        &mut NoHooks,
    )
}

/// A sequence's next tokens: those of `tokens` after `past`, which the cache holds from row `first` on.
fn after(tokens: &[u32], past: usize, first: usize) -> Sequence<'_> {
    Sequence {
        first_position: past,
        cache: Some(CacheSlot { first, past }),
        ..Sequence::new(&tokens[past..])
    }
}

#[test]
fn sequences_of_different_lengths_are_as_one_at_a_time() {
    for model in models() {
        for lengths in [&[7, 1, 20, 13][..], &[2, 1], &[20, 20, 1]] {
            let texts: Vec<_> = (1..)
                .zip(lengths)
                .map(|(seed, n)| tokens(*n, seed))
                .collect();
            let sequences: Vec<_> = texts.iter().map(|text| Sequence::new(text)).collect();
            let found = run(&model, &sequences, CacheUse::None, &mut NoHooks);
            let expected: Vec<f32> = texts.iter().flat_map(|text| alone(&model, text)).collect();
            assert_close(&found, &expected, 1e-5);
        }
    }
}

#[test]
fn one_plan_serves_every_division_of_its_rows() {
    for device in devices() {
        let model = model(&device);
        let text = tokens(36, 3);
        let rows = RowTable::new(&model, text.len()).unwrap();
        let mut recorder = Recorder::new(&device);
        let pass = Pass {
            rows: &rows,
            start: Start::Tokens,
            cache: CacheUse::None,
        };
        let resid = model.record(&mut recorder, &pass, &mut NoHooks).unwrap();
        let logits = recorder.scratch("logits", text.len() * VOCABULARY).unwrap();
        model
            .record_logits(&mut recorder, &resid, 0..text.len(), &logits, &mut NoHooks)
            .unwrap();
        let read = recorder
            .read_back(&logits, text.len() * VOCABULARY)
            .unwrap();
        let plan = recorder.finish();
        let divisions = [&[18, 18][..], &[1, 20, 15], &[5, 5, 5, 5, 16], &[18, 18]];
        let expected = divisions.map(|division| {
            let mut rest = &text[..];
            let texts = division.iter().map(|n| rest.split_off(..*n).unwrap());
            texts
                .flat_map(|text| alone(&model, text))
                .collect::<Vec<f32>>()
        });
        // The first run makes the memory that the later ones read back through.
        block_on(plan.run()).unwrap();
        let before = device.counters();
        for (division, expected) in divisions.iter().zip(&expected) {
            let mut rest = &text[..];
            let texts = division.iter().map(|n| rest.split_off(..*n).unwrap());
            let sequences: Vec<_> = texts.map(Sequence::new).collect();
            rows.write(&model, &sequences, CacheUse::None).unwrap();
            assert_close(block_on(plan.run()).unwrap().f32(read), expected, 1e-5);
        }
        let after = device.counters();
        assert_eq!(
            (after.buffers, after.bind_groups, after.pipelines),
            (before.buffers, before.bind_groups, before.pipelines)
        );
    }
}

#[test]
fn a_shared_past_is_as_the_whole_sequence() {
    for model in models() {
        let prefix = tokens(9, 2);
        let texts: Vec<Vec<u32>> = [(1, 4), (11, 5), (1, 6), (11, 7), (10, 8)]
            .map(|(count, seed)| [&prefix[..], &tokens(count, seed)].concat())
            .to_vec();
        let cache = Cache::new(&model, 14).unwrap();
        let slot = CacheSlot { first: 3, past: 0 };
        let first = Sequence {
            cache: Some(slot),
            ..Sequence::new(&prefix)
        };
        let found = run(&model, &[first], CacheUse::Append(&cache), &mut NoHooks);
        assert_close(&found, &alone(&model, &prefix), 1e-5);
        let expected: Vec<f32> = texts
            .iter()
            .flat_map(|text| alone(&model, text).split_off(9 * VOCABULARY))
            .collect();
        let sequences: Vec<_> = texts.iter().map(|text| after(text, 9, 3)).collect();
        let found = run(&model, &sequences, CacheUse::Read(&cache), &mut NoHooks);
        assert_close(&found, &expected, 1e-5);
        // Nothing was written to the past.
        let again = run(&model, &sequences, CacheUse::Read(&cache), &mut NoHooks);
        assert_same(&found, &again);
    }
}

#[test]
fn sequences_of_different_pasts_are_continued_together() {
    for model in models() {
        let texts = [tokens(20, 1), tokens(12, 2), tokens(17, 3)];
        let expected = texts.each_ref().map(|text| alone(&model, text));
        let firsts = [0, 21, 40];
        let cache = Cache::new(&model, 60).unwrap();
        // Appends up to some token of each, then one token at a time.
        let append = |rows: &RowTable, pass_to: &dyn Fn(usize) -> std::ops::Range<usize>| {
            let sequences: Vec<_> = (0..3)
                .map(|i| after(&texts[i][..pass_to(i).end], pass_to(i).start, firsts[i]))
                .collect();
            let cache = CacheUse::Append(&cache);
            rows.write(&model, &sequences, cache).unwrap();
            let pass = Pass {
                rows,
                start: Start::Tokens,
                cache,
            };
            let found = run_pass(&model, &pass, &mut NoHooks);
            let expected: Vec<f32> = (0..3)
                .flat_map(|i| {
                    let rows = pass_to(i);
                    &expected[i][rows.start * VOCABULARY..rows.end * VOCABULARY]
                })
                .copied()
                .collect();
            assert_close(&found, &expected, 1e-5);
        };
        let lengths = [16, 7, 14];
        let rows = RowTable::new(&model, 37).unwrap();
        append(&rows, &|i| 0..lengths[i]);
        let rows = RowTable::one_row_each(&model, 3).unwrap();
        for step in 0..3 {
            append(&rows, &|i| lengths[i] + step..lengths[i] + step + 1);
        }
    }
}

#[test]
fn a_pass_from_a_block_is_as_the_whole_one() {
    let text = tokens(15, 4);
    let layers = CONFIG.n_layer;
    let points = (0..layers).map(HookPoint::ResidPre);
    for model in models() {
        let mut keep = Keep {
            points: points
                .clone()
                .chain([HookPoint::ResidPost(layers - 1)])
                .collect(),
            ..Keep::default()
        };
        let sequences = [Sequence::new(&text[..6]), Sequence::new(&text[6..])];
        let whole = run(&model, &sequences, CacheUse::None, &mut keep);
        let rows = table(&model, &sequences, CacheUse::None);
        for (layer, (_, stream)) in keep.kept.iter().enumerate() {
            let start = Start::Block {
                layer,
                resid_pre: stream,
            };
            let pass = Pass {
                rows: &rows,
                start,
                cache: CacheUse::None,
            };
            let mut seen = Keep {
                points: points.clone().collect(),
                ..Keep::default()
            };
            assert_same(&whole, &run_pass(&model, &pass, &mut seen));
            let seen: Vec<_> = seen.kept.iter().map(|(point, _)| *point).collect();
            assert_eq!(seen, points.clone().skip(layer).collect::<Vec<_>>());
        }
        let start = Start::Block {
            layer: layers + 1,
            resid_pre: &keep.kept[0].1,
        };
        let pass = Pass {
            rows: &rows,
            start,
            cache: CacheUse::None,
        };
        let refused = model.record(&mut Recorder::new(model.device()), &pass, &mut NoHooks);
        assert!(matches!(
            refused,
            Err(Error::NoBlock {
                layer: 4,
                blocks: 3
            })
        ));
    }
}
