//! Reading of batches.

use atlas::Quantity;
use atlas::record::{FeatureRecord, Interval, LogitEffect, Moments, TokenValue};
use serde::Deserialize;

use crate::collected::Collected;
use crate::error::Error;
use crate::example::{example, largest, latent};
use crate::histogram::from_bars;
use crate::json::{At, Fields, parse};

/// The lower end that marks an example as one of the strongest.
const TOP: f64 = -1.0;
/// The upper end that SAEDashboard writes where it cannot tell the largest activation.
const NO_MAX: f64 = 99.0;

#[derive(Debug, Deserialize)]
struct Batch {
    model_id: Option<String>,
    layer: Option<i64>,
    sae_set: Option<String>,
    features: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
struct Feature {
    feature_index: u64,
    frac_nonzero: Option<f64>,
    freq_hist_data_bar_values: Option<Vec<f64>>,
    freq_hist_data_bar_heights: Option<Vec<f64>>,
    logits_hist_data_bar_values: Option<Vec<f64>>,
    logits_hist_data_bar_heights: Option<Vec<f64>>,
    pos_str: Option<Vec<String>>,
    pos_values: Option<Vec<f64>>,
    neg_str: Option<Vec<String>>,
    neg_values: Option<Vec<f64>>,
    n_prompts_total: Option<u64>,
    n_tokens_in_prompt: Option<u64>,
    dataset: Option<String>,
    activations: Option<Vec<Activation>>,
}

#[derive(Debug, Deserialize)]
struct Activation {
    bin_min: Option<f64>,
    bin_max: Option<f64>,
    tokens: Vec<String>,
    values: Vec<f64>,
    qualifying_token_index: Option<u64>,
}

/// Adds a file: a batch, a list of features, or one feature.
pub fn read(collected: &mut Collected, file: &str, set: &str, bytes: &[u8]) -> Result<(), Error> {
    let at = At::new(file);
    let fields: Fields = parse(file, bytes)?;
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let (batch, features_at) = if is_list {
        let features = parse(file, bytes)?;
        (batch_of(features), at)
    } else if fields.has("features") {
        (parse(file, bytes)?, at.field("features"))
    } else {
        (batch_of(vec![parse(file, bytes)?]), at)
    };
    let name = batch.sae_set.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| set.to_owned());
    collected.model = collected
        .model
        .take()
        .or(batch.model_id.filter(|name| !name.is_empty()));
    for (number, feature) in batch.features.into_iter().enumerate() {
        let at = features_at.entry(number);
        collected.dataset = collected
            .dataset
            .take()
            .or_else(|| feature.dataset.clone().filter(|name| !name.is_empty()));
        collected.windows = collected
            .windows
            .or(feature.n_prompts_total.filter(|windows| *windows > 0));
        collected.context = collected
            .context
            .or(feature.n_tokens_in_prompt.filter(|tokens| *tokens > 0));
        let record = record(collected, &at, feature)?;
        collected.insert(&at.field("feature_index"), batch.layer, &name, record)?;
    }
    collected.lacks(Quantity::Mean);
    collected.lacks(Quantity::MeanSquare);
    collected.lacks(Quantity::ExampleDocument);
    Ok(())
}

fn batch_of(features: Vec<Feature>) -> Batch {
    Batch {
        model_id: None,
        layer: None,
        sae_set: None,
        features,
    }
}

