//! `evaluate --corpus`: autoencoders side by side over a corpus.

use std::io::{self, Write as _};

use corpus::{Corpus, Options};
use evaluate_run::{Context, Host as _, Reading, Settings, Subject, Windows, evaluations};
use explorer::{LimitsChoice, Session};
use wire::{CorpusEvaluation, CorpusEvaluations};

use super::args::Evaluate;
use super::progress::Progress;
use super::{output, report};
use crate::error::Error;
use crate::load::{self, OpenSae};
use crate::place::Places;
use crate::print_json;
use crate::train::signal::Stop;

/// Evaluates every autoencoder over the corpus, prints the result and writes it; false where it was stopped before its end.
///
/// # Errors
/// Whatever keeps the corpus or an autoencoder from being read or run, or the result from being written.
pub async fn over_corpus(arguments: &Evaluate) -> Result<bool, Error> {
    let common = &arguments.common;
    let out = arguments.out.as_deref().map(output::check).transpose()?;
    let progress = Progress::new(Stop::listen()?);
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    // A name that is wrong is noticed before anything is run.
    let (mut open, mut ids) = (Vec::new(), Vec::new());
    for given in &arguments.sae {
        open.extend(load::open_saes(&places, given, &mut ids).await?);
    }
    let windows = read(arguments, &session, &progress).await?;
    let settings = Settings {
        bos: common.bos.into(),
        recovery: arguments.wants_recovery(),
        probes: arguments.wants_probes(),
        ablation: arguments.wants_ablation(),
        ablations: arguments.ablations,
        seed: arguments.seed,
    };
    let context = Context {
        settings: &settings,
        windows: &windows,
        host: &progress,
    };
    let mut saes = Vec::new();
    let mut failed = None;
    for sae in open {
        if progress.is_stopped() {
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
        let found = evaluations(&session, &windows, saes, true);
        tell(&found, arguments, out)?;
        return Ok(false);
    }
    let stopped = progress.is_stopped();
    tell(
        &evaluations(&session, &windows, saes, stopped),
        arguments,
        out,
    )?;
    Ok(!stopped)
}

/// Reads the corpus.
async fn read(
    arguments: &Evaluate,
    session: &Session,
    progress: &Progress,
) -> Result<Windows, Error> {
    let reading = Reading {
        tokens: arguments.tokens,
        document_tokens: arguments.document_tokens,
        context: arguments.context,
    };
    let files = &arguments.corpus;
    let open = |file: usize| {
        let options = Options {
            text_field: arguments.text_field.clone(),
            ..Options::default()
        };
        Corpus::open(&files[file..=file], options)
    };
    Ok(Windows::read(session, reading, files.len(), open, progress).await?)
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
    context: &Context<'_, Progress>,
    mut sae: OpenSae,
) -> Result<CorpusEvaluation, Error> {
    load::put_resident(session, &sae).await?;
    let subject = Subject {
        id: &sae.id,
        file: &mut sae.file,
        options: &sae.options,
    };
    let found = evaluate_run::evaluate(session, context, subject).await;
    // Its place on the device goes to the next, also where it failed.
    for set in session.info().saes {
        session.unload_sae(&set.id)?;
    }
    Ok(found?)
}
