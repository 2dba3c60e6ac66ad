//! Reconstruction metrics of an autoencoder on a text of any length.

use serde::Serialize;

use crate::Error;
use crate::cautions::cautions;
use crate::metrics::{self, Sums};
use crate::options::{Bos, Input, TraceOptions};
use crate::report::{Metrics, SaeInfo};
use crate::session::Session;
use crate::trace::{Traced, difference};

/// Reconstruction metrics of an autoencoder on a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The autoencoder.
    #[serde(flatten)]
    pub info: SaeInfo,
    /// Means over the tokens of all windows.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Mean next-token cross-entropy of the model itself, in nats; as in [`crate::Trace`], over the windows' tokens.
    pub loss: Option<f64>,
    /// Tokens that went through the model, every window's BOS included.
    pub tokens: usize,
    /// In how many windows of at most the model's context the text was read.
    pub windows: usize,
    /// Tokens of the longest window, a BOS included.
    pub window_tokens: usize,
    /// Whether each window begins with a BOS.
    pub bos_prepended: bool,
    /// As in [`crate::SaeTrace`].
    pub cautions: Vec<String>,
}

impl Session {
    /// Runs one autoencoder over a text. One that is longer than the context is read in windows one after the other, each
    /// for itself and with a BOS if one goes first; what counts in each is what counts in a prompt.
    ///
    /// # Errors
    /// As [`Session::trace`], without [`Error::PromptTooLong`].
    pub async fn evaluate<'a>(
        &self,
        text: impl Into<Input<'a>>,
        sae: &str,
        bos: Bos,
    ) -> Result<Evaluation, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(sae)?;
        let options = TraceOptions::default();
        let mut pool = Pool::default();
        let (mut tokens, mut window_tokens, mut bos_prepended) = (0, 0, false);
        let windows = model.windows(text.into(), bos, &self.saes)?;
        for prompt in &windows {
            self.step(&running).await?;
            let hooks = [loaded.hook];
            let clean = self.clean_pass(model, prompt, &hooks, &options).await?;
            let losses = clean.reads.token_losses(&clean.readings)?;
            let traced = Traced {
                model,
                loaded,
                prompt,
                clean: &clean,
                clean_loss: metrics::mean(&losses),
                counted: loaded.counted(model, prompt),
            };
            let (trace, _, sums) = self.trace_features(&running, &traced).await?;
            pool.add(&trace.metrics, sums, traced.clean_loss, losses.len());
            tokens += prompt.ids.len();
            window_tokens = window_tokens.max(prompt.ids.len());
            bos_prepended = prompt.starts_with_bos;
        }
        running.check()?;
        let (metrics, loss) = pool.finish();
        Ok(Evaluation {
            info: loaded.info.clone(),
            metrics,
            loss,
            tokens,
            windows: windows.len(),
            window_tokens,
            bos_prepended,
            cautions: cautions(&loaded.info, window_tokens, bos_prepended, &metrics),
        })
    }
}

/// Means over windows, each weighted by its number of positions or predictions.
#[derive(Default)]
struct Pool {
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
    fn add(&mut self, window: &Metrics, sums: Option<Sums>, loss: Option<f64>, predictions: usize) {
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
