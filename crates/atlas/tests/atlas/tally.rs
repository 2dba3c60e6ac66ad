//! Tallies against brute force over dense activations, and in any division of the corpus.

use crate::common;
use crate::common::{Corpus, LATENTS, VOCABULARY, corpus, settings, tally_of};
use atlas::tally::{Tally, Values, Window};
use atlas::{SetKind, files};
use proptest::prelude::*;

/// Everything that a finished tally gives, as bytes.
fn result(tally: &Tally) -> (Vec<u8>, Vec<u8>, String) {
    let records = files::encode(&tally.records()).unwrap();
    let index = files::encode(&tally.token_index()).unwrap();
    let about = format!(
        "{:?} {:?} {:?}",
        tally.corpus(),
        tally.set_info(),
        tally.documents()
    );
    (records, index, about)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_division_of_a_corpus_gives_the_same_bytes(corpus in corpus(), parts in 1usize..5, seed in any::<u64>()) {
        for kind in [SetKind::Sae, SetKind::Neurons] {
            let whole = tally_of(&corpus, kind, |_| true);
            let mut tallies: Vec<Tally> = (0..parts)
                .map(|part| tally_of(&corpus, kind, |document| document as usize % parts == part))
                .collect();
            // In another order, and through files.
            let by = (seed % parts as u64) as usize;
            tallies.rotate_left(by);
            let mut merged: Option<Tally> = None;
            for tally in tallies {
                let tally: Tally = files::decode("tally", &files::encode(&tally).unwrap()).unwrap();
                tally.check().unwrap();
                merged = Some(match merged {
                    None => tally,
                    // Both orders of merging.
                    Some(other) if seed & 1 == 0 => other.merge(tally).unwrap(),
                    Some(other) => tally.merge(other).unwrap(),
                });
            }
            prop_assert_eq!(result(&merged.unwrap()), result(&whole));
        }
    }

    #[test]
    fn a_tally_that_is_saved_and_loaded_goes_on_as_if_it_had_not_been(corpus in corpus(), at in any::<prop::sample::Index>()) {
        let whole = tally_of(&corpus, SetKind::Sae, |_| true);
        let mut tally = common::empty(SetKind::Sae);
        let stop = at.index(corpus.windows.len());
        for (number, window) in corpus.windows.iter().enumerate() {
            if number == stop {
                tally = files::decode("tally", &files::encode(&tally).unwrap()).unwrap();
            }
            common::add(&mut tally, &corpus, window, SetKind::Sae);
        }
        prop_assert_eq!(result(&tally), result(&whole));
    }

    #[test]
    fn every_number_equals_brute_force_over_dense_activations(corpus in corpus()) {
        for kind in [SetKind::Sae, SetKind::Neurons] {
            let tally = tally_of(&corpus, kind, |_| true);
            let records = tally.records();
            prop_assert_eq!(records.len(), LATENTS);
            // Also the document that has not ended.
            let named: Vec<u64> = tally.documents().iter().map(|document| document.number).collect();
            for record in &records {
                prop_assert!(record.documents.iter().all(|count| named.contains(&count.document)));
            }
            let dense = Dense::of(&corpus);
            prop_assert_eq!(tally.corpus().tokens, dense.tokens.len() as u64);
            for (latent, record) in records.iter().enumerate() {
                dense.compare(latent, record, kind)?;
                strongest(&corpus, latent, record)?;
            }
            let index = tally.token_index();
            for token in 0..VOCABULARY {
                for (latent, fired) in &index[token as usize] {
                    let times = dense.fired_on(*latent as usize, token);
                    prop_assert_eq!(*fired, times as u64);
                }
            }
        }
    }
}

/// Values of all tokens that count.
struct Dense {
    tokens: Vec<u32>,
    sources: Vec<String>,
    values: Vec<Vec<f32>>,
}

impl Dense {
    fn of(corpus: &Corpus) -> Self {
        let mut dense = Self {
            tokens: Vec::new(),
            sources: Vec::new(),
            values: Vec::new(),
        };
        for window in &corpus.windows {
            for at in (0..window.tokens.len()).filter(|at| window.counted[*at]) {
                dense.tokens.push(window.tokens[at]);
                dense
                    .sources
                    .push(corpus.source(window.document).to_owned());
                dense.values.push(window.values[at].clone());
            }
        }
        dense
    }

    fn fired_on(&self, latent: usize, token: u32) -> usize {
        let rows = self.tokens.iter().zip(&self.values);
        rows.filter(|(other, values)| **other == token && values[latent] > 0.0)
            .count()
    }

