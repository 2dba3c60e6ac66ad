//! Runs: texts with the active features of each token.

use super::facts::Relations;
use super::feature::{Feature, LATENTS};
use crate::data::Token;
use crate::shared::Shared;

/// A feature set of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSet {
    /// Id of the SAE.
    pub sae: String,
    /// Its hook.
    pub hook: String,
    /// Number of its latents.
    pub n_latents: usize,
    /// Relations of its features that came with a recording.
    pub relations: Option<Shared<Relations>>,
}

impl RunSet {
    /// A short name: `L3` for the residual stream behind block 3, else the SAE's id.
    pub fn short(&self) -> String {
        let layer = self.hook.strip_prefix("blocks.");
        let layer = layer.and_then(|rest| rest.strip_suffix(".hook_resid_post"));
        layer.map_or_else(|| self.sae.clone(), |layer| format!("L{layer}"))
    }
}

/// A token with what is active on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The token.
    pub token: Token,
    /// False for a BOS: what is active there says nothing about the text.
    pub counts: bool,
    /// For each set of the run latents with their activations, the strongest first.
    pub active: Vec<Vec<(u32, f32)>>,
}

impl Frame {
    /// Every active feature, where the token counts.
    pub fn features(&self) -> impl Iterator<Item = (Feature, f32)> + '_ {
        let sets = self.active.iter().zip(0u8..).filter(|_| self.counts);
        sets.flat_map(|(active, set)| {
            let known = active.iter().filter(|(latent, _)| *latent < LATENTS);
            known.map(move |(latent, activation)| {
                (
                    Feature {
                        set,
                        latent: *latent,
                    },
                    *activation,
                )
            })
        })
    }
}

/// A text with the active features of each token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Id of the model.
    pub model: String,
    /// True if it was recorded when the site was built.
    pub recorded: bool,
    /// The text that was continued.
    pub prompt: String,
    /// Tokens of the prompt, a BOS included.
    pub prompt_tokens: usize,
    /// The feature sets.
    pub sets: Shared<Vec<RunSet>>,
    /// One per token.
    pub frames: Vec<Shared<Frame>>,
}

impl Run {
    /// The frames up to a token, that included.
    pub fn until(&self, cursor: usize) -> &[Shared<Frame>] {
        &self.frames[..self.frames.len().min(cursor.saturating_add(1))]
    }

    /// A name of a feature: `L3/903`.
    pub fn name(&self, feature: Feature) -> String {
        let set = self.sets.get(usize::from(feature.set));
        format!(
            "{}/{}",
            set.map_or_else(String::new, RunSet::short),
            feature.latent
        )
    }
}
