//! The scaling law of a grid of trainings, between its mathematics and the result.

use evaluation::scaling::{self, Law, Point};
use wire::{FittedLaw, ScalingLaw, TrainingSweep};

/// Fits the law to the trainings that there are.
pub fn add(result: &mut TrainingSweep) {
    if result.stopped {
        result.law_missing = Some("it was stopped before its end".to_owned());
        return;
    }
    let points = result.points.iter().map(|point| Point {
        n: point.latents as f64,
        k: point.k as f64,
        loss: point.loss.unwrap_or(f64::NAN),
    });
    let points: Vec<Point> = points.collect();
    match scaling::fit(&points) {
        Err(error) => result.law_missing = Some(error.to_string()),
        Ok(fit) => {
            for ((training, point), residual) in
                result.points.iter_mut().zip(&points).zip(&fit.residuals)
            {
                training.law = Some(fit.law.loss(point.n, point.k));
                training.residual = Some(*residual);
            }
            result.law = Some(FittedLaw {
                law: to_result(&fit.law),
                rms: fit.rms,
                floor_share: fit.floor_share,
            });
        }
    }
}

/// The coefficients as a result.
pub fn to_result(law: &Law) -> ScalingLaw {
    let Law {
        alpha,
        beta_k,
        beta_n,
        gamma,
        zeta,
        eta,
    } = *law;
    ScalingLaw {
        alpha,
        beta_k,
        beta_n,
        gamma,
        zeta,
        eta,
    }
}

/// A law to compute with.
pub fn of_result(law: &ScalingLaw) -> Law {
    let ScalingLaw {
        alpha,
        beta_k,
        beta_n,
        gamma,
        zeta,
        eta,
    } = *law;
    Law {
        alpha,
        beta_k,
        beta_n,
        gamma,
        zeta,
        eta,
    }
}