    fn compare(
        &self,
        latent: usize,
        record: &atlas::FeatureRecord,
        kind: SetKind,
    ) -> Result<(), TestCaseError> {
        let all: Vec<f64> = self
            .values
            .iter()
            .map(|values| f64::from(values[latent]))
            .collect();
        // A latent of an SAE is 0 where it does not fire.
        let values: Vec<f64> = match kind {
            SetKind::Sae => all.iter().map(|value| value.max(0.0)).collect(),
            SetKind::Neurons => all.clone(),
        };
        let fired: Vec<f64> = all.iter().copied().filter(|value| *value > 0.0).collect();
        // Of a corpus without a token that counts everything is 0.
        let n = values.len().max(1) as f64;
        let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / n;
        let moments = &record.moments;
        prop_assert_eq!(moments.fired, fired.len() as u64);
        prop_assert!((moments.density - fired.len() as f64 / n).abs() < 1e-12);
        let close = |one: f64, other: f64| (one - other).abs() <= 1e-9 * (1.0 + other.abs());
        prop_assert!(
            close(moments.mean, moment(1)),
            "mean {} {}",
            moments.mean,
            moment(1)
        );
        prop_assert!(close(moments.mean_square, moment(2)));
        // Sums are multiples of 2⁻¹⁰⁰: squares of 1e-30 and less, the only values below 0.001 here, are 0 in them.
        if moment(2) > 1e-30 {
            let skew = moments.skew.expect("a skew");
            let kurtosis = moments.kurtosis.expect("a kurtosis");
            prop_assert!(close(skew, moment(3) / moment(2).powf(1.5)), "skew {skew}");
            prop_assert!(
                close(kurtosis, moment(4) / moment(2).powi(2)),
                "kurtosis {kurtosis}"
            );
        } else {
            prop_assert!(moments.skew.is_none() && moments.kurtosis.is_none());
        }
        let max = fired.iter().copied().fold(0.0, f64::max);
        prop_assert_eq!(f64::from(moments.max), max);

        let counted: Vec<f64> = values
            .iter()
            .copied()
            .filter(|value| *value != 0.0 || kind == SetKind::Neurons)
            .collect();
        let width = f64::from(record.histogram.width);
        prop_assert_eq!(
            record.histogram.counts.iter().sum::<u64>(),
            counted.len() as u64
        );
        for (bin, count) in (record.histogram.first..).zip(&record.histogram.counts) {
            let (low, high) = (f64::from(bin) * width, f64::from(bin + 1) * width);
            let inside = counted
                .iter()
                .filter(|value| **value >= low && **value < high)
                .count();
            prop_assert_eq!(*count, inside as u64, "bin {} of {}", bin, width);
        }
        for (octave, count) in (record.octaves.first..).zip(&record.octaves.counts) {
            let (low, high) = (f64::from(octave).exp2(), f64::from(octave + 1).exp2());
            let inside = fired
                .iter()
                .filter(|value| **value >= low && **value < high)
                .count();
            prop_assert_eq!(*count, inside as u64);
        }
        for token in &record.tokens {
            prop_assert_eq!(token.fired, self.fired_on(latent, token.token) as u64);
            let occurs = self
                .tokens
                .iter()
                .filter(|other| **other == token.token)
                .count();
            prop_assert_eq!(token.occurs, occurs as u64);
        }
        for partner in &record.coactive {
            let other = partner.latent as usize;
            let both = self
                .values
                .iter()
                .filter(|row| row[latent] > 0.0 && row[other] > 0.0)
                .count();
            let of_other = self.values.iter().filter(|row| row[other] > 0.0).count();
            prop_assert_eq!(partner.count, both as u64);
            let pmi = (both as f64 * n / (fired.len() as f64 * of_other as f64)).ln();
            prop_assert!((f64::from(partner.pmi) - pmi).abs() < 1e-5);
        }
        let of_sources: u64 = record.sources.iter().sum();
        prop_assert_eq!(of_sources, fired.len() as u64);
        Ok(())
    }
}

/// The kept windows are those of the corpus, with the activations that were added, and the strongest among them.
fn strongest(
    corpus: &Corpus,
    latent: usize,
    record: &atlas::FeatureRecord,
) -> Result<(), TestCaseError> {
    let peak_of = |window: &common::CorpusWindow| {
        let counted = window
            .values
            .iter()
            .zip(&window.counted)
            .filter(|(_, counted)| **counted);
        counted
            .map(|(values, _)| values[latent])
            .fold(0.0f32, f32::max)
    };
    let mut peaks: Vec<f32> = corpus
        .windows
        .iter()
        .map(peak_of)
        .filter(|peak| *peak > 0.0)
        .collect();
    peaks.sort_by(|one, other| other.total_cmp(one));
    prop_assert_eq!(record.moments.windows, peaks.len() as u64);
    prop_assert_eq!(
        record
            .intervals
            .iter()
            .map(|interval| interval.windows)
            .sum::<u64>(),
        peaks.len() as u64
    );
    if let Some(first) = record.top.first() {
        let at = first
            .positions
            .iter()
            .position(|position| *position == first.peak)
            .expect("the peak");
        prop_assert_eq!(first.activations.0[at], peaks[0]);
    }
    prop_assert_eq!(
        record.random.len(),
        peaks.len().min(settings().random as usize)
    );
    let of_intervals = record.intervals.iter().flat_map(|interval| {
        let most = settings().per_interval as usize;
        assert_eq!(interval.examples.len(), most.min(interval.windows as usize));
        interval
            .examples
            .iter()
            .map(move |example| (Some((interval.low, interval.high)), example))
    });
    let others = record
        .top
        .iter()
        .chain(&record.random)
        .map(|example| (None, example));
    for (interval, example) in of_intervals.chain(others) {
        let window = corpus
            .windows
            .iter()
            .find(|window| window.document == example.document && window.start == example.start);
        let window = window.expect("a window of the corpus");
        prop_assert!(window.tokens.starts_with(&example.tokens));
        let peak = window.values[usize::from(example.peak)][latent];
        prop_assert_eq!(peak, peak_of(window));
        if let Some((low, high)) = interval {
            prop_assert!(peak >= low && peak < high);
        }
        for (position, activation) in example.positions.iter().zip(&example.activations.0) {
            prop_assert!(window.counted[usize::from(*position)]);
            prop_assert_eq!(*activation, window.values[usize::from(*position)][latent]);
        }
    }
    Ok(())
}

