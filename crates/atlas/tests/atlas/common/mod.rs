//! Small corpora with dense activations.

use atlas::tally::{Tally, TallySet, Values, Window};
use atlas::{ModelKey, SetKind, Settings};
use proptest::prelude::*;

/// Latents of a set.
pub const LATENTS: usize = 9;
/// Tokens of the vocabulary.
pub const VOCABULARY: u32 = 12;

/// A window with all its values, `[tokens][latents]`.
#[derive(Debug, Clone)]
pub struct CorpusWindow {
    pub document: u64,
    pub start: u32,
    pub tokens: Vec<u32>,
    pub counted: Vec<bool>,
    pub values: Vec<Vec<f32>>,
}

/// A corpus.
#[derive(Debug, Clone)]
pub struct Corpus {
    pub windows: Vec<CorpusWindow>,
}

impl Corpus {
    /// The source of a document.
    pub fn source(&self, document: u64) -> &'static str {
        ["zeta", "alpha", "middle"][document as usize % 3]
    }
}

/// Settings that keep little, so that something is dropped.
pub fn settings() -> Settings {
    Settings {
        context: 16,
        bos: true,
        top: 3,
        per_interval: 2,
        random: 2,
        after: 2,
        seed: 7,
    }
}

fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => Just(0.0f32),
        1 => -2.0f32..0.0,
        3 => 0.001f32..40.0,
        // Ties.
        1 => (1u8..4).prop_map(f32::from),
        1 => prop_oneof![Just(1e-30f32), Just(1e-40), Just(3e5)],
    ]
}

fn window() -> impl Strategy<Value = (Vec<u32>, Vec<bool>, Vec<Vec<f32>>)> {
    (1usize..14).prop_flat_map(|tokens| {
        (
            prop::collection::vec(0..VOCABULARY, tokens),
            prop::collection::vec(prop::bool::weighted(0.9), tokens),
            prop::collection::vec(prop::collection::vec(value(), LATENTS), tokens),
        )
    })
}

/// Corpora of up to nine documents.
pub fn corpus() -> impl Strategy<Value = Corpus> {
    let documents = prop::collection::vec(prop::collection::vec(window(), 1..4), 1..10);
    documents.prop_map(|documents| {
        let mut windows = Vec::new();
        for (document, parts) in (0u64..).zip(documents) {
            let mut start = 0;
            for (tokens, counted, values) in parts {
                let length = tokens.len() as u32;
                windows.push(CorpusWindow {
                    document,
                    start,
                    tokens,
                    counted,
                    values,
                });
                start += length;
            }
        }
        Corpus { windows }
    })
}

/// A tally without windows.
pub fn empty(kind: SetKind) -> Tally {
    let model = ModelKey {
        name: "model".to_owned(),
        sha256: "00".to_owned(),
        tokenizer_sha256: "11".to_owned(),
        vocabulary: VOCABULARY,
    };
    let set = TallySet {
        id: "set".to_owned(),
        kind,
        hook: "blocks.0.hook_resid_post".to_owned(),
        n_latents: LATENTS as u32,
        sha256: "22".to_owned(),
    };
    Tally::new(model, set, "corpus".to_owned(), settings())
}

/// Adds a window, naming its document first.
pub fn add(tally: &mut Tally, corpus: &Corpus, window: &CorpusWindow, kind: SetKind) {
    if window.start == 0 {
        let name = format!("document {}", window.document);
        tally.document(window.document, &name, corpus.source(window.document));
    }
    let about = Window {
        document: window.document,
        start: window.start,
        tokens: &window.tokens,
        counted: &window.counted,
    };
    match kind {
        SetKind::Neurons => {
            let values: Vec<f32> = window.values.iter().flatten().copied().collect();
            tally.add(&about, &Values::Dense(&values)).unwrap();
        }
        SetKind::Sae => {
            // The strongest first, as a selection lists them.
            let mut latents = vec![-1i32; window.tokens.len() * LATENTS];
            let mut activations = vec![0.0f32; latents.len()];
            for (at, values) in window.values.iter().enumerate() {
                let mut order: Vec<usize> = (0..LATENTS)
                    .filter(|latent| values[*latent] > 0.0)
                    .collect();
                order.sort_by(|one, other| values[*other].total_cmp(&values[*one]));
                for (slot, latent) in order.into_iter().enumerate() {
                    latents[at * LATENTS + slot] = latent as i32;
                    activations[at * LATENTS + slot] = values[latent];
                }
            }
            let values = Values::Sparse {
                slots: LATENTS,
                latents: &latents,
                activations: &activations,
            };
            tally.add(&about, &values).unwrap();
        }
    }
}

/// The tally of the documents that are chosen.
pub fn tally_of(corpus: &Corpus, kind: SetKind, chosen: impl Fn(u64) -> bool) -> Tally {
    let mut tally = empty(kind);
    for window in corpus
        .windows
        .iter()
        .filter(|window| chosen(window.document))
    {
        add(&mut tally, corpus, window, kind);
    }
    tally
}
