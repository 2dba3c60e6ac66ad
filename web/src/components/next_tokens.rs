//! What the model expects after the selected token, and what came.

use yew::prelude::*;

use super::bars::{Bar, Bars};
use super::term::Defined;
use super::token_text::TokenText;
use crate::data::Trace;
use crate::definitions::{LOSS, PROBABILITY};
use crate::display::quoted;
use crate::format::{fixed, percent, share};
use crate::shared::Shared;

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The selected token.
    pub token: usize,
}

/// The ten likeliest next tokens.
#[component]
pub fn NextTokens(props: &Props) -> Html {
    let Props { trace, token } = props;
    let candidates = trace
        .next_by_position
        .get(*token)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let actual = trace.tokens.get(token + 1);
    let largest = candidates.first().map_or(0.0, |next| next.prob);
    let bars: Vec<_> = candidates
        .iter()
        .map(|next| Bar {
            text: next.text.clone().into(),
            value: percent(next.prob.into()).into(),
            share: share(next.prob, largest).into(),
            title: format!(
                "{} · id {} · logit {} · probability {}",
                quoted(&next.text),
                next.id,
                fixed(next.logit.into(), 3),
                percent(next.prob.into())
            )
            .into(),
            marked: actual.is_some_and(|actual| actual.id == next.id),
        })
        .collect();
    let here = trace.tokens.get(*token);
    html! {
        <section class="card" data-testid="next-tokens" aria-labelledby="next-title">
            <h2 id="next-title">
                { "Next token after " }
                if *token < trace.first_own() {
                    { "the BOS" }
                } else if let Some(here) = here {
                    <span class="quoted"><TokenText text={here.text.clone()} /></span>
                }
            </h2>
            <p class="line">
                if let (Some(actual), Some(loss)) = (actual, trace.loss_of(token + 1)) {
                    <span>{ "actual next token " }<b class="quoted"><TokenText text={actual.text.clone()} /></b></span>
                    <span><Defined term={LOSS} />{ " " }<b>{ fixed(loss.into(), 3) }</b>{ " nats" }</span>
                    <span><Defined term={PROBABILITY} />{ " " }<b>{ percent(f64::from(-loss).exp()) }</b></span>
                } else {
                    <span>{ "The prompt ends here, so there is no actual next token and no loss." }</span>
                }
            </p>
            <Bars label="Likeliest next tokens with their probabilities" kind="probability" {bars} />
        </section>
    }
}