#[test]
fn fewer_examples_are_those_of_a_scan_that_wanted_fewer() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let corpus = corpus().new_tree(&mut runner).unwrap().current();
    let mut many = tally_of(&corpus, SetKind::Sae, |_| true);
    many.keep_fewer(1, 1, 9);
    let settings = atlas::Settings {
        top: 1,
        per_interval: 1,
        ..settings()
    };
    let mut few = Tally::new(
        many.model().clone(),
        many.set().clone(),
        "corpus".to_owned(),
        settings,
    );
    for window in &corpus.windows {
        common::add(&mut few, &corpus, window, SetKind::Sae);
    }
    assert_eq!(result(&many), result(&few));
    assert!(many.records().iter().any(|record| record.top.len() == 1));
}

#[test]
fn copies_of_a_passage_do_not_fill_the_list() {
    let mut tally = common::empty(SetKind::Sae);
    for document in 0..20u64 {
        tally.document(document, "a copy", "s");
        let latents = [0i32, -1];
        let tokens = [4u32, 5, 6, 7, 8, 9, 10, 11];
        let latents: Vec<i32> = latents.repeat(tokens.len());
        let activations: Vec<f32> = (0..tokens.len())
            .flat_map(|at| [1.0 + at as f32, 0.0])
            .collect();
        let window = Window {
            document,
            start: 0,
            tokens: &tokens,
            counted: &[true; 8],
        };
        tally
            .add(
                &window,
                &Values::Sparse {
                    slots: 2,
                    latents: &latents,
                    activations: &activations,
                },
            )
            .unwrap();
    }
    let record = &tally.records()[0];
    assert_eq!(record.moments.windows, 20);
    assert_eq!(record.top.len(), 1);
    // Of equals the earliest.
    assert_eq!(record.top[0].document, 0);
}

#[test]
fn values_that_are_not_numbers_are_refused_with_their_place_and_nothing_is_counted() {
    let mut tally = common::empty(SetKind::Sae);
    tally.document(3, "d", "s");
    let before = tally.clone();
    let window = Window {
        document: 3,
        start: 7,
        tokens: &[1, 2],
        counted: &[true, true],
    };
    let values = Values::Sparse {
        slots: 1,
        latents: &[0, 1],
        activations: &[1.0, f32::NAN],
    };
    let error = tally.add(&window, &values).unwrap_err();
    assert_eq!(
        error.to_string(),
        "latent 1 of set is NaN at token 8 of document 3"
    );
    assert_eq!(tally, before);
    // Where a position does not count its value is of no matter.
    let window = Window {
        counted: &[true, false],
        ..window
    };
    tally.add(&window, &values).unwrap();
    assert_eq!(tally.corpus().tokens, 1);
}

#[test]
fn parts_that_do_not_belong_together_are_refused_and_say_what_differs() {
    let one = common::empty(SetKind::Sae);
    let other = common::empty(SetKind::Neurons);
    let error = one.clone().merge(other).unwrap_err().to_string();
    assert!(error.contains("feature sets differ"), "{error}");
    let mut settings = settings();
    settings.context += 1;
    let other = Tally::new(
        one.model().clone(),
        one.set().clone(),
        "corpus".to_owned(),
        settings,
    );
    let error = one.clone().merge(other).unwrap_err().to_string();
    assert!(error.contains("settings differ"), "{error}");
    let mut model = one.model().clone();
    model.tokenizer_sha256 = "another".to_owned();
    let other = Tally::new(
        model,
        one.set().clone(),
        "corpus".to_owned(),
        one.settings().clone(),
    );
    let error = one.merge(other).unwrap_err().to_string();
    assert!(
        error.contains("tokenizers differ") && error.contains("another"),
        "{error}"
    );
}
