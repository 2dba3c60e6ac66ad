//! Atlases of random content: every field is used, and what is said twice agrees.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::content::Content;
use crate::files::{SHARD_SIZE, VERSION};
use crate::info::{AtlasInfo, CorpusInfo, DocumentInfo, ModelKey, SetInfo, SetKind, Settings};
use crate::record::{
    Activations, AlignedHead, AlignedNeuron, DocumentCount, Elsewhere, Example, FeatureRecord,
    Histogram, Interval, LogitEffect, Moments, Neighbour, Octaves, Partner, TokenCount, TokenValue,
};

/// Sources of a corpus.
const SOURCES: [&str; 3] = ["code", "fiction", "kjv"];
/// Documents of a corpus.
const DOCUMENTS: u64 = 7;
/// The sets of an atlas.
const SETS: [&str; 2] = ["layer-0", "mlp.1"];

/// Tokens of a vocabulary: text, markup, bytes that are a part of a character, characters that a file's format could trip over.
pub fn vocabulary() -> Vec<Vec<u8>> {
    let texts = [
        " the",
        "king",
        " Lord",
        "<script>alert(1)</script>",
        "\n",
        "\"",
        "\\",
        "\t",
        " é",
        "日本",
        "\u{1b}[31m",
        "\u{202e}",
        "</td>",
        "Ġ",
        ".",
        ",",
        "=",
        "0",
        "…",
        "\u{0}",
    ];
    let texts = texts.iter().map(|text| text.as_bytes().to_vec());
    let parts = [vec![0xe6], vec![0x97, 0xa5], vec![0xff]];
    texts.chain(parts).collect()
}

fn tokens() -> u32 {
    vocabulary().len() as u32
}

/// Activations as files give them back.
fn activation() -> impl Strategy<Value = f32> {
    prop_oneof![4 => 0.01f32..40.0, 1 => (1u8..5).prop_map(f32::from)]
}

/// A window in which a feature fires.
pub fn example() -> impl Strategy<Value = Example> {
    let window = vec((0..tokens(), option::weighted(0.4, activation())), 1..24);
    (window, 0..DOCUMENTS, 0u32..5000).prop_map(|(mut window, document, start)| {
        if window.iter().all(|(_, activation)| activation.is_none()) {
            window[0].1 = Some(1.0);
        }
        let fired = || {
            (0u16..)
                .zip(&window)
                .filter_map(|(at, (_, value))| Some((at, (*value)?)))
        };
        let activations = Activations(fired().map(|(_, value)| value).collect()).rounded();
        let positions: Vec<u16> = fired().map(|(at, _)| at).collect();
        let mut peak = 0;
        for (at, value) in activations.0.iter().enumerate() {
            if *value > activations.0[peak] {
                peak = at;
            }
        }
        Example {
            document,
            start,
            tokens: window.iter().map(|(token, _)| *token).collect(),
            peak: positions[peak],
            positions,
            activations,
        }
    })
}

/// The largest activation of an example.
pub fn peak(example: &Example) -> f32 {
    example
        .activations
        .0
        .iter()
        .fold(0.0, |most, value| value.max(most))
}

fn histogram(negative: bool) -> impl Strategy<Value = Histogram> {
    let first = if negative { -20..20i32 } else { 0..20i32 };
    (first, -6i32..4, vec(0u64..1000, 0..12)).prop_map(|(first, exponent, mut counts)| {
        let empty = counts.iter().all(|count| *count == 0);
        if empty {
            return Histogram::default();
        }
        for end in [0, counts.len() - 1] {
            counts[end] = counts[end].max(1);
        }
        Histogram {
            origin: 0.0,
            width: (exponent as f32).exp2(),
            first,
            counts,
        }
    })
}

fn effects() -> impl Strategy<Value = Option<LogitEffect>> {
    let values = || vec((0..tokens(), 0.01f32..3.0), 1..10);
    let effect = (values(), values(), histogram(true)).prop_map(|(up, down, histogram)| {
        let sorted = |mut values: Vec<(u32, f32)>, sign: f32| {
            values.sort_by(|one, other| other.1.total_cmp(&one.1));
            let values = values.into_iter();
            values
                .map(|(token, value)| TokenValue {
                    token,
                    value: sign * value,
                })
                .collect()
        };
        LogitEffect {
            up: sorted(up, 1.0),
            down: sorted(down, -1.0),
            histogram,
        }
    });
    option::weighted(0.8, effect)
}

fn relations(n_latents: u32) -> impl Strategy<Value = FeatureRecord> {
    let counts = vec((0..tokens(), 1u64..100, 0u64..900), 0..20);
    let documents = vec((0..DOCUMENTS, 1u64..50), 0..5);
    let partners = vec((0..n_latents, 10u64..90, -1.0f32..6.0), 0..10);
    let similar = vec((0..n_latents, -1.0f32..1.0), 0..10);
    let elsewhere = vec((0..n_latents, -1.0f32..1.0), 0..2);
    let neurons = vec((0u16..4, 0u32..512, -1.0f32..1.0), 0..5);
    let heads = vec((0u16..4, 0u16..8, 0.0f32..9.0), 0..3);
    let all = (
        counts, documents, partners, similar, elsewhere, neurons, heads,
    );
    all.prop_map(
        |(counts, documents, partners, similar, elsewhere, neurons, heads)| FeatureRecord {
            distinct_tokens: counts.len() as u32,
            tokens: counts
                .into_iter()
                .map(|(token, fired, more)| TokenCount {
                    token,
                    fired,
                    occurs: fired + more,
                })
                .collect(),
            documents: documents
                .into_iter()
                .map(|(document, fired)| DocumentCount { document, fired })
                .collect(),
            coactive: partners
                .into_iter()
                .map(|(latent, count, pmi)| Partner { latent, count, pmi })
                .collect(),
            similar: similar
                .into_iter()
                .map(|(latent, cosine)| Neighbour { latent, cosine })
                .collect(),
            elsewhere: elsewhere
                .into_iter()
                .map(|(latent, cosine)| Elsewhere {
                    set: SETS[1].to_owned(),
                    latent,
                    cosine,
                })
                .collect(),
            neurons: neurons
                .into_iter()
                .map(|(layer, neuron, cosine)| AlignedNeuron {
                    layer,
                    neuron,
                    cosine,
                })
                .collect(),
            heads: heads
                .into_iter()
                .map(|(layer, head, share)| AlignedHead { layer, head, share })
                .collect(),
            ..FeatureRecord::default()
        },
    )
}

