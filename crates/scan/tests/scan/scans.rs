//! Scans of the demo: against traces of the same windows, in shards, and stopped anywhere.

use std::collections::HashMap;

use crate::common::{NEURONS, SETS, documents, info, session, tokenizer};
use atlas::Tally;
use atlas::files::{decode, encode};
use corpus::Document;
use explorer::{Input, Session, TraceOptions};
use pollster::block_on;
use scan::{Error, SHORTEST};
use scan_folder::{Progress, Scan, ScanInfo, Shard};

fn all(documents: &[Document]) -> impl Iterator<Item = Result<Document, corpus::Error>> {
    documents.iter().cloned().map(Ok)
}

/// The ended scan of some documents.
fn scanned(session: &Session, info: ScanInfo, documents: &[Document]) -> Scan {
    let mut scan = Scan::new(info);
    let run = scan::scan(session, &mut scan, all(documents), None, |_| {
        Ok::<_, Error>(())
    });
    block_on(run).unwrap();
    scan.end();
    assert!(scan.info.complete);
    scan
}

fn whole(session: &Session) -> ScanInfo {
    info(session, Shard::default(), None)
}

fn bytes(tallies: &[Tally]) -> Vec<Vec<u8>> {
    tallies.iter().map(|tally| encode(tally).unwrap()).collect()
}

/// A latent's values over the corpus, one by one.
#[derive(Default, Clone)]
struct Counted {
    fired: u64,
    windows: u64,
    max: f32,
    sum: f64,
    squares: f64,
    tokens: HashMap<u32, u64>,
    documents: HashMap<u64, u64>,
    /// Peak, document, start.
    peaks: Vec<(f32, u64, u32)>,
}

/// Windows of 63 tokens, divided here once more.
fn windows(documents: &[Document]) -> Vec<(u64, u32, Vec<u32>)> {
    let tokenizer = tokenizer();
    let bos = tokenizer.bos().unwrap();
    let mut windows = Vec::new();
    for document in documents {
        let ids = tokenizer.encode(&document.text);
        let own = ids.iter().take_while(|id| **id == bos).count();
        for (number, part) in ids[own..].chunks(63).enumerate() {
            if part.len() >= SHORTEST {
                windows.push((document.number, number as u32 * 63, part.to_vec()));
            }
        }
    }
    windows
}

/// All latents of a set from traces, and the number of tokens that count.
fn counted(session: &Session, set: &str, documents: &[Document]) -> (Vec<Counted>, u64) {
    let bos = tokenizer().bos().unwrap();
    let options = TraceOptions {
        saes: Some(vec![set.to_owned()]),
        ..TraceOptions::default()
    };
    let mut latents = Vec::new();
    let mut tokens = 0;
    for (document, start, window) in windows(documents) {
        let ids = [&[bos], &window[..]].concat();
        let trace = block_on(session.trace(Input::Tokens(&ids), &options)).unwrap();
        let found = &trace.saes[0];
        latents.resize(found.n_latents, Counted::default());
        tokens += (ids.len() - found.skipped.len()) as u64;
        let mut peaks: HashMap<usize, f32> = HashMap::new();
        let slots = found.latents.iter().zip(&found.activations);
        for (slot, (latent, activation)) in slots.enumerate() {
            let position = slot / found.k;
            let Ok(latent) = usize::try_from(*latent) else {
                continue;
            };
            if found.skipped.contains(&(position as u32)) {
                continue;
            }
            let of = &mut latents[latent];
            of.sum += f64::from(*activation);
            of.squares += f64::from(*activation).powi(2);
            if *activation > 0.0 {
                of.fired += 1;
                of.max = of.max.max(*activation);
                *of.tokens.entry(ids[position]).or_default() += 1;
                *of.documents.entry(document).or_default() += 1;
                let peak = peaks.entry(latent).or_default();
                *peak = peak.max(*activation);
            }
        }
        for (latent, peak) in peaks {
            latents[latent].windows += 1;
            latents[latent].peaks.push((peak, document, start));
        }
    }
    (latents, tokens)
}

