//! `evaluate --corpus`: autoencoders side by side over a corpus.

use std::io::{self, Write as _};

use evaluation::density::histogram;
use explorer::{Bos, EvaluatedWindow, LimitsChoice, ScanWindow, Session};
use wire::{CorpusEvaluation, CorpusEvaluations, Density, Evaluation};

use super::args::Evaluate;
use super::corpus::Windows;
use super::progress::Progress;
use super::sample::Sample;
use super::{ablation, output, probes, recovery, report, variants};
use crate::error::Error;
use crate::load::{self, OpenSae};
use crate::place::Places;
use crate::print_json;
use crate::train::signal::Stop;

/// What all parts of an evaluation use.
pub struct Context<'a> {
    /// The command line.
    pub arguments: &'a Evaluate,
    /// The windows.
    pub windows: &'a Windows,
    /// Ctrl C.
    pub stop: &'a Stop,
    /// How far it is.
    pub progress: &'a Progress,
}

impl Context<'_> {
    /// Runs loaded autoencoders over the windows, or as far as Ctrl C lets it.
    ///
    /// # Errors
    /// Those of the engine, and of `visit`.
    pub async fn run(
        &self,
        session: &Session,
        what: &str,
        ids: &[String],
        mut visit: impl FnMut(&EvaluatedWindow<'_>) -> Result<(), Error>,
    ) -> Result<Vec<Evaluation>, Error> {
        let all = self.windows.windows.len();
        let mut windows = self.windows.windows.iter();
        let next = || {
            Ok::<_, Error>(match self.stop.is_wanted() {
                true => None,
                false => windows.next().map(|window| ScanWindow {
                    tokens: window.tokens.clone(),
                    origin: (),
                }),
            })
        };
        self.progress.begin();
        let bos: Bos = self.arguments.common.bos.into();
        let visit = |found: &EvaluatedWindow<'_>| {
            self.progress.part(what, found.window + 1, all, "windows");
            visit(found)
        };
        let found = session.evaluate_windows(ids, bos, next, visit).await;
        self.progress.end();
        found
    }
}

