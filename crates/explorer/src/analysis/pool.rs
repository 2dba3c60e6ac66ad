//! Metrics of many windows as those of all their tokens.

use wire::{Evaluation, Metrics, SaeInfo};

use crate::analysis::cautions::cautions;
use crate::analysis::metrics::{self, Sums};
use crate::analysis::set_trace::difference;
use crate::tokens::Prompt;

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

/// The windows that were read.
#[derive(Default)]
pub(crate) struct WindowsRead {
    tokens: usize,
    pub(crate) windows: usize,
    /// Of the longest.
    window_tokens: usize,
    bos_prepended: bool,
}

impl WindowsRead {
    /// Adds some.
    pub(crate) fn add(&mut self, prompts: &[Prompt]) {
        self.windows += prompts.len();
        for prompt in prompts {
            self.tokens += prompt.ids.len();
            self.window_tokens = self.window_tokens.max(prompt.ids.len());
            self.bos_prepended |= prompt.starts_with_bos;
        }
    }
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
    /// Adds a window: its metrics, the sums of its FVU, and the model's own losses there.
    pub(crate) fn add(&mut self, window: &Metrics, sums: Option<Sums>, losses: &[f32]) {
        let (loss, predictions) = (metrics::mean(losses), losses.len());
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

    /// The evaluation of a feature set over all windows that were read.
    pub(crate) fn evaluation(self, info: &SaeInfo, read: &WindowsRead) -> Evaluation {
        let (metrics, loss) = self.finish();
        let WindowsRead {
            tokens,
            windows,
            window_tokens,
            bos_prepended,
        } = *read;
        Evaluation {
            info: info.clone(),
            metrics,
            loss,
            tokens,
            windows,
            window_tokens,
            bos_prepended,
            cautions: cautions(info, window_tokens, bos_prepended, &metrics),
        }
    }

    /// The metrics, and the model's own loss.
    fn finish(self) -> (Metrics, Option<f64>) {
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
