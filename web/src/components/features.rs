//! The list of features: of the selected token, or of the whole prompt.

use yew::prelude::*;

use super::spark::spark;
use super::statistics::{Label, Statistics, use_statistics};
use super::term::defined;
use super::token_text::{quoted_token, token_text};
use crate::controller::Controller;
use crate::data::{SaeTrace, Trace};
use crate::definitions::{ACTIVATION, FEATURE, MAXIMUM, MEAN, SPECIFICITY, TOKENS, Term};
use crate::export;
use crate::format::{fixed, grouped, share};
use crate::ranking::{
    Active, Ranked, along, at_token, extent, over_prompt, rank_by, specificity, strongest,
};
use crate::shared::Shared;
use crate::state::lists::{Ranking, View};
use crate::state::{Action, History};

/// Features of a whole prompt that are shown at first, and added at each click.
const PORTION: usize = 24;

/// Features of a token that are shown at first: all that an autoencoder keeps, as a rule, and a part of the neurons.
const AT_TOKEN: usize = 64;

/// Strongest tokens of a feature that are named; the same word is named once.
const STRONGEST: usize = 4;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Receiver of the actions.
    pub controller: Controller,
    /// The trace.
    pub trace: Shared<Trace>,
    /// Id of the SAE.
    pub sae: AttrValue,
    /// The shown list.
    pub view: View,
    /// Order of the prompt's features.
    pub ranking: Ranking,
    /// The selected token.
    pub token: usize,
    /// The selected feature.
    pub selected: Option<u32>,
}

fn ranking_term(ranking: Ranking) -> Term {
    match ranking {
        Ranking::Max => MAXIMUM,
        Ranking::Mean => MEAN,
        Ranking::Count => TOKENS,
        Ranking::Specific => SPECIFICITY,
    }
}

/// A feature's line: its bar's value and the numbers after it.
struct Line {
    latent: u32,
    bar: f32,
    numbers: Vec<String>,
}

/// The latents of a token: the most specific first where an atlas tells how specific they are, else the strongest.
fn at_token_ranked(sae: &SaeTrace, token: usize, statistics: Option<&Statistics>) -> Vec<Active> {
    let mut latents: Vec<_> = at_token(sae, token).collect();
    if let Some(statistics) = statistics {
        latents.sort_by(|a, b| statistics.measure(*b).total_cmp(&statistics.measure(*a)));
    }
    latents
}

fn token_lines(latents: &[Active]) -> Vec<Line> {
    latents
        .iter()
        .map(|active| Line {
            latent: active.latent,
            bar: active.activation,
            numbers: vec![fixed(active.activation.into(), 3)],
        })
        .collect()
}

fn prompt_lines(ranked: &[Ranked], ranking: Ranking) -> Vec<Line> {
    let line = |&Ranked {
                    latent,
                    max,
                    mean,
                    count,
                }: &Ranked| Line {
        latent,
        bar: match ranking {
            Ranking::Max | Ranking::Specific => max,
            Ranking::Mean => mean,
            Ranking::Count => count as f32,
        },
        numbers: vec![
            fixed(max.into(), 3),
            fixed(mean.into(), 3),
            count.to_string(),
        ],
    };
    ranked.iter().map(line).collect()
}

