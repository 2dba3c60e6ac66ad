//! Writing of batches.

use atlas::record::{Example, FeatureRecord, TokenValue};
use atlas::{AtlasInfo, Quantity, SetInfo};
use serde::Serialize;

use crate::error::Error;
use crate::histogram::to_bars;
use crate::text::text;

/// Features per batch, as SAEDashboard has them.
pub const BATCH: usize = 128;

/// The name of a batch.
pub fn file_name(batch: usize) -> String {
    format!("batch-{batch}.json")
}

#[derive(Serialize)]
struct Batch<'a> {
    model_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<i64>,
    sae_set: &'a str,
    features: Vec<Feature<'a>>,
}

/// A feature. Lists of what an atlas does not have are empty, as SAEDashboard leaves them where it did not compute them.
#[derive(Serialize, Default)]
struct Feature<'a> {
    feature_index: u32,
    neuron_alignment_indices: [u32; 0],
    neuron_alignment_values: [f32; 0],
    neuron_alignment_l1: [f32; 0],
    correlated_neurons_indices: [u32; 0],
    correlated_neurons_l1: [f32; 0],
    correlated_neurons_pearson: [f32; 0],
    correlated_features_indices: [u32; 0],
    correlated_features_l1: [f32; 0],
    correlated_features_pearson: [f32; 0],
    neg_str: Vec<String>,
    neg_values: Vec<f32>,
    pos_str: Vec<String>,
    pos_values: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frac_nonzero: Option<f64>,
    freq_hist_data_bar_values: Vec<f64>,
    freq_hist_data_bar_heights: Vec<u64>,
    logits_hist_data_bar_heights: Vec<u64>,
    logits_hist_data_bar_values: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_prompts_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_tokens_in_prompt: Option<u32>,
    dataset: &'a str,
    decoder_weights_dist: [f32; 0],
    activations: Vec<Activation>,
}

#[derive(Serialize)]
struct Activation {
    bin_min: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bin_max: Option<f32>,
    bin_contains: f64,
    tokens: Vec<String>,
    values: Vec<f32>,
    qualifying_token_index: u16,
}

/// A batch of features of a set.
///
/// # Errors
/// [`Error::NoToken`], [`Error::Unwritable`].
pub fn export(
    info: &AtlasInfo,
    set: &SetInfo,
    records: &[&FeatureRecord],
    vocabulary: &[Vec<u8>],
) -> Result<Vec<u8>, Error> {
    let writer = Writer {
        info,
        set,
        vocabulary,
    };
    let features: Result<Vec<Feature<'_>>, Error> = records
        .iter()
        .map(|record| writer.feature(record))
        .collect();
    let batch = Batch {
        model_id: &info.model.name,
        layer: layer(&set.hook),
        sae_set: &set.id,
        features: features?,
    };
    serde_json::to_vec(&batch).map_err(|error| Error::Unwritable {
        set: set.id.clone(),
        latent: records.first().map_or(0, |record| record.latent),
        why: error.to_string(),
    })
}

/// The layer that a hook names, as `blocks.3.hook_resid_post` names 3.
fn layer(hook: &str) -> Option<i64> {
    hook.strip_prefix("blocks.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

struct Writer<'a> {
    info: &'a AtlasInfo,
    set: &'a SetInfo,
    vocabulary: &'a [Vec<u8>],
}

impl<'a> Writer<'a> {
    fn feature(&self, record: &FeatureRecord) -> Result<Feature<'a>, Error> {
        let info = self.info;
        let (freq_values, freq_heights) = to_bars(&record.histogram);
        let mut feature = Feature {
            feature_index: record.latent,
            frac_nonzero: info
                .knows(Quantity::Density)
                .then_some(record.moments.density),
            freq_hist_data_bar_values: freq_values,
            freq_hist_data_bar_heights: freq_heights,
            n_prompts_total: info
                .knows(Quantity::CorpusWindows)
                .then_some(info.corpus.windows),
            n_tokens_in_prompt: Some(info.settings.context).filter(|context| *context > 0),
            dataset: &info.corpus.name,
            ..Feature::default()
        };
        if let Some(logits) = &record.logits {
            (feature.pos_str, feature.pos_values) = self.effects(record, &logits.up)?;
            (feature.neg_str, feature.neg_values) = self.effects(record, &logits.down)?;
            (
                feature.logits_hist_data_bar_values,
                feature.logits_hist_data_bar_heights,
            ) = to_bars(&logits.histogram);
        }
        let max = info.knows(Quantity::Max).then_some(record.moments.max);
        for example in &record.top {
            feature
                .activations
                .push(self.activation(record, example, -1.0, max, -1.0)?);
        }
        let windows = record.moments.windows;
        let has_shares =
            info.knows(Quantity::IntervalWindows) && info.knows(Quantity::Windows) && windows > 0;
        for interval in &record.intervals {
            let share = if has_shares {
                interval.windows as f64 / windows as f64
            } else {
                -1.0
            };
            for example in &interval.examples {
                let activation =
                    self.activation(record, example, interval.low, Some(interval.high), share)?;
                feature.activations.push(activation);
            }
        }
        Ok(feature)
    }

    fn effects(
        &self,
        record: &FeatureRecord,
        values: &[TokenValue],
    ) -> Result<(Vec<String>, Vec<f32>), Error> {
        let texts: Result<Vec<String>, Error> = values
            .iter()
            .map(|value| self.text(record, value.token))
            .collect();
        Ok((texts?, values.iter().map(|value| value.value).collect()))
    }

    fn activation(
        &self,
        record: &FeatureRecord,
        example: &Example,
        bin_min: f32,
        bin_max: Option<f32>,
        bin_contains: f64,
    ) -> Result<Activation, Error> {
        let tokens: Result<Vec<String>, Error> = example
            .tokens
            .iter()
            .map(|token| self.text(record, *token))
            .collect();
        Ok(Activation {
            bin_min,
            bin_max,
            bin_contains,
            tokens: tokens?,
            values: dense(example),
            qualifying_token_index: example.peak,
        })
    }

    fn text(&self, record: &FeatureRecord, token: u32) -> Result<String, Error> {
        let bytes = self.vocabulary.get(token as usize);
        bytes
            .map(|bytes| text(bytes))
            .ok_or_else(|| Error::NoToken {
                set: self.set.id.clone(),
                latent: record.latent,
                token,
                vocabulary: self.vocabulary.len(),
            })
    }
}

/// The activation at every token of an example; 0 where the feature does not fire.
pub(crate) fn dense(example: &Example) -> Vec<f32> {
    let mut values = vec![0.0; example.tokens.len()];
    for (position, activation) in example.positions.iter().zip(&example.activations.0) {
        if let Some(value) = values.get_mut(usize::from(*position)) {
            *value = *activation;
        }
    }
    values
}
