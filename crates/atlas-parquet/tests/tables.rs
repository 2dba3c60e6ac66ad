//! What the tables say, read back with the Parquet crate's own reader, is what the records say.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use atlas::record::{
    Activations, AlignedHead, AlignedNeuron, DocumentCount, Elsewhere, Example, Histogram,
    Interval, LogitEffect, Moments, Neighbour, Octaves, Partner, TokenCount, TokenValue,
};
use atlas::testing::content;
use atlas::{AtlasInfo, Content, FeatureRecord, Imported, Quantity};
use atlas_parquet::Tables;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

/// A row of a table.
#[derive(Clone, Copy)]
struct Row<'a>(&'a RecordBatch, usize);

impl Row<'_> {
    fn column(&self, name: &str) -> &dyn Array {
        self.0
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    fn optional<T: ArrowPrimitiveType>(&self, name: &str) -> Option<T::Native> {
        let column = self.column(name).as_primitive::<T>();
        column.is_valid(self.1).then(|| column.value(self.1))
    }

    fn number<T: ArrowPrimitiveType>(&self, name: &str) -> T::Native {
        self.optional::<T>(name)
            .unwrap_or_else(|| panic!("{name} is null"))
    }

    fn text(&self, name: &str) -> String {
        self.column(name)
            .as_string::<i32>()
            .value(self.1)
            .to_owned()
    }

    fn optional_list<T: ArrowPrimitiveType>(&self, name: &str) -> Option<Vec<T::Native>> {
        let column = self.column(name).as_list::<i32>();
        column
            .is_valid(self.1)
            .then(|| column.value(self.1).as_primitive::<T>().values().to_vec())
    }

    fn list<T: ArrowPrimitiveType>(&self, name: &str) -> Vec<T::Native> {
        self.optional_list::<T>(name)
            .unwrap_or_else(|| panic!("{name} is null"))
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let values = self.column(name).as_list::<i32>().value(self.1);
        values
            .as_string::<i32>()
            .iter()
            .map(|text| text.unwrap().to_owned())
            .collect()
    }

    fn histogram(&self, prefix: &str) -> Option<Histogram> {
        let name = |part| format!("{prefix}_{part}");
        Some(Histogram {
            counts: self.optional_list::<UInt64Type>(&name("counts"))?,
            origin: self.number::<Float32Type>(&name("origin")),
            width: self.number::<Float32Type>(&name("width")),
            first: self.number::<Int32Type>(&name("first")),
        })
    }
}

fn batches(bytes: Bytes) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| Row(batch, row)))
}

fn zip<A, B, T>(one: Vec<A>, other: Vec<B>, make: impl Fn(A, B) -> T) -> Vec<T> {
    assert_eq!(one.len(), other.len());
    one.into_iter()
        .zip(other)
        .map(|(one, other)| make(one, other))
        .collect()
}

fn effect(row: Row<'_>) -> Option<LogitEffect> {
    let values = |name: &str| {
        let tokens = row.optional_list::<UInt32Type>(name)?;
        let values = row.list::<Float32Type>(&format!("{name}_values"));
        Some(zip(tokens, values, |token, value| TokenValue {
            token,
            value,
        }))
    };
    Some(LogitEffect {
        up: values("logits_up")?,
        down: values("logits_down")?,
        histogram: row.histogram("logits_histogram")?,
    })
}

