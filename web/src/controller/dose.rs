//! Sweeps of one feature's value.

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;
use wire::Edit;

use super::Controller;
use super::effects::token_of;
use crate::data::Trace;
use crate::engine::{Engine, Fault, GenerateOptions};
use crate::state::Action;
use crate::state::dose::{About, DoseAction, Plan};

/// The likeliest tokens of the clean run that are watched in any case.
const LIKELIEST: usize = 3;

/// A sweep: its number, the tokens that are run, and how texts are written.
struct Run {
    number: u32,
    tokens: Vec<u32>,
    options: GenerateOptions,
    signal: AbortSignal,
}

impl Controller {
    /// Runs a trace with one feature at many values; a sweep that is under way is stopped.
    pub fn sweep(&self, trace: &Trace, plan: Plan, options: GenerateOptions) {
        let Some(engine) = self.engine() else { return };
        let Some((number, signal)) = self.inner.sweep.next() else {
            return;
        };
        let run = Run {
            number,
            tokens: trace.ids(),
            options: GenerateOptions {
                max_tokens: plan.written,
                ..options
            },
            signal,
        };
        let likeliest = trace.next_by_position.last();
        let likeliest = likeliest.into_iter().flatten().take(LIKELIEST);
        let mut about = About {
            prompt: trace.prompt.clone(),
            plan,
            watched: likeliest.map(|next| next.token()).collect(),
        };
        let this = self.clone();
        spawn_local(async move {
            for text in &about.plan.watched {
                match token_of(&engine, text).await {
                    Ok(token) if about.watched.contains(&token) => {}
                    Ok(token) => about.watched.push(token),
                    Err(why) => return this.dispatch(Action::Dose(DoseAction::Refused(why))),
                }
            }
            this.dispatch(Action::Dose(DoseAction::Started(number, about.clone())));
            let ended = match this.swept(&engine, &run, &about).await {
                Ok(()) => run.signal.aborted().then(|| "Stopped.".to_owned()),
                Err(fault) => Some(fault.ended()),
            };
            this.dispatch(Action::Dose(DoseAction::Finished(number, ended)));
        });
    }

    /// Stops the sweep that is under way.
    pub fn stop_sweep(&self) {
        self.inner.sweep.stop();
    }

    async fn swept(&self, engine: &Engine, run: &Run, about: &About) -> Result<(), Fault> {
        let edits = about.plan.values.iter();
        let edits: Vec<Edit> = edits.map(|value| about.plan.edit(*value)).collect();
        // The clean run is one more list, without edits.
        let lists = edits.iter().map(|edit| vec![edit.clone()]);
        let lists = std::iter::once(Vec::new()).chain(lists);
        let dosed = engine
            .dosed(&run.tokens, lists, &about.watched, &run.signal)
            .await?;
        self.dispatch(Action::Dose(DoseAction::Came(run.number, dosed)));
        if about.plan.written == 0 {
            return Ok(());
        }
        self.wrote(engine, run, None, None).await?;
        for (at, edit) in edits.iter().enumerate() {
            if run.signal.aborted() {
                return Ok(());
            }
            let edit = edit.to_string();
            self.wrote(engine, run, Some(at), Some(&edit)).await?;
        }
        Ok(())
    }

    /// Writes a text under an edit, and takes the clean model's loss of it.
    async fn wrote(
        &self,
        engine: &Engine,
        run: &Run,
        at: Option<usize>,
        edit: Option<&str>,
    ) -> Result<(), Fault> {
        let generation = engine
            .generate(&run.tokens, (run.options, edit), &run.signal, |_| {})
            .await?;
        let first = run.tokens.len();
        let mut whole = run.tokens.clone();
        whole.extend(&generation.ids);
        let loss = match generation.ids.is_empty() {
            true => None,
            false => mean_of_written(&engine.run_under(&whole, "").await?.token_losses, first),
        };
        self.dispatch(Action::Dose(DoseAction::Wrote(
            run.number,
            at,
            generation.text,
            loss,
        )));
        Ok(())
    }
}

/// The mean loss of the tokens from `first` on; entry i is the loss of token i + 1.
fn mean_of_written(losses: &[f32], first: usize) -> Option<f64> {
    let written = losses.get(first.checked_sub(1)?..)?;
    let sum: f64 = written.iter().map(|loss| f64::from(*loss)).sum();
    (!written.is_empty()).then(|| sum / written.len() as f64)
}
