//! The model's predictions after the selected token, and the actual next token.

use yew::prelude::*;

use crate::components::bars::{Bar, bars};
use crate::components::comparison::comparison;
use crate::components::term::defined;
use crate::components::token_text::{quoted_token, token_text};
use crate::data::{Edited, Trace};
use crate::definitions::{LOSS, PROBABILITY};
use crate::display::quoted;
use crate::format::{fixed, percent, share};

/// The ten likeliest next tokens after the selected token; while an edit is on, of the clean and of the edited run.
pub fn next_tokens(trace: &Trace, token: usize, edited: Option<&Edited>) -> Html {
    let candidates = trace
        .next_by_position
        .get(token)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let actual = trace.tokens.get(token + 1);
    let largest = candidates.first().map_or(0.0, |next| next.prob);
    let lines = candidates.iter().map(|next| Bar {
        text: token_text(&next.text),
        value: percent(next.prob.into()),
        share: share(next.prob, largest),
        title: format!(
            "{} · id {} · logit {} · probability {}",
            quoted(&next.text),
            next.id,
            fixed(next.logit.into(), 3),
            percent(next.prob.into())
        ),
        marked: actual.is_some_and(|actual| actual.id == next.id),
    });
    let here = trace.tokens.get(token);
    html! {
        <section class="card" data-testid="next-tokens" aria-labelledby="next-title">
            <h2 id="next-title">
                { "Next token after " }
                if token < trace.first_own() {
                    { "the BOS" }
                } else if let Some(here) = here {
                    { quoted_token(&here.text) }
                }
            </h2>
            <p class="line">
                if let (Some(actual), Some(loss)) = (actual, trace.loss_of(token + 1)) {
                    <span>{ "actual next token " }<b class="quoted">{ token_text(&actual.text) }</b></span>
                    <span>{ defined(LOSS) }{ " " }<b>{ fixed(loss.into(), 3) }</b>{ " nats" }</span>
                    <span>{ defined(PROBABILITY) }{ " " }<b>{ percent(f64::from(-loss).exp()) }</b></span>
                } else {
                    <span>{ "The prompt ends here, so there is no actual next token and no loss." }</span>
                }
            </p>
            if let Some(edited) = edited {
                <p class="line" data-testid="clean-and-edited">
                    <span><b>{ "clean" }</b>{ ": the model as it is, as in the line above. " }<b>{ "edited" }</b>{ ": with the edit that is on." }</span>
                </p>
                { comparison(trace, edited, token) }
            } else {
                { bars("Likeliest next tokens with their probabilities", "probability", lines) }
            }
        </section>
    }
}