/// A record without examples and co-activations.
fn feature(row: Row<'_>) -> FeatureRecord {
    let neighbours = zip(
        row.list::<UInt32Type>("similar"),
        row.list::<Float32Type>("similar_cosine"),
        |latent, cosine| Neighbour { latent, cosine },
    );
    let elsewhere = zip(
        row.texts("elsewhere_set"),
        row.list::<UInt32Type>("elsewhere"),
        |set, latent| (set, latent),
    );
    let counts = zip(
        row.list::<UInt32Type>("tokens"),
        row.list::<UInt64Type>("tokens_fired"),
        |token, fired| (token, fired),
    );
    let neurons = zip(
        row.list::<UInt16Type>("neurons_layer"),
        row.list::<UInt32Type>("neurons"),
        |layer, neuron| (layer, neuron),
    );
    let heads = zip(
        row.list::<UInt16Type>("heads_layer"),
        row.list::<UInt16Type>("heads"),
        |layer, head| (layer, head),
    );
    let intervals = zip(
        row.list::<Float32Type>("interval_low"),
        row.list::<Float32Type>("interval_high"),
        |low, high| (low, high),
    );
    FeatureRecord {
        latent: row.number::<UInt32Type>("latent"),
        label: row.text("label"),
        moments: Moments {
            fired: row.number::<UInt64Type>("fired"),
            windows: row.number::<UInt64Type>("windows"),
            density: row.number::<Float64Type>("density"),
            max: row.number::<Float32Type>("max"),
            mean: row.number::<Float64Type>("mean"),
            mean_square: row.number::<Float64Type>("mean_square"),
            skew: row.optional::<Float64Type>("skew"),
            kurtosis: row.optional::<Float64Type>("kurtosis"),
        },
        histogram: row.histogram("histogram").unwrap(),
        octaves: Octaves {
            first: row.number::<Int16Type>("octaves_first"),
            counts: row.list::<UInt64Type>("octaves_counts"),
        },
        intervals: zip(
            intervals,
            row.list::<UInt64Type>("interval_windows"),
            |(low, high), windows| Interval {
                low,
                high,
                windows,
                examples: Vec::new(),
            },
        ),
        tokens: zip(
            counts,
            row.list::<UInt64Type>("tokens_occur"),
            |(token, fired), occurs| TokenCount {
                token,
                fired,
                occurs,
            },
        ),
        distinct_tokens: row.number::<UInt32Type>("distinct_tokens"),
        sources: row.list::<UInt64Type>("sources_fired"),
        main_source: row.optional::<UInt16Type>("main_source"),
        documents: zip(
            row.list::<UInt64Type>("documents"),
            row.list::<UInt64Type>("documents_fired"),
            |document, fired| DocumentCount { document, fired },
        ),
        logits: effect(row),
        similar: neighbours,
        elsewhere: zip(
            elsewhere,
            row.list::<Float32Type>("elsewhere_cosine"),
            |(set, latent), cosine| Elsewhere {
                set,
                latent,
                cosine,
            },
        ),
        neurons: zip(
            neurons,
            row.list::<Float32Type>("neurons_cosine"),
            |(layer, neuron), cosine| AlignedNeuron {
                layer,
                neuron,
                cosine,
            },
        ),
        heads: zip(
            heads,
            row.list::<Float32Type>("heads_share"),
            |(layer, head), share| AlignedHead { layer, head, share },
        ),
        ..FeatureRecord::default()
    }
}

fn add_example(record: &mut FeatureRecord, row: Row<'_>) {
    let example = Example {
        document: row.number::<UInt64Type>("document"),
        start: row.number::<UInt32Type>("start"),
        tokens: row.list::<UInt32Type>("tokens"),
        peak: row.number::<UInt16Type>("peak"),
        positions: row.list::<UInt16Type>("positions"),
        activations: Activations(row.list::<Float32Type>("activations")),
    };
    let (low, high) = (
        row.optional::<Float32Type>("low"),
        row.optional::<Float32Type>("high"),
    );
    let list = match row.text("kind").as_str() {
        "top" => &mut record.top,
        "random" => &mut record.random,
        "interval" => {
            let mut intervals = record.intervals.iter_mut();
            let of =
                intervals.find(|interval| Some(interval.low) == low && Some(interval.high) == high);
            &mut of.expect("an interval of the feature").examples
        }
        other => panic!("{other}"),
    };
    assert_eq!(row.number::<UInt32Type>("rank") as usize, list.len());
    list.push(example);
}

