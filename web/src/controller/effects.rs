//! Measurements of what each active feature causes.

use wasm_bindgen_futures::spawn_local;

use super::Controller;
use crate::data::{Token, Trace};
use crate::engine::{EffectsAsked, Engine, Fault};
use crate::state::Action;
use crate::state::asked::Asked;
use crate::state::effects::{About, EffectsAction, Field, active_at};

/// Share of a mean KL by which it may be off, unless everything is to be measured.
const WITHIN: f64 = 0.05;

impl Controller {
    /// Ablates every active feature of a set in a trace, one by one; a measurement that is under way is stopped. With `exact` nothing is
    /// bounded.
    pub fn measure_effects(&self, trace: &Trace, sae: String, asked: &Asked, exact: bool) {
        let Some(engine) = self.engine() else { return };
        let Some((run, signal)) = self.inner.effects.next() else {
            return;
        };
        let positions = asked.get(Field::Positions.name()).trim().to_owned();
        let expected = match trace.sae(&sae).map(|sae| active_at(sae, &positions)) {
            Some(Ok(expected)) => expected,
            Some(Err(why)) => return self.refuse(why),
            None => return,
        };
        let (target, distractor) = (
            asked.get(Field::Target.name()).to_owned(),
            asked.get(Field::Distractor.name()).to_owned(),
        );
        let about = About {
            prompt: trace.prompt.clone(),
            tokens: trace.tokens.clone(),
            sae,
            positions,
            compared: None,
            expected,
        };
        let ids = trace.ids();
        let this = self.clone();
        spawn_local(async move {
            let compared = match both(&engine, &target, &distractor).await {
                Ok(compared) => compared,
                Err(why) => return this.refuse(why),
            };
            let asked = EffectsAsked {
                sae: about.sae.clone(),
                positions: about.positions.clone(),
                target: compared.as_ref().map(|(target, _)| target.id),
                distractor: compared.as_ref().map(|(_, distractor)| distractor.id),
                within: if exact { 0.0 } else { WITHIN },
            };
            let about = About { compared, ..about };
            this.dispatch(Action::Effects(EffectsAction::Started(run, about)));
            let dispatcher = this.dispatcher.clone();
            let on_effects = move |found| {
                dispatcher.dispatch(Action::Effects(EffectsAction::Came(run, found)));
            };
            let result = engine.effects(&ids, &asked, &signal, on_effects).await;
            let result = result.map_err(Fault::ended);
            this.dispatch(Action::Effects(EffectsAction::Finished(run, result)));
        });
    }

    /// Stops the measurement that is under way.
    pub fn stop_effects(&self) {
        self.inner.effects.stop();
    }

    fn refuse(&self, why: String) {
        self.dispatch(Action::Effects(EffectsAction::Refused(why)));
    }
}

/// Target and distractor, where both are named.
async fn both(
    engine: &Engine,
    target: &str,
    distractor: &str,
) -> Result<Option<(Token, Token)>, String> {
    match (target.is_empty(), distractor.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((
            token_of(engine, target).await?,
            token_of(engine, distractor).await?,
        ))),
        _ => Err(
            "Name both a target and a distractor: their logits are compared. Or leave both empty."
                .to_owned(),
        ),
    }
}

/// The token that a text is.
pub(super) async fn token_of(engine: &Engine, text: &str) -> Result<Token, String> {
    let tokens = engine.tokenize(text, Some(false)).await;
    let mut tokens = tokens.map_err(|fault| fault.message)?.tokens;
    match (tokens.pop(), tokens.len()) {
        (Some(token), 0) => Ok(token),
        (Some(last), before) => {
            tokens.push(last);
            Err(format!(
                "“{text}” is {} tokens ({}), not one. Words in a text begin with a space: write it too.",
                before + 1,
                listed(&tokens)
            ))
        }
        (None, _) => Err(format!("“{text}” is no token.")),
    }
}

/// The texts of tokens, as they stand in a sentence.
pub(super) fn listed(tokens: &[Token]) -> String {
    let texts: Vec<String> = tokens
        .iter()
        .map(|token| format!("“{}”", token.text))
        .collect();
    texts.join(" ")
}
