//! The program `sae-explorer`: the engine on files, for scripts and for people.

mod args;
mod atlas;
mod cache;
mod command;
mod demo;
mod dump;
mod effects;
mod error;
mod evaluate;
mod export;
mod feature;
mod figure;
mod generate;
mod inspect;
mod load;
mod notices;
mod patch;
mod place;
mod progress;
mod scan_corpus;
mod status_line;
mod stream;
mod sweep;
mod table;
mod train;
mod train_model;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use command::{Arguments, Command};
use error::Error;
use explorer::{Info, LimitsChoice, Session, TraceOptions};
use place::Places;
use serde::Serialize;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = pollster::block_on(async {
        match &arguments.command {
            Command::Trace(arguments) => trace(arguments).await.map(|()| true),
            Command::Generate(arguments) => generate::generate(arguments).await.map(|()| true),
            Command::Effects(arguments) => effects::effects(arguments).await.map(|()| true),
            Command::Patch(arguments) => patch::patch(arguments).await.map(|()| true),
            Command::Sweep(arguments) => sweep::sweep(arguments).await,
            Command::Feature(arguments) => feature::feature(arguments).await.map(|()| true),
            Command::Figure(arguments) => figure::figure(arguments).await.map(|()| true),
            Command::Evaluate(arguments) => evaluate::evaluate(arguments).await,
            Command::Inspect(arguments) => inspect(arguments).await,
            Command::Export(arguments) => export::export(arguments).await.map(|()| true),
            Command::Atlas(arguments) => atlas::atlas(arguments).await,
            Command::Scan(arguments) => scan_corpus::scan(arguments).await.map(|()| true),
            Command::Train(arguments) => train::train(arguments).await,
            Command::TrainModel(arguments) => train_model::train_model(arguments),
            Command::Cache(arguments) => cache::cache(arguments).map(|()| true),
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do where even this cannot be written.
            let _ = writeln!(io::stderr(), "error ({}): {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

async fn trace(arguments: &args::Trace) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let mut ids = Vec::new();
    for given in &arguments.sae {
        load::saes(&mut session, &places, given, arguments.stream, &mut ids).await?;
    }
    for hook in &arguments.neurons {
        session.load_neurons(&format!("neurons.{hook}"), hook)?;
    }
    let options = TraceOptions {
        bos: common.bos.into(),
        dump: arguments.dump.is_some(),
        ..TraceOptions::default()
    };
    let trace = session.trace(&prompt, &options).await?;
    if let Some(path) = &arguments.dump {
        dump::write(path, &trace, &session.info().saes)?;
    }
    let mut out = io::stdout().lock();
    if common.json {
        let loaded = session.info().saes;
        let trace = former::trace(&trace, &loaded).map_err(io::Error::from)?;
        print_json(&mut out, &trace)
    } else {
        Ok(out.write_all(table::render(&trace, &session.info()).as_bytes())?)
    }
}

/// Prints what a file is; whether it is without problems.
async fn inspect(arguments: &args::Inspect) -> Result<bool, Error> {
    let places = Places::new(&arguments.downloads);
    let report = inspect::inspect(&places.at(&arguments.path)?).await?;
    let mut out = io::stdout().lock();
    if arguments.json {
        print_json(&mut out, &report)?;
    } else {
        out.write_all(report.to_string().as_bytes())?;
    }
    Ok(report.problems.is_empty())
}

/// What a command found, and where it was computed, as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a, T> {
    #[serde(flatten)]
    found: &'a T,
    backend: &'a str,
    adapter: &'a str,
}

impl<'a, T> Answer<'a, T> {
    fn new(found: &'a T, info: &'a Info) -> Self {
        Self {
            found,
            backend: &info.backend,
            adapter: &info.adapter,
        }
    }
}

/// Prints a value as JSON, with the names that its fields had before.
fn print_json(out: &mut impl io::Write, value: &impl Serialize) -> Result<(), Error> {
    let value = former::with_former_names(value).map_err(io::Error::from)?;
    serde_json::to_writer(&mut *out, &value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