/// The records of all sets, from the three files.
fn read(files: [Bytes; 3]) -> Vec<(String, FeatureRecord)> {
    let [features, examples, coactivations] = files.map(batches);
    let mut records: Vec<(String, FeatureRecord)> = rows(&features)
        .map(|row| (row.text("set"), feature(row)))
        .collect();
    let at = |row: Row<'_>| {
        let key = (row.text("set"), row.number::<UInt32Type>("latent"));
        records
            .iter()
            .position(|(set, record)| (set, record.latent) == (&key.0, key.1))
            .unwrap()
    };
    let examples: Vec<_> = rows(&examples).map(|row| (at(row), row)).collect();
    let pairs: Vec<_> = rows(&coactivations).map(|row| (at(row), row)).collect();
    for (at, row) in examples {
        add_example(&mut records[at].1, row);
    }
    for (at, row) in pairs {
        records[at].1.coactive.push(Partner {
            latent: row.number::<UInt32Type>("partner"),
            count: row.number::<UInt64Type>("count"),
            pmi: row.number::<Float32Type>("pmi"),
        });
    }
    records
}

fn write(info: &AtlasInfo, content: &Content) -> [Bytes; 3] {
    let mut tables = Tables::new(info, Vec::new(), Vec::new(), Vec::new()).unwrap();
    for (set, records) in info.sets.iter().zip(&content.records) {
        // In parts, as shards are read.
        for records in records.chunks(50) {
            tables.add(info, set, records).unwrap();
        }
    }
    tables.finish().unwrap().map(Bytes::from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn tables_say_what_records_say(content in content()) {
        let read = read(write(&content.info, &content));
        let sets = content.info.sets.iter().zip(&content.records);
        let expected: Vec<_> = sets
            .flat_map(|(set, records)| records.iter().map(|record| (set.id.clone(), record.clone())))
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn equal_atlases_give_equal_files(content in content()) {
        prop_assert_eq!(write(&content.info, &content), write(&content.info, &content));
    }

    #[test]
    fn what_is_not_known_is_null(content in content()) {
        let mut info = content.info.clone();
        info.imported = Some(Imported {
            format: "other".to_owned(),
            unknown: vec![
                Quantity::Fired, Quantity::Windows, Quantity::Density, Quantity::Max, Quantity::Mean, Quantity::MeanSquare,
                Quantity::Tokens, Quantity::Sources, Quantity::IntervalWindows, Quantity::ExampleDocument,
                Quantity::ExampleStart,
            ],
            missing: [("layer-0".to_owned(), vec![[0, 1]])].into(),
        });
        let [features, examples, _] = write(&info, &content).map(batches);
        let numbers = ["fired", "windows", "density", "max", "mean", "mean_square", "tokens", "tokens_fired", "tokens_occur",
            "distinct_tokens", "sources_fired", "interval_windows"];
        for row in rows(&features) {
            for name in numbers {
                prop_assert!(row.column(name).is_null(row.1), "{}", name);
            }
            prop_assert!((row.text("set").as_str(), row.number::<UInt32Type>("latent")) != ("layer-0", 0));
        }
        for row in rows(&examples) {
            prop_assert!(row.column("document").is_null(row.1) && row.column("start").is_null(row.1));
        }
        let all: usize = content.records.iter().map(Vec::len).sum();
        prop_assert_eq!(rows(&features).count(), all - 1);
    }
}

/// Writes an atlas's tables where `ATLAS_PARQUET_OUT` says, to look at with other readers.
#[test]
fn files_for_other_readers() {
    use proptest::strategy::ValueTree;
    let Some(out) = std::env::var_os("ATLAS_PARQUET_OUT").map(std::path::PathBuf::from) else {
        return;
    };
    let tree = content().new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let content = tree.unwrap().current();
    let names = ["features", "examples", "coactivations"];
    for (name, bytes) in names.iter().zip(write(&content.info, &content)) {
        std::fs::write(out.join(format!("{name}.parquet")), bytes).unwrap();
    }
    let sets: Vec<_> = content
        .info
        .sets
        .iter()
        .map(|set| &set.id)
        .zip(&content.records)
        .collect();
    std::fs::write(out.join("records.json"), serde_json::to_vec(&sets).unwrap()).unwrap();
}
