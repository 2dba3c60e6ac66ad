//! The joint scaling law of a TopK autoencoder's loss in the number of latents n and of active ones k.

use wire::ScalingLaw;

use crate::linear::solve_positive;

/// A trained autoencoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Number of latents.
    pub n: f64,
    /// Active latents per token.
    pub k: f64,
    /// Its normalised loss, above 0.
    pub loss: f64,
}

/// What the paper found for autoencoders of GPT-4's activations (section 3.1). For reference alone: losses of other models and layers
/// are not comparable.
pub const PAPER_GPT4: ScalingLaw = ScalingLaw {
    alpha: -0.50,
    beta_k: 0.26,
    beta_n: -0.017,
    gamma: -0.042,
    zeta: -1.32,
    eta: -0.085,
};

/// Of L(n, k) = exp(α + β_k ln k + β_n ln n + γ ln k ln n) + exp(ζ + η ln k) (Gao et al., arXiv 2406.04093, section 3.1) the part that falls
/// with n, and the one that does not.
fn parts(law: &ScalingLaw, n: f64, k: f64) -> (f64, f64) {
    let (ln_n, ln_k) = (n.ln(), k.ln());
    let falling = law.alpha + law.beta_k * ln_k + law.beta_n * ln_n + law.gamma * ln_k * ln_n;
    (falling.exp(), (law.zeta + law.eta * ln_k).exp())
}

/// L(n, k), both parts.
pub fn loss(law: &ScalingLaw, n: f64, k: f64) -> f64 {
    let (falling, floor) = parts(law, n, k);
    falling + floor
}

/// A fitted law.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The law.
    pub law: ScalingLaw,
    /// ln of each point's loss less ln of the law's, in the points' order: about the relative difference.
    pub residuals: Vec<f64>,
    /// Root of their mean square.
    pub rms: f64,
    /// The largest share of the part that does not fall with n in the law's loss at any point. Where it is tiny, the points do not show
    /// such a part, and ζ and η mean nothing.
    pub floor_share: f64,
}

/// Points that cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScalingError {
    /// Not more points than coefficients.
    #[error(
        "the law has 6 coefficients, and {points} points do not determine them: at least {least} are needed, of {sizes} numbers of latents and {ks} of active ones or more"
    )]
    TooFew {
        /// Points that there are.
        points: usize,
        /// Needed ones.
        least: usize,
        /// Needed values of n.
        sizes: usize,
        /// Needed values of k.
        ks: usize,
    },
    /// Too few different values.
    #[error(
        "the points have {found} different {what}, and the law needs {least} or more to tell its parts apart"
    )]
    Grid {
        /// n or k.
        what: &'static str,
        /// Different values.
        found: usize,
        /// Needed ones.
        least: usize,
    },
    /// A number that has no logarithm.
    #[error(
        "the point n = {n}, k = {k} has the loss {loss}; all three have to be finite and above 0"
    )]
    NotPositive {
        /// n.
        n: f64,
        /// k.
        k: f64,
        /// The loss.
        loss: f64,
    },
    /// No start led to finite coefficients.
    #[error("no law fits the points: the least squares do not converge from any start")]
    Diverged,
}

/// One more than there are coefficients.
const LEAST: usize = 7;
const SIZES: usize = 3;
const KS: usize = 2;
/// Shares of the smallest loss of each k that the starts take for the part that does not fall with n.
const STARTS: [f64; 7] = [0.001, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95];
const STEPS: usize = 2000;

/// Fits the law by least squares of ln L (Levenberg and Marquardt) from several starts; the best one counts.
///
/// # Errors
/// [`ScalingError`].
pub fn fit(points: &[Point]) -> Result<Fit, ScalingError> {
    for Point { n, k, loss } in points.iter().copied() {
        if !(n > 0.0 && k > 0.0 && loss > 0.0 && (n * k * loss).is_finite()) {
            return Err(ScalingError::NotPositive { n, k, loss });
        }
    }
    if points.len() < LEAST {
        return Err(ScalingError::TooFew {
            points: points.len(),
            least: LEAST,
            sizes: SIZES,
            ks: KS,
        });
    }
    let grid = [
        (
            "numbers of latents n",
            SIZES,
            different(points.iter().map(|point| point.n)),
        ),
        (
            "numbers of active latents k",
            KS,
            different(points.iter().map(|point| point.k)),
        ),
    ];
    for (what, least, found) in grid {
        if found < least {
            return Err(ScalingError::Grid { what, found, least });
        }
    }
    let problem = Problem::new(points);
    let fits = STARTS
        .iter()
        .filter_map(|share| problem.minimise(problem.start(*share)?));
    let (parameters, _) = fits
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .ok_or(ScalingError::Diverged)?;
    let law = problem.law(&parameters);
    let residuals: Vec<f64> = points
        .iter()
        .map(|point| point.loss.ln() - loss(&law, point.n, point.k).ln())
        .collect();
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let shares = points.iter().map(|point| {
        let (falling, floor) = parts(&law, point.n, point.k);
        floor / (falling + floor)
    });
    Ok(Fit {
        law,
        rms: (squares / points.len() as f64).sqrt(),
        floor_share: shares.fold(0.0, f64::max),
        residuals,
    })
}

