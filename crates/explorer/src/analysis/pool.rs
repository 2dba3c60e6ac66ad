//! Metrics of many windows as those of all their tokens.

use wire::Metrics;

use crate::analysis::metrics::Sums;
use crate::analysis::set_trace::difference;

/// Means over windows, each weighted by its number of positions or predictions.
#[derive(Default)]
pub(crate) struct Pool {
    positions: usize,
    l0: Weighted,
    relative_error: Weighted,
    cosine: Weighted,
    kl: Weighted,
    /// None where nothing is lost.
    sums: Option<Sums>,
    fvu: Option<f64>,
    loss: Weighted,
    /// Of the windows that have a spliced loss.
    clean_loss: Weighted,
    spliced_loss: Weighted,
}

/// A weighted mean.
#[derive(Default)]
struct Weighted {
    sum: f64,
    weight: usize,
}

impl Weighted {
    fn add(&mut self, mean: Option<f64>, weight: usize) {
        if let Some(mean) = mean {
            self.sum += mean * weight as f64;
            self.weight += weight;
        }
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0).then(|| self.sum / self.weight as f64)
    }
}

impl Pool {
    /// Adds a window: its metrics, the sums of its FVU, and the model's own loss there with the number of its predictions.
    pub(crate) fn add(
        &mut self,
        window: &Metrics,
        sums: Option<Sums>,
        loss: Option<f64>,
        predictions: usize,
    ) {
        self.positions += window.positions;
        self.l0.add(window.l0, window.positions);
        self.relative_error
            .add(window.relative_error, window.positions);
        self.cosine.add(window.cosine, window.positions);
        self.kl.add(window.kl, window.positions);
        self.fvu = match (sums, &mut self.sums) {
            (None, _) => window.fvu.or(self.fvu),
            (Some(sums), None) => self.sums.insert(sums).fvu(),
            (Some(sums), Some(all)) => {
                all.add(&sums);
                all.fvu()
            }
        };
        self.loss.add(loss, predictions);
        if window.spliced_loss.is_some() {
            self.clean_loss.add(loss, predictions);
            self.spliced_loss.add(window.spliced_loss, predictions);
        }
    }

    /// The metrics, and the model's own loss.
    pub(crate) fn finish(self) -> (Metrics, Option<f64>) {
        let spliced_loss = self.spliced_loss.mean();
        let metrics = Metrics {
            l0: self.l0.mean(),
            fvu: self.fvu,
            relative_error: self.relative_error.mean(),
            cosine: self.cosine.mean(),
            spliced_loss,
            delta_ce: difference(spliced_loss, self.clean_loss.mean()),
            kl: self.kl.mean(),
            positions: self.positions,
        };
        (metrics, self.loss.mean())
    }
}
