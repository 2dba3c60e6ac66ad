//! What an autoencoder loses on a text of any length.

use serde::Serialize;

use crate::Error;
use crate::logits::{counted_losses, mean_loss};
use crate::metrics::Sums;
use crate::options::{Bos, TraceOptions};
use crate::report::{Metrics, SaeInfo};
use crate::session::Session;

/// What an autoencoder loses on a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The autoencoder.
    #[serde(flatten)]
    pub info: SaeInfo,
    /// How much it loses: means over the tokens of all windows.
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
}

impl Session {
    /// Runs one autoencoder over a text. One that is longer than the context is read in windows one after the other, each
    /// for itself and with a BOS if one goes first; what counts in each is what counts in a prompt.
    ///
    /// # Errors
    /// As [`Session::trace`], without [`Error::PromptTooLong`].
    pub async fn evaluate(&self, text: &str, sae: &str, bos: Bos) -> Result<Evaluation, Error> {
        let running = self.start();
        let model = self.model()?;
        let loaded = self.sae(sae)?;
        let options = TraceOptions::default();
        let mut pool = Pool::default();
        let (mut tokens, mut window_tokens, mut bos_prepended) = (0, 0, false);
        let windows = model.windows(text, bos, &[loaded])?;
        for prompt in &windows {
            self.step(&running).await?;
            let hooks = [loaded.hook];
            let clean = self.clean_pass(model, prompt, &hooks, &options).await?;
            let losses = clean.reads.token_losses(&clean.readings)?;
            let loss = mean_loss(prompt, &losses);
            let features = self.trace_features(&running, model, loaded, prompt, &clean, loss);
            let (trace, _, sums) = features.await?;
            pool.add(
                &trace.metrics,
                sums,
                loss,
                counted_losses(prompt, &losses).len(),
            );
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
        })
    }
}

/// Means over windows, of positions and of predictions, brought on window by window.
#[derive(Default)]
struct Pool {
    positions: usize,
    l0: f64,
    relative_error: f64,
    kl: f64,
    /// None where nothing is lost.
    sums: Option<Sums>,
    fvu: Option<f64>,
    predictions: usize,
    loss: f64,
    spliced_loss: f64,
}

impl Pool {
    fn add(&mut self, window: &Metrics, sums: Option<Sums>, loss: Option<f64>, predictions: usize) {
        self.positions += window.positions;
        let share = window.positions as f64 / self.positions.max(1) as f64;
        towards(&mut self.l0, window.l0, share);
        towards(&mut self.relative_error, window.relative_error, share);
        towards(&mut self.kl, window.kl, share);
        self.fvu = match (sums, &mut self.sums) {
            (None, _) => window.fvu,
            (Some(sums), None) => self.sums.insert(sums).fvu(),
            (Some(sums), Some(all)) => {
                all.add(&sums);
                all.fvu()
            }
        };
        if let (Some(loss), Some(spliced)) = (loss, window.spliced_loss) {
            self.predictions += predictions;
            let share = predictions as f64 / self.predictions.max(1) as f64;
            towards(&mut self.loss, loss, share);
            towards(&mut self.spliced_loss, spliced, share);
        }
    }

    /// The means, and the model's own loss.
    fn finish(self) -> (Metrics, Option<f64>) {
        let predicted = |mean: f64| (self.predictions > 0).then_some(mean);
        let (loss, spliced_loss) = (predicted(self.loss), predicted(self.spliced_loss));
        let metrics = Metrics {
            l0: self.l0,
            fvu: self.fvu,
            relative_error: self.relative_error,
            spliced_loss,
            delta_ce: spliced_loss.zip(loss).map(|(spliced, loss)| spliced - loss),
            kl: self.kl,
            positions: self.positions,
        };
        (metrics, loss)
    }
}

/// Brings a mean on by a part that is so large a share of all there is by now; the first is taken as it is.
fn towards(mean: &mut f64, part: f64, share: f64) {
    *mean += (part - *mean) * share;
}
