//! The attention pattern of a layer: weights by query, head and key, and pictures of them.

use crate::data::Tapped;

/// Most dots on a side of a head's small picture.
pub const SMALL: usize = 96;

/// Most dots on a side of the enlarged picture.
pub const LARGE: usize = 512;

/// The weights of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The layer.
    pub layer: u32,
    /// Number of tokens T.
    pub tokens: usize,
    /// Number of heads H.
    pub heads: usize,
    /// `[T, H, T]`: query, head, key.
    data: Vec<f32>,
}

impl Pattern {
    /// The pattern that the engine gives; nothing where its shape is no pattern's, or not that of its data.
    pub fn new(layer: u32, tapped: Tapped) -> Option<Self> {
        let [tokens, heads, keys] = tapped.shape[..] else {
            return None;
        };
        let size = tokens.checked_mul(heads)?.checked_mul(keys)?;
        (keys == tokens && size == tapped.data.len()).then_some(Self {
            layer,
            tokens,
            heads,
            data: tapped.data,
        })
    }

    /// How strongly a head looks from each query at each key, from 0 to 1.
    pub fn weight(&self, head: usize, query: usize, key: usize) -> Option<f32> {
        self.row(head, query)?.get(key).copied()
    }

    /// The weights of a query, one per key.
    fn row(&self, head: usize, query: usize) -> Option<&[f32]> {
        if head >= self.heads || query >= self.tokens {
            return None;
        }
        let start = (query * self.heads + head) * self.tokens;
        self.data.get(start..start + self.tokens)
    }

    /// The weight of a query and a key, mean over the heads.
    pub fn mean(&self, query: usize, key: usize) -> Option<f32> {
        let weights = (0..self.heads).map(|head| self.weight(head, query, key));
        let sum: Option<f64> = weights.map(|weight| weight.map(f64::from)).sum();
        (self.heads > 0).then(|| sum.map(|sum| (sum / self.heads as f64) as f32))?
    }

    /// Bytes of its weights.
    pub fn bytes(&self) -> usize {
        size_of_val(self.data.as_slice())
    }

    /// A head's picture of at most `limit` dots on a side: the side, and a dot's opacity from 0 to 255, row by row, a row for
    /// each query. A dot that stands for several weights shows the largest of them.
    pub fn picture(&self, head: usize, limit: usize) -> (usize, Vec<u8>) {
        let block = block(self.tokens, limit);
        let side = self.tokens.div_ceil(block);
        let mut largest = vec![0_f32; side * side];
        for query in 0..self.tokens {
            let dots = &mut largest[query / block * side..][..side];
            // No token looks at a later one.
            let row = self.row(head, query).unwrap_or_default();
            for (dot, weights) in dots.iter_mut().zip(row[..=query].chunks(block)) {
                *dot = weights.iter().copied().fold(*dot, f32::max);
            }
        }
        (side, largest.into_iter().map(opacity).collect())
    }
}

/// The number of tokens that a dot of a picture stands for, on each side.
pub fn block(tokens: usize, limit: usize) -> usize {
    tokens.div_ceil(limit.max(1)).max(1)
}

/// The opacity of a weight from 0 to 255: it grows with the square root, so that small weights can be seen.
fn opacity(weight: f32) -> u8 {
    // The cast saturates, and makes 0 of what is not a number.
    (weight.sqrt() * 255.0).round() as u8
}

/// The token that a place along a picture's side stands for.
pub fn token_at(offset: f64, length: f64, tokens: usize) -> usize {
    let share = if length > 0.0 { offset / length } else { 0.0 };
    // The cast saturates at 0.
    ((share * tokens as f64) as usize).min(tokens.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tapped(shape: &[usize], data: Vec<f32>) -> Tapped {
        Tapped {
            name: "blocks.1.attn.hook_pattern".to_owned(),
            shape: shape.to_vec(),
            data,
        }
    }

    /// Head 0 looks at the token itself, head 1 at all equally.
    fn pattern(tokens: usize) -> Pattern {
        let mut data = Vec::new();
        for query in 0..tokens {
            data.extend((0..tokens).map(|key| if key == query { 1.0 } else { 0.0 }));
            let share = 1.0 / (query + 1) as f32;
            data.extend((0..tokens).map(|key| if key <= query { share } else { 0.0 }));
        }
        Pattern::new(1, tapped(&[tokens, 2, tokens], data)).unwrap()
    }

    #[test]
    fn reads_weights_by_head_query_and_key() {
        let pattern = pattern(4);
        assert_eq!(pattern.weight(0, 2, 2), Some(1.0));
        assert_eq!(pattern.weight(1, 3, 0), Some(0.25));
        assert_eq!(pattern.mean(3, 3), Some(0.625));
        assert_eq!(pattern.weight(2, 0, 0), None);
        assert_eq!(pattern.weight(0, 4, 0), None);
        assert_eq!(pattern.weight(0, 0, 4), None);
        assert_eq!(pattern.bytes(), 4 * 2 * 4 * 4);
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for shape in [
            &[2, 4][..],
            &[2, 2, 3],
            &[2, 2, 2],
            &[usize::MAX, 2, usize::MAX],
        ] {
            assert_eq!(
                Pattern::new(0, tapped(shape, vec![0.0; 6])),
                None,
                "{shape:?}"
            );
        }
        let none = Pattern::new(0, tapped(&[0, 2, 0], Vec::new())).unwrap();
        assert_eq!(none.picture(0, SMALL), (0, Vec::new()));
        assert_eq!(none.mean(0, 0), None);
    }

    #[test]
    fn a_dot_shows_the_largest_of_its_weights() {
        let (side, dots) = pattern(5).picture(1, 3);
        assert_eq!(side, 3);
        let opacities = [1.0, 0.0, 0.0, 1.0 / 3.0, 1.0 / 3.0, 0.0, 0.2, 0.2, 0.2].map(opacity);
        assert_eq!(dots, opacities);
        assert_eq!(
            pattern(5)
                .picture(0, 5)
                .1
                .iter()
                .filter(|&&dot| dot == 255)
                .count(),
            5
        );
    }

    #[test]
    fn small_weights_can_be_seen() {
        assert_eq!([0.0, 0.01, 0.25, 1.0].map(opacity), [0, 26, 128, 255]);
        assert_eq!(opacity(f32::NAN), 0);
    }

    proptest! {
        #[test]
        fn a_picture_has_no_more_dots_than_its_limit(tokens in 1usize..40, limit in 1usize..20) {
            let (side, dots) = pattern(tokens).picture(0, limit);
            prop_assert!(side <= limit && side <= tokens);
            prop_assert_eq!(dots.len(), side * side);
            prop_assert_eq!(dots[0], 255);
        }

        #[test]
        fn every_place_of_a_picture_is_a_token(offset in -10f64..700.0, tokens in 1usize..2000) {
            prop_assert!(token_at(offset, 500.0, tokens) < tokens);
            prop_assert_eq!(token_at(offset, 0.0, tokens), 0);
        }
    }
}
