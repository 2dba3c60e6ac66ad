//! The two continuations side by side: clean, and under the edits.

use yew::prelude::*;

use crate::components::term::{defined, described};
use crate::context::use_controller;
use crate::definitions::KL_EDITED;
use crate::display::{Group, groups};
use crate::format::{NONE, count, small};
use crate::state::Action;
use crate::state::generate::second_half;
use crate::state::steer::{Column, Steer};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What came.
    pub steer: Steer,
}

/// Nats at which a token is shaded the strongest.
const MOST_KL: f32 = 2.0;

/// Shades above none.
const SHADES: f32 = 6.0;

/// Both columns, once a run has begun.
#[component]
pub fn Columns(props: &Props) -> Html {
    let controller = use_controller();
    let steer = &props.steer;
    if !steer.running && steer.clean.tokens.is_empty() && steer.ended.is_none() {
        return Html::default();
    }
    let first = steer.first_difference();
    let column = |name: &'static str, testid: &'static str, side: &Column, kl: &[f32]| {
        let whole = format!(
            "{}{}",
            steer.prompt,
            side.text.clone().unwrap_or_else(|| texts(side))
        );
        let half = second_half(&whole).to_owned();
        let slide = controller.on(move |_: MouseEvent| Action::UsePrompt(half.clone()));
        let use_it = controller.on(move |_: MouseEvent| Action::UsePrompt(whole.clone()));
        let ready = side.text.is_some() && !steer.running;
        html! {
            <div class="continuation">
                <h3>{ name }{ " " }<span class="muted">{ count(side.tokens.len(), "token") }{ if side.text.is_none() && steer.running { "…" } else { "" } }</span></h3>
                <p class="generated" dir="auto" data-testid={testid}><span class="muted">{ &steer.prompt }</span>
                    { for groups(side.tokens.iter().map(|token| token.text.as_str())).into_iter().map(|group| shown(&group, kl, first)) }
                </p>
                <button type="button" class="quiet" disabled={!ready} onclick={use_it}>{ "Use as prompt" }</button>
                if side.full {
                    <p class="muted" data-testid="steer-full">{ "The model's context is full: it reads no longer text." }</p>
                    <button type="button" class="quiet" data-testid="steer-slide" disabled={!ready} onclick={slide}>{ "Use the second half as prompt" }</button>
                }
            </div>
        }
    };
    let mean = (!steer.kl.is_empty())
        .then(|| steer.kl.iter().map(|kl| f64::from(*kl)).sum::<f64>() / steer.kl.len() as f64);
    html! {
        <section class="card" data-testid="steer-result" aria-label="Continuations">
            <div class="continuations">
                { column("Clean", "steer-clean", &steer.clean, &[]) }
                { column("Steered", "steer-steered", &steer.steered, &steer.kl) }
            </div>
            <p class="line" role="status" data-testid="steer-status">
                if steer.running {
                    <span>{ match steer.clean.text { None => "Writing without edits…", Some(_) => "Writing with the edits…" } }</span>
                }
                if let Some(ended) = &steer.ended {
                    <span>{ ended }</span>
                }
                if !steer.running {
                    <span>{ match first {
                        Some(first) => format!("They differ from new token {} on.", first + 1),
                        None => no_difference(steer),
                    } }</span>
                    <span>{ defined(KL_EDITED) }{ ", mean over the steered tokens: " }<b data-testid="steer-kl">{ mean.map_or_else(|| NONE.to_owned(), small) }</b>{ format!(" nats, N = {}", steer.kl.len()) }</span>
                }
            </p>
            <p class="muted">{ "Underlined: from the first difference on. Behind steered tokens: " }{ described(KL_EDITED, "KL") }{ format!(" of the distribution that the token was drawn from, 0 to {MOST_KL} nats and more; hover for the number.") }</p>
        </section>
    }
}

/// What is to be said where no difference was found: of a run that was stopped, only for the tokens that both have.
fn no_difference(steer: &Steer) -> String {
    let both = steer.clean.tokens.len().min(steer.steered.tokens.len());
    match steer.clean.text.is_some() && steer.steered.text.is_some() {
        true => "No difference.".to_owned(),
        false if both == 0 => {
            "One of them has no new token, so nothing can be compared.".to_owned()
        }
        false => format!(
            "No difference in the {} that both have.",
            count(both, "new token")
        ),
    }
}

fn texts(column: &Column) -> String {
    let groups = groups(column.tokens.iter().map(|token| token.text.as_str()));
    groups.into_iter().map(|group| group.text).collect()
}

/// Tokens that are one text, coloured by the largest divergence among them.
fn shown(group: &Group, kl: &[f32], first_difference: Option<usize>) -> Html {
    let Group { tokens, text } = group;
    let measured = kl.get(tokens.clone()).unwrap_or_default();
    let most = measured.iter().copied().reduce(f32::max);
    // The policy of the page lets no style stand in an element: classes have the shades.
    let shade = most.map(|kl| ((kl / MOST_KL).clamp(0.0, 1.0) * SHADES).ceil().to_string());
    let each: Vec<String> = measured.iter().map(|kl| small(f64::from(*kl))).collect();
    let title = most.map(|_| format!("KL {} nats", each.join(", ")));
    let differs = first_difference.is_some_and(|first| tokens.end > first);
    html! { <span class={classes!("new", differs.then_some("differs"))} data-kl={shade} {title}>{ text }</span> }
}
