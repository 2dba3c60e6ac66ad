//! Values inside a forward pass that can be observed, but not replaced.

use std::fmt;
use std::str::FromStr;

use kernels::{Buffer, NormScale, Recorder, norm_scale};

use crate::hook_names::split_layer;
use crate::weights::Gpt2;
use crate::{Error, Hooks};

/// A value that can be observed, under TransformerLens's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Observation {
    /// `blocks.{L}.attn.hook_pattern`: attention's softmax weights `[rows, n_heads, keys]`, with
    /// [`Hooks::pattern_keys`] keys, numbered from the first of the row's sequence, past ones included; 0 beyond the row's
    /// own keys.
    AttentionPattern {
        /// The block.
        layer: usize,
    },
    /// A LayerNorm's `hook_scale`: √(mean((x − mean)²) + ε) of its input, `[rows]`.
    NormScale(Norm),
}

/// A LayerNorm of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norm {
    /// `blocks.{L}.ln1`, before attention.
    Ln1(usize),
    /// `blocks.{L}.ln2`, before the MLP.
    Ln2(usize),
    /// `ln_final`.
    Final,
}

/// A name of nothing that can be observed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing to observe is called {0:?}; the names are like blocks.3.attn.hook_pattern, blocks.3.ln1.hook_scale, \
     blocks.3.ln2.hook_scale, ln_final.hook_scale"
)]
pub struct UnknownObservation(pub String);

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttentionPattern { layer } => write!(f, "blocks.{layer}.attn.hook_pattern"),
            Self::NormScale(Norm::Ln1(layer)) => write!(f, "blocks.{layer}.ln1.hook_scale"),
            Self::NormScale(Norm::Ln2(layer)) => write!(f, "blocks.{layer}.ln2.hook_scale"),
            Self::NormScale(Norm::Final) => f.write_str("ln_final.hook_scale"),
        }
    }
}

impl FromStr for Observation {
    type Err = UnknownObservation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "ln_final.hook_scale" {
            return Ok(Self::NormScale(Norm::Final));
        }
        match split_layer(name, "blocks.") {
            Some((layer, ".attn.hook_pattern")) => Ok(Self::AttentionPattern { layer }),
            Some((layer, ".ln1.hook_scale")) => Ok(Self::NormScale(Norm::Ln1(layer))),
            Some((layer, ".ln2.hook_scale")) => Ok(Self::NormScale(Norm::Ln2(layer))),
            _ => Err(UnknownObservation(name.to_owned())),
        }
    }
}

impl Gpt2 {
    /// Records the scale of a LayerNorm where the hooks observe it. `input` is what the LayerNorm is given.
    pub(crate) fn observe_scale(
        &self,
        recorder: &mut Recorder,
        norm: Norm,
        input: &Buffer,
        rows: usize,
        hooks: &mut dyn Hooks,
    ) -> Result<(), Error> {
        let observation = Observation::NormScale(norm);
        if !hooks.observes(observation) {
            return Ok(());
        }
        let scales = recorder.scratch("hook_scale", rows)?;
        norm_scale(
            recorder,
            &NormScale {
                input,
                rows,
                width: self.config.n_embd,
                epsilon: self.config.layer_norm_epsilon,
                scales: &scales,
            },
        )?;
        hooks.observe(recorder, observation, &scales)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (observation, name) in [
            (
                Observation::AttentionPattern { layer: 11 },
                "blocks.11.attn.hook_pattern",
            ),
            (
                Observation::NormScale(Norm::Ln1(0)),
                "blocks.0.ln1.hook_scale",
            ),
            (
                Observation::NormScale(Norm::Ln2(3)),
                "blocks.3.ln2.hook_scale",
            ),
            (Observation::NormScale(Norm::Final), "ln_final.hook_scale"),
        ] {
            assert_eq!(observation.to_string(), name);
            assert_eq!(name.parse(), Ok(observation));
        }
    }

    #[test]
    fn unknown_names_are_refused_by_name() {
        for name in ["", "blocks.1", "blocks.x.ln1.hook_scale", "ln1.hook_scale"] {
            let unknown = UnknownObservation(name.to_owned());
            assert_eq!(name.parse::<Observation>(), Err(unknown));
        }
    }
}
