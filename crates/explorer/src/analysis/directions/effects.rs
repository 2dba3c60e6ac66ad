//! The effect of a direction on all logits, as lists and as a histogram.

use atlas::record::{Histogram, LogitEffect, TokenValue};

use super::largest::largest;
use crate::analysis::metrics;

/// Tokens that are listed on each side.
const LISTED: usize = 10;
/// Bins that a histogram has at the most.
const BINS: i64 = 64;

/// Computes effects; keeps its memory from one latent to the next.
#[derive(Default)]
pub(super) struct Effects {
    centred: Vec<f32>,
}

impl Effects {
    /// The effect whose products with the unembedding are these, centred over the vocabulary; None where they are all equal.
    ///
    /// # Errors
    /// The token whose product is not finite.
    pub(super) fn of(&mut self, products: &[f32]) -> Result<Option<LogitEffect>, usize> {
        if let Some(token) = products.iter().position(|product| !product.is_finite()) {
            return Err(token);
        }
        let Some(first) = products.first() else {
            return Ok(None);
        };
        if products.iter().all(|product| product == first) {
            return Ok(None);
        }
        let mean = metrics::mean(products).unwrap_or(0.0);
        let centred = products
            .iter()
            .map(|product| (f64::from(*product) - mean) as f32);
        self.centred.clear();
        self.centred.extend(centred);
        let token = |(token, value)| TokenValue { token, value };
        let up = largest((0_u32..).zip(self.centred.iter().copied()), LISTED);
        // From the end, so that of equals the one with the larger id comes first, as in the description of one feature.
        let last = self.centred.len().saturating_sub(1) as u32;
        let negated = self.centred.iter().rev().map(|value| -value);
        let down = largest((0..).zip(negated), LISTED);
        let down = down
            .into_iter()
            .map(|(from_end, value)| (last - from_end, -value));
        Ok(Some(LogitEffect {
            up: up.into_iter().map(token).collect(),
            down: down.map(token).collect(),
            histogram: histogram(&self.centred),
        }))
    }
}

/// Counts of finite values in bins whose width is the smallest power of two with which there are at most 64 of them.
fn histogram(values: &[f32]) -> Histogram {
    let bounds = values
        .iter()
        .fold(None, |bounds: Option<(f32, f32)>, value| {
            let (low, high) = bounds.unwrap_or((*value, *value));
            Some((low.min(*value), high.max(*value)))
        });
    let Some((low, high)) = bounds else {
        return Histogram::default();
    };
    let width = bin_width(f64::from(low), f64::from(high));
    // A quotient by a power of two is exact.
    let bin = |value: f32| (f64::from(value) / width).floor() as i64;
    let first = bin(low);
    let mut counts = vec![0_u64; (bin(high) - first + 1) as usize];
    for value in values {
        if let Some(count) = counts.get_mut((bin(*value) - first) as usize) {
            *count += 1;
        }
    }
    Histogram {
        origin: 0.0,
        width: width as f32,
        first: first as i32,
        counts,
    }
}

/// The width of the bins for values from `low` to `high`.
fn bin_width(low: f64, high: f64) -> f64 {
    // Numbers of bins stay far within 32 bits, and a width is a normal f32.
    let floor = (low.abs().max(high.abs()) / f64::from(1 << 24)).max(f64::from(f32::MIN_POSITIVE));
    // With a quarter of this there would be more than twice as many bins.
    let range = ((high - low) / BINS as f64).max(floor);
    let mut width = f64::from_bits(range.to_bits() & !((1 << 52) - 1));
    while (high / width).floor() as i64 - (low / width).floor() as i64 >= BINS {
        width *= 2.0;
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_in_one_bin_and_bins_are_few() {
        for values in [
            vec![-1.0, 1.0, 0.25, -0.3],
            vec![-0.001, 0.0, 12.0],
            vec![-6.0e-39, 6.0e-39],
            vec![-3.0e38, 3.0e38],
            (-500..800).map(|i| i as f32 * 0.037).collect(),
        ] {
            let found = histogram(&values);
            assert!(found.counts.len() <= 64, "{found:?}");
            assert_eq!(found.counts.iter().sum::<u64>(), values.len() as u64);
            assert_eq!(
                f64::from(found.width).log2().fract(),
                0.0,
                "{}",
                found.width
            );
            for (index, count) in found.counts.iter().enumerate() {
                let edge = |more: i32| {
                    (f64::from(found.first) + index as f64 + f64::from(more))
                        * f64::from(found.width)
                };
                let inside = |value: &&f32| (edge(0)..edge(1)).contains(&f64::from(**value));
                assert_eq!(*count, values.iter().filter(inside).count() as u64);
            }
        }
    }

    #[test]
    fn a_smaller_power_of_two_would_give_too_many_bins() {
        let values: Vec<f32> = (0..1000).map(|i| i as f32 * 0.013 - 4.0).collect();
        let found = histogram(&values);
        assert!(
            found.counts.len() > 32 && found.counts.len() <= 64,
            "{}",
            found.counts.len()
        );
    }

    #[test]
    fn effects_are_centred_and_listed_from_both_ends() {
        let found = Effects::default()
            .of(&[3.0, 1.0, 1.0, -1.0])
            .unwrap()
            .unwrap();
        let pairs =
            |list: &[TokenValue]| list.iter().map(|x| (x.token, x.value)).collect::<Vec<_>>();
        assert_eq!(pairs(&found.up), [(0, 2.0), (1, 0.0), (2, 0.0), (3, -2.0)]);
        assert_eq!(
            pairs(&found.down),
            [(3, -2.0), (2, 0.0), (1, 0.0), (0, 2.0)]
        );
    }

    #[test]
    fn nothing_is_said_of_equal_effects_and_of_what_is_no_number() {
        assert_eq!(Effects::default().of(&[0.0; 5]), Ok(None));
        assert_eq!(Effects::default().of(&[]), Ok(None));
        assert_eq!(Effects::default().of(&[0.0, f32::NAN]), Err(1));
    }
}
