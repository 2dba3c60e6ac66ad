//! The trained autoencoder as the formats know it.

use formats::sae::{
    Architecture, CountedPositions, Gate, Normalization, Sae, SaeConfig, SeqposSlice,
};
use serde::{Deserialize, Serialize};

use crate::config::{Activation, InputNormalization};
use crate::trainer::Trainer;

/// The origin of the activations, as far as an autoencoder's file states it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The model's name.
    pub model_name: Option<String>,
    /// The hook's name.
    pub hook_name: Option<String>,
    /// True if a BOS went before each window.
    pub prepend_bos: Option<bool>,
    /// Tokens of a window.
    pub context_size: Option<usize>,
    /// True if the first position of a window was left out where no BOS stood there.
    pub skips_first: bool,
}

impl Trainer {
    /// The autoencoder as it is now: the running mean of the weights where there is one.
    pub fn sae(&self, origin: &Origin) -> Sae {
        let weights = self.mean.as_ref().unwrap_or(&self.parameters);
        let config = &self.config;
        let (latents, width) = (weights.latents(), weights.width());
        let (architecture, gate) = match config.activation {
            Activation::Topk => (Architecture::TopK { k: config.k }, Gate::None),
            Activation::BatchTopk => {
                let threshold = self.threshold.unwrap_or(0.0) as f32;
                let thresholds = vec![threshold; latents];
                (Architecture::JumpRelu, Gate::Threshold(thresholds))
            }
            Activation::JumpRelu => {
                let thresholds = weights.thresholds.clone();
                (Architecture::JumpRelu, Gate::Threshold(thresholds))
            }
            Activation::Relu => (Architecture::Standard, Gate::None),
        };
        let normalization = match config.input_normalization {
            InputNormalization::LayerNorm => Normalization::LayerNorm,
            InputNormalization::None => Normalization::None,
            InputNormalization::MeanNorm => Normalization::ExpectedAverageOnlyIn {
                norm_scaling_factor: Some(self.factor as f32),
            },
        };
        let mut counted = CountedPositions::default();
        if origin.skips_first {
            counted.seqpos_slice = Some(SeqposSlice {
                start: Some(1),
                ..SeqposSlice::default()
            });
        }
        Sae {
            config: SaeConfig {
                hook_name: origin.hook_name.clone(),
                prepend_bos: origin.prepend_bos,
                model_name: origin.model_name.clone(),
                context_size: origin.context_size,
                counted,
                ..SaeConfig::new(architecture, (width, latents), normalization)
            },
            w_enc: weights.w_enc.clone(),
            b_enc: weights.b_enc.clone(),
            gate,
            w_dec: weights.w_dec.clone(),
            b_dec: weights.b_dec.clone(),
            firing_frequency: None,
        }
    }
}