/// A record of a latent of a set of so many. One in six never fires.
pub fn record(latent: u32, n_latents: u32) -> impl Strategy<Value = FeatureRecord> {
    let examples = || vec(example(), 1..4);
    let statistics = (
        histogram(false),
        1u64..500,
        -3.0f64..9.0,
        "[ -~]{0,12}",
        vec(0u64..90, 3),
    );
    let fires = (
        examples(),
        examples(),
        statistics,
        effects(),
        relations(n_latents),
    );
    prop_oneof![
        1 => effects().prop_map(move |logits| FeatureRecord {
            latent,
            logits,
            sources: vec![0; SOURCES.len()],
            ..FeatureRecord::default()
        }),
        5 => fires.prop_map(move |(mut top, mut random, statistics, logits, relations)| {
            let (histogram, windows, skew, label, sources) = statistics;
            top.sort_by(|one, other| peak(other).total_cmp(&peak(one)));
            random.sort_by_key(|example| (example.document, example.start));
            let max = peak(&top[0]);
            let fired: u64 = histogram.counts.iter().sum();
            let main = (0..sources.len()).max_by_key(|source| sources[*source]);
            let intervals = intervals(&top);
            FeatureRecord {
                latent,
                label,
                moments: Moments {
                    fired,
                    windows,
                    density: fired as f64 / CORPUS_TOKENS as f64,
                    max,
                    mean: f64::from(max) / 100.0,
                    mean_square: f64::from(max * max) / 150.0,
                    skew: Some(skew),
                    kurtosis: Some(skew * skew + 1.5),
                },
                octaves: Octaves { first: -3, counts: histogram.counts.clone() },
                histogram,
                intervals,
                top,
                random,
                main_source: main.map(|source| source as u16),
                sources,
                logits,
                ..relations
            }
        }),
    ]
}

/// Intervals of one octave each, with examples whose peaks are in them.
fn intervals(top: &[Example]) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = Vec::new();
    for example in top {
        let low = peak(example).log2().floor().exp2();
        match intervals.last_mut() {
            Some(interval) if interval.low == low => interval.examples.push(example.clone()),
            _ => intervals.push(Interval {
                low,
                high: 2.0 * low,
                windows: 9,
                examples: vec![example.clone()],
            }),
        }
    }
    intervals
}

const CORPUS_TOKENS: u64 = 64_000;

/// An atlas of two sets, the second of neurons, in one to three shards each.
pub fn content() -> impl Strategy<Value = Content> {
    (1..2 * SHARD_SIZE + 3).prop_flat_map(content_of)
}

/// As [`content`], of so many latents per set.
pub fn content_of(n_latents: u32) -> impl Strategy<Value = Content> {
    let records = move || {
        (0..n_latents)
            .map(|latent| record(latent, n_latents).boxed())
            .collect::<Vec<_>>()
    };
    (records(), records()).prop_map(move |(one, other)| Content {
        info: info(n_latents),
        records: vec![one, other],
        vocabulary: Some(vocabulary()),
    })
}

fn info(n_latents: u32) -> AtlasInfo {
    let tokens = vec![CORPUS_TOKENS / 2, CORPUS_TOKENS / 4, CORPUS_TOKENS / 4];
    let set = |id: &str, kind, hook: &str| SetInfo {
        id: id.to_owned(),
        kind,
        hook: hook.to_owned(),
        n_latents,
        sha256: "ab".repeat(32),
        tokens: CORPUS_TOKENS,
        source_tokens: tokens.clone(),
        shard_size: SHARD_SIZE,
        shards: Vec::new(),
        table: None,
        map: None,
        token_index: None,
        coactivation_error: 0,
    };
    AtlasInfo {
        version: VERSION,
        model: ModelKey {
            name: "small model".to_owned(),
            sha256: "cd".repeat(32),
            tokenizer_sha256: ModelKey::tokenizer_hash(&vocabulary()),
            vocabulary: self::tokens(),
        },
        corpus: CorpusInfo {
            name: "corpus".to_owned(),
            sources: SOURCES.map(str::to_owned).to_vec(),
            source_tokens: tokens.clone(),
            documents: DOCUMENTS,
            windows: 1000,
            tokens: CORPUS_TOKENS,
        },
        settings: Settings::default(),
        sets: vec![
            set(SETS[0], SetKind::Sae, "blocks.0.hook_resid_post"),
            set(SETS[1], SetKind::Neurons, "blocks.1.mlp.hook_post"),
        ],
        documents: (0..DOCUMENTS)
            .map(|number| DocumentInfo {
                number,
                name: format!("<script>{number}</script>.txt"),
                source: (number % 3) as u16,
            })
            .collect(),
        vocabulary: None,
        tables: Vec::new(),
        imported: None,
    }
}
