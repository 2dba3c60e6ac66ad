//! The table of features: a row for each, with all that is one number or a short list.

use arrow_array::RecordBatch;
use arrow_array::types::{
    Float32Type, Float64Type, Int16Type, Int32Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::ArrowError;
use atlas::record::{
    AlignedHead, AlignedNeuron, Histogram, Interval, LogitEffect, Moments, TokenValue,
};
use atlas::{AtlasInfo, FeatureRecord, Quantity};

use crate::columns::Columns;

/// Rows of records of a set.
pub fn batch(
    info: &AtlasInfo,
    set: &str,
    records: &[&FeatureRecord],
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::default();
    let rows = || records.iter().copied();
    columns.text("set", rows().map(|_| set));
    columns.number::<UInt32Type>("latent", rows().map(|record| record.latent));
    columns.text("label", rows().map(|record| record.label.as_str()));
    moments(&mut columns, info, records);
    histogram(
        &mut columns,
        [
            "histogram_origin",
            "histogram_width",
            "histogram_first",
            "histogram_counts",
        ],
        rows().map(|record| Some(&record.histogram)),
    );
    columns.number::<Int16Type>("octaves_first", rows().map(|record| record.octaves.first));
    columns.lists::<UInt64Type>(
        "octaves_counts",
        rows().map(|record| Some(record.octaves.counts.clone())),
    );
    intervals(&mut columns, info, records);
    tokens(&mut columns, info, records);
    logits(&mut columns, records);
    relations(&mut columns, records);
    columns.batch()
}

fn moments(columns: &mut Columns, info: &AtlasInfo, records: &[&FeatureRecord]) {
    fn known<'a, T>(
        info: &AtlasInfo,
        quantity: Quantity,
        records: &'a [&FeatureRecord],
        value: fn(&Moments) -> T,
    ) -> impl Iterator<Item = Option<T>> + use<'a, T> {
        let known = info.knows(quantity);
        records
            .iter()
            .map(move |record| known.then(|| value(&record.moments)))
    }
    columns.optional::<UInt64Type>("fired", known(info, Quantity::Fired, records, |m| m.fired));
    columns.optional::<UInt64Type>(
        "windows",
        known(info, Quantity::Windows, records, |m| m.windows),
    );
    columns.optional::<Float64Type>(
        "density",
        known(info, Quantity::Density, records, |m| m.density),
    );
    columns.optional::<Float32Type>("max", known(info, Quantity::Max, records, |m| m.max));
    columns.optional::<Float64Type>("mean", known(info, Quantity::Mean, records, |m| m.mean));
    columns.optional::<Float64Type>(
        "mean_square",
        known(info, Quantity::MeanSquare, records, |m| m.mean_square),
    );
    columns.optional::<Float64Type>("skew", records.iter().map(|record| record.moments.skew));
    columns.optional::<Float64Type>(
        "kurtosis",
        records.iter().map(|record| record.moments.kurtosis),
    );
}

fn histogram<'a>(
    columns: &mut Columns,
    [origin, width, first, counts]: [&'static str; 4],
    histograms: impl Iterator<Item = Option<&'a Histogram>> + Clone,
) {
    let of = || histograms.clone();
    columns.optional::<Float32Type>(origin, of().map(|histogram| Some(histogram?.origin)));
    columns.optional::<Float32Type>(width, of().map(|histogram| Some(histogram?.width)));
    columns.optional::<Int32Type>(first, of().map(|histogram| Some(histogram?.first)));
    columns.lists::<UInt64Type>(
        counts,
        of().map(|histogram| Some(histogram?.counts.clone())),
    );
}

fn intervals(columns: &mut Columns, info: &AtlasInfo, records: &[&FeatureRecord]) {
    fn of<'a, T>(
        records: &'a [&FeatureRecord],
        value: fn(&Interval) -> T,
    ) -> impl Iterator<Item = Option<Vec<T>>> + use<'a, T> {
        records
            .iter()
            .map(move |record| Some(record.intervals.iter().map(value).collect()))
    }
    let known = info.knows(Quantity::IntervalWindows);
    columns.lists::<Float32Type>("interval_low", of(records, |interval| interval.low));
    columns.lists::<Float32Type>("interval_high", of(records, |interval| interval.high));
    columns.lists::<UInt64Type>(
        "interval_windows",
        of(records, |interval| interval.windows).map(|row| row.filter(|_| known)),
    );
}

