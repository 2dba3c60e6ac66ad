//! Reconstruction metrics of an autoencoder on a text of any length.

use std::rc::Rc;
use wire::Evaluation;

use crate::analysis::pool::{Pool, WindowsRead};
use crate::analysis::question::Question;
use crate::analysis::set_trace::{self, Pending};
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
            add_batch(&mut pool, question, last).await?;
        }
    }
    if let Some(last) = under_way {
        add_batch(&mut pool, question, last).await?;
    }
    question.pace.report(windows.len(), windows.len());
    question.pace.check()?;
    let mut read = WindowsRead::default();
    read.add(&windows);
    Ok(pool.evaluation(&set.info, &read))
}

/// Windows that are being computed.
struct UnderWay<'a> {
    batch: &'a [Prompt],
    pass: Rc<CleanPass>,
    pending: Pending<'a>,
}

async fn add_batch(
    pool: &mut Pool,
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
        pool.add(&result.trace.metrics, result.sums, &losses);
    }
    Ok(())
}
