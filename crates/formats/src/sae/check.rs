//! Consistency check of an autoencoder in memory, before it is written.

use super::{Architecture, Gate, Normalization, Sae, check_k};
use crate::error::{Error, Result};
use crate::tensors::check_finite;

/// Stands where an error names a file: what is to be written has none yet.
const NAME: &str = "the autoencoder";

/// Refuses what no reader would take back: sizes that do not agree, weights that are no numbers, a gate of another
/// architecture.
pub(super) fn check(sae: &Sae) -> Result<()> {
    let config = &sae.config;
    let (d_in, d_sae) = (config.d_in, config.d_sae);
    for (field, size) in [("d_in", d_in), ("d_sae", d_sae)] {
        size_in_range(field, size)?;
    }
    if let Some(size) = config.context_size {
        size_in_range("context_size", size)?;
    }
    if let Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: Some(factor),
    } = config.normalization
        && !(factor.is_normal() && factor > 0.0)
    {
        return Err(Error::field(
            NAME,
            "norm_scaling_factor",
            factor,
            "it must be a positive number",
        ));
    }
    if let Architecture::TopK { k } = config.architecture {
        check_k(NAME, "k", k, d_sae)?;
    }
    tensor("w_enc", &sae.w_enc, &[d_sae, d_in])?;
    tensor("b_enc", &sae.b_enc, &[d_sae])?;
    tensor("w_dec", &sae.w_dec, &[d_sae, d_in])?;
    tensor("b_dec", &sae.b_dec, &[d_in])?;
    match (config.architecture, &sae.gate) {
        (Architecture::Standard | Architecture::TopK { .. }, Gate::None) => {}
        (Architecture::JumpRelu, Gate::Threshold(threshold)) => {
            tensor("threshold", threshold, &[d_sae])?;
        }
        (
            Architecture::Gated,
            Gate::Gated {
                b_gate,
                r_mag,
                b_mag,
            },
        ) => {
            tensor("b_gate", b_gate, &[d_sae])?;
            tensor("r_mag", r_mag, &[d_sae])?;
            tensor("b_mag", b_mag, &[d_sae])?;
            if let Some(bias) = sae.b_enc.iter().find(|&&b| b != 0.0) {
                return Err(Error::field(
                    NAME,
                    "b_enc",
                    bias,
                    "a gated autoencoder has other biases instead: it must be zero",
                ));
            }
        }
        (architecture, _) => {
            return Err(Error::field(
                NAME,
                "gate",
                "that of another architecture",
                format!("its architecture is {}", architecture.name()),
            ));
        }
    }
    if let Some(frequency) = &sae.firing_frequency {
        tensor("firing_frequency", frequency, &[d_sae])?;
        if let Some(f) = frequency.iter().find(|f| !(0.0..=1.0).contains(*f)) {
            return Err(Error::field(
                NAME,
                "firing_frequency",
                f,
                "it must be a fraction, from 0 to 1",
            ));
        }
    }
    Ok(())
}

fn size_in_range(field: &str, size: usize) -> Result<()> {
    const LARGEST: usize = 1 << 30;
    if (1..=LARGEST).contains(&size) {
        return Ok(());
    }
    let expected = format!("it must be from 1 to {LARGEST}");
    Err(Error::field(NAME, field, size, expected))
}

fn tensor(name: &str, values: &[f32], shape: &[usize]) -> Result<()> {
    let count = shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size));
    if count != Some(values.len()) {
        return Err(Error::WrongShape {
            file: NAME.to_owned(),
            tensor: name.to_owned(),
            expected: shape.to_vec(),
            found: vec![values.len()],
        });
    }
    check_finite(NAME, name, values, 0)
}
