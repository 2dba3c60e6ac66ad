//! `generate`: the continuation of a prompt.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use explorer::{Edit, GenerateOptions, LimitsChoice, Session, Stop, Token, TokenFeatures, Written};
use serde::Serialize;

use crate::error::Error;
use crate::place::Places;
use crate::stream::TextStream;
use crate::{Answer, args, load, print_json};

/// A continuation, as `--json` prints it.
#[derive(Serialize)]
struct JsonGeneration<'a> {
    tokens: &'a [Token],
    /// The edits under which it was made.
    #[serde(skip_serializing_if = "<[Edit]>::is_empty")]
    edits: &'a [Edit],
    /// The loaded feature sets.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    sets: &'a [String],
    /// Of every token, those of the prompt first.
    #[serde(skip_serializing_if = "<[TokenFeatures]>::is_empty")]
    features: &'a [TokenFeatures],
    #[serde(flatten)]
    generation: &'a explorer::Generation,
}

/// Continues a prompt, under edits where there are any, and prints it as it comes.
pub async fn generate(arguments: &args::Generate) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    let tokenizer = load::model(&mut session, &places, &common.model).await?;
    let ids = load::sets(&mut session, &places, &arguments.sets).await?;
    let edits: Vec<Edit> = arguments
        .edit
        .iter()
        .flat_map(|edits| edits.0.clone())
        .collect();
    let options = GenerateOptions {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        seed: arguments.seed,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        repetition_penalty: arguments.repetition_penalty,
        edits,
        features: match arguments.features {
            true => ids.clone(),
            false => Vec::new(),
        },
        bos: common.bos.into(),
    };
    let mut tokens = Vec::new();
    let mut features = Vec::new();
    let mut stream = TextStream::new(io::stdout().lock());
    let mut written = Ok(());
    let on_written = |come| {
        let token: Token = match come {
            Written::Token(token) => token,
            Written::Features(of_token) => {
                features.push(of_token);
                return ControlFlow::Continue(());
            }
        };
        if common.json {
            tokens.push(token);
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
    let generation = session
        .generate_watched(&prompt, &options, on_written)
        .await?;
    written?;
    if common.json {
        drop(stream);
        let info = session.info();
        let json = JsonGeneration {
            tokens: &tokens,
            edits: &options.edits,
            sets: &ids,
            features: &features,
            generation: &generation,
        };
        return print_json(&mut io::stdout().lock(), &Answer::new(&json, &info));
    }
    stream.finish()?;
    if generation.stop == Stop::ContextFull {
        writeln!(io::stderr(), "(the model's context is full)")?;
    }
    Ok(())
}
