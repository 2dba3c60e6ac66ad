//! Sequences that cannot be run are refused with their number and the value.

use crate::common::{CONFIG, Weights, model};
use gpt2::{
    Cache, CacheSlot, CacheUse, Config, Error, Gpt2, NoHooks, Pass, RowTable, Sequence, Start,
};
use kernels::rows::ROW_WORDS;
use kernels::{Device, Recorder, WeightFormat};
use pollster::block_on;

fn written(model: &Gpt2, rows: usize, sequences: &[Sequence<'_>]) -> Result<Vec<u32>, Error> {
    written_with(model, rows, sequences, CacheUse::None)
}

fn written_with(
    model: &Gpt2,
    rows: usize,
    sequences: &[Sequence<'_>],
    cache: CacheUse<'_>,
) -> Result<Vec<u32>, Error> {
    let table = RowTable::new(model, rows)?;
    table.write(model, sequences, cache)?;
    let mut recorder = Recorder::new(model.device());
    let read = recorder.read_back(table.buffer(), rows * ROW_WORDS)?;
    Ok(block_on(recorder.finish().run())?.words(read).to_vec())
}

fn slot<'a>(tokens: &'a [u32], first: usize, past: usize) -> Sequence<'a> {
    Sequence {
        cache: Some(CacheSlot { first, past }),
        ..Sequence::new(tokens)
    }
}

#[test]
fn every_word_of_a_row_is_written() {
    let model = model(&Device::cpu());
    let cache = Cache::new(&model, 30).unwrap();
    let sequences = [
        Sequence {
            first_position: 4,
            source_first: Some(90),
            ..slot(&[7, 8], 10, 3)
        },
        Sequence::new(&[9]),
    ];
    let found = written_with(&model, 3, &sequences, CacheUse::Read(&cache)).unwrap();
    let expected = [
        [7, 4, 0, 10, 3, 0, 90, 0],
        [8, 5, 0, 10, 3, 0, 91, 0],
        [9, 0, 2, 0, 0, 1, 2, 0],
    ];
    assert_eq!(found, expected.concat());
}

#[test]
fn sequences_that_cannot_be_run_are_refused() {
    let model = model(&Device::cpu());
    let ok = Sequence::new(&[1, 2]);
    assert!(matches!(RowTable::new(&model, 0), Err(Error::Empty)));
    assert!(matches!(written(&model, 1, &[]), Err(Error::Empty)));
    assert!(matches!(
        written(&model, 2, &[ok, Sequence::new(&[])]),
        Err(Error::EmptySequence { sequence: 1 })
    ));
    let unknown = written(&model, 4, &[ok, Sequence::new(&[36, 37])]);
    let message = unknown.unwrap_err().to_string();
    assert_eq!(
        message,
        "sequence 1 holds the token 37; the vocabulary has 37 tokens"
    );
    let late = Sequence {
        first_position: 19,
        ..ok
    };
    assert!(matches!(
        written(&model, 4, &[ok, late]),
        Err(Error::ContextFull {
            sequence: 1,
            tokens: 21,
            limit: 20
        })
    ));
    let overflowing = Sequence {
        first_position: usize::MAX,
        ..ok
    };
    assert!(matches!(
        written(&model, 2, &[overflowing]),
        Err(Error::ContextFull {
            sequence: 0,
            tokens: usize::MAX,
            ..
        })
    ));
    for rows in [3, 5] {
        assert!(matches!(
            written(&model, rows, &[ok, ok]),
            Err(Error::RowCount { tokens: 4, rows: found }) if found == rows
        ));
    }
    let far = Sequence {
        source_first: Some(u32::MAX as usize),
        ..ok
    };
    assert!(matches!(
        written(&model, 2, &[far]),
        Err(Error::SourceRow { sequence: 0, row }) if row == u32::MAX as usize
    ));
    let table = RowTable::one_row_each(&model, 2).unwrap();
    assert!(matches!(
        table.write(&model, &[ok], CacheUse::None),
        Err(Error::NotOneRow {
            sequence: 0,
            tokens: 2
        })
    ));
}

