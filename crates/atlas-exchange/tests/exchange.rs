//! What is exported and imported again is the same, as far as a format can hold it; what it cannot hold is not made up.

use atlas::record::{Example, FeatureRecord, Histogram, Interval, Moments};
use atlas::testing::{content_of, vocabulary};
use atlas::{Content, Quantity};
use atlas_exchange::{Error, Format, Importer, openai_viewer, sae_dashboard};
use proptest::prelude::*;

/// Examples without what neither format has.
fn without_place(examples: &[Example], keeps_document: bool) -> Vec<Example> {
    let examples = examples.iter().cloned();
    examples
        .map(|example| Example {
            start: 0,
            document: if keeps_document { example.document } else { 0 },
            ..example
        })
        .collect()
}

/// What SAEDashboard's format holds of a record.
fn as_dashboard(record: &FeatureRecord) -> FeatureRecord {
    let moments = record.moments;
    FeatureRecord {
        latent: record.latent,
        moments: Moments {
            fired: moments.fired,
            density: moments.density,
            max: moments.max,
            ..Moments::default()
        },
        histogram: record.histogram.clone(),
        logits: record.logits.clone(),
        top: without_place(&record.top, false),
        intervals: record
            .intervals
            .iter()
            .map(|interval| Interval {
                windows: 0,
                examples: without_place(&interval.examples, false),
                ..*interval
            })
            .collect(),
        ..FeatureRecord::default()
    }
}

/// What the viewer's format holds of a record, but for the histogram and the largest activation.
fn as_viewer(record: &FeatureRecord) -> FeatureRecord {
    let top = without_place(&record.top, true);
    let moments = record.moments;
    FeatureRecord {
        latent: record.latent,
        moments: Moments {
            fired: 0,
            windows: 0,
            ..moments
        },
        top,
        random: without_place(&record.random, true),
        ..FeatureRecord::default()
    }
}

fn dashboard(content: &Content, tokens: Option<Vec<Vec<u8>>>) -> Content {
    let mut importer = Importer::new(Format::SaeDashboard, tokens);
    for (set, records) in content.info.sets.iter().zip(&content.records) {
        for (number, batch) in records.chunks(sae_dashboard::BATCH).enumerate() {
            let records: Vec<&FeatureRecord> = batch.iter().collect();
            let bytes = sae_dashboard::export(&content.info, set, &records, &vocabulary()).unwrap();
            let name = sae_dashboard::file_name(number);
            assert_eq!(Format::detect(&name, &bytes), Ok(Format::SaeDashboard));
            importer.add(&name, "folder", &bytes).unwrap();
        }
    }
    importer.finish().unwrap()
}

