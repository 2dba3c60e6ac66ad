//! The parts of a figure below its tokens: legend, lists with their numbers, definitions.

use display::definitions::{
    ACTIVATION, BOS, FEATURE, LOGIT_EFFECT, LOSS, NEURON, POSITION, PROBABILITY, SPECIFICITY,
    TOKENS, Term,
};
use display::format::{NONE, count, exact_single, fixed, percent, share, signed};
use display::quoted;
use explorer::TokenValue;
use maud::{Markup, html};

use super::chips::token_text;
use super::data::Data;

/// Tints of the legend: steps of twenty.
const STEPS: [u8; 5] = [0, 5, 10, 15, 20];

/// The meaning of the colour.
pub fn legend(data: &Data<'_>) -> Markup {
    let Some(feature) = data.feature else {
        return html! { p #legend .legend { "No feature of this set is active at " (data.token_name(data.token)) ", so no token is tinted." } };
    };
    let name = format!("activation of {}", feature.latent);
    if data.peak <= 0.0 {
        return html! { p #legend .legend { (term(ACTIVATION, &name)) " is above 0 at none of the prompt's own tokens, so none is tinted." } };
    }
    let below = data.along.iter().any(|value| *value < 0.0);
    html! {
        p #legend .legend {
            span { (term(ACTIVATION, &name)) ", in the set's own units:" }
            @for step in STEPS {
                span.step {
                    span class={ "chip swatch t" (step) } aria-hidden="true" {}
                    (fixed(f64::from(data.peak) * f64::from(step) / f64::from(STEPS[4]), 2))
                }
            }
            span { "(the largest here" @if data.first_own() > 0 { ", the BOS left out" } ")" }
            @if below { span { "What is below 0 is not tinted." } }
            span.outlined { "Outlined: position " (data.token) }
        }
    }
}

/// The strongest features of the selected token.
pub fn features(data: &Data<'_>) -> Markup {
    let strongest = data
        .listed
        .iter()
        .map(|one| one.activation)
        .fold(0.0, f32::max);
    let chosen = data.feature.map(|feature| feature.latent);
    let more = data.active - data.listed.len();
    html! {
        section aria-labelledby="features" {
            h2 #features { (data.noun()) "s at " span lang="" { (data.token_name(data.token)) } ", position " (data.token) }
            @if data.listed.is_empty() {
                p.note { "None is active here." }
            } @else {
                table {
                    thead { tr {
                        th scope="col" { (data.noun().to_lowercase()) }
                        th.number scope="col" { (term(ACTIVATION, "activation")) }
                        th.bars scope="col" aria-hidden="true" {}
                        th.number scope="col" { (term(TOKENS, "tokens")) }
                        th.number scope="col" { (term(SPECIFICITY, "specificity")) }
                    } }
                    tbody {
                        @for one in &data.listed {
                            @let is_chosen = chosen == Some(one.latent);
                            tr.on[is_chosen] aria-current=[is_chosen.then_some("true")] {
                                th scope="row" { (one.latent) }
                                td.number title=(exact_single(one.activation)) { (fixed(one.activation.into(), 3)) }
                                td.bars aria-hidden="true" { (bar("act", &share(one.activation, strongest))) }
                                td.number { (one.tokens) }
                                td.number { (fixed(one.specificity, 2)) }
                            }
                        }
                    }
                }
                p.note {
                    "Strongest first"
                    @if more > 0 { "; " (more) " more " @if more == 1 { "is" } @else { "are" } " active here" }
                    ". Tokens: of the prompt's " (data.trace.tokens.len() - data.first_own()) "."
                }
            }
        }
    }
}

/// The tokens that the feature pushes up and down.
pub fn pushed(data: &Data<'_>) -> Markup {
    let Some(feature) = data.feature else {
        return html! {};
    };
    let effect = &feature.logit_effect;
    let largest = effect.top.iter().chain(&effect.bottom);
    let largest = largest.map(|one| one.value.abs()).fold(0.0, f32::max);
    html! {
        section aria-labelledby="pushed" {
            h2 #pushed { "What " (feature.latent) " pushes the model to say" }
            div.pair {
                div { h3 { "up" } (effects("up", &effect.top, largest)) }
                div { h3 { "down" } (effects("down", &effect.bottom, largest)) }
            }
            p.note { "Change of the logit for one unit of activation: " (term(LOGIT_EFFECT, LOGIT_EFFECT.name)) "." }
        }
    }
}

fn effects(kind: &str, effects: &[TokenValue], largest: f32) -> Markup {
    html! {
        ol.list {
            @for one in effects {
                li title={ (quoted(&one.text)) " · id " (one.id) " · " (exact_single(one.value).replace('-', "−")) } {
                    (bar(kind, &share(one.value.abs(), largest)))
                    (token_text(&one.text))
                    span.number { (signed(one.value.into(), 3)) }
                }
            }
        }
    }
}

/// The likeliest tokens after the last.
pub fn next_tokens(data: &Data<'_>) -> Markup {
    let next = &data.trace.next;
    let largest = next.iter().map(|one| one.prob).fold(0.0, f32::max);
    let last = data.trace.tokens.len().saturating_sub(1);
    html! {
        section aria-labelledby="next" {
            h2 #next { "Next token after " span lang="" { (data.token_name(last)) } ", the last" }
            ol.list {
                @for one in next {
                    li title={ (quoted(&one.text)) " · id " (one.id) " · logit " (fixed(one.logit.into(), 3)) " · probability " (exact_single(one.prob)) } {
                        (bar("prob", &share(one.prob, largest)))
                        (token_text(&one.text))
                        span.number { (percent(one.prob.into())) }
                    }
                }
            }
            p.note { (term(PROBABILITY, "Probability")) " of the ten likeliest." }
        }
    }
}

/// Every token with its numbers, for those who do not hover and those who do not see colours.
pub fn every_token(data: &Data<'_>) -> Markup {
    html! {
        details {
            summary { "Every token with its numbers (" (count(data.trace.tokens.len(), "token")) ")" }
            div.scroll {
                table #tokens {
                    thead { tr {
                        th.number scope="col" { (term(POSITION, "position")) }
                        th scope="col" { "token" }
                        th.number scope="col" { "id" }
                        @if data.feature.is_some() { th.number scope="col" { (term(ACTIVATION, "activation")) } }
                        th.number scope="col" { (term(LOSS, "loss")) ", nats" }
                    } }
                    tbody {
                        @for (at, token) in data.trace.tokens.iter().enumerate() {
                            tr aria-current=[(at == data.token).then_some("true")] {
                                td.number { (at) }
                                th scope="row" { @if at < data.first_own() { "BOS" } @else { (token_text(&token.text)) } }
                                td.number { (token.id) }
                                @if let Some(activation) = data.along.get(at) { td.number { (exact_single(*activation).replace('-', "−")) } }
                                td.number { @match data.loss_of(at) { Some(loss) => (fixed(loss.into(), 4)), None => (NONE) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The definitions of the words and numbers.
pub fn definitions(data: &Data<'_>) -> Markup {
    let unit = match data.sae.architecture.as_str() {
        "neurons" => NEURON,
        _ => FEATURE,
    };
    let terms = [
        unit,
        ACTIVATION,
        TOKENS,
        SPECIFICITY,
        LOGIT_EFFECT,
        PROBABILITY,
        LOSS,
        POSITION,
        BOS,
    ];
    html! {
        details {
            summary { "Definitions" }
            dl { @for Term { name, definition, .. } in terms { dt { (name) } dd { (definition) } } }
        }
    }
}

/// A word whose definition is read on hover; it stands among the definitions as well.
fn term(term: Term, shown: &str) -> Markup {
    html! { abbr title=(term.definition) { (shown) } }
}

/// A bar whose length is a share, as an SVG length.
fn bar(kind: &str, share: &str) -> Markup {
    html! { svg class={ "bar " (kind) } width="100%" height="100%" aria-hidden="true" focusable="false" { rect width=(share) height="100%" {} } }
}
