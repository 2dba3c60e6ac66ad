//! Files of OpenAI's feature viewer: one per feature, named by its number, with ids and texts of tokens.

use std::collections::BTreeMap;

use atlas::record::{Example, FeatureRecord, Moments};
use atlas::{AtlasInfo, Quantity, SetInfo};
use serde::{Deserialize, Serialize};

use crate::collected::Collected;
use crate::error::Error;
use crate::example::{example, largest, latent};
use crate::histogram::{from_bins, to_bins};
use crate::json::{At, parse};
use crate::sae_dashboard;

/// What the names of files with effects of ablations end in.
const ABLATED: &str = "-ablated";

/// The name of a feature's file, below the folder of its autoencoder.
pub fn file_name(latent: u32) -> String {
    format!("atoms/{latent}.json")
}

#[derive(Debug, Serialize, Deserialize)]
struct Feature {
    #[serde(skip_serializing_if = "Option::is_none")]
    density: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_act: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_act_squared: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skew: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kurtosis: Option<f64>,
    #[serde(default)]
    hist: BTreeMap<String, f64>,
    #[serde(default)]
    top: Vec<Sequence>,
    #[serde(default)]
    random: Vec<Sequence>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sequence {
    #[serde(skip_serializing_if = "Option::is_none")]
    density: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc_id: Option<u64>,
    idx: Option<u64>,
    act: Option<f64>,
    acts: Vec<f64>,
    tokens: Vec<String>,
    token_ints: Vec<u64>,
}

/// The file of a feature.
///
/// # Errors
/// [`Error::NoToken`], [`Error::Unwritable`].
pub fn export(
    info: &AtlasInfo,
    set: &SetInfo,
    record: &FeatureRecord,
    vocabulary: &[Vec<u8>],
) -> Result<Vec<u8>, Error> {
    let known = |quantity: Quantity, value: f64| info.knows(quantity).then_some(value);
    let moments = &record.moments;
    let sequences = |examples: &[Example]| -> Result<Vec<Sequence>, Error> {
        examples
            .iter()
            .map(|example| sequence(info, set, record, example, vocabulary))
            .collect()
    };
    let bins = to_bins(&record.histogram).into_iter();
    let feature = Feature {
        density: known(Quantity::Density, moments.density),
        mean_act: known(Quantity::Mean, moments.mean),
        mean_act_squared: known(Quantity::MeanSquare, moments.mean_square),
        skew: moments.skew,
        kurtosis: moments.kurtosis,
        hist: bins
            .map(|(bin, count)| (bin.to_string(), count as f64))
            .collect(),
        top: sequences(&record.top)?,
        random: sequences(&record.random)?,
    };
    serde_json::to_vec(&feature).map_err(|error| Error::Unwritable {
        set: set.id.clone(),
        latent: record.latent,
        why: error.to_string(),
    })
}

fn sequence(
    info: &AtlasInfo,
    set: &SetInfo,
    record: &FeatureRecord,
    example: &Example,
    vocabulary: &[Vec<u8>],
) -> Result<Sequence, Error> {
    let acts: Vec<f64> = sae_dashboard::dense(example)
        .into_iter()
        .map(f64::from)
        .collect();
    let texts = example.tokens.iter().map(|token| {
        let bytes = vocabulary.get(*token as usize);
        bytes
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .ok_or_else(|| Error::NoToken {
                set: set.id.clone(),
                latent: record.latent,
                token: *token,
                vocabulary: vocabulary.len(),
            })
    });
    let fired = acts.iter().filter(|act| **act > 0.0).count();
    Ok(Sequence {
        density: Some(fired as f64 / acts.len().max(1) as f64),
        doc_id: info
            .knows(Quantity::ExampleDocument)
            .then_some(example.document),
        idx: Some(u64::from(example.peak)),
        act: acts.get(usize::from(example.peak)).copied(),
        tokens: texts.collect::<Result<_, Error>>()?,
        token_ints: example
            .tokens
            .iter()
            .map(|token| u64::from(*token))
            .collect(),
        acts,
    })
}

/// Adds a file. Of a file with effects of ablations nothing is added where the feature's own file was.
pub(crate) fn read(
    collected: &mut Collected,
    file: &str,
    set: &str,
    bytes: &[u8],
) -> Result<(), Error> {
    let at = At::new(file);
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let number = stem.strip_suffix(ABLATED).unwrap_or(stem).parse::<u64>();
    let number = number.map_err(|_| Error::NoNumber {
        file: file.to_owned(),
    })?;
    let latent = latent(&at.field("the number in the name"), number)?;
    let feature: Feature = parse(file, bytes)?;
    let density = feature
        .density
        .map(|share| at.field("density").share(share))
        .transpose()?;
    let histogram = from_bins(&at.field("hist"), &feature.hist)?;
    let top = examples(collected, &at.field("top"), feature.top)?;
    let random = examples(collected, &at.field("random"), feature.random)?;
    let max = largest(&top).or((density == Some(0.0)).then_some(0.0));
    let quantities = [
        (Quantity::Density, density.is_some()),
        (Quantity::Mean, feature.mean_act.is_some()),
        (Quantity::MeanSquare, feature.mean_act_squared.is_some()),
        (Quantity::Max, max.is_some()),
        (Quantity::Fired, false),
    ];
    for (quantity, known) in quantities {
        if !known {
            collected.lacks(quantity);
        }
    }
    let record = FeatureRecord {
        latent,
        moments: Moments {
            density: density.unwrap_or(0.0),
            max: max.unwrap_or(0.0),
            mean: feature.mean_act.unwrap_or(0.0),
            mean_square: feature.mean_act_squared.unwrap_or(0.0),
            skew: feature.skew,
            kurtosis: feature.kurtosis,
            ..Moments::default()
        },
        histogram: histogram.unwrap_or_default(),
        top,
        random,
        ..FeatureRecord::default()
    };
    collected.insert(&at.field("the number in the name"), None, set, record)
}

fn examples(
    collected: &mut Collected,
    at: &At<'_>,
    sequences: Vec<Sequence>,
) -> Result<Vec<Example>, Error> {
    let mut examples = Vec::with_capacity(sequences.len());
    for (number, sequence) in sequences.into_iter().enumerate() {
        let at = at.entry(number);
        let (texts, ids) = (&sequence.tokens, &sequence.token_ints);
        at.field("tokens")
            .same_length(texts.len(), "token_ints", ids.len())?;
        let mut tokens = Vec::with_capacity(ids.len());
        for (position, (id, text)) in ids.iter().zip(texts).enumerate() {
            tokens.push(collected.texts.learn(
                &at.field("token_ints").entry(position),
                *id,
                text,
            )?);
        }
        let mut example = example(&at, tokens, &sequence.acts, "acts", sequence.idx)?;
        match sequence.doc_id {
            Some(document) => example.document = document,
            None => collected.lacks(Quantity::ExampleDocument),
        }
        examples.push(example);
    }
    Ok(examples)
}
