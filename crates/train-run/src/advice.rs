//! What the mean of activations means for a training on them.

use train::{Config, InputStatistics, PreBiasStart};

/// ‖mean‖/‖spread‖ above which the mean is worth a sentence.
const LARGE_MEAN: f64 = 1.0;

/// A sentence about a mean that is long beside the spread, as the end of one; None where it is not.
pub fn advice(found: &InputStatistics, config: &Config) -> Option<&'static str> {
    if found.normalised_mean_over_spread <= LARGE_MEAN {
        return None;
    }
    Some(match config.pre_bias_start {
        PreBiasStart::Zero => {
            "most of each activation is the same; without pre_bias_start = geometric_median or mean many latents will learn that, or die"
        }
        PreBiasStart::GeometricMedian | PreBiasStart::Mean => {
            "most of each activation is the same, which the bias takes off from the start"
        }
    })
}
