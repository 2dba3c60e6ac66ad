//! Reconstruction metrics of each SAE on this prompt.

use yew::prelude::*;

use crate::components::term::defined;
use crate::data::{Metrics, SaeTrace, Trace};
use crate::definitions::{
    COSINE, DELTA_CE, FVU, KL, L0, LOSS, N, RELATIVE_ERROR, SPLICED_LOSS, Term,
};
use crate::display::hook_label;
use crate::format::{NONE, fixed, optional, signed, small};

/// A line of the table: the term, its unit, and how an SAE's value is written.
type Line = (Term, &'static str, fn(&Metrics) -> Option<String>);

const LINES: [Line; 8] = [
    (SPLICED_LOSS, "nats", |metrics| {
        metrics.spliced_loss.map(|value| fixed(value, 3))
    }),
    (DELTA_CE, "nats", |metrics| {
        metrics.delta_ce.map(|value| signed(value, 3))
    }),
    (KL, "nats", |metrics| metrics.kl.map(small)),
    (FVU, "", |metrics| metrics.fvu.map(|value| fixed(value, 4))),
    (RELATIVE_ERROR, "", |metrics| {
        metrics.relative_error.map(|value| fixed(value, 4))
    }),
    (COSINE, "", |metrics| {
        metrics.cosine.map(|value| fixed(value, 3))
    }),
    (L0, "", |metrics| metrics.l0.map(|value| fixed(value, 2))),
    (N, "positions", |metrics| {
        Some(metrics.positions.to_string())
    }),
];

/// The SAEs side by side; the column of the one with this id is set apart.
pub fn metrics_table(trace: &Trace, selected: &str) -> Html {
    let on = |sae: &SaeTrace| classes!("number", (sae.id == selected).then_some("on"));
    html! {
        <section class="card" aria-labelledby="metrics-title">
            <h2 id="metrics-title">{ "What each SAE loses on this prompt" }</h2>
            <p class="line">
                <span>{ defined(LOSS) }{ " without an SAE " }<b>{ optional(trace.loss, 3) }</b>{ " nats" }</span>
                <span>{ format!("N = {} tokens", trace.token_losses.len()) }</span>
            </p>
            <table class="metrics" data-testid="metrics-table">
                <thead><tr>
                    <th scope="col"><span class="sr">{ "metric" }</span></th>
                    { for trace.saes.iter().map(|sae| html! { <th scope="col" class={on(sae)} title={format!("{} at {}", sae.id, sae.hook)}>{ hook_label(&sae.hook) }</th> }) }
                </tr></thead>
                <tbody>
                    { for LINES.map(|(term, unit, value)| html! {
                        <tr>
                            <th scope="row">{ defined(term) }if !unit.is_empty() { <span class="unit">{ format!(" {unit}") }</span> }</th>
                            { for trace.saes.iter().map(|sae| match value(&sae.metrics) {
                                Some(value) => html! { <td class={on(sae)}>{ value }</td> },
                                None => html! { <td class={on(sae)} title={why_none(&sae.metrics)}>{ NONE }</td> },
                            }) }
                        </tr>
                    }) }
                </tbody>
            </table>
            if trace.saes.iter().any(|sae| sae.metrics.positions == 0) {
                <p class="muted" data-testid="none-counts">{ NO_POSITION }</p>
            }
        </section>
    }
}

/// Said where there are no numbers because nothing entered into them.
const NO_POSITION: &str =
    "No position counts: neither a BOS does, nor what the SAE's training left out.";

/// Why a metric is missing.
fn why_none(metrics: &Metrics) -> &'static str {
    if metrics.positions == 0 {
        NO_POSITION
    } else {
        "The prompt is too short for this metric, or its positions do not vary"
    }
}
