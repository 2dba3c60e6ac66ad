//! Questions about a prompt: its trace, a feature, edits, continuations.

use wasm_bindgen_futures::spawn_local;

use super::Controller;
use crate::data::{Token, Trace};
use crate::engine::{Engine, Fault, GenerateOptions};
use crate::state::edits::EditAction;
use crate::state::selection::Matching;
use crate::state::{Action, During, EditSpec};

impl Controller {
    /// Traces a prompt, with a BOS before it or without, or as the engine decides; with all SAEs or with these only. Of several the
    /// last one is shown.
    pub fn trace(&self, prompt: String, bos: Option<bool>, only: Option<Vec<String>>) {
        let Some(engine) = self.engine() else { return };
        let turn = self.inner.traces.get().wrapping_add(1);
        self.inner.traces.set(turn);
        self.inner.tracing.set(true);
        let this = self.clone();
        spawn_local(async move {
            let mut again = true;
            let answer = loop {
                this.let_scripts_trace().await;
                if this.inner.traces.get() != turn {
                    return;
                }
                let answer = engine.trace(&prompt, bos, only.as_deref()).await;
                let code = match &answer {
                    Err(fault) if this.inner.traces.get() == turn => fault.code.as_str(),
                    _ => break answer,
                };
                match code {
                    // By a script on the page that traced something else; the prompt's turn comes after it.
                    "cancelled" if this.inner.scripts_trace.get() => {}
                    // None of the prompt's doing, the first time.
                    "cancelled" | "device-lost" | "worker-died" if again => again = false,
                    _ => break answer,
                }
            };
            if this.inner.traces.get() != turn {
                return;
            }
            this.inner.tracing.set(false);
            match answer {
                Ok(trace) => {
                    this.dispatch(Action::Traced(trace));
                    this.request_info(false).await;
                }
                Err(fault) => this.fail(fault, During::Tracing),
            }
        });
    }

    /// Asks about a latent.
    pub fn feature(&self, sae: String, latent: u32) {
        let Some(engine) = self.engine() else { return };
        self.dispatch(Action::FeatureRequested);
        let this = self.clone();
        spawn_local(async move {
            let result = engine
                .feature(&sae, latent)
                .await
                .map_err(|fault| fault.message);
            this.dispatch(Action::FeatureReceived(sae, latent, result));
        });
    }

    /// Looks for the counterpart of a feature in another SAE.
    pub fn match_feature(&self, request: Matching) {
        let Some(engine) = self.engine() else {
            let gone = Err("the engine is not there.".to_owned());
            return self.dispatch(Action::Matched(request, gone));
        };
        let this = self.clone();
        spawn_local(async move {
            let result = engine.matches(&request.from, &request.to).await;
            let result = result.map_err(|fault| fault.message);
            this.dispatch(Action::Matched(request, result));
        });
    }

    /// Runs a trace's tokens with latents edited.
    pub fn edit(&self, spec: EditSpec) {
        let Some(engine) = self.engine() else { return };
        self.dispatch(Action::Edit(EditAction::Requested(spec.clone())));
        let this = self.clone();
        spawn_local(async move {
            let result = engine.edited(&spec).await.map_err(|fault| fault.message);
            this.dispatch(Action::Edit(EditAction::Received(spec, result)));
        });
    }

    /// Continues a trace; a continuation that is under way is stopped.
    pub fn generate(&self, trace: &Trace, options: GenerateOptions) {
        let Some(engine) = self.engine() else { return };
        let Some((run, signal)) = self.inner.generation.next() else {
            return;
        };
        self.dispatch(Action::GenerateStarted(run, trace.prompt.clone()));
        let tokens = trace.ids();
        let this = self.clone();
        let dispatcher = self.dispatcher.clone();
        spawn_local(async move {
            let on_token = move |token: Token| {
                dispatcher.dispatch(Action::Generated(run, token.text));
            };
            let ended = engine
                .generate(&tokens, (options, None), &signal, on_token)
                .await;
            let ended = ended.map_err(|fault| fault.message);
            this.dispatch(Action::GenerateEnded(run, ended));
        });
    }

    /// Stops the continuation that is under way.
    pub fn stop_generating(&self) {
        self.inner.generation.stop();
    }

    /// Cuts a prompt at its end until it has at most `limit` tokens.
    pub fn cut(&self, prompt: String, bos: Option<bool>, limit: usize) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            match shorten(&engine, &prompt, bos, limit).await {
                Ok(prompt) => this.dispatch(Action::UsePrompt(prompt)),
                Err(fault) => this.fail(fault, During::Other),
            }
        });
    }
}

/// The longest beginning of a prompt that bisection finds within the limit. Whole characters are cut, because a token may
/// be a part of one.
async fn shorten(
    engine: &Engine,
    prompt: &str,
    bos: Option<bool>,
    limit: usize,
) -> Result<String, Fault> {
    let ends: Vec<usize> = prompt
        .char_indices()
        .map(|(at, _)| at)
        .chain([prompt.len()])
        .collect();
    let (mut fits, mut too_long) = (0, ends.len());
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        let cut = engine.tokenize(&prompt[..ends[middle]], bos).await?;
        if cut.tokens.len() <= limit {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    Ok(prompt[..ends[fits]].to_owned())
}
