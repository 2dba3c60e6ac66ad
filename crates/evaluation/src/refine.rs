//! Refinement: the support of a token's latents stays, their magnitudes become the best ones that are not negative.

/// Sweeps over a token's latents after which a fit ends.
const SWEEPS: usize = 500;
/// A fit has ended where no magnitude changed by more, relative to the largest.
const TOLERANCE: f64 = 1e-9;

/// A token's squared errors in the space of training, before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refined {
    /// ‖x − x̂‖² with the magnitudes that the encoder gives.
    pub before: f64,
    /// ‖x − x̂‖² with the best magnitudes ≥ 0 of the same latents.
    pub after: f64,
}

/// Minimises ‖target − Σ z_i d_i‖² over z ≥ 0 by coordinate descent on the Gram matrix, from the magnitudes `z` that are there.
/// `target` is the input less the decoder's bias `[width]`, `directions` are rows of the decoder `[z.len(), width]`. The problem is convex, so there is
/// one minimum (Gao et al., arXiv 2406.04093, section 5.1: refinement with the support fixed).
///
/// # Panics
/// Where slices are shorter than their shapes say.
pub fn refine(target: &[f32], directions: &[f32], z: &[f32]) -> Refined {
    let (width, count) = (target.len(), z.len());
    let row = |at: usize| &directions[at * width..(at + 1) * width];
    let mut gram = vec![0.0; count * count];
    let mut shares = vec![0.0; count];
    for one in 0..count {
        shares[one] = dot(target, row(one));
        for other in 0..=one {
            let product = dot(row(one), row(other));
            gram[one * count + other] = product;
            gram[other * count + one] = product;
        }
    }
    let square = dot(target, target);
    let error = |z: &[f64]| {
        // ‖t‖² − 2 z·s + zᵀGz
        let mut sum = square;
        for one in 0..count {
            let product: f64 = gram[one * count..(one + 1) * count]
                .iter()
                .zip(z)
                .map(|(g, z)| g * z)
                .sum();
            sum += z[one] * (product - 2.0 * shares[one]);
        }
        // Rounding; a NaN stays one.
        if sum < 0.0 { 0.0 } else { sum }
    };
    let start: Vec<f64> = z.iter().map(|z| f64::from(*z)).collect();
    let before = error(&start);
    let mut z: Vec<f64> = start.iter().map(|z| z.max(0.0)).collect();
    for _ in 0..SWEEPS {
        let (mut change, mut largest) = (0.0_f64, 0.0_f64);
        for one in 0..count {
            let own = gram[one * count + one];
            if own <= 0.0 {
                continue;
            }
            let product: f64 = gram[one * count..(one + 1) * count]
                .iter()
                .zip(&z)
                .map(|(g, z)| g * z)
                .sum();
            let next = (z[one] + (shares[one] - product) / own).max(0.0);
            change = change.max((next - z[one]).abs());
            largest = largest.max(next);
            z[one] = next;
        }
        if change <= TOLERANCE * largest {
            break;
        }
    }
    Refined {
        before,
        after: error(&z),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_are_the_best_that_are_not_negative() {
        // Orthogonal directions: each magnitude is the projection, and the negative one is 0.
        let directions = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0];
        let found = refine(&[3.0, 4.0, -1.0], &directions, &[1.0, 1.0, 1.0]);
        assert_eq!(found.before, 4.0 + 4.0 + 4.0);
        assert!((found.after - 1.0).abs() < 1e-12, "{found:?}");
        // Without latents nothing is explained.
        let none = refine(&[3.0, 4.0], &[], &[]);
        assert_eq!((none.before, none.after), (25.0, 25.0));
        assert!(
            refine(&[f32::NAN, 0.0], &[1.0, 0.0], &[1.0])
                .before
                .is_nan()
        );
    }
}