/// The list of features.
#[component]
pub fn Features(props: &Props) -> Html {
    let shown = use_state(|| PORTION);
    let unfolded = use_state(|| false);
    let statistics = use_statistics(&props.sae);
    let Props {
        controller,
        trace,
        view,
        ranking,
        token,
        ..
    } = props.clone();
    let Some(sae) = trace.sae(&props.sae) else {
        return Html::default();
    };
    let statistics = statistics.as_ref();
    let mut at = match view {
        View::Token => at_token_ranked(sae, token, statistics),
        View::Prompt => Vec::new(),
    };
    let mut ranked = match view {
        View::Token => Vec::new(),
        View::Prompt => over_prompt(sae, trace.tokens.len(), trace.first_own(), ranking),
    };
    if view == View::Prompt && ranking == Ranking::Specific {
        match statistics {
            Some(statistics) => rank_by(&mut ranked, |active| statistics.measure(active)),
            None => {
                let specificity = specificity(&trace, sae);
                rank_by(&mut ranked, |active| specificity.measure(active));
            }
        }
    }
    // What is almost always on says little, but what is selected stays in sight.
    let mut folded = 0;
    if let (Some(statistics), false) = (statistics, *unfolded) {
        let stays =
            |latent: u32| props.selected == Some(latent) || !statistics.is_always_on(latent);
        let before = at.len() + ranked.len();
        at.retain(|active| stays(active.latent));
        ranked.retain(|one| stays(one.latent));
        folded = before - at.len() - ranked.len();
    }
    let (lines, all, terms): (_, _, &[Term]) = match view {
        View::Token => {
            let mut lines = token_lines(&at);
            let all = lines.len();
            lines.truncate((*shown).max(AT_TOKEN));
            (lines, all, &[ACTIVATION])
        }
        View::Prompt => (
            prompt_lines(&ranked[..ranked.len().min(*shown)], ranking),
            ranked.len(),
            &[MAXIMUM, MEAN, TOKENS],
        ),
    };
    let copy = {
        let (controller, trace, id) = (controller.clone(), trace.clone(), props.sae.clone());
        move |_| {
            if let Some(sae) = trace.sae(&id) {
                let table = match view {
                    View::Token => export::token_table(sae, token),
                    View::Prompt => export::prompt_table(sae, &ranked),
                };
                controller.copy("the features as a table", table);
            }
        }
    };
    let max = lines.iter().map(|line| line.bar.abs()).fold(0.0, f32::max);
    let more = {
        let shown = shown.clone();
        let seen = lines.len();
        move |_| shown.set(seen.max(*shown) + PORTION)
    };
    html! {
        <section class="card" aria-labelledby="features-title" data-testid="features">
            <div class="card-head">
                <h2 id="features-title">{ title(&trace, view, token) }</h2>
                <div class="seg small" role="group" aria-label="View">
                    { for [(View::Token, "At a token"), (View::Prompt, "Whole prompt")].map(|(one, name)| html! {
                        <button type="button" data-view={one.name()} aria-pressed={(view == one).to_string()}
                            onclick={controller.on(move |_| Action::SelectView(one))}>{ name }</button>
                    }) }
                </div>
                <div class="seg small" role="group" aria-label="Whole prompt, ranked by" data-testid="ranking">
                    { for Ranking::ALL.map(|one| html! {
                        <button type="button" data-ranking={one.name()} title={format!("Features of the whole prompt. {}", ranking_term(one).definition)}
                            aria-pressed={(view == View::Prompt && one == ranking).to_string()}
                            onclick={controller.on(move |_| Action::SelectRanking(one))}>{ ranking_term(one).name }</button>
                    }) }
                </div>
                <button type="button" class="quiet" title="Copies this list as tab-separated values" onclick={copy}>{ "Copy TSV" }</button>
            </div>
            <p class="muted" data-testid="ranked-by">{ ranked_by(view, ranking, statistics) }</p>
            if lines.is_empty() {
                <p class="muted">{ if folded > 0 { "Only features that are almost always on are active here." } else { "No feature is active here." } }</p>
            } else {
                <table class="features">
                    <thead><tr>
                        <th scope="col">{ defined(FEATURE) }</th>
                        <th scope="col" class="grow" title="The tokens of this prompt on which the feature is strongest">{ "strongest tokens" }</th>
                        <th scope="col" class="opt" title="Activation at each token of the prompt, as a share of its largest; the BOS is left out">{ "along the prompt" }</th>
                        <th scope="col" class="opt-narrow"><span class="sr">{ "bar" }</span></th>
                        { for terms.iter().map(|&term| html! { <th scope="col" class="number">{ defined(term) }</th> }) }
                    </tr></thead>
                    <tbody>
                        { for lines.iter().enumerate().map(|(at, line)| {
                            row(&controller, &trace, sae, line, max, props.selected, at == 0, statistics)
                        }) }
                    </tbody>
                </table>
            }
            if folded > 0 {
                <button type="button" class="quiet" data-testid="unfold-features" onclick={let unfolded = unfolded.clone(); move |_| unfolded.set(true)}>
                    { format!("Show {folded} that {} almost always on (10% of the corpus's tokens or more)", if folded == 1 { "is" } else { "are" }) }
                </button>
            }
            if lines.len() < all {
                <button type="button" class="quiet" onclick={more}>{ format!("Show more ({} of {all} shown)", lines.len()) }</button>
            }
        </section>
    }
}

