//! Logistic regression by Newton's method.

use crate::linear::solve_positive;

/// A fitted probe: the probability of the label is σ(w·x + b).
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// w, one for each feature.
    pub weights: Vec<f64>,
    /// b.
    pub bias: f64,
    /// Mean cross-entropy on the samples that it was fitted to, nats, without the penalty.
    pub loss: f64,
}

/// Steps after which a fit ends; from standardised features five to eight do.
const STEPS: usize = 40;
/// A fit has ended where the loss falls by less.
const TOLERANCE: f64 = 1e-10;
/// Added to the diagonal of the Hessian, so that a feature that does not vary has a solution. Not in the objective.
const RIDGE: f64 = 1e-12;

/// Fits w and b to the samples: `features` `[count, samples]`, feature by feature. The objective is the mean cross-entropy plus
/// `penalty`/2 · Σw², with w in units of the features' standard deviations; the bias is not penalised. Classes that a feature divides
/// without an error have a loss of 0 and no finite w: there it ends with a loss below about 1e-10.
///
/// With one feature and no penalty it is the two-parameter probe of Gao et al. (arXiv 2406.04093, section 4.2), who fit it by Newton and
/// Raphson.
///
/// # Panics
/// Where `features` is shorter than `count` times the labels.
pub fn fit(features: &[f32], count: usize, labels: &[bool], penalty: f64) -> Probe {
    let samples = labels.len();
    let columns: Vec<&[f32]> = (0..count)
        .map(|i| &features[i * samples..(i + 1) * samples])
        .collect();
    let scales: Vec<(f64, f64)> = columns.iter().map(|column| scale(column)).collect();
    let positive = labels.iter().filter(|label| **label).count() as f64;
    let total = samples as f64;
    // As without features: half a sample more of each class, so that a class without samples has a finite bias.
    let start = ((positive + 0.5) / (total - positive + 0.5)).ln();
    let mut parameters = vec![0.0; count + 1];
    parameters[count] = start;
    let problem = Problem {
        columns,
        scales,
        labels,
        penalty,
    };
    let mut current = problem.look(&parameters);
    for _ in 0..STEPS {
        let Some(step) = solve_positive(&current.hessian, &current.gradient) else {
            break;
        };
        // A whole step may overshoot where the curvature is small.
        let mut share = 1.0;
        let next = loop {
            let tried: Vec<f64> = parameters
                .iter()
                .zip(&step)
                .map(|(at, step)| at - share * step)
                .collect();
            let looked = problem.look(&tried);
            if looked.objective <= current.objective || share < 1e-6 {
                break (tried, looked);
            }
            share *= 0.5;
        };
        let fall = current.objective - next.1.objective;
        // Also ends on NaN.
        let falls = fall > TOLERANCE;
        if fall >= 0.0 {
            (parameters, current) = next;
        }
        if !falls {
            break;
        }
    }
    let mut bias = parameters[count];
    let weights = parameters
        .iter()
        .zip(&problem.scales)
        .map(|(weight, (mean, deviation))| {
            let weight = weight / deviation;
            bias -= weight * mean;
            weight
        });
    Probe {
        weights: weights.collect(),
        bias,
        loss: current.loss,
    }
}

/// Mean and standard deviation; 1 for one that is 0.
fn scale(column: &[f32]) -> (f64, f64) {
    let count = column.len().max(1) as f64;
    let mean = column.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let variance = column
        .iter()
        .map(|x| (f64::from(*x) - mean).powi(2))
        .sum::<f64>()
        / count;
    let deviation = variance.sqrt();
    // Rounding of equal numbers is no variation.
    (
        mean,
        if deviation > 1e-7 * mean.abs() {
            deviation
        } else {
            1.0
        },
    )
}

struct Problem<'a> {
    columns: Vec<&'a [f32]>,
    scales: Vec<(f64, f64)>,
    labels: &'a [bool],
    penalty: f64,
}

/// The objective at a place, with its derivatives.
struct Look {
    loss: f64,
    objective: f64,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

impl Problem<'_> {
    fn look(&self, parameters: &[f64]) -> Look {
        let count = self.columns.len();
        let size = count + 1;
        let (mut loss, mut gradient, mut hessian) = (0.0, vec![0.0; size], vec![0.0; size * size]);
        let mut x = vec![1.0; size];
        for (sample, label) in self.labels.iter().enumerate() {
            for ((x, column), (mean, deviation)) in
                x.iter_mut().zip(&self.columns).zip(&self.scales)
            {
                *x = (f64::from(column[sample]) - mean) / deviation;
            }
            let logit: f64 = x
                .iter()
                .zip(parameters)
                .map(|(x, parameter)| x * parameter)
                .sum();
            // softplus(−z) for a label, softplus(z) for none, without overflow.
            let power = (-logit.abs()).exp();
            let wrong = if *label { -logit } else { logit };
            loss += power.ln_1p() + wrong.max(0.0);
            let probability = if logit >= 0.0 {
                1.0 / (1.0 + power)
            } else {
                power / (1.0 + power)
            };
            let error = probability - f64::from(u8::from(*label));
            let curve = probability * (1.0 - probability);
            for row in 0..size {
                gradient[row] += error * x[row];
                for column in 0..=row {
                    hessian[row * size + column] += curve * x[row] * x[column];
                }
            }
        }
        let total = self.labels.len().max(1) as f64;
        loss /= total;
        let mut objective = loss;
        for row in 0..size {
            gradient[row] /= total;
            for column in 0..=row {
                hessian[row * size + column] /= total;
                hessian[column * size + row] = hessian[row * size + column];
            }
            hessian[row * size + row] += RIDGE;
            if row < count {
                objective += 0.5 * self.penalty * parameters[row] * parameters[row];
                gradient[row] += self.penalty * parameters[row];
                hessian[row * size + row] += self.penalty;
            }
        }
        Look {
            loss,
            objective,
            gradient,
            hessian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_says_nothing_leaves_the_entropy_of_the_labels() {
        let labels: Vec<bool> = (0..400).map(|i| i % 4 == 0).collect();
        let expected = -(0.25_f64.ln() * 0.25 + 0.75_f64.ln() * 0.75);
        let constant = fit(&[3.5; 400], 1, &labels, 0.0);
        assert!((constant.loss - expected).abs() < 1e-9, "{constant:?}");
        assert!((constant.bias + constant.weights[0] * 3.5 + 3.0_f64.ln()).abs() < 1e-4);
    }

    #[test]
    fn labels_that_a_feature_divides_have_no_loss() {
        let x: Vec<f32> = (0..200).map(|i| i as f32).collect();
        let labels: Vec<bool> = (0..200).map(|i| i >= 120).collect();
        let found = fit(&x, 1, &labels, 0.0);
        assert!(found.loss < 1e-4 && found.weights[0] > 0.0, "{found:?}");
        let middle = -found.bias / found.weights[0];
        assert!((119.0..120.0).contains(&middle), "{middle}");
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden() {
        let labels = [true, false, true, false];
        assert!(
            fit(&[1.0, f32::NAN, 0.0, 2.0], 1, &labels, 0.0)
                .loss
                .is_nan()
        );
    }
}
