//! The scaling law of a grid of trainings, between its mathematics and the result.

use evaluation::scaling::{self, Point};
use wire::{FittedLaw, TrainingSweep};

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
                training.law = Some(scaling::loss(&fit.law, point.n, point.k));
                training.residual = Some(*residual);
            }
            result.law = Some(FittedLaw {
                law: fit.law,
                rms: fit.rms,
                floor_share: fit.floor_share,
            });
        }
    }
}