fn tokens(columns: &mut Columns, info: &AtlasInfo, records: &[&FeatureRecord]) {
    let (tokens, sources) = (info.knows(Quantity::Tokens), info.knows(Quantity::Sources));
    let rows = || records.iter();
    columns.lists::<UInt32Type>(
        "tokens",
        rows()
            .map(|record| tokens.then(|| record.tokens.iter().map(|count| count.token).collect())),
    );
    columns.lists::<UInt64Type>(
        "tokens_fired",
        rows()
            .map(|record| tokens.then(|| record.tokens.iter().map(|count| count.fired).collect())),
    );
    columns.lists::<UInt64Type>(
        "tokens_occur",
        rows()
            .map(|record| tokens.then(|| record.tokens.iter().map(|count| count.occurs).collect())),
    );
    columns.optional::<UInt32Type>(
        "distinct_tokens",
        rows().map(|record| tokens.then_some(record.distinct_tokens)),
    );
    columns.lists::<UInt64Type>(
        "sources_fired",
        rows().map(|record| sources.then(|| record.sources.clone())),
    );
    columns.optional::<UInt16Type>("main_source", rows().map(|record| record.main_source));
    columns.lists::<UInt64Type>(
        "documents",
        rows().map(|record| {
            Some(
                record
                    .documents
                    .iter()
                    .map(|count| count.document)
                    .collect(),
            )
        }),
    );
    columns.lists::<UInt64Type>(
        "documents_fired",
        rows().map(|record| Some(record.documents.iter().map(|count| count.fired).collect())),
    );
}

fn logits(columns: &mut Columns, records: &[&FeatureRecord]) {
    fn of<'a, T>(
        records: &'a [&FeatureRecord],
        list: fn(&LogitEffect) -> &[TokenValue],
        value: fn(&TokenValue) -> T,
    ) -> impl Iterator<Item = Option<Vec<T>>> + use<'a, T> {
        records.iter().map(move |record| {
            let effect = record.logits.as_ref()?;
            Some(list(effect).iter().map(value).collect())
        })
    }
    columns.lists::<UInt32Type>(
        "logits_up",
        of(records, |effect| &effect.up, |value| value.token),
    );
    columns.lists::<Float32Type>(
        "logits_up_values",
        of(records, |effect| &effect.up, |value| value.value),
    );
    columns.lists::<UInt32Type>(
        "logits_down",
        of(records, |effect| &effect.down, |value| value.token),
    );
    columns.lists::<Float32Type>(
        "logits_down_values",
        of(records, |effect| &effect.down, |value| value.value),
    );
    histogram(
        columns,
        [
            "logits_histogram_origin",
            "logits_histogram_width",
            "logits_histogram_first",
            "logits_histogram_counts",
        ],
        records
            .iter()
            .map(|record| Some(&record.logits.as_ref()?.histogram)),
    );
}

fn relations(columns: &mut Columns, records: &[&FeatureRecord]) {
    let rows = || records.iter();
    columns.lists::<UInt32Type>(
        "similar",
        rows().map(|record| Some(record.similar.iter().map(|other| other.latent).collect())),
    );
    columns.lists::<Float32Type>(
        "similar_cosine",
        rows().map(|record| Some(record.similar.iter().map(|other| other.cosine).collect())),
    );
    columns.texts(
        "elsewhere_set",
        rows().map(|record| {
            record
                .elsewhere
                .iter()
                .map(|other| other.set.as_str())
                .collect()
        }),
    );
    columns.lists::<UInt32Type>(
        "elsewhere",
        rows().map(|record| Some(record.elsewhere.iter().map(|other| other.latent).collect())),
    );
    columns.lists::<Float32Type>(
        "elsewhere_cosine",
        rows().map(|record| Some(record.elsewhere.iter().map(|other| other.cosine).collect())),
    );
    fn neurons<'a, T>(
        records: &'a [&FeatureRecord],
        value: fn(&AlignedNeuron) -> T,
    ) -> impl Iterator<Item = Option<Vec<T>>> + use<'a, T> {
        records
            .iter()
            .map(move |record| Some(record.neurons.iter().map(value).collect()))
    }
    columns.lists::<UInt16Type>("neurons_layer", neurons(records, |neuron| neuron.layer));
    columns.lists::<UInt32Type>("neurons", neurons(records, |neuron| neuron.neuron));
    columns.lists::<Float32Type>("neurons_cosine", neurons(records, |neuron| neuron.cosine));
    fn heads<'a, T>(
        records: &'a [&FeatureRecord],
        value: fn(&AlignedHead) -> T,
    ) -> impl Iterator<Item = Option<Vec<T>>> + use<'a, T> {
        records
            .iter()
            .map(move |record| Some(record.heads.iter().map(value).collect()))
    }
    columns.lists::<UInt16Type>("heads_layer", heads(records, |head| head.layer));
    columns.lists::<UInt16Type>("heads", heads(records, |head| head.head));
    columns.lists::<Float32Type>("heads_share", heads(records, |head| head.share));
}
