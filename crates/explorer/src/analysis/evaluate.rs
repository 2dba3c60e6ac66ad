//! Reconstruction metrics of an autoencoder on a text of any length.

use std::rc::Rc;
use wire::{Evaluation, Metrics};

use crate::analysis::cautions::cautions;
use crate::analysis::metrics::{self, Sums};
use crate::analysis::question::Question;
use crate::analysis::set_trace::{self, Pending, difference};
use crate::analysis::trace::batches;
use crate::error::Error;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::run::output::HeadOutput;
use crate::tokens::{Bos, Input, Prompt};

/// Runs one autoencoder over a text. One that is longer than the context is read in windows, each for itself and with a BOS if
/// one goes first; what counts in each is what counts in a prompt. Several windows are run at once, and the next ones are
/// submitted before the results of the last are looked at.
///
/// # Errors
/// As [`crate::Session::trace`], without [`Error::PromptTooLong`].
pub(crate) async fn evaluate(
    question: &Question<'_>,
    text: Input<'_>,
    sae: &str,
    bos: Bos,
) -> Result<Evaluation, Error> {
    let set = question.store.set(sae)?;
    let windows = question.store.windows(text, bos)?;
    let wanted = CleanWanted {
        top: 1,
        logits: false,
    };
    let mut pool = Pool::default();
    let mut under_way: Option<UnderWay<'_>> = None;
    let mut done = 0;
    for batch in batches(&windows, question.batch_rows()) {
        question.pace.step().await?;
        question.pace.report(done, windows.len());
        let pass = question.clean(batch, wanted).await?;
        let pending = set_trace::start(question, set, &pass, batch).await?;
        let next = UnderWay {
            batch,
            pass,
            pending,
        };
        if let Some(last) = under_way.replace(next) {
            done += last.batch.len();
            pool.add_batch(question, last).await?;
        }
    }
    if let Some(last) = under_way {
        pool.add_batch(question, last).await?;
    }
    question.pace.report(windows.len(), windows.len());
    question.pace.check()?;
    let tokens = |prompt: &Prompt| prompt.ids.len();
    let window_tokens = windows.iter().map(tokens).max().unwrap_or(0);
    let bos_prepended = windows.iter().any(|window| window.starts_with_bos);
    let (metrics, loss) = pool.finish();
    Ok(Evaluation {
        info: set.info.clone(),
        metrics,
        loss,
        tokens: windows.iter().map(tokens).sum(),
        windows: windows.len(),
        window_tokens,
        bos_prepended,
        cautions: cautions(&set.info, window_tokens, bos_prepended, &metrics),
    })
}

/// Windows that are being computed.
struct UnderWay<'a> {
    batch: &'a [Prompt],
    pass: Rc<CleanPass>,
    pending: Pending<'a>,
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
    async fn add_batch(
        &mut self,
        question: &Question<'_>,
        under_way: UnderWay<'_>,
    ) -> Result<(), Error> {
        let UnderWay {
            batch,
            pass,
            pending,
        } = under_way;
        let clean: Rc<HeadOutput> = pass.head().await?;
        let results = set_trace::finish(question, pending, &clean, batch).await?;
        for (result, rows) in results.into_iter().zip(&pass.ranges) {
            let losses = clean.token_losses(rows.clone())?;
            let loss = metrics::mean(&losses);
            self.add(&result.trace.metrics, result.sums, loss, losses.len());
        }
        Ok(())
    }

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
