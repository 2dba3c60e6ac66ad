//! The recorded run: a continuation of an example prompt with the features of every token, for the page that shows how a text is
//! written.
//!
//! ```text
//! model         id of the model
//! prompt        the text that is continued
//! promptTokens  number of its tokens, a BOS included
//! bos           true if token 0 is a BOS
//! seed, temperature, maxTokens   settings of the continuation
//! tokens        [{id, text}]: those of the prompt and of the continuation
//! sets          per SAE {sae, hook, nLatents, counts, latents, activations}: `counts` has the number of active latents per token,
//!               the other two lists have them token after token, the strongest first.
//!               Where the bundle has an atlas, also `relations`: what it says of pairs of these features (see `relations.rs`)
//! ```
//!
//! Features are those of a trace of the whole text, which are those of the tokens as they were written but for rounding.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use explorer::{
    BackendChoice, GenerateOptions, LimitsChoice, SaeTrace, Session, Trace, TraceOptions,
};
use pollster::block_on;
use serde_json::{Value, json};

use crate::load;
use crate::manifest::Manifest;
use crate::record::short;
use crate::relations::Relations;

/// Name of the file in the bundle. It lies in a folder of its own, apart from what a first visit fetches.
pub const FILE: &str = "run/run.json";
/// Length that the file does not exceed.
pub const MOST_BYTES: usize = 200_000;
/// Index of the example prompt.
pub const PROMPT: usize = 1;
/// New tokens.
pub const TOKENS: usize = 48;
/// Temperature.
pub const TEMPERATURE: f32 = 0.7;
/// Seed.
pub const SEED: u64 = 4;

/// The options of the continuation.
pub fn options() -> GenerateOptions {
    GenerateOptions {
        max_tokens: TOKENS,
        temperature: TEMPERATURE,
        seed: SEED,
        ..GenerateOptions::default()
    }
}

/// Records a run of a bundle.
///
/// # Errors
/// An error where the bundle has no such prompt or no SAE, or cannot be loaded and run.
pub fn record(bundle: &Path) -> Result<Vec<u8>> {
    let manifest = Manifest::read(bundle)?;
    let mut session = block_on(Session::new(BackendChoice::Cpu, LimitsChoice::Adapter))?;
    load::model(&mut session, bundle, &manifest)?;
    for sae in &manifest.saes {
        load::sae(&mut session, bundle, sae)?;
    }
    let mut json = serde_json::to_vec(&run(&mut session, bundle, &manifest)?)?;
    json.push(b'\n');
    ensure!(
        json.len() <= MOST_BYTES,
        "the recorded run has {} bytes, and at most {MOST_BYTES} are wanted",
        json.len()
    );
    Ok(json)
}

/// The continuation with a session that has the bundle's model and SAEs.
///
/// # Errors
/// As [`record`].
pub fn run(session: &mut Session, bundle: &Path, manifest: &Manifest) -> Result<Value> {
    let prompts = &manifest.prompts;
    let prompt = prompts.get(PROMPT).or(prompts.first());
    let prompt = &prompt.context("the demo has no prompt")?.text;
    let read = block_on(session.trace(prompt.as_str(), &TraceOptions::default()))?;
    let mut ids: Vec<u32> = read.tokens.iter().map(|token| token.id).collect();
    let options = options();
    let mut written = Vec::new();
    let on_token = |token: &explorer::Token| {
        written.push(token.id);
        std::ops::ControlFlow::Continue(())
    };
    block_on(session.generate(ids.as_slice(), &options, on_token))?;
    ids.extend(written);
    let whole = block_on(session.trace(ids.as_slice(), &TraceOptions::default()))?;
    let relations = Relations::open(bundle, manifest, &whole.saes)?;
    let sets = whole.saes.iter().map(|sae| set(sae, relations.as_ref()));
    Ok(json!({
        "model": manifest.id,
        "prompt": prompt,
        "promptTokens": read.tokens.len(),
        "bos": read.bos_prepended,
        "seed": SEED,
        "temperature": short(&TEMPERATURE)?,
        "maxTokens": TOKENS,
        "tokens": tokens(&whole)?,
        "sets": sets.collect::<Result<Vec<_>>>()?,
    }))
}

fn tokens(trace: &Trace) -> Result<Value> {
    short(&trace.tokens)
}

fn set(sae: &SaeTrace, relations: Option<&Relations>) -> Result<Value> {
    let rows = sae.latents.chunks(sae.k.max(1));
    // -1 fills a row in which fewer are active.
    let counts: Vec<usize> = rows
        .map(|row| row.iter().filter(|latent| **latent >= 0).count())
        .collect();
    let active = || {
        let pairs = sae.latents.iter().zip(&sae.activations);
        pairs.filter(|(latent, _)| **latent >= 0)
    };
    let latents: Vec<i32> = active().map(|(latent, _)| *latent).collect();
    let activations: Vec<f32> = active().map(|(_, activation)| *activation).collect();
    let relations = match relations {
        Some(relations) => relations.of(sae)?,
        None => Value::Null,
    };
    Ok(json!({
        "relations": relations,
        "sae": sae.id,
        "hook": sae.hook,
        "nLatents": sae.n_latents,
        "counts": counts,
        "latents": latents,
        "activations": short(&activations)?,
    }))
}