fn record(
    collected: &mut Collected,
    at: &At<'_>,
    feature: Feature,
) -> Result<FeatureRecord, Error> {
    let latent = latent(&at.field("feature_index"), feature.feature_index)?;
    let density = feature
        .frac_nonzero
        .map(|share| at.field("frac_nonzero").share(share))
        .transpose()?;
    let (values, heights) = (
        feature.freq_hist_data_bar_values,
        feature.freq_hist_data_bar_heights,
    );
    let (values, heights) = (values.unwrap_or_default(), heights.unwrap_or_default());
    let names = ["freq_hist_data_bar_values", "freq_hist_data_bar_heights"];
    let histogram = from_bars(at, names, &values, &heights)?;
    // Only activations above 0 are counted, unless a bar says otherwise.
    let is_dead = density == Some(0.0);
    let fired = if heights.is_empty() {
        is_dead.then_some(0)
    } else {
        let positive = values.iter().all(|value| *value >= 0.0);
        positive.then(|| heights.iter().sum::<f64>() as u64)
    };
    let logits = LogitLists {
        up: (
            feature.pos_str.unwrap_or_default(),
            feature.pos_values.unwrap_or_default(),
        ),
        down: (
            feature.neg_str.unwrap_or_default(),
            feature.neg_values.unwrap_or_default(),
        ),
        bars: (
            feature.logits_hist_data_bar_values.unwrap_or_default(),
            feature.logits_hist_data_bar_heights.unwrap_or_default(),
        ),
    };
    let logits = logits.read(collected, at)?;
    let mut record = FeatureRecord {
        latent,
        histogram: histogram.unwrap_or_default(),
        logits,
        ..FeatureRecord::default()
    };
    let mut max = is_dead.then_some(0.0);
    for (number, activation) in feature
        .activations
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let at = at.field("activations").entry(number);
        if let Some(stated) = add_example(collected, &at, activation, &mut record)? {
            max = Some(stated);
        }
    }
    // The file's own number is the exact one, where it is one at all.
    let seen = largest(&record.top);
    let max = match (max, seen) {
        (Some(stated), Some(seen))
            if f64::from(stated) == NO_MAX && (stated - seen).abs() > 0.01 * seen =>
        {
            Some(seen)
        }
        (stated, seen) => stated.or(seen),
    };
    record.moments = Moments {
        fired: known(collected, Quantity::Fired, fired),
        density: known(collected, Quantity::Density, density),
        max: known(collected, Quantity::Max, max),
        ..Moments::default()
    };
    Ok(record)
}

/// A value, or 0 and a note that it is not known.
fn known<T: Default>(collected: &mut Collected, quantity: Quantity, value: Option<T>) -> T {
    value.unwrap_or_else(|| {
        collected.lacks(quantity);
        T::default()
    })
}

/// Adds an example to its list. The largest activation of the feature comes back, where the example states it.
fn add_example(
    collected: &mut Collected,
    at: &At<'_>,
    activation: Activation,
    record: &mut FeatureRecord,
) -> Result<Option<f32>, Error> {
    let mut tokens = Vec::with_capacity(activation.tokens.len());
    for (position, text) in activation.tokens.iter().enumerate() {
        tokens.push(
            collected
                .texts
                .id(&at.field("tokens").entry(position), text)?,
        );
    }
    let example = example(
        at,
        tokens,
        &activation.values,
        "values",
        activation.qualifying_token_index,
    )?;
    let (low, high) = (activation.bin_min, activation.bin_max);
    let (Some(low), Some(high)) = (low.filter(|low| *low != TOP), high) else {
        record.top.push(example);
        return high
            .map(|high| at.field("bin_max").number(high))
            .transpose();
    };
    let (low, high) = (
        at.field("bin_min").number(low)?,
        at.field("bin_max").number(high)?,
    );
    let mut intervals = record.intervals.iter_mut();
    match intervals.find(|interval| interval.low == low && interval.high == high) {
        Some(interval) => interval.examples.push(example),
        None => record.intervals.push(Interval {
            low,
            high,
            windows: 0,
            examples: vec![example],
        }),
    }
    Ok(None)
}

/// What a feature says of the logits.
struct LogitLists {
    up: (Vec<String>, Vec<f64>),
    down: (Vec<String>, Vec<f64>),
    bars: (Vec<f64>, Vec<f64>),
}

impl LogitLists {
    fn read(self, collected: &mut Collected, at: &At<'_>) -> Result<Option<LogitEffect>, Error> {
        let (values, heights) = &self.bars;
        let names = [
            "logits_hist_data_bar_values",
            "logits_hist_data_bar_heights",
        ];
        let histogram = from_bars(at, names, values, heights)?;
        let up = tokens(collected, at, ["pos_str", "pos_values"], &self.up)?;
        let down = tokens(collected, at, ["neg_str", "neg_values"], &self.down)?;
        if up.is_empty() && down.is_empty() && histogram.is_none() {
            return Ok(None);
        }
        Ok(Some(LogitEffect {
            up,
            down,
            histogram: histogram.unwrap_or_default(),
        }))
    }
}

fn tokens(
    collected: &mut Collected,
    at: &At<'_>,
    [texts_name, values_name]: [&str; 2],
    (texts, values): &(Vec<String>, Vec<f64>),
) -> Result<Vec<TokenValue>, Error> {
    let (texts_at, values_at) = (at.field(texts_name), at.field(values_name));
    values_at.same_length(values.len(), texts_name, texts.len())?;
    let pairs = texts.iter().zip(values).enumerate();
    pairs
        .map(|(number, (text, value))| {
            Ok(TokenValue {
                token: collected.texts.id(&texts_at.entry(number), text)?,
                value: values_at.entry(number).number(*value)?,
            })
        })
        .collect()
}
