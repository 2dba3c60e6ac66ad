//! Steered runs: a continuation without edits, one with them, and how far they are apart.

use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};

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
        self.stop_steering();
        let Ok(controller) = AbortController::new() else {
            return;
        };
        let number = self.inner.steered.get().wrapping_add(1);
        self.inner.steered.set(number);
        let run = Run {
            number,
            tokens: trace.ids(),
            options,
            edits: edits.clone(),
            signal: controller.signal(),
        };
        *self.inner.steering.borrow_mut() = Some(controller);
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
        if let Some(controller) = self.inner.steering.take() {
            controller.abort();
        }
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
        let divergences = engine.divergences(&tokens, &run.edits).await?;
        // A token is drawn from the distribution behind the one before it.
        let before = first.saturating_sub(1)..tokens.len() - 1;
        Ok(divergences.get(before).unwrap_or_default().to_vec())
    }

    /// A continuation, each token told as it comes; gives their ids.
    async fn continued(&self, engine: &Engine, run: &Run, side: Side) -> Result<Vec<u32>, Fault> {
        let ids = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let (number, dispatcher, seen) = (run.number, self.dispatcher.clone(), ids.clone());
        let on_token = move |token: Token| {
            seen.borrow_mut().push(token.id);
            dispatcher.dispatch(Action::Steer(SteerAction::Came(number, side, token)));
        };
        let edits = (side == Side::Steered).then_some(run.edits.as_str());
        let generation = engine
            .generate(&run.tokens, (run.options, edits), &run.signal, on_token)
            .await?;
        self.dispatch(Action::Steer(SteerAction::Ended(number, side, generation)));
        Ok(ids.take())
    }
}