fn different(values: impl Iterator<Item = f64>) -> usize {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.len()
}

/// Points with logarithms about their means, which are better conditioned.
struct Problem {
    /// ln k and ln n less their means, and ln L.
    points: Vec<[f64; 3]>,
    mean_k: f64,
    mean_n: f64,
}

/// Coefficients of 1, ln k, ln n, ln k ln n, and of 1, ln k.
type Parameters = [f64; 6];

impl Problem {
    fn new(points: &[Point]) -> Self {
        let count = points.len() as f64;
        let mean_k = points.iter().map(|point| point.k.ln()).sum::<f64>() / count;
        let mean_n = points.iter().map(|point| point.n.ln()).sum::<f64>() / count;
        let centred = |point: &Point| {
            [
                point.k.ln() - mean_k,
                point.n.ln() - mean_n,
                point.loss.ln(),
            ]
        };
        Self {
            points: points.iter().map(centred).collect(),
            mean_k,
            mean_n,
        }
    }

    /// The law in logarithms that are not centred.
    fn law(&self, [alpha, beta_k, beta_n, gamma, zeta, eta]: &Parameters) -> ScalingLaw {
        let (mean_k, mean_n) = (self.mean_k, self.mean_n);
        let (beta_k, beta_n) = (beta_k - gamma * mean_n, beta_n - gamma * mean_k);
        ScalingLaw {
            alpha: alpha - beta_k * mean_k - beta_n * mean_n - gamma * mean_k * mean_n,
            beta_k,
            beta_n,
            gamma: *gamma,
            zeta: zeta - eta * mean_k,
            eta: *eta,
        }
    }

    /// Coefficients by linear regressions, where a share of the smallest loss of each k does not fall with n.
    fn start(&self, share: f64) -> Option<Parameters> {
        let smallest = |k: f64| {
            let same = self.points.iter().filter(|point| point[0] == k);
            same.map(|point| point[2]).fold(f64::INFINITY, f64::min)
        };
        let floors: Vec<f64> = self
            .points
            .iter()
            .map(|point| share.ln() + smallest(point[0]))
            .collect();
        let floor = regression(self.points.iter().map(|[k, ..]| vec![1.0, *k]), &floors)?;
        let rest: Vec<f64> = self
            .points
            .iter()
            .zip(&floors)
            .map(|(point, floor)| (point[2].exp() - floor.exp()).ln())
            .collect();
        let falling = regression(
            self.points.iter().map(|[k, n, _]| vec![1.0, *k, *n, k * n]),
            &rest,
        )?;
        match (&falling[..], &floor[..]) {
            (&[a, b, c, d], &[e, f]) => Some([a, b, c, d, e, f]),
            _ => None,
        }
    }

    /// Σ of squared residuals, with Jᵀr and JᵀJ.
    fn look(&self, [a, b, c, d, e, f]: &Parameters) -> (f64, [f64; 6], [f64; 36]) {
        let (mut sum, mut gradient, mut normal) = (0.0, [0.0; 6], [0.0; 36]);
        for [k, n, loss] in &self.points {
            let falling = (a + b * k + c * n + d * k * n).exp();
            let floor = (e + f * k).exp();
            let all = falling + floor;
            let residual = all.ln() - loss;
            let (falling, floor) = (falling / all, floor / all);
            let slopes = [
                falling,
                falling * k,
                falling * n,
                falling * k * n,
                floor,
                floor * k,
            ];
            sum += residual * residual;
            for row in 0..6 {
                gradient[row] += slopes[row] * residual;
                for column in 0..6 {
                    normal[row * 6 + column] += slopes[row] * slopes[column];
                }
            }
        }
        (sum, gradient, normal)
    }

