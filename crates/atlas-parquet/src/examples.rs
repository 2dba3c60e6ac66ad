//! The table of examples: a row for each.

use arrow_array::RecordBatch;
use arrow_array::types::{Float32Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_schema::ArrowError;
use atlas::record::Example;
use atlas::{AtlasInfo, FeatureRecord, Quantity};

use crate::columns::Columns;

/// An example with the list that it is from.
struct Row<'a> {
    latent: u32,
    kind: &'static str,
    /// Place in its list, from 0.
    rank: u32,
    interval: Option<(f32, f32)>,
    example: &'a Example,
}

/// Rows of the examples of records of a set.
pub fn batch(
    info: &AtlasInfo,
    set: &str,
    records: &[&FeatureRecord],
) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<Row<'_>> = records.iter().flat_map(|record| rows_of(record)).collect();
    let rows = || rows.iter();
    let (document, start) = (
        info.knows(Quantity::ExampleDocument),
        info.knows(Quantity::ExampleStart),
    );
    let mut columns = Columns::default();
    columns.text("set", rows().map(|_| set));
    columns.number::<UInt32Type>("latent", rows().map(|row| row.latent));
    columns.text("kind", rows().map(|row| row.kind));
    columns.number::<UInt32Type>("rank", rows().map(|row| row.rank));
    columns.optional::<Float32Type>("low", rows().map(|row| row.interval.map(|(low, _)| low)));
    columns.optional::<Float32Type>("high", rows().map(|row| row.interval.map(|(_, high)| high)));
    columns.optional::<UInt64Type>(
        "document",
        rows().map(|row| document.then_some(row.example.document)),
    );
    columns.optional::<UInt32Type>(
        "start",
        rows().map(|row| start.then_some(row.example.start)),
    );
    columns.lists::<UInt32Type>("tokens", rows().map(|row| Some(row.example.tokens.clone())));
    columns.number::<UInt16Type>("peak", rows().map(|row| row.example.peak));
    columns.lists::<UInt16Type>(
        "positions",
        rows().map(|row| Some(row.example.positions.clone())),
    );
    columns.lists::<Float32Type>(
        "activations",
        rows().map(|row| Some(row.example.activations.0.clone())),
    );
    columns.batch()
}

fn rows_of(record: &FeatureRecord) -> impl Iterator<Item = Row<'_>> {
    let lists = [("top", &record.top), ("random", &record.random)];
    let plain = lists
        .into_iter()
        .map(|(kind, examples)| (kind, None, examples));
    let intervals = record.intervals.iter().map(|interval| {
        (
            "interval",
            Some((interval.low, interval.high)),
            &interval.examples,
        )
    });
    plain
        .chain(intervals)
        .flat_map(move |(kind, interval, examples)| {
            (0u32..).zip(examples).map(move |(rank, example)| Row {
                latent: record.latent,
                kind,
                rank,
                interval,
                example,
            })
        })
}