/// Evaluates every autoencoder over the corpus, prints the result and writes it; false where it was stopped before its end.
///
/// # Errors
/// Whatever keeps the corpus or an autoencoder from being read or run, or the result from being written.
pub async fn over_corpus(arguments: &Evaluate) -> Result<bool, Error> {
    let common = &arguments.common;
    let out = arguments.out.as_deref().map(output::check).transpose()?;
    let stop = Stop::listen()?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let progress = Progress::new();
    // A name that is wrong is noticed before anything is run.
    let (mut open, mut ids) = (Vec::new(), Vec::new());
    for given in &arguments.sae {
        open.extend(load::open_saes(&places, given, &mut ids).await?);
    }
    let windows = Windows::read(arguments, &session, &stop, &progress)?;
    let context = Context {
        arguments,
        windows: &windows,
        stop: &stop,
        progress: &progress,
    };
    let mut saes = Vec::new();
    let mut failed = None;
    for sae in open {
        if stop.is_wanted() {
            break;
        }
        match one(&mut session, &context, sae).await {
            Ok(found) => saes.push(found),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    progress.end();
    // What the others gave is not lost with one that fails.
    if let Some(error) = failed {
        if saes.is_empty() {
            return Err(error);
        }
        writeln!(io::stderr(), "error ({}): {error}", error.code())?;
        let found = finished(&session, windows, saes, true);
        tell(&found, arguments, out)?;
        return Ok(false);
    }
    let stopped = stop.is_wanted();
    tell(&finished(&session, windows, saes, stopped), arguments, out)?;
    Ok(!stopped)
}

fn finished(
    session: &Session,
    windows: Windows,
    saes: Vec<CorpusEvaluation>,
    stopped: bool,
) -> CorpusEvaluations {
    let info = session.info();
    CorpusEvaluations {
        model: info.model.map(|model| model.name).unwrap_or_default(),
        corpus: windows.read,
        saes,
        stopped,
        backend: info.backend,
        adapter: info.adapter,
    }
}

/// Writes the result, and prints it.
fn tell(
    found: &CorpusEvaluations,
    arguments: &Evaluate,
    out: Option<output::Output<'_>>,
) -> Result<(), Error> {
    if let Some(out) = out {
        out.write(found)?;
    }
    let mut printed = io::stdout().lock();
    if arguments.common.json {
        return print_json(&mut printed, found);
    }
    Ok(printed.write_all(report::text(found).as_bytes())?)
}

/// Everything that is asked for of one autoencoder.
async fn one(
    session: &mut Session,
    context: &Context<'_>,
    mut sae: OpenSae,
) -> Result<CorpusEvaluation, Error> {
    load::put_resident(session, &sae).await?;
    let found = loaded(session, context, &mut sae).await;
    // Its place on the device goes to the next, also where it failed.
    for set in session.info().saes {
        session.unload_sae(&set.id)?;
    }
    found
}

async fn loaded(
    session: &mut Session,
    context: &Context<'_>,
    sae: &mut OpenSae,
) -> Result<CorpusEvaluation, Error> {
    let arguments = context.arguments;
    let id = sae.id.clone();
    let zeros = format!("{id} as zeros");
    let file = variants::zeros(&sae.file.config).await?;
    load::put_in_place(session, sae, (&zeros, &file)).await?;
    let windows = &context.windows.windows;
    let latents = sae.file.config.d_sae;
    let mut active = vec![0_u64; latents];
    let mut sample = Sample::new(context.windows.read.tokens, sae.file.config.d_in);
    let mut picks = ablation::Picks::new(arguments, windows);
    let ids = [id.clone(), zeros.clone()];
    let found = context.run(session, &id, &ids, |found| {
        if found.sae > 0 {
            return Ok(());
        }
        count(found, &mut active);
        if arguments.wants_recovery() || arguments.wants_probes() {
            sample.add(found, &windows[found.window]);
        }
        if arguments.wants_ablation() {
            picks.look(found);
        }
        Ok(())
    });
    let mut found = found.await?.into_iter();
    let (Some(evaluation), Some(zero)) = (found.next(), found.next()) else {
        return Err(explorer::Error::EmptyPrompt.into());
    };
    session.unload_sae(&zeros)?;
    let positions = evaluation.metrics.positions;
    let histogram = histogram(&active, positions as u64);
    let dead = histogram.dead as usize;
    let mut result = CorpusEvaluation {
        zero_loss: zero.metrics.spliced_loss,
        ce_recovered: ce_recovered(&evaluation, &zero),
        dead,
        dead_share: (positions > 0).then(|| dead as f64 / latents as f64),
        density: Density {
            edges: histogram.edges,
            counts: histogram.counts,
        },
        evaluation,
        recovery: None,
        probes: None,
        ablation: None,
    };
    let goes_on = || !context.stop.is_wanted();
    if arguments.wants_ablation() && goes_on() {
        result.ablation = ablation::measure(session, context, &id, &picks).await?;
    }
    session.unload_sae(&id)?;
    if arguments.wants_probes() && goes_on() {
        let whole = sae.file.read().await;
        let whole = whole.map_err(|error| Error::File(Box::new(error)))?;
        result.probes = probes::measure(context, &id, &whole, &sample)?;
    }
    if arguments.wants_recovery() && goes_on() {
        let active = active.iter().sum::<u64>() as usize;
        let metrics = result.evaluation.metrics;
        let recovery = recovery::measure(session, context, sae, (metrics, active), &sample);
        result.recovery = recovery.await?;
    }
    Ok(result)
}

/// Adds the positions of a window at which each latent is active.
fn count(found: &EvaluatedWindow<'_>, active: &mut [u64]) {
    for position in found.positions() {
        for (latent, _) in found.active(position) {
            if let Some(count) = active.get_mut(latent as usize) {
                *count += 1;
            }
        }
    }
}

/// (CE_zero − CE_spliced) / (CE_zero − CE_clean); None where zeros lose nothing either.
fn ce_recovered(sae: &Evaluation, zero: &Evaluation) -> Option<f64> {
    let room = zero.metrics.delta_ce?;
    let lost = sae.metrics.delta_ce?;
    (room != 0.0).then(|| (room - lost) / room)
}
