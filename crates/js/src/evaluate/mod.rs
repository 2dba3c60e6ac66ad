//! Evaluations of SAEs over a person's own texts.

mod host;

use std::cell::RefCell;

use evaluate_run::{ABLATIONS, Context, Reading, Settings, Subject, TOKENS, Windows, evaluations};
use explorer::Session;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wire::{CorpusEvaluation, EvaluateOptions, EvaluateProgress, Evaluated, EvaluationFailure};

use crate::engine::Engine;
use crate::error::{answer, bad_option, fault, message, refused, unreadable};
use crate::loading::{open_folder, open_pt};
use crate::source::Thrown;
use crate::{options, part};
use host::{Evaluator, Host};

/// What is to be evaluated, and on what.
#[derive(Deserialize)]
struct Wanted {
    /// Names and lengths of the texts.
    files: Vec<(String, u64)>,
    /// Ids of the SAEs, in the order in which the host opens them.
    saes: Vec<String>,
    options: EvaluateOptions,
}

#[wasm_bindgen]
// The session stays borrowed while a call waits for the device: that is what keeps a second call out.
#[allow(clippy::await_holding_refcell_ref)]
impl Engine {
    /// Evaluates SAEs over texts, one after the other. The host reads texts, opens SAEs, hears how far it is and what there is, and says
    /// whether it goes on: see `pkg/evaluator.js`. Where it is stopped, or some SAEs fail, the result has what the others gave.
    ///
    /// # Errors
    /// `bad-option`, `bad-corpus` for texts that cannot be read or are too short, `no-model`, `cancelled` where it was stopped before anything was
    /// measured, `device-lost`; where no SAE can be evaluated, the first one's.
    pub async fn evaluate(&self, wanted: JsValue, host: Evaluator) -> Result<JsValue, JsValue> {
        let wanted: Wanted = options::read("options", wanted)?;
        let mut session = self.session()?;
        let evaluated = evaluate(&mut session, &wanted, &host).await?;
        answer(&evaluated)
    }
}

async fn evaluate(
    session: &mut Session,
    wanted: &Wanted,
    evaluator: &Evaluator,
) -> Result<Evaluated, JsValue> {
    let given = &wanted.options;
    let settings = Settings {
        bos: options::bos(given.bos.as_deref())?,
        recovery: given.recovery.unwrap_or(false),
        probes: given.probes.unwrap_or(false),
        ablation: given.ablation.unwrap_or(false),
        ablations: positive("ablations", given.ablations, ABLATIONS)?,
        seed: given.seed.unwrap_or(0),
    };
    let reading = Reading {
        tokens: positive("tokens", given.tokens, TOKENS)?,
        document_tokens: match given.document_tokens {
            None => None,
            some => Some(positive("documentTokens", some, 1)?),
        },
        context: given.context,
    };
    let windows = {
        let host = Host::new(evaluator, |_: &CorpusEvaluation| {});
        let field = given.text_field.as_deref();
        let open =
            |file: usize| part::open(&wanted.files, file..file + 1, field, &evaluator.reader());
        let read = Windows::read(session, reading, wanted.files.len(), open, &host);
        read.await.map_err(failed)?
    };
    let done = RefCell::new(Vec::<CorpusEvaluation>::new());
    let mut failures: Vec<(EvaluationFailure, JsValue)> = Vec::new();
    for (index, id) in wanted.saes.iter().enumerate() {
        if evaluator.stopped_now() {
            break;
        }
        let found = {
            let told = evaluations(session, &windows, Vec::new(), true);
            let host = Host::new(evaluator, |found: &CorpusEvaluation| {
                let mut so_far = told.clone();
                so_far.saes.clone_from(&done.borrow());
                so_far.saes.push(found.clone());
                if let Ok(evaluated) = result(so_far, Vec::new()) {
                    evaluator.tell(&EvaluateProgress::Found {
                        evaluated: Box::new(evaluated),
                    });
                }
            });
            let context = Context {
                settings: &settings,
                windows: &windows,
                host: &host,
            };
            one(session, &context, evaluator, (index, id)).await
        };
        // Its place on the device goes to the next, also where it failed.
        for set in session.info().saes {
            session.unload_sae(&set.id).map_err(refused)?;
        }
        evaluator.closed().await?;
        match found {
            Ok(found) => done.borrow_mut().push(found),
            Err(reason) => {
                let failure = EvaluationFailure {
                    id: id.clone(),
                    message: message(&reason),
                };
                failures.push((failure, reason));
            }
        }
    }
    let saes = done.into_inner();
    if saes.is_empty() {
        return Err(match failures.into_iter().next() {
            Some((_, reason)) => reason,
            None => fault(
                "cancelled",
                "The evaluation was stopped before anything was measured.",
                JsValue::UNDEFINED,
            ),
        });
    }
    let stopped = evaluator.stopped_now() || !failures.is_empty();
    let failures = failures.into_iter().map(|(failure, _)| failure);
    result(
        evaluations(session, &windows, saes, stopped),
        failures.collect(),
    )
}

/// Everything that is asked for of one SAE.
async fn one(
    session: &mut Session,
    context: &Context<'_, impl evaluate_run::Host>,
    evaluator: &Evaluator,
    (index, id): (usize, &str),
) -> Result<CorpusEvaluation, JsValue> {
    let opened = evaluator.opened(index).await?;
    let thrown = Thrown::default();
    let mut file = if opened.pt.is_undefined() {
        let cfg = opened.cfg.unwrap_or_default();
        open_folder(&cfg, opened.weights, &thrown).await?
    } else {
        open_pt(opened.pt, opened.cfg, &thrown).await?
    };
    let options = options::sae(opened.options)?;
    let loaded = session.load_sae(id, &file, &options).await;
    loaded.map_err(|error| thrown.or(|| refused(error)))?;
    let subject = Subject {
        id,
        file: &mut file,
        options: &options,
    };
    let found = evaluate_run::evaluate(session, context, subject).await;
    found.map_err(|error| thrown.or(|| failed(error)))
}

fn result(
    evaluations: wire::CorpusEvaluations,
    failures: Vec<EvaluationFailure>,
) -> Result<Evaluated, JsValue> {
    let json = evaluate_run::json(&evaluations);
    Ok(Evaluated {
        tables: evaluate_run::tables(&evaluations),
        head: evaluate_run::head(&evaluations),
        json: json.map_err(|error| fault("internal", error, JsValue::UNDEFINED))?,
        evaluations,
        failures,
    })
}

/// A whole number above 0.
fn positive(name: &str, given: Option<usize>, otherwise: usize) -> Result<usize, JsValue> {
    match given {
        Some(0) => Err(bad_option(name, "it is a whole number, from 1 on")),
        given => Ok(given.unwrap_or(otherwise)),
    }
}

fn failed(error: evaluate_run::Error) -> JsValue {
    use evaluate_run::Error;
    match error {
        Error::Engine(error) => refused(error),
        Error::Corpus(error) => part::unreadable(error),
        Error::File(error) => unreadable(*error),
        Error::Context(error) => bad_option("context", error),
        Error::StoppedReading => fault("cancelled", error, JsValue::UNDEFINED),
        Error::NotANumber { .. } => fault("not-a-number", error, JsValue::UNDEFINED),
        error => fault("bad-corpus", error, JsValue::UNDEFINED),
    }
}
