//! The program `sae-explorer`: the engine on files, for scripts and for people.

mod args;
mod cache;
mod demo;
mod dump;
mod error;
mod evaluate;
mod export;
mod inspect;
mod json;
mod load;
mod notices;
mod place;
mod progress;
mod stream;
mod table;

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;

use args::{Arguments, Command};
use clap::Parser as _;
use error::Error;
use explorer::{GenerateOptions, LimitsChoice, Session, Stop, Token, TraceOptions};
use place::Places;
use serde::Serialize;
use serde_json::Value;
use stream::TextStream;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = pollster::block_on(async {
        match &arguments.command {
            Command::Trace(arguments) => trace(arguments).await.map(|()| true),
            Command::Generate(arguments) => generate(arguments).await.map(|()| true),
            Command::Evaluate(arguments) => evaluate::evaluate(arguments).await.map(|()| true),
            Command::Inspect(arguments) => inspect(arguments).await,
            Command::Export(arguments) => export::export(arguments).await.map(|()| true),
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
    let info = session.info();
    if let Some(path) = &arguments.dump {
        dump::write(path, &trace, &info.saes)?;
    }
    let mut out = io::stdout().lock();
    if common.json {
        print_json(&mut out, &json::trace(&trace, &info.saes)?)
    } else {
        Ok(out.write_all(table::render(&trace, &info).as_bytes())?)
    }
}

async fn generate(arguments: &args::Generate) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    let tokenizer = load::model(&mut session, &places, &common.model).await?;
    let options = GenerateOptions {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        seed: arguments.seed,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        bos: common.bos.into(),
    };
    let mut tokens = Vec::new();
    let mut stream = TextStream::new(io::stdout().lock());
    let mut written = Ok(());
    let on_token = |token: &Token| {
        if common.json {
            tokens.push(token.clone());
            return ControlFlow::Continue(());
        }
        // An id without a text is shown as its number.
        let bytes = tokenizer.token_bytes(token.id);
        written = stream.push(bytes.unwrap_or(token.text.as_bytes()));
        if written.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let generation = session.generate(&prompt, &options, on_token).await?;
    written?;
    if common.json {
        drop(stream);
        let info = session.info();
        let mut fields = json::named(&generation)?;
        let tokens = tokens
            .iter()
            .map(|token| json::named(token).map(Value::Object));
        fields.extend([
            ("tokens".to_owned(), tokens.collect::<Result<_, _>>()?),
            ("backend".to_owned(), info.backend.into()),
            ("adapter".to_owned(), info.adapter.into()),
        ]);
        return print_json(&mut io::stdout().lock(), &fields);
    }
    stream.finish()?;
    if generation.stop == Stop::ContextFull {
        writeln!(io::stderr(), "(the model's context is full)")?;
    }
    Ok(())
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

fn print_json(out: &mut impl io::Write, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
