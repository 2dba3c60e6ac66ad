//! What is measured of an autoencoder over windows of texts.

use evaluation::density::histogram;
use explorer::{EvaluatedWindow, Session};
use wire::{CorpusEvaluation, CorpusEvaluations, Density, Evaluation};

use crate::context::{Context, Subject};
use crate::error::Error;
use crate::host::Host;
use crate::sample::Sample;
use crate::texts::Windows;
use crate::{ablation, probes, recovery, variants};

/// The evaluations of some autoencoders over one corpus.
pub fn evaluations(
    session: &Session,
    windows: &Windows,
    saes: Vec<CorpusEvaluation>,
    stopped: bool,
) -> CorpusEvaluations {
    let info = session.info();
    CorpusEvaluations {
        model: info.model.map(|model| model.name).unwrap_or_default(),
        corpus: windows.read.clone(),
        saes,
        stopped,
        backend: info.backend,
        adapter: info.adapter,
    }
}

/// Everything that is asked for of an autoencoder, which is loaded by its id; sets that are loaded when it ends, or fails, are the caller's
/// to let go of. The host hears of each part that is measured.
///
/// # Errors
/// Those of reading and running it, [`Error::NotANumber`].
pub async fn evaluate(
    session: &mut Session,
    context: &Context<'_, impl Host>,
    mut sae: Subject<'_>,
) -> Result<CorpusEvaluation, Error> {
    let (settings, host) = (context.settings, context.host);
    let id = sae.id.to_owned();
    let zeros = format!("{id} as zeros");
    let file = variants::zeros(&sae.file.config).await?;
    session.load_sae(&zeros, &file, sae.options).await?;
    let windows = &context.windows.windows;
    let latents = sae.file.config.d_sae;
    let mut active = vec![0_u64; latents];
    let mut sample = Sample::new(context.windows.read.tokens, sae.file.config.d_in);
    let mut picks = ablation::Picks::new(settings, windows);
    let ids = [id.clone(), zeros.clone()];
    let found = context.run(session, &id, &ids, |found| {
        if found.sae > 0 {
            return Ok(());
        }
        count(found, &mut active);
        if settings.recovery || settings.probes {
            sample.add(found, &windows[found.window]);
        }
        if settings.ablation {
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
    host.found(&result);
    let goes_on = || !host.is_stopped();
    if settings.ablation && goes_on() {
        result.ablation = ablation::measure(session, context, &id, &picks).await?;
        host.found(&result);
    }
    session.unload_sae(&id)?;
    if settings.probes && goes_on() {
        let whole = sae.file.read().await;
        let whole = whole.map_err(|error| Error::File(Box::new(error)))?;
        result.probes = probes::measure(context, &id, &whole, &sample).await?;
        host.found(&result);
    }
    if settings.recovery && goes_on() {
        let active = active.iter().sum::<u64>() as usize;
        let metrics = result.evaluation.metrics;
        let measured = (metrics, active);
        let recovery = recovery::measure(session, context, &mut sae, measured, &sample);
        result.recovery = recovery.await?;
        host.found(&result);
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
