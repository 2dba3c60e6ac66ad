//! Systems of linear equations, small and dense.

/// Solves A·x = b for a symmetric positive definite `a` `[n, n]` by Cholesky's factorisation; None where it is not positive definite.
pub(crate) fn solve_positive(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    let n = b.len();
    let mut lower = vec![0.0; n * n];
    for row in 0..n {
        for column in 0..=row {
            let mut sum = a[row * n + column];
            for at in 0..column {
                sum -= lower[row * n + at] * lower[column * n + at];
            }
            if row == column {
                // Also false for NaN.
                let positive = sum > 0.0 && sum.is_finite();
                if !positive {
                    return None;
                }
                lower[row * n + row] = sum.sqrt();
            } else {
                lower[row * n + column] = sum / lower[column * n + column];
            }
        }
    }
    let mut x = b.to_vec();
    for row in 0..n {
        for at in 0..row {
            x[row] -= lower[row * n + at] * x[at];
        }
        x[row] /= lower[row * n + row];
    }
    for row in (0..n).rev() {
        for at in row + 1..n {
            x[row] -= lower[at * n + row] * x[at];
        }
        x[row] /= lower[row * n + row];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let a = [4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 2.0];
        let x = [1.0, -2.0, 0.5];
        let b: Vec<f64> = a
            .chunks_exact(3)
            .map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum())
            .collect();
        let found = solve_positive(&a, &b).unwrap();
        assert!(
            found
                .iter()
                .zip(x)
                .all(|(found, x)| (found - x).abs() < 1e-12),
            "{found:?}"
        );
        assert_eq!(solve_positive(&[1.0, 2.0, 2.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(solve_positive(&[f64::NAN], &[1.0]), None);
    }
}