/// The order of the list, in a sentence.
fn ranked_by(view: View, ranking: Ranking, statistics: Option<&Statistics>) -> String {
    match (
        view == View::Token || ranking == Ranking::Specific,
        statistics,
    ) {
        (true, Some(statistics)) => format!(
            "Most specific first, by the atlas: statistics over {} tokens of {}.",
            grouped(u32::try_from(statistics.tokens()).unwrap_or(u32::MAX)),
            statistics.corpus
        ),
        (_, None) if view == View::Token => "Strongest first.".to_owned(),
        (true, None) => {
            "Most specific first, by their share of this prompt: there is no atlas of this SAE."
                .to_owned()
        }
        (false, _) => match ranking {
            Ranking::Max | Ranking::Specific => "Largest maximum first.".to_owned(),
            Ranking::Mean => "Largest mean first.".to_owned(),
            Ranking::Count => "Active on most tokens first.".to_owned(),
        },
    }
}

fn title(trace: &Trace, view: View, token: usize) -> Html {
    match (view, trace.tokens.get(token)) {
        (View::Prompt, _) => html! { "Features of the whole prompt" },
        (View::Token, Some(_)) if token < trace.first_own() => html! { "Features at the BOS" },
        (View::Token, Some(token)) => {
            html! { <>{ "Features at " }{ quoted_token(&token.text) }</> }
        }
        (View::Token, None) => html! { "Features" },
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "a row of the one list that calls it"
)]
fn row(
    controller: &Controller,
    trace: &Trace,
    sae: &SaeTrace,
    line: &Line,
    max: f32,
    selected: Option<u32>,
    first: bool,
    statistics: Option<&Statistics>,
) -> Html {
    let latent = line.latent;
    let along = along(sae, trace.tokens.len(), latent);
    let own = trace.first_own();
    let strongest = strongest(&along, own, usize::MAX);
    let (largest, two_sided) = extent(&along, own);
    let mut words: Vec<&str> = Vec::with_capacity(STRONGEST);
    for &token in &strongest {
        let word = trace.tokens[token].text.as_str();
        if words.len() < STRONGEST && !words.contains(&word) {
            words.push(word);
        }
    }
    let on = selected == Some(latent);
    html! {
        <tr key={latent} class={classes!(on.then_some("on"))} data-testid="feature-row" data-latent={latent.to_string()}
            onclick={controller.on(move |_| Action::SelectFeature(latent, History::Push))}>
            <td class="id"><button type="button" class="plain" data-latent={latent.to_string()} aria-pressed={on.to_string()}
                aria-label={format!("feature {latent}")} tabindex={if on || first { "0" } else { "-1" }}>{ latent }</button></td>
            <td class="grow words">
                if let Some(statistics) = statistics {
                    <Label statistics={statistics.clone()} {latent} />
                }
                { for words.iter().enumerate().map(|(at, word)| html! {
                    <>if at > 0 { <span class="dot">{ " · " }</span> }{ token_text(word) }</>
                }) }
                if words.is_empty() {
                    <span class="muted">{ "the BOS only" }</span>
                }
            </td>
            <td class="opt">{ spark(&along[own.min(along.len())..], largest, two_sided, "") }</td>
            <td class="opt-narrow"><svg class={classes!("fill", "act", (line.bar < 0.0).then_some("below"))} width="100%" height="10" aria-hidden="true" focusable="false"><rect width={share(line.bar.abs(), max)} height="100%" rx="2" /></svg></td>
            { for line.numbers.iter().map(|number| html! { <td class="number">{ number }</td> }) }
        </tr>
    }
}