    /// The least squares from a start; None where they are not finite.
    fn minimise(&self, start: Parameters) -> Option<(Parameters, f64)> {
        let (mut parameters, mut damping) = (start, 1e-3);
        let (mut sum, mut gradient, mut normal) = self.look(&parameters);
        for _ in 0..STEPS {
            let mut damped = normal;
            for at in 0..6 {
                // Also where a part has no share in any point.
                damped[at * 6 + at] += damping * normal[at * 6 + at].max(1e-9);
            }
            let tried = solve_positive(&damped, &gradient).map(|step| {
                let mut tried = parameters;
                for (value, step) in tried.iter_mut().zip(step) {
                    *value -= step;
                }
                tried
            });
            let looked = tried.map(|tried| (tried, self.look(&tried)));
            match looked {
                Some((tried, looked)) if looked.0 < sum => {
                    let fall = sum - looked.0;
                    parameters = tried;
                    (sum, gradient, normal) = looked;
                    damping = (damping * 0.3).max(1e-12);
                    if fall < 1e-14 * sum.max(1e-20) {
                        break;
                    }
                }
                _ => {
                    damping *= 4.0;
                    if damping > 1e12 {
                        break;
                    }
                }
            }
        }
        let finite = sum.is_finite() && parameters.iter().all(|value| value.is_finite());
        finite.then_some((parameters, sum))
    }
}

/// Least squares; None where the columns depend on each other.
fn regression(rows: impl Iterator<Item = Vec<f64>>, values: &[f64]) -> Option<Vec<f64>> {
    let rows: Vec<Vec<f64>> = rows.collect();
    let size = rows.first()?.len();
    let (mut normal, mut right) = (vec![0.0; size * size], vec![0.0; size]);
    for (row, value) in rows.iter().zip(values) {
        for one in 0..size {
            right[one] += row[one] * value;
            for other in 0..size {
                normal[one * size + other] += row[one] * row[other];
            }
        }
    }
    solve_positive(&normal, &right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn grid(law: &ScalingLaw, noise: f64) -> Vec<Point> {
        let mut random = Random::new(1, 1);
        let mut points = Vec::new();
        for n in [512.0, 1024.0, 4096.0, 16384.0, 65536.0] {
            for k in [4.0, 8.0, 16.0, 32.0, 64.0] {
                // About normal, of twelve uniform ones.
                let sum: f64 = (0..12)
                    .map(|_| random.below(1 << 30) as f64 / f64::from(1 << 30))
                    .sum();
                let loss = loss(law, n, k) * (noise * (sum - 6.0)).exp();
                points.push(Point { n, k, loss });
            }
        }
        points
    }

    #[test]
    fn known_coefficients_come_back() {
        let laws = [
            PAPER_GPT4,
            ScalingLaw {
                alpha: 1.0,
                beta_k: -0.1,
                beta_n: -0.3,
                gamma: -0.01,
                zeta: -2.5,
                eta: -0.2,
            },
        ];
        for law in laws {
            let found = fit(&grid(&law, 0.0)).unwrap();
            assert!(found.rms < 1e-7, "{found:?}");
            let pairs = [
                (found.law.alpha, law.alpha),
                (found.law.beta_k, law.beta_k),
                (found.law.beta_n, law.beta_n),
                (found.law.gamma, law.gamma),
                (found.law.zeta, law.zeta),
                (found.law.eta, law.eta),
            ];
            for (found, expected) in pairs {
                assert!(
                    (found - expected).abs() < 2e-2 * expected.abs().max(0.1),
                    "{found} {expected}"
                );
            }
        }
    }

    #[test]
    fn noise_leaves_the_law_about_as_it_was() {
        let law = ScalingLaw {
            alpha: 1.0,
            beta_k: -0.1,
            beta_n: -0.3,
            gamma: -0.01,
            zeta: -2.5,
            eta: -0.2,
        };
        let points = grid(&law, 0.01);
        let found = fit(&points).unwrap();
        assert!((0.004..0.014).contains(&found.rms), "{}", found.rms);
        let sum: f64 = found.residuals.iter().sum();
        assert!(sum.abs() < 0.01, "{found:?}");
        // Not only where there are points: in between as well.
        for (n, k) in [(2048.0, 12.0), (32768.0, 24.0)] {
            let ratio = loss(&found.law, n, k) / loss(&law, n, k);
            assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
        }
        assert!(
            (0.2..1.0).contains(&found.floor_share),
            "{}",
            found.floor_share
        );
    }

    #[test]
    fn too_few_points_are_refused_with_what_is_missing() {
        let points = grid(&PAPER_GPT4, 0.0);
        let refused = |points: &[Point]| fit(points).unwrap_err().to_string();
        assert!(
            refused(&points[..6]).contains("6 points"),
            "{}",
            refused(&points[..6])
        );
        // Ten points of two sizes, and five sizes of one k.
        assert!(refused(&points[..10]).contains("2 different numbers of latents"));
        let mut one_k: Vec<Point> = points
            .iter()
            .copied()
            .filter(|point| point.k == 8.0)
            .collect();
        one_k.extend(one_k.clone());
        assert!(refused(&one_k).contains("1 different numbers of active latents"));
        let mut bad = points.clone();
        bad[3].loss = f64::NAN;
        assert!(refused(&bad).contains("NaN"));
        bad[3].loss = 0.0;
        assert!(matches!(fit(&bad), Err(ScalingError::NotPositive { .. })));
    }
}
