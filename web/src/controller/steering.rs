//! Steered runs: a continuation without edits, one with them, and how far they are apart.

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;

use super::Controller;
use crate::data::{Token, Trace};
use crate::engine::{Engine, Fault, GenerateOptions};
use crate::state::Action;
use crate::state::steer::{Side, SteerAction};

/// A run: the tokens that are continued, settings, and edits as text.
struct Run {
    number: u32,
    tokens: Vec<u32>,
    options: GenerateOptions,
    edits: String,
    signal: AbortSignal,
}

impl Controller {
    /// Continues a trace without edits and with them; a run that is under way is stopped.
    pub fn steer(&self, trace: &Trace, options: GenerateOptions, edits: String) {
        let Some(engine) = self.engine() else { return };
        let Some((number, signal)) = self.inner.steering.next() else {
            return;
        };
        let run = Run {
            number,
            tokens: trace.ids(),
            options,
            edits: edits.clone(),
            signal,
        };
        self.dispatch(Action::Steer(SteerAction::Started(
            number,
            trace.prompt.clone(),
            edits,
        )));
        let this = self.clone();
        spawn_local(async move {
            let result = this.steered(&engine, &run).await;
            let result = result.map_err(|fault| fault.message);
            this.dispatch(Action::Steer(SteerAction::Finished(number, result)));
        });
    }

    /// Stops the run that is under way.
    pub fn stop_steering(&self) {
        self.inner.steering.stop();
    }

    /// Both continuations, one after the other, and KL at each token of the steered one.
    async fn steered(&self, engine: &Engine, run: &Run) -> Result<Vec<f32>, Fault> {
        self.continued(engine, run, Side::Clean).await?;
        if run.signal.aborted() {
            return Ok(Vec::new());
        }
        let steered = self.continued(engine, run, Side::Steered).await?;
        let mut tokens = run.tokens.clone();
        let first = tokens.len();
        tokens.extend(steered);
        if run.signal.aborted() || tokens.len() == first {
            return Ok(Vec::new());
        }
        let edited = engine.run_under(&tokens, &run.edits).await?;
        let divergences = edited.kl_by_position;
        // A token is drawn from the distribution behind the one before it.
        let before = first.saturating_sub(1)..tokens.len() - 1;
        Ok(divergences.get(before).unwrap_or_default().to_vec())
    }

    /// A continuation, each token reported as it comes; its ids.
    async fn continued(&self, engine: &Engine, run: &Run, side: Side) -> Result<Vec<u32>, Fault> {
        let (number, dispatcher) = (run.number, self.dispatcher.clone());
        let on_token = move |token: Token| {
            dispatcher.dispatch(Action::Steer(SteerAction::Came(number, side, token)));
        };
        let edits = (side == Side::Steered).then_some(run.edits.as_str());
        let generation = engine
            .generate(&run.tokens, (run.options, edits), &run.signal, on_token)
            .await?;
        let ids = generation.ids.clone();
        self.dispatch(Action::Steer(SteerAction::Ended(number, side, generation)));
        Ok(ids)
    }
}