#[test]
fn every_statistic_is_that_of_traces_of_the_same_windows() {
    let (session, documents) = (session(), documents());
    let scan = scanned(&session, whole(&session), &documents);
    assert_eq!(scan.info.progress.windows, windows(&documents).len() as u64);
    assert_eq!(scan.info.progress.documents, documents.len() as u64);
    assert!(scan.info.progress.short_windows > 0);
    for (tally, set) in scan.tallies.iter().zip(SETS) {
        let (expected, tokens) = counted(&session, set, &documents);
        assert_eq!(tally.tokens(), tokens, "{set}");
        let records = tally.records();
        assert_eq!(records.len(), expected.len());
        let mut fired = 0;
        for (record, expected) in records.iter().zip(&expected) {
            let what = format!("{set}, latent {}", record.latent);
            let moments = &record.moments;
            assert_eq!(moments.fired, expected.fired, "{what}");
            assert_eq!(moments.windows, expected.windows, "{what}");
            assert_eq!(moments.max.to_bits(), expected.max.to_bits(), "{what}");
            let mean = expected.sum / tokens as f64;
            let square = expected.squares / tokens as f64;
            assert!(
                (moments.mean - mean).abs() <= 1e-9 * square.sqrt(),
                "{what}"
            );
            assert!(
                (moments.mean_square - square).abs() <= 1e-9 * square,
                "{what}"
            );
            for count in &record.tokens {
                assert_eq!(
                    Some(&count.fired),
                    expected.tokens.get(&count.token),
                    "{what}"
                );
            }
            assert_eq!(
                record.distinct_tokens as usize,
                expected.tokens.len(),
                "{what}"
            );
            for count in &record.documents {
                assert_eq!(
                    Some(&count.fired),
                    expected.documents.get(&count.document),
                    "{what}"
                );
            }
            for example in &record.top {
                let peak = example.activations.0.iter().copied().fold(0.0, f32::max);
                let of_window = expected.peaks.iter().find(|(_, document, start)| {
                    (*document, *start) == (example.document, example.start)
                });
                assert_eq!(of_window.unwrap().0.to_bits(), peak.to_bits(), "{what}");
            }
            if let Some(first) = record.top.first() {
                let peak = first.activations.0.iter().copied().fold(0.0, f32::max);
                assert_eq!(peak.to_bits(), expected.max.to_bits(), "{what}");
            }
            fired += moments.fired;
        }
        // TopK selects 16 latents per token; neurons fire on about half.
        assert!(fired > tokens * 8, "{set}: {fired} of {tokens} tokens");
    }
    // Every document that a record names has its name.
    for tally in &scan.tallies {
        let named: Vec<u64> = tally
            .documents()
            .iter()
            .map(|document| document.number)
            .collect();
        for record in tally.records() {
            let documents = record.top.iter().map(|example| example.document);
            let documents = documents.chain(record.documents.iter().map(|count| count.document));
            for document in documents {
                assert!(named.contains(&document), "document {document} has no name");
            }
        }
    }
}

#[test]
fn shards_merge_to_the_whole_byte_for_byte() {
    let (session, documents) = (session(), documents());
    let expected = bytes(&scanned(&session, whole(&session), &documents).tallies);
    for of in [2, 5] {
        let shards = (0..of).map(|index| {
            scanned(
                &session,
                info(&session, Shard { index, of }, None),
                &documents,
            )
            .tallies
        });
        let mut shards: Vec<Vec<Tally>> = shards.collect();
        // In another order than that of the corpus.
        shards.rotate_left(1);
        let merged = shards.into_iter().reduce(|one, other| {
            let both = one.into_iter().zip(other);
            both.map(|(one, other)| one.merge(other).unwrap()).collect()
        });
        assert!(bytes(&merged.unwrap()) == expected, "{of} shards");
    }
}

/// Stops after some batches; a stop is no error of a scan.
struct Stopped;

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        panic!("{error}");
    }
}

impl From<explorer::Error> for Stopped {
    fn from(error: explorer::Error) -> Self {
        panic!("{error}");
    }
}

#[test]
fn a_scan_that_is_stopped_and_resumed_is_as_if_it_had_not_been() {
    let (session, documents) = (session(), documents());
    for limit in [None, Some(700)] {
        let described = || info(&session, Shard::default(), limit);
        let expected = scanned(&session, described(), &documents);
        if let Some(limit) = limit {
            let tokens = expected.info.progress.tokens;
            assert!((limit..limit + 63).contains(&tokens), "{tokens}");
        }
        let mut saved = Scan::new(described());
        let mut stops = 0;
        loop {
            // As it lies in a checkpoint.
            let tallies = bytes(&saved.tallies);
            let tallies = tallies.iter().map(|bytes| decode("tally", bytes).unwrap());
            saved = Scan {
                info: saved.info.clone(),
                tallies: tallies.collect(),
                loaded: saved.loaded,
            };
            let mut batches = 0;
            let run = scan::scan(&session, &mut saved, all(&documents), None, |_| {
                batches += 1;
                if batches == 1 { Err(Stopped) } else { Ok(()) }
            });
            if block_on(run).is_ok() {
                break;
            }
            stops += 1;
        }
        assert!(stops >= 3, "{stops} batches");
        saved.end();
        assert_eq!(saved.info, expected.info);
        assert!(bytes(&saved.tallies) == bytes(&expected.tallies));
    }
}

#[test]
fn a_corpus_that_fails_and_a_context_that_cannot_be_are_errors() {
    let session = session();
    let failing = [
        Ok(documents().remove(0)),
        Err(corpus::Error::Empty {
            file: "b.txt".to_owned(),
        }),
    ];
    let mut scan = Scan::new(whole(&session));
    let run = scan::scan(&session, &mut scan, failing.into_iter(), None, |_| {
        Ok::<_, Error>(())
    });
    let error = block_on(run).unwrap_err();
    assert!(matches!(error, Error::Corpus(_)), "{error}");
    for context in [8, 257] {
        let mut wrong = whole(&session);
        wrong.settings.context = context;
        let mut scan = Scan::new(wrong);
        let documents = documents();
        let run = scan::scan(&session, &mut scan, all(&documents), None, |_| {
            Ok::<_, Error>(())
        });
        let error = block_on(run).unwrap_err();
        assert!(error.to_string().contains("from 9 to 256"), "{error}");
    }
    let mut scan = Scan::new(whole(&session));
    let run = scan::scan(&session, &mut scan, all(&[]), None, |_| Ok::<_, Error>(()));
    block_on(run).unwrap();
    assert_eq!(scan.info.progress, Progress::default());
    assert!(scan.info.sets.iter().any(|set| set.id == NEURONS));
}
