//! Next tokens of the clean and the edited run side by side.

use yew::prelude::*;

use super::token_text::{quoted_token, token_text};
use crate::data::{Edited, NextToken, Trace};
use crate::format::{NONE, percent, signed};

/// The table for the position of a token: the clean run's ten likeliest next tokens, and those that only the edited run has.
pub fn comparison(trace: &Trace, edited: &Edited, token: usize) -> Html {
    let clean = trace
        .next_by_position
        .get(token)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let after = edited
        .next_by_position
        .get(token)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let find = |side: &[NextToken], id: u32| {
        side.iter()
            .find(|next| next.id == id)
            .map(|next| f64::from(next.prob))
    };
    // A token outside a run's ten is less likely there than its tenth.
    let below = |side: &[NextToken]| {
        side.last().map_or_else(
            || NONE.to_owned(),
            |last| format!("≤{}", percent(last.prob.into())),
        )
    };
    let came = after.iter().filter(|next| find(clean, next.id).is_none());
    let line = |next: &NextToken| {
        let (before, now) = (find(clean, next.id), find(after, next.id));
        let change = before
            .zip(now)
            .map(|(before, now)| signed((now - before) * 100.0, 1));
        html! {
            <tr>
                <td class="words">{ token_text(&next.text) }</td>
                <td class="number">{ before.map_or_else(|| below(clean), percent) }</td>
                <td class="number">{ now.map_or_else(|| below(after), percent) }</td>
                <td class="number">{ change.unwrap_or_else(|| NONE.to_owned()) }</td>
            </tr>
        }
    };
    html! {
        <table>
            <thead><tr>
                <th scope="col">{ "next token after " }{ for trace.tokens.get(token).map(|token| quoted_token(&token.text)) }</th>
                <th scope="col" class="number">{ "clean" }</th>
                <th scope="col" class="number">{ "edited" }</th>
                <th scope="col" class="number" title="Edited minus clean probability, in percentage points">{ "Δ points" }</th>
            </tr></thead>
            <tbody>{ for clean.iter().chain(came).map(line) }</tbody>
        </table>
    }
}