#[test]
fn rows_of_the_cache_that_are_not_there_or_not_free_are_refused() {
    let model = model(&Device::cpu());
    let cache = Cache::new(&model, 10).unwrap();
    let (read, append) = (CacheUse::Read(&cache), CacheUse::Append(&cache));
    let tokens = [1, 2, 3];
    assert!(matches!(
        written(&model, 3, &[slot(&tokens, 0, 4)]),
        Err(Error::NoCache {
            sequence: 0,
            past: 4
        })
    ));
    assert!(matches!(
        written_with(&model, 3, &[Sequence::new(&tokens)], append),
        Err(Error::NoCacheSlot { sequence: 0 })
    ));
    let two = |first, past, cache| {
        let sequences = [slot(&tokens, 0, 1), slot(&tokens, first, past)];
        written_with(&model, 6, &sequences, cache)
    };
    assert!(two(4, 3, append).is_ok());
    assert!(matches!(
        two(4, 4, append),
        Err(Error::CacheTooShort {
            sequence: 1,
            needed: 11,
            capacity: 10
        })
    ));
    assert!(two(6, 4, read).is_ok());
    assert!(matches!(
        two(7, 4, read),
        Err(Error::CacheTooShort {
            sequence: 1,
            needed: 11,
            capacity: 10
        })
    ));
    // Rows 1 to 3 are the first one's to append.
    for (first, past) in [(3, 0), (3, 2), (1, 0), (0, 1), (2, 4), (0, 6)] {
        assert!(
            matches!(
                two(first, past, append),
                Err(Error::CacheOverlap {
                    sequence: 1,
                    other: 0
                })
            ),
            "{first}, {past}"
        );
        assert!(two(first, past, read).is_ok());
    }
}

#[test]
fn a_refused_write_leaves_the_table_as_it_was() {
    let model = model(&Device::cpu());
    let table = RowTable::new(&model, 2).unwrap();
    table
        .write(&model, &[Sequence::new(&[5, 6])], CacheUse::None)
        .unwrap();
    let words = || {
        let mut recorder = Recorder::new(model.device());
        let read = recorder.read_back(table.buffer(), 2 * ROW_WORDS).unwrap();
        block_on(recorder.finish().run())
            .unwrap()
            .words(read)
            .to_vec()
    };
    let before = words();
    let refused = [Sequence::new(&[1]), Sequence::new(&[99])];
    assert!(table.write(&model, &refused, CacheUse::None).is_err());
    assert_eq!(words(), before);
    assert_eq!(before[ROW_WORDS], 6);
}

#[test]
fn a_cache_of_another_model_or_without_room_is_refused() {
    let device = Device::cpu();
    let model = model(&device);
    let config = Config {
        n_layer: 2,
        ..CONFIG
    };
    let other = block_on(Gpt2::load(&device, config, &Weights(WeightFormat::F32))).unwrap();
    let cache = Cache::new(&other, 7).unwrap();
    assert_eq!(cache.capacity(), 7);
    assert!(matches!(Cache::new(&other, 0), Err(Error::Empty)));
    let rows = RowTable::new(&model, 1).unwrap();
    let mut recorder = Recorder::new(&device);
    let pass = Pass {
        rows: &rows,
        start: Start::Tokens,
        cache: CacheUse::Read(&cache),
    };
    let refused = model.record(&mut recorder, &pass, &mut NoHooks);
    assert!(matches!(refused, Err(Error::Config(_))));
    // Neither beyond the rows of either cache, nor within one.
    let short = Cache::new(&other, 3).unwrap();
    assert!(cache.record_copy(&mut recorder, 4..7, &short, 0).is_ok());
    for (rows, to, first) in [(4..7, &short, 1), (4..8, &short, 0), (0..1, &cache, 5)] {
        let refused = cache.record_copy(&mut recorder, rows, to, first);
        assert!(matches!(refused, Err(Error::Device(_))));
    }
}
