//! What an atlas says about one feature. The page, the program and the files use these very types.

use serde::{Deserialize, Serialize};

pub use crate::activations::Activations;

/// All that an atlas says about one feature.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FeatureRecord {
    /// Index of the latent in its set.
    pub latent: u32,
    /// A short label from the statistics alone; empty where they suggest none.
    pub label: String,
    /// Moments of its activation.
    pub moments: Moments,
    /// Activations in bins of equal width.
    pub histogram: Histogram,
    /// Activations above 0 by octave.
    pub octaves: Octaves,
    /// The strongest windows, the strongest first; of several windows with the same few tokens up to the peak one is kept.
    pub top: Vec<Example>,
    /// Windows from each interval of peak activations, the strongest interval first. An interval that no window is in is left out.
    pub intervals: Vec<Interval>,
    /// Windows drawn at random from all in which the feature fires.
    pub random: Vec<Example>,
    /// Tokens that it fires on most, the most frequent first, at most 20.
    pub tokens: Vec<TokenCount>,
    /// Number of different tokens that it fires on.
    pub distinct_tokens: u32,
    /// How often it fires in each source, in the order of [`crate::CorpusInfo::sources`].
    pub sources: Vec<u64>,
    /// Index of the source in which it fires on the largest share of tokens; None where it never fires.
    pub main_source: Option<u16>,
    /// Documents in which it fires most, at most 5.
    pub documents: Vec<DocumentCount>,
    /// Features of the set that fire on the same tokens, the largest PMI first, at most 10. Empty for neurons.
    pub coactive: Vec<Partner>,
    /// Direct effect on the logits; None where the set does not write to the residual stream.
    pub logits: Option<LogitEffect>,
    /// Features of the set with the nearest decoder directions, at most 10.
    pub similar: Vec<Neighbour>,
    /// The nearest feature in each other set of the atlas with a common basis.
    pub elsewhere: Vec<Elsewhere>,
    /// MLP neurons whose output directions are nearest to the decoder direction, at most 5.
    pub neurons: Vec<AlignedNeuron>,
    /// Attention heads with the largest share of the decoder direction, at most 3.
    pub heads: Vec<AlignedHead>,
}

/// Moments of an activation over the tokens that count. Definitions: docs/metrics.md.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// Tokens on which it fires.
    pub fired: u64,
    /// Windows in which it fires.
    pub windows: u64,
    /// Tokens on which it fires ÷ tokens that count.
    pub density: f64,
    /// Largest activation; 0 where it never fires.
    pub max: f32,
    /// E\[a\] over all tokens that count, zeros included.
    pub mean: f64,
    /// E\[a²\] over all tokens that count.
    pub mean_square: f64,
    /// E\[a³\] / E\[a²\]^1.5; None where E\[a²\] is 0.
    pub skew: Option<f64>,
    /// E\[a⁴\] / E\[a²\]²; None where E\[a²\] is 0.
    pub kurtosis: Option<f64>,
}

/// Counts of values in bins of equal width. Bin i counts values in [origin + (first + i) · width, origin + (first + i + 1) · width).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// Where bin 0 begins: 0, but in an atlas that was imported from another format.
    pub origin: f32,
    /// Width of a bin, a power of two but in an atlas that was imported; 0 where nothing is counted. Zeros of an SAE's latents are not counted.
    pub width: f32,
    /// Number of the first bin.
    pub first: i32,
    /// Count per bin, from the first to the last that is not empty.
    pub counts: Vec<u64>,
}

/// Counts of positive values by octave: entry i counts values in [2^(first + i), 2^(first + i + 1)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Octaves {
    /// Exponent of the first octave.
    pub first: i16,
    /// Count per octave, from the first to the last that is not empty.
    pub counts: Vec<u64>,
}