fn texts(content: &Content, tokens: &[u32]) -> Vec<String> {
    let vocabulary = content.vocabulary.as_ref().unwrap();
    let text = |token: &u32| String::from_utf8_lossy(&vocabulary[*token as usize]).into_owned();
    tokens.iter().map(text).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn dashboards_come_back(content in content_of(4)) {
        let again = dashboard(&content, Some(vocabulary()));
        for (set, records) in content.info.sets.iter().zip(&content.records) {
            let at = again.info.sets.iter().position(|other| other.id == set.id).expect("a set of this name");
            let expected: Vec<FeatureRecord> = records.iter().map(as_dashboard).collect();
            prop_assert_eq!(&again.records[at], &expected);
        }
        prop_assert_eq!(&again.info.model.name, &content.info.model.name);
        prop_assert_eq!(&again.info.model.tokenizer_sha256, &content.info.model.tokenizer_sha256);
        prop_assert_eq!(&again.info.corpus.name, &content.info.corpus.name);
        prop_assert_eq!(again.info.corpus.windows, content.info.corpus.windows);
        for unknown in [Quantity::Mean, Quantity::MeanSquare, Quantity::Windows, Quantity::IntervalWindows,
            Quantity::ExampleDocument, Quantity::ExampleStart, Quantity::Sources, Quantity::Tokens] {
            prop_assert!(!again.info.knows(unknown), "{:?}", unknown);
        }
        for known in [Quantity::Density, Quantity::Fired, Quantity::Max, Quantity::CorpusWindows] {
            prop_assert!(again.info.knows(known), "{:?}", known);
        }
    }

    #[test]
    fn dashboards_without_a_tokenizer_keep_their_texts(content in content_of(3)) {
        let again = dashboard(&content, None);
        for (set, records) in content.info.sets.iter().zip(&content.records) {
            let at = again.info.sets.iter().position(|other| other.id == set.id).unwrap();
            for (one, other) in records.iter().zip(&again.records[at]) {
                for (one, other) in one.top.iter().zip(&other.top) {
                    let (one, other) = (texts(&content, &one.tokens), texts(&again, &other.tokens));
                    for (one, other) in one.iter().zip(&other) {
                        // Bytes that are no text by themselves are written in an alphabet of their own, of which Ġ is a letter.
                        prop_assert!(one == other || one.contains(['\u{fffd}', 'Ġ']), "{:?} {:?}", one, other);
                    }
                }
            }
        }
    }

    #[test]
    fn viewer_files_come_back(content in content_of(3), known in any::<bool>()) {
        let mut importer = Importer::new(Format::OpenaiViewer, known.then(vocabulary));
        let set = &content.info.sets[0];
        for record in &content.records[0] {
            let bytes = openai_viewer::export(&content.info, set, record, &vocabulary()).unwrap();
            let name = openai_viewer::file_name(record.latent);
            prop_assert_eq!(Format::detect(&name, &bytes), Ok(Format::OpenaiViewer));
            importer.add(&name, "layer-0", &bytes).unwrap();
        }
        let again = importer.finish().unwrap();
        prop_assert_eq!(&again.info.sets[0].id, "layer-0");
        for (record, again) in content.records[0].iter().zip(&again.records[0]) {
            let mut expected = as_viewer(record);
            // The largest activation is that of the examples, which files round.
            prop_assert!((expected.moments.max - again.moments.max).abs() <= expected.moments.max * 0.001);
            expected.moments.max = again.moments.max;
            // Each bin is counted whole, in the bin in which its middle lies.
            let counts = |histogram: &Histogram| histogram.counts.iter().sum::<u64>();
            prop_assert_eq!(counts(&record.histogram), counts(&again.histogram));
            expected.histogram = again.histogram.clone();
            prop_assert_eq!(again, &expected);
        }
        prop_assert!(!again.info.knows(Quantity::Fired) && !again.info.knows(Quantity::CorpusTokens));
    }

    #[test]
    fn what_was_imported_is_exported_the_same(content in content_of(3)) {
        let once = dashboard(&content, Some(vocabulary()));
        let twice = dashboard(&once, Some(vocabulary()));
        prop_assert_eq!(&once.records, &twice.records);
        let set = &content.info.sets[0];
        let read = |content: &Content| {
            let mut importer = Importer::new(Format::OpenaiViewer, None);
            for record in &content.records[0] {
                let bytes = openai_viewer::export(&content.info, set, record, &vocabulary()).unwrap();
                importer.add(&openai_viewer::file_name(record.latent), "set", &bytes).unwrap();
            }
            importer.finish().unwrap()
        };
        let once = read(&content);
        let mut twice = read(&once);
        twice.vocabulary = once.vocabulary.clone();
        twice.info.model = once.info.model.clone();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::SaeDashboard, Format::OpenaiViewer] {
            let _ = Importer::new(format, None).add("5.json", "set", &bytes);
        }
        let _ = Format::detect("file", &bytes);
    }
}

/// A batch as SAEDashboard writes it, with numbers rounded to three decimals and spaces in the place of `Ġ`.
const BATCH: &str = r#"{"model_id": "gpt2-small", "layer": 8, "sae_set": "res-jb", "features": [{
    "feature_index": 3, "neuron_alignment_indices": [1], "neuron_alignment_values": [0.2], "neuron_alignment_l1": [0.1],
    "correlated_features_indices": [4], "correlated_features_pearson": [0.5], "correlated_features_l1": [0.5],
    "neg_str": [" Ã©"], "neg_values": [-1.25], "pos_str": ["king"], "pos_values": [2.5], "frac_nonzero": 0.00125,
    "freq_hist_data_bar_values": [0.133, 0.4, 0.667, 0.934], "freq_hist_data_bar_heights": [9.0, 0.0, 3.0, 2.0],
    "logits_hist_data_bar_heights": [1, 2], "logits_hist_data_bar_values": [-0.5, 0.5],
    "n_prompts_total": 24576, "n_tokens_in_prompt": 128, "dataset": "Skylion007/openwebtext",
    "decoder_weights_dist": [], "vector": [1.0, 2.0],
    "activations": [
      {"bin_min": -1, "bin_max": 1.067, "bin_contains": -1, "tokens": ["the", " king", "\n"], "values": [0.0, 1.067, 0.25],
       "qualifying_token_index": 1, "dfa_values": [0.1, 0.2, 0.3]},
      {"bin_min": 0.356, "bin_max": 0.711, "bin_contains": 0.25, "tokens": ["<script>alert(1)</script>"], "values": [0.5],
       "qualifying_token_index": 0}]}]}"#;

