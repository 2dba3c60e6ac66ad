//! The results as JSON.

use explorer::{NextToken, SaeTrace, Token, Trace};
use serde::Serialize;

/// A trace, as `--json` prints it.
#[derive(Serialize)]
pub struct JsonTrace<'a> {
    tokens: &'a [Token],
    bos_prepended: bool,
    /// The reason why a BOS stands before the text or does not.
    bos_reason: &'a str,
    /// The likeliest tokens after the last.
    next: &'a [NextToken],
    /// Mean next-token cross-entropy in nats.
    loss: Option<f64>,
    /// Entry i is the loss of token i + 1.
    token_losses: &'a [f32],
    saes: Vec<JsonSae<'a>>,
    backend: &'a str,
    adapter: &'a str,
}

#[derive(Serialize)]
struct JsonSae<'a> {
    #[serde(flatten)]
    trace: &'a SaeTrace,
    /// Of every token, strongest first.
    features: Vec<Vec<Feature>>,
}

/// An active latent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Feature {
    /// Which.
    pub latent: i32,
    /// The amount.
    pub activation: f32,
}

impl<'a> JsonTrace<'a> {
    /// The JSON of a trace.
    pub fn new(trace: &'a Trace) -> Self {
        Self {
            tokens: &trace.tokens,
            bos_prepended: trace.bos_prepended,
            bos_reason: &trace.bos_reason,
            next: &trace.next,
            loss: trace.loss,
            token_losses: &trace.token_losses,
            saes: trace
                .saes
                .iter()
                .map(|sae| JsonSae {
                    trace: sae,
                    features: features(sae),
                })
                .collect(),
            backend: trace.backend,
            adapter: &trace.adapter,
        }
    }
}

/// Every token's active latents, strongest first.
pub fn features(sae: &SaeTrace) -> Vec<Vec<Feature>> {
    let slots = sae.slots.max(1);
    let rows = sae.latents.chunks(slots).zip(sae.activations.chunks(slots));
    rows.map(|(latents, activations)| {
        latents
            .iter()
            .zip(activations)
            .filter(|(latent, _)| **latent >= 0)
            .map(|(&latent, &activation)| Feature { latent, activation })
            .collect()
    })
    .collect()
}