/// A window of the corpus in which a feature fires.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Example {
    /// Number of the document in the corpus.
    pub document: u64,
    /// Index in the document's tokens of the first token of the window.
    pub start: u32,
    /// Token ids from the beginning of the window, without a BOS, to some tokens after the peak.
    pub tokens: Vec<u32>,
    /// Index in `tokens` of the largest activation.
    pub peak: u16,
    /// Positions in `tokens` at which it fires, increasing. Of neurons those with at least 1/16 of the peak's activation.
    pub positions: Vec<u16>,
    /// The activation at each of these positions.
    pub activations: Activations,
}

/// Windows whose peak activation is in an interval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, included.
    pub low: f32,
    /// Upper end, excluded.
    pub high: f32,
    /// Windows of the corpus in it.
    pub windows: u64,
    /// Some of these.
    pub examples: Vec<Example>,
}

/// How often a feature fires on a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenCount {
    /// Index in the vocabulary.
    pub token: u32,
    /// Number of times that it fires on it.
    pub fired: u64,
    /// Number of times that the token occurs where positions count.
    pub occurs: u64,
}

/// How often a feature fires in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DocumentCount {
    /// Number of the document in the corpus.
    pub document: u64,
    /// Number of tokens on which it fires there.
    pub fired: u64,
}

/// A feature that fires on the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Partner {
    /// Index of the latent.
    pub latent: u32,
    /// Number of tokens on which both fire.
    pub count: u64,
    /// ln(p(both) / (p(one) · p(other))), nats.
    pub pmi: f32,
}

/// A feature with a near decoder direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Neighbour {
    /// Index of the latent.
    pub latent: u32,
    /// Cosine of the two decoder directions.
    pub cosine: f32,
}

/// The nearest feature in another set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Id of the other set.
    pub set: String,
    /// Index of the latent there.
    pub latent: u32,
    /// Cosine of the two decoder directions.
    pub cosine: f32,
}

/// Direct effect of a feature on the logits, per unit of activation: the direct path only. Definition: docs/metrics.md.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LogitEffect {
    /// Tokens that it raises most, at most 10.
    pub up: Vec<TokenValue>,
    /// Tokens that it lowers most, at most 10.
    pub down: Vec<TokenValue>,
    /// Effects on all tokens of the vocabulary.
    pub histogram: Histogram,
}

/// A token with a value.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TokenValue {
    /// Index in the vocabulary.
    pub token: u32,
    /// The value.
    pub value: f32,
}

/// An MLP neuron with a near output direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct AlignedNeuron {
    /// Block of the MLP.
    pub layer: u16,
    /// Index of the neuron.
    pub neuron: u32,
    /// Cosine of its output direction and the decoder direction.
    pub cosine: f32,
}

/// An attention head that can write a decoder direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct AlignedHead {
    /// Block of the head.
    pub layer: u16,
    /// Index of the head.
    pub head: u16,
    /// ‖W_O,head d‖² / ‖W_O,head‖²_F · d_model / ‖d‖²: 1 is what a random direction gives on average.
    pub share: f32,
}

/// One line of the table of all features of a set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FeatureRow {
    /// Index of the latent in its set.
    pub latent: u32,
    /// As in [`FeatureRecord::label`].
    pub label: String,
    /// As in [`Moments::fired`].
    pub fired: u64,
    /// As in [`Moments::max`].
    pub max: f32,
    /// As in [`Moments::mean`].
    pub mean: f32,
    /// As in [`Moments::mean_square`].
    pub mean_square: f32,
    /// As in [`Moments::skew`].
    pub skew: Option<f32>,
    /// As in [`Moments::kurtosis`].
    pub kurtosis: Option<f32>,
    /// As in [`FeatureRecord::main_source`].
    pub source: Option<u16>,
    /// The part of its firings that is in this source, from 0 to 1; 0 where it never fires.
    pub source_share: f32,
    /// The token that it fires on most; None where it never fires.
    pub token: Option<u32>,
    /// The tokens that it raises most, at most 3.
    pub up: Vec<u32>,
    /// The tokens that it lowers most, at most 3.
    pub down: Vec<u32>,
}

/// For each token of a vocabulary the features that fire on it: index of the latent and how often it fires there, the most
/// often first.
pub type TokenIndex = Vec<Vec<(u32, u64)>>;