#[test]
fn a_batch_of_sae_dashboard_is_read() {
    let mut importer = Importer::new(Format::SaeDashboard, None);
    importer
        .add("batch-0.json", "folder", BATCH.as_bytes())
        .unwrap();
    let content = importer.finish().unwrap();
    let info = &content.info;
    assert_eq!(info.model.name, "gpt2-small");
    assert_eq!(
        (info.sets[0].id.as_str(), info.sets[0].n_latents),
        ("res-jb", 4)
    );
    assert_eq!(
        (info.corpus.windows, info.corpus.tokens),
        (24576, 24576 * 128)
    );
    assert!(!info.has("res-jb", 0) && !info.has("res-jb", 2) && info.has("res-jb", 3));
    let record = &content.records[0][3];
    assert_eq!(
        (
            record.moments.fired,
            record.moments.density,
            record.moments.max
        ),
        (14, 0.00125, 1.067)
    );
    assert_eq!(record.histogram.counts, [9, 0, 3, 2]);
    let begin = f64::from(record.histogram.origin)
        + f64::from(record.histogram.first) * f64::from(record.histogram.width);
    assert!(
        (f64::from(record.histogram.width) - 0.267).abs() < 1e-4 && begin.abs() < 1e-3,
        "{:?}",
        record.histogram
    );
    let top = &record.top[0];
    assert_eq!(texts(&content, &top.tokens), ["the", " king", "\n"]);
    assert_eq!(
        (
            top.peak,
            top.positions.as_slice(),
            top.activations.0.as_slice()
        ),
        (1, &[1, 2][..], &[1.067, 0.25][..])
    );
    let interval = &record.intervals[0];
    assert_eq!((interval.low, interval.high), (0.356, 0.711));
    assert_eq!(
        texts(&content, &interval.examples[0].tokens),
        ["<script>alert(1)</script>"]
    );
    let logits = record.logits.as_ref().unwrap();
    assert_eq!((logits.up[0].value, logits.down[0].value), (2.5, -1.25));
    assert_eq!(texts(&content, &[logits.down[0].token]), [" é"]);
}

#[test]
fn a_file_of_the_viewer_is_read() {
    let json = r#"{"density": 0.001, "mean_act": 0.01, "mean_act_squared": 0.2, "skew": 40.5, "kurtosis": 2000.0,
        "hist": {"0": 1000, "1": 3, "4": 2},
        "top": [{"density": 0.1, "doc_id": 17, "idx": 1, "act": 0.75, "acts": [0.0, 0.75, 0.1], "tokens": [" a", " b", "�"],
                 "token_ints": [257, 275, 1849]}],
        "random": []}"#;
    let mut importer = Importer::new(Format::OpenaiViewer, None);
    importer
        .add("atoms/2.json", "v5_32k", json.as_bytes())
        .unwrap();
    let content = importer.finish().unwrap();
    let record = &content.records[0][2];
    let moments = record.moments;
    assert_eq!(
        (moments.density, moments.mean, moments.mean_square),
        (0.001, 0.01, 0.2)
    );
    assert_eq!(
        (moments.skew, moments.kurtosis, moments.max),
        (Some(40.5), Some(2000.0), 0.75)
    );
    // Bin 1 is (0, 0.2], bin 4 is (0.6, 0.8].
    assert_eq!((record.histogram.first, record.histogram.width), (0, 0.2));
    assert_eq!(record.histogram.counts, [3, 0, 0, 2]);
    assert_eq!(
        (record.top[0].document, record.top[0].tokens.as_slice()),
        (17, &[257, 275, 1849][..])
    );
    assert!(
        content.info.knows(Quantity::ExampleDocument)
            && !content.info.knows(Quantity::ExampleStart)
    );
    assert_eq!(content.vocabulary.as_ref().unwrap()[275], b" b");
    // What the text of a part of a character was is not known.
    assert!(content.vocabulary.unwrap()[1849].is_empty());
    assert!(!content.info.has("v5_32k", 1));
}

