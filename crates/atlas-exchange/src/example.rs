//! Parts of a feature as every format has them: the index, the examples.

use atlas::record::{Activations, Example};

use crate::error::Error;
use crate::json::At;

/// Latents that a set may have. The index of one sets the length of the atlas's tables.
pub const MOST_LATENTS: u64 = 1 << 18;

/// Tokens that an example may have.
const MOST_POSITIONS: usize = 1 << 15;

/// The index of a latent.
pub(crate) fn latent(at: &At<'_>, number: u64) -> Result<u32, Error> {
    if number < MOST_LATENTS {
        Ok(number as u32)
    } else {
        Err(at.error(format!(
            "is {number}; features up to {} are read",
            MOST_LATENTS - 1
        )))
    }
}

/// An example from the activation at each of its tokens. `peak` is where the file says that it is strongest.
pub(crate) fn example(
    at: &At<'_>,
    tokens: Vec<u32>,
    values: &[f64],
    name: &str,
    peak: Option<u64>,
) -> Result<Example, Error> {
    let values_at = at.field(name);
    values_at.same_length(values.len(), "tokens", tokens.len())?;
    if values.is_empty() || values.len() > MOST_POSITIONS {
        return Err(values_at.error(format!(
            "has {} entries; an example has 1 to {MOST_POSITIONS}",
            values.len()
        )));
    }
    let (mut positions, mut activations) = (Vec::new(), Vec::new());
    let mut largest = (0u16, 0.0f32);
    for (position, value) in (0u16..).zip(values) {
        let value = values_at.entry(usize::from(position)).number(*value)?;
        if value > 0.0 {
            positions.push(position);
            activations.push(value);
        }
        if value > largest.1 {
            largest = (position, value);
        }
    }
    // Of several positions with the largest activation the one that the file names.
    let named = peak.and_then(|peak| {
        let value = values.get(usize::try_from(peak).ok()?)?;
        (*value as f32 == largest.1).then_some(peak as u16)
    });
    Ok(Example {
        document: 0,
        start: 0,
        tokens,
        peak: named.unwrap_or(largest.0),
        positions,
        activations: Activations(activations),
    })
}

/// The largest activation of examples.
pub(crate) fn largest(examples: &[Example]) -> Option<f32> {
    let values = examples.iter().flat_map(|example| &example.activations.0);
    values.copied().reduce(f32::max)
}