#[test]
fn errors_name_file_and_field() {
    let cases = [
        (
            r#""frac_nonzero": 0.00125"#,
            r#""frac_nonzero": 1.5"#,
            "features[0].frac_nonzero is 1.5",
        ),
        (
            r#""values": [0.5]"#,
            r#""values": [0.5, 0.5]"#,
            "features[0].activations[1].values has 2 entries, and tokens has 1",
        ),
        (
            r#""values": [0.5]"#,
            r#""values": [1e300]"#,
            "features[0].activations[1].values[0] is",
        ),
        (
            r#""values": [0.5]"#,
            r#""values": ["x"]"#,
            "features[0].activations[1].values[0] cannot be read",
        ),
        (
            r#""feature_index": 3"#,
            r#""feature_index": 4000000000"#,
            "features[0].feature_index is 4000000000",
        ),
        (
            r#""feature_index": 3"#,
            r#""feature_index": -3"#,
            "features[0].feature_index cannot be read",
        ),
        (
            r#""pos_values": [2.5]"#,
            r#""pos_values": []"#,
            "features[0].pos_values has 0 entries, and pos_str has 1",
        ),
        (
            "[9.0, 0.0, 3.0, 2.0]",
            "[9.0, 0.0, 3.0]",
            "freq_hist_data_bar_heights has 3 entries",
        ),
        (
            "[9.0, 0.0, 3.0, 2.0]",
            "[9.5, 0.0, 3.0, 2.0]",
            "freq_hist_data_bar_heights[0] is 9.5, which is no count",
        ),
        (
            "[0.133, 0.4, 0.667, 0.934]",
            "[0.133, 0.4, 0.9, 0.934]",
            "freq_hist_data_bar_values[2] is 0.9",
        ),
        (
            r#""tokens": ["the", " king", "\n"]"#,
            r#""tokens": 7"#,
            "features[0].activations[0].tokens cannot be read",
        ),
        (
            r#""frac_nonzero": 0.00125"#,
            r#""frac_nonzero": NaN"#,
            "is not JSON",
        ),
    ];
    for (old, new, expected) in cases {
        assert!(BATCH.contains(old), "{old}");
        let error = Importer::new(Format::SaeDashboard, None).add(
            "b.json",
            "set",
            BATCH.replacen(old, new, 1).as_bytes(),
        );
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("b.json") && error.contains(expected),
            "{new}: {error}"
        );
    }
    let mut importer = Importer::new(Format::SaeDashboard, None);
    importer.add("a.json", "set", BATCH.as_bytes()).unwrap();
    let error = importer
        .add("b.json", "set", BATCH.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("b.json: features[0].feature_index is 3, of which another"),
        "{error}"
    );
    let cut = &BATCH.as_bytes()[..BATCH.len() / 2];
    let error = Importer::new(Format::SaeDashboard, None)
        .add("b.json", "set", cut)
        .unwrap_err();
    assert!(matches!(error, Error::NotJson { .. }), "{error}");
    let deep = "[".repeat(100_000);
    for format in [Format::SaeDashboard, Format::OpenaiViewer] {
        assert!(
            Importer::new(format, None)
                .add("1.json", "set", deep.as_bytes())
                .is_err()
        );
    }
    assert!(Format::detect("x", deep.as_bytes()).is_err());
    let strange = Importer::new(Format::SaeDashboard, Some(vocabulary())).add(
        "b.json",
        "set",
        BATCH.as_bytes(),
    );
    let error = strange.unwrap_err().to_string();
    assert!(
        error.contains("which the vocabulary does not have"),
        "{error}"
    );
    let unnamed = Importer::new(Format::OpenaiViewer, None).add("feature.json", "set", b"{}");
    assert!(matches!(unnamed, Err(Error::NoNumber { .. })));
    assert_eq!(
        Importer::new(Format::OpenaiViewer, None).finish(),
        Err(Error::Nothing)
    );
    assert!(matches!(
        Format::detect("x.json", b"{\"a\": 1}"),
        Err(Error::NoFormat { .. })
    ));
}

#[test]
fn layers_of_one_name_are_sets_of_their_own() {
    let mut importer = Importer::new(Format::SaeDashboard, None);
    importer.add("8.json", "set", BATCH.as_bytes()).unwrap();
    importer
        .add(
            "9.json",
            "set",
            BATCH.replacen("\"layer\": 8", "\"layer\": 9", 1).as_bytes(),
        )
        .unwrap();
    importer
        .add(
            "x.json",
            "set",
            BATCH.replacen("res-jb", "../evil name", 1).as_bytes(),
        )
        .unwrap();
    let content = importer.finish().unwrap();
    let mut ids: Vec<&str> = content
        .info
        .sets
        .iter()
        .map(|set| set.id.as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["..-evil-name", "8-res-jb", "9-res-jb"]);
}
